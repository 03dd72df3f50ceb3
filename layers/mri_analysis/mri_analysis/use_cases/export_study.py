"""A study as a file that leaves the product: the report as it stands, or its measurements."""

from dataclasses import dataclass

from mri_analysis.contracts.api import ExportFile
from mri_analysis.contracts.report import Description
from mri_analysis.contracts.segmentation import Measurements
from mri_analysis.keys import StudyKeys
from mri_analysis.reporting.markdown import render_markdown
from mri_analysis.reporting.reviewed import file_name
from mri_analysis.reporting.tables import measurements_csv
from mri_analysis.use_cases.read_study import Reader, finished
from mri_analysis.use_cases.review_report import ReportDesk


@dataclass(frozen=True)
class Exported:
    """The content of a file, and the name to keep it under."""

    file_name: str
    content_type: str
    text: str


def export_study(reader: Reader, desk: ReportDesk, job_id: str, wanted: ExportFile) -> Exported:
    """The file ``wanted`` of a completed study; that it left is noted in the audit trail.

    The report is printed as it stands at this moment, with the words of its readers, and says
    whether it is a draft, signed or rejected; the name of the file says it, too.

    Raises
    ------
    JobNotFound, ReportNotReady
        The organization has no such job, or the job no report.
    """
    kept = finished(reader.organization_id, job_id, desk.jobs)
    measurements = Measurements.model_validate_json(desk.results.get(kept.measurements_key))
    if wanted is ExportFile.MEASUREMENTS:
        reader.note(job_id, "study.exported", file=wanted.value)
        table = measurements_csv(job_id, measurements)
        return Exported(f"{job_id}-measurements.csv", "text/csv; charset=utf-8", table)
    review = desk.open(job_id)
    keys = StudyKeys(reader.organization_id, job_id)
    description = Description.model_validate_json(desk.results.get(keys.description))
    references = [found.reference for found in description.findings if found.reference is not None]
    page = render_markdown(review.report, measurements, references, montage=None, review=review)
    reader.note(job_id, "study.exported", file=wanted.value, version=review.version)
    name = file_name(job_id, review.review_status)
    return Exported(name, "text/markdown; charset=utf-8", page)
