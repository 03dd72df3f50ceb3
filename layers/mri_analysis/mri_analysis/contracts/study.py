"""``study.json``: what is known of the prepared image. It holds no free text from the upload."""

from typing import Literal

from pydantic import Field

from mri_analysis.contracts.base import Contract, Identifier, S3Key, Sha256


class PreparedStudy(Contract):
    """A scan after its header was checked and scrubbed."""

    schema_version: Literal[1] = 1
    organization_id: Identifier
    job_id: Identifier
    source_format: Literal["nifti"]
    image_key: S3Key
    source_sha256: Sha256 = Field(description="of the uploaded bytes")
    shape: tuple[int, int, int]
    spacing_mm: tuple[float, float, float]
    orientation: str
    data_type: str = Field(description="numpy name of the stored voxels, for example 'int16'")
    orientation_source: Literal["sform", "qform"]
    notes: list[str] = Field(default_factory=list, description="what was repaired, in sentences")
