"""``study.json``: what is known of the prepared image. It holds no free text from the upload."""

from typing import Literal

from pydantic import Field

from mri_analysis.contracts.base import Contract, Identifier, S3Key, Sha256


class OfferedSeries(Contract):
    """A series of a DICOM upload that can be analysed; no word of its headers."""

    number: int = Field(ge=1, description="from 1, the same for the same upload each time")
    description: str = Field(description="what tells it from another: weighting, slices, voxels")


class SeriesOffer(Contract):
    """``series.json``: what a DICOM upload holds."""

    schema_version: Literal[1] = 1
    series: list[OfferedSeries]
    left_out: list[str] = Field(description="other series, each with the reason, in a sentence")


class SeriesChoice(Contract):
    """Which series of a DICOM upload was taken, and why."""

    number: int = Field(ge=1)
    description: str
    reason: str


class Acquisition(Contract):
    """How the scan was taken, as its DICOM headers say. None: not said, or not known to us.

    Words come from fixed lists, so that no free text of an upload can stand here.
    """

    vendor: str | None
    field_strength_tesla: float | None
    weighting: str | None
    three_dimensional: bool | None
    contrast_agent: bool | None
    repetition_time_ms: float | None
    echo_time_ms: float | None
    inversion_time_ms: float | None
    flip_angle_degrees: float | None
    age_years: int | None = Field(description="90 stands for 90 and above")
    sex: Literal["female", "male", "other"] | None


class PreparedStudy(Contract):
    """A scan after its header was checked and scrubbed."""

    schema_version: Literal[1] = 1
    organization_id: Identifier
    job_id: Identifier
    source_format: Literal["nifti", "dicom"]
    image_key: S3Key
    source_sha256: Sha256 = Field(description="of the uploaded bytes")
    source_version: str | None = Field(default=None, description="of the uploaded object")
    shape: tuple[int, int, int]
    spacing_mm: tuple[float, float, float]
    orientation: str
    data_type: str = Field(description="numpy name of the stored voxels, for example 'int16'")
    orientation_source: Literal["sform", "qform"]
    series: SeriesChoice | None = Field(default=None, description="of a DICOM upload")
    acquisition: Acquisition | None = Field(default=None, description="of a DICOM upload")
    original_kept: bool = Field(
        default=False, description="whether results can be written back into the DICOM study"
    )
    notes: list[str] = Field(default_factory=list, description="what was repaired, in sentences")
