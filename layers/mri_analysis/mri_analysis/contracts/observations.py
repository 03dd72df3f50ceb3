"""What a vision-language model may say about an image: entries of a closed list, never sentences.

The words a reader sees are written by code from these values, so that no text of the model reaches
a report, a prompt or a log.
"""

from enum import StrEnum

from pydantic import Field

from mri_analysis.contracts.base import Contract


class ObservationKind(StrEnum):
    """The closed list. What is not on it cannot be reported."""

    ENLARGED_VENTRICLES = "enlarged_ventricles"
    VENTRICULAR_ASYMMETRY = "ventricular_asymmetry"
    WIDENED_SULCI = "widened_sulci"
    SMALL_HIPPOCAMPUS = "small_hippocampus"
    FOCAL_LESION = "focal_lesion"
    TISSUE_DEFECT = "tissue_defect"
    MASS_EFFECT = "mass_effect"
    MIDLINE_SHIFT = "midline_shift"
    WHITE_MATTER_SIGNAL_CHANGE = "white_matter_signal_change"
    FLUID_COLLECTION = "fluid_collection"
    MOTION_ARTEFACT = "motion_artefact"
    SIGNAL_DROPOUT = "signal_dropout"


class Region(StrEnum):
    """Where; as coarse as three planes of a few slices allow."""

    WHOLE_BRAIN = "whole_brain"
    FRONTAL = "frontal"
    PARIETAL = "parietal"
    TEMPORAL = "temporal"
    OCCIPITAL = "occipital"
    INSULAR = "insular"
    DEEP_GREY = "deep_grey"
    THALAMUS = "thalamus"
    HIPPOCAMPUS = "hippocampus"
    VENTRICLES = "ventricles"
    WHITE_MATTER = "white_matter"
    CEREBELLUM = "cerebellum"
    BRAINSTEM = "brainstem"
    EXTRA_AXIAL = "extra_axial"


class ObservedSide(StrEnum):
    LEFT = "left"
    RIGHT = "right"
    BOTH = "both"
    MIDLINE = "midline"
    UNKNOWN = "unknown"


class Certainty(StrEnum):
    """The model's own word; nobody has calibrated it."""

    LOW = "low"
    MODERATE = "moderate"
    HIGH = "high"


class Observation(Contract):
    """One entry of the model's answer.

    The side is the patient's; of an asymmetry it is the side that looks larger.
    """

    kind: ObservationKind
    region: Region
    side: ObservedSide
    certainty: Certainty


class ObservationSet(Contract):
    """The whole answer a vision-language model is forced to give."""

    observations: list[Observation] = Field(max_length=20)


class Relation(StrEnum):
    """How an observation stands to the measured facts."""

    UNVERIFIED = "unverified"
    """nothing that was measured speaks for or against it"""
    AGREES = "agrees"
    CONTRADICTED = "contradicted"
    """a measurement says otherwise: the measurement stands, the observation is only recorded"""


class WeighedObservation(Contract):
    """An observation and the measurements it was held against."""

    observation: Observation
    relation: Relation
    measurement_ids: list[str] = Field(default_factory=list)


class ReadingStatus(StrEnum):
    """What became of the question to the vision-language model."""

    PENDING = "pending"
    """asked; a report that still finds this was written after the wait ended"""
    ANSWERED = "answered"
    UNUSABLE = "unusable"
    """malformed, truncated, off the list, or too long"""
    UNAVAILABLE = "unavailable"
    """the endpoint failed or did not take the question"""
    RESTING = "resting"
    """not asked: the circuit breaker is open"""


class ReadingKind(StrEnum):
    """What a reading comes from, and so how much it can say."""

    GENERATIVE = "generative"
    """a model that was asked for a list of observations"""
    ZERO_SHOT = "zero_shot"
    """similarity scores of an image-text model (CLIP): hints without place, side or calibration"""


class VisionLanguageReading(Contract):
    """A vision-language model's unverified observations, or why there are none."""

    status: ReadingStatus
    model: str = Field(description="endpoint or model name, from the settings")
    prompt_version: str
    observations: list[WeighedObservation] = Field(default_factory=list)
    input_tokens: int | None = None
    output_tokens: int | None = None
    kind: ReadingKind = ReadingKind.GENERATIVE
