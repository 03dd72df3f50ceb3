"""What a reader takes out of a finished study; each look is noted in the audit trail."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from mri_analysis.contracts.api import MOST_PRIOR_STUDIES
from mri_analysis.contracts.job import Job
from mri_analysis.contracts.report import Description
from mri_analysis.contracts.segmentation import Measurements
from mri_analysis.contracts.study import SeriesOffer
from mri_analysis.errors import JobNotFound, ReportNotReady
from mri_analysis.keys import StudyKeys
from mri_analysis.ports.audit import AuditEvent
from mri_analysis.ports.downloads import DownloadLinks
from mri_analysis.ports.jobs import AnalysisResult, JobRepository
from mri_analysis.ports.storage import ObjectStore
from mri_analysis.ports.studies import Study, StudyCatalogue

LINK_SECONDS = 300


@dataclass(frozen=True)
class Artefact:
    """A file of a study."""

    name: str
    content_type: str
    size_bytes: int
    url: str


@dataclass(frozen=True)
class Reader:
    """Who looks, in which organization, and where the look is noted."""

    organization_id: str
    user_id: str
    studies: StudyCatalogue
    now: Callable[[], datetime] = lambda: datetime.now(UTC)

    def note(self, job_id: str, action: str, **detail: object) -> None:
        """Put what the reader did into the audit trail."""
        self.studies.note(
            AuditEvent(self.organization_id, job_id, self.user_id, action, detail, self.now())
        )


def finished(organization_id: str, job_id: str, jobs: JobRepository) -> AnalysisResult:
    """The result of a completed study.

    Raises
    ------
    JobNotFound
        The organization has no such job.
    ReportNotReady
        The job is not completed.
    """
    found = jobs.result(organization_id, job_id)
    if found is not None:
        return found
    job = _known(organization_id, job_id, jobs)
    raise ReportNotReady(f"The job is {job.status}: it has no report.")


def _known(organization_id: str, job_id: str, jobs: JobRepository) -> Job:
    job = jobs.find(organization_id, job_id)
    if job is None:
        raise JobNotFound(f"There is no job {job_id}.")
    return job


def read_measurements(
    reader: Reader, job_id: str, *, jobs: JobRepository, results: ObjectStore
) -> Measurements:
    """The measurements of a completed study."""
    kept = finished(reader.organization_id, job_id, jobs)
    measurements = Measurements.model_validate_json(results.get(kept.measurements_key))
    reader.note(job_id, "measurements.viewed")
    return measurements


def list_prior_studies(
    reader: Reader, job_id: str, *, jobs: JobRepository
) -> Sequence[Study] | None:
    """Earlier completed studies of the same subject, newest first; None where it has none.

    Raises
    ------
    JobNotFound
        The organization has no such job.
    """
    _known(reader.organization_id, job_id, jobs)
    found = reader.studies.prior(reader.organization_id, job_id, MOST_PRIOR_STUDIES)
    listed = [study.job.job_id for study in found or ()]
    reader.note(job_id, "prior_studies.listed", job_ids=listed)
    return found


def read_series(
    reader: Reader, job_id: str, *, jobs: JobRepository, results: ObjectStore
) -> SeriesOffer:
    """What a DICOM upload holds; empty for any other, and for one that was not read yet.

    It tells of the scanner's settings and of nobody: the look is not noted in the audit trail, as
    that at a status is not.

    Raises
    ------
    JobNotFound
        The organization has no such job.
    """
    _known(reader.organization_id, job_id, jobs)
    key = StudyKeys(reader.organization_id, job_id).series
    if results.head(key) is None:
        return SeriesOffer(series=[], left_out=[])
    return SeriesOffer.model_validate_json(results.get(key))


def read_description(
    reader: Reader, job_id: str, *, jobs: JobRepository, results: ObjectStore
) -> Description:
    """The findings of a completed study, each with what it was held against."""
    finished(reader.organization_id, job_id, jobs)
    keys = StudyKeys(reader.organization_id, job_id)
    description = Description.model_validate_json(results.get(keys.description))
    reader.note(job_id, "description.viewed")
    return description


def link_artefacts(
    reader: Reader,
    job_id: str,
    *,
    jobs: JobRepository,
    results: ObjectStore,
    links: DownloadLinks,
) -> Sequence[Artefact]:
    """The files of a completed study, each with an address that gets it for five minutes."""
    kept = finished(reader.organization_id, job_id, jobs)
    keys = StudyKeys(reader.organization_id, job_id)
    files = (
        ("image.nii.gz", "application/gzip", keys.prepared_image),
        ("labels.nii.gz", "application/gzip", kept.segmentation_result_key),
        ("measurements.json", "application/json", kept.measurements_key),
        ("montage.png", "image/png", kept.montage_key),
        ("description.json", "application/json", keys.description),
        ("report.json", "application/json", kept.report_key),
        ("report.md", "text/markdown; charset=utf-8", keys.report_markdown),
    )
    artefacts = []
    for name, content_type, key in files:
        stored = results.head(key)
        if stored is not None:  # prepared images leave the bucket before the results do
            url = links.sign(key, name, content_type, LINK_SECONDS)
            artefacts.append(Artefact(name, content_type, stored.size, url))
    reader.note(job_id, "artefacts.linked", names=[artefact.name for artefact in artefacts])
    return artefacts
