"""What the segmentation endpoint gives.

``/invocations`` takes the image and answers an archive (``contracts.segmentation_archive``) or
``SegmentationRefused``. What the state machine hears of it is ``SegmentationResponse``: the files
themselves lie in S3, because a state carries keys only.
"""

from enum import StrEnum
from typing import Literal

from pydantic import Field

from mri_analysis.contracts.base import Contract, S3Key, Sha256


class Verdict(StrEnum):
    """How far the measurements can be trusted."""

    PASS = "pass"
    WARN = "warn"
    FAIL = "fail"


class Contrast(StrEnum):
    """Image contrast as the class means show it, not as a header claims it."""

    T1_LIKE = "t1_like"
    OTHER = "other"


class Structure(StrEnum):
    """Structures and groups of structures that are measured."""

    CSF = "csf"
    """cerebrospinal fluid outside the ventricles"""
    CORTEX = "cortex"
    WHITE_MATTER = "white_matter"
    VENTRICLES = "ventricles"
    """lateral, third and fourth ventricle together, while they are not told apart"""
    DEEP_GREY = "deep_grey"
    """caudate, putamen, pallidum, amygdala, accumbens and ventral diencephalon together"""
    CEREBELLUM = "cerebellum"
    BRAINSTEM = "brainstem"
    HIPPOCAMPUS = "hippocampus"
    THALAMUS = "thalamus"
    BRAIN = "brain"
    """all tissue: everything inside the skull except CSF and ventricles"""
    INTRACRANIAL = "intracranial"
    """all labelled voxels: tissue, ventricles and CSF (the ICV)"""


class VolumeMethod(StrEnum):
    """How a volume was summed."""

    VOXEL_COUNT = "voxel_count"
    SOFT = "soft"
    """sum of the network's class probabilities: less biased for small structures"""


class VolumeMeasurement(Contract):
    """The volume of one structure; left, right and asymmetry where the structure is paired."""

    id: str = Field(description="stable measurement id, for example 'volume.hippocampus'")
    structure: Structure
    method: VolumeMethod
    total_ml: float = Field(ge=0)
    percent_of_icv: float | None = Field(default=None, ge=0, le=100)
    left_ml: float | None = Field(default=None, ge=0)
    right_ml: float | None = Field(default=None, ge=0)
    asymmetry_percent: float | None = Field(
        default=None, ge=-200, le=200, description="200 (L - R) / (L + R)"
    )


FRONTAL_HORN_WIDTH = "frontal_horn_width_mm"
INNER_SKULL_WIDTH = "inner_skull_width_mm"
"""Parts of the Evans index."""


class RatioMeasurement(Contract):
    """A number without a volume's unit: brain parenchymal fraction, Evans index."""

    id: str = Field(description="'ratio.brain_parenchymal_fraction' or 'ratio.evans_index'")
    value: float
    definition: str
    parts: dict[str, float] = Field(
        default_factory=dict, description="what it was computed from, for example widths in mm"
    )


class QualityCheck(Contract):
    """One check of the image or of the segmentation, with the figures that decided it."""

    code: str = Field(description="for example 'low_confidence', 'field_of_view_cut'")
    verdict: Verdict
    value: float | None = None
    warn_limit: float | None = None
    fail_limit: float | None = None
    message: str = Field(description="a sentence for the reader")


class Quality(Contract):
    """The verdict and every check behind it; ``refusal`` is set when the verdict is fail."""

    verdict: Verdict
    checks: list[QualityCheck]
    refusal: Literal["NotABrain", "QualityTooLow"] | None = None

    def reasons(self) -> list[str]:
        """Sentences of all checks that did not pass."""
        return [check.message for check in self.checks if check.verdict is not Verdict.PASS]


class ImageGeometry(Contract):
    """The grid the measurements were made on."""

    shape: tuple[int, int, int]
    spacing_mm: tuple[float, float, float]
    orientation: str = Field(description="axis codes of the stored voxels, for example 'LIA'")


class Engine(Contract):
    """What made the measurements, so that they can be made again."""

    name: str
    version: str
    weights_sha256: Sha256
    parameters: dict[str, float | int | str | bool]
    libraries: dict[str, str]
    refined: bool = Field(description="whether the tissue refinement ran (T1-like contrast only)")
    seconds: dict[str, float] = Field(description="wall seconds of each step")
    cpu_seconds: float


class Measurements(Contract):
    """``measurements.json``: everything the report may state, and what it may not."""

    schema_version: Literal[1] = 1
    geometry: ImageGeometry
    contrast: Contrast
    volumes: list[VolumeMeasurement]
    ratios: list[RatioMeasurement]
    quality: Quality
    not_assessed: list[str] = Field(description="sentences: what this analysis cannot show")
    label_names: dict[int, str] = Field(description="label id -> FreeSurfer name")
    engine: Engine

    def volume(self, structure: Structure) -> VolumeMeasurement | None:
        """The volume of ``structure``, or None where it was not measured."""
        return next((v for v in self.volumes if v.structure is structure), None)


class SegmentationRefused(Contract):
    """Answer of ``/invocations`` for an image that cannot be read at all.

    It comes with HTTP 200: SageMaker keeps the body of a failed asynchronous inference from the
    caller, and the fault is the image's, not the endpoint's.
    """

    schema_version: Literal[1] = 1
    code: str = Field(description="one of the codes of ``mri_analysis.errors``")
    message: str = Field(description="a sentence for the person who uploaded the image")


class SegmentationResponse(Contract):
    """What the state ``SegmentImage`` ends with; the keys lie in the results bucket.

    ``slices_key`` came later and is optional: version 1 is read as before.
    """

    schema_version: Literal[1] = 1
    labels_key: S3Key
    measurements_key: S3Key
    montage_key: S3Key
    slices_key: S3Key | None = Field(
        default=None, description="the slices without labels; older containers draw none"
    )
    verdict: Verdict
    refusal: Literal["NotABrain", "QualityTooLow"] | None = None
    reasons: list[str]
