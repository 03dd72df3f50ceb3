"""Where things lie in the two buckets. Keys carry ids only, never a name from the upload."""

import hashlib
import re
import uuid
from dataclasses import dataclass

from mri_analysis.errors import ForeignUpload

_ORGANIZATION = re.compile(r"^[a-z0-9][a-z0-9-]{0,62}$")

# Fixed for ever: a put without a job id gets the same job id for the same object version.
_UPLOAD_NAMESPACE = uuid.UUID("6f1d9a0e-5e7c-5b57-9a39-0c5a6f2f9a41")


def inference_request(inference_id: str) -> str:
    """Question to a model; the one folder its endpoint may read, emptied after a week."""
    return f"inference/requests/{inference_id}.json"


@dataclass(frozen=True)
class StudyKeys:
    """All keys of one study."""

    organization_id: str
    job_id: str

    @property
    def upload(self) -> str:
        return f"incoming/{self.organization_id}/{self.job_id}/upload"

    @property
    def prepared_image(self) -> str:
        return f"prepared/{self.organization_id}/{self.job_id}/image.nii.gz"

    @property
    def study(self) -> str:
        return f"prepared/{self.organization_id}/{self.job_id}/study.json"

    @property
    def series(self) -> str:
        """Which series a DICOM upload holds, for a person to choose from."""
        return f"prepared/{self.organization_id}/{self.job_id}/series.json"

    @property
    def results(self) -> str:
        """Prefix of everything that came out, with the slash."""
        return f"results/{self.organization_id}/{self.job_id}/"

    @property
    def originals(self) -> str:
        """Prefix of what is kept of the original DICOM study, in the images bucket, with the slash.

        The one place that names the patient after preparation: under a key of its own.
        """
        return f"originals/{self.organization_id}/{self.job_id}/"

    @property
    def original(self) -> str:
        return self.originals + "series.zip"

    @property
    def quarantined(self) -> str:
        """The DICOM upload itself, where the organization keeps uploads."""
        return self.originals + "upload"

    @property
    def exports(self) -> str:
        """Prefix of files that were made to be taken along, in the images bucket, with the slash.

        Apart from the results, because some name the patient; they are kept for a day.
        """
        return f"exports/{self.organization_id}/{self.job_id}/"

    def export(self, version: int, name: str) -> str:
        """A file made of that version of the report."""
        return f"{self.exports}{version}/{name}"

    @property
    def uploads(self) -> str:
        """Prefix of what was uploaded, with the slash."""
        return f"incoming/{self.organization_id}/{self.job_id}/"

    @property
    def prepared(self) -> str:
        """Prefix of the prepared image, with the slash."""
        return f"prepared/{self.organization_id}/{self.job_id}/"

    @property
    def description(self) -> str:
        return self.results + "description.json"

    def observed_description(self, inference_id: str) -> str:
        """The description with a vision-language model's answer to one inference.

        Apart from ``description``, and one for each inference: a late answer must not change what
        a report was written from.
        """
        return self.results + f"description_observed_{inference_id}.json"

    @property
    def drafts(self) -> str:
        """What a language model drafted, and what the guard found wrong with it."""
        return self.results + "drafts.json"

    @property
    def report(self) -> str:
        return self.results + "report.json"

    @property
    def report_markdown(self) -> str:
        return self.results + "report.md"


def study_of_upload(bucket: str, key: str, version_id: str | None) -> StudyKeys:
    """Organization and job of an uploaded object.

    ``incoming/{organization_id}/{job_id}/upload`` names both. Any other object below
    ``incoming/{organization_id}/`` gets a job id derived from its bucket, key and version, so that
    an event delivered twice names the same job.

    Raises
    ------
    ForeignUpload
        The key is not below ``incoming/{organization_id}/``.
    """
    parts = key.split("/", 2)
    if len(parts) != 3 or parts[0] != "incoming":
        raise ForeignUpload("An object was uploaded outside incoming/{organization_id}/.")
    check_organization(parts[1])
    organization_id, rest = parts[1], parts[2]
    job_id, _, name = rest.partition("/")
    if name == "upload" and _is_uuid(job_id):
        return StudyKeys(organization_id, job_id)
    derived = uuid.uuid5(_UPLOAD_NAMESPACE, "\n".join((bucket, key, version_id or "")))
    return StudyKeys(organization_id, str(derived))


def check_organization(organization_id: str) -> None:
    """Raise ``ForeignUpload`` where this is no organization id."""
    if not _ORGANIZATION.fullmatch(organization_id):
        raise ForeignUpload("An organization id has up to 63 characters of a-z, 0-9 and -.")


def execution_name(bucket: str, key: str, version_id: str | None) -> str:
    """Name of the execution for one object version: 64 hexadecimal digits.

    Step Functions refuses a second execution of the same name for 90 days, which makes the name a
    second line of defence against an event that is delivered twice.
    """
    return hashlib.sha256("\n".join((bucket, key, version_id or "")).encode()).hexdigest()


def retry_name(name: str) -> str:
    """Name of the next execution of the same object version: ``...-r1``, then ``...-r2``."""
    first, _, count = name.partition("-r")
    return f"{first}-r{int(count or 0) + 1}"


def _is_uuid(text: str) -> bool:
    try:
        return str(uuid.UUID(text)) == text
    except ValueError:
        return False
