"""``description.json`` and ``report.json``: statements, and what each of them rests on."""

from enum import StrEnum
from typing import Any, Literal

from pydantic import Field

from mri_analysis.contracts.base import Contract, Identifier, Sha256
from mri_analysis.contracts.observations import VisionLanguageReading
from mri_analysis.contracts.segmentation import Verdict


class FindingStatus(StrEnum):
    """What code concluded from a measurement; words may relate it, never change it."""

    WITHIN = "within_reference"
    BELOW = "below_reference"
    ABOVE = "above_reference"
    ASYMMETRIC = "asymmetric"
    SYMMETRIC = "symmetric"
    MEASURED = "measured"
    """a number without a usable reference"""
    NOT_ASSESSED = "not_assessed"


class Reference(Contract):
    """A published figure a measurement is held against, and how its method differs from ours."""

    id: str
    low: float | None = None
    high: float | None = None
    unit: str
    population: str
    method: str
    source: str
    url: str | None = Field(default=None, description="where the source can be read")
    measurement_id: str | None = Field(default=None, description="what it is held against")
    quantity: Literal["total_ml", "percent_of_icv", "asymmetry_percent", "value"] | None = None
    statistic: str = Field(default="", description="what low and high are, in words")
    method_difference: str = Field(default="", description="how its method differs from ours")
    decides: bool = Field(
        default=False, description="whether a verdict may rest on it; otherwise it is context"
    )


class Finding(Contract):
    """A measured fact in words."""

    id: str = Field(description="for example 'finding.ventricles.asymmetry'")
    measurement_ids: list[str]
    status: FindingStatus
    side: Literal["left", "right", "both"] | None = None
    text: str
    reference: Reference | None = None


class Description(Contract):
    """``description.json``: the study in words, from measured facts.

    Version 2 added ``reading``: what a vision-language model observed, apart from the facts.
    """

    schema_version: Literal[2] = 2
    writer: str = Field(description="what wrote it, with its version")
    findings: list[Finding]
    not_assessed: list[str]
    text: str
    reading: VisionLanguageReading | None = Field(
        default=None, description="None where no vision-language model is configured"
    )


class Passage(Contract):
    """A passage of the knowledge base as it was retrieved, unaltered."""

    id: str
    source: str
    source_version: str
    licence: str
    title: str
    text: str
    url: str | None = None
    sha256: Sha256


class StatementKind(StrEnum):
    """A measured statement asserts; a quotation only defines; a rule recommends; an observation
    relates what a vision-language model answered, in words of the code.
    """

    MEASURED = "measured"
    QUOTED = "quoted"
    RULE = "rule"
    CONFIDENCE = "confidence"
    OBSERVED = "observed"


class Statement(Contract):
    """One sentence of the report and the measurement, passage or rule ids it rests on."""

    kind: StatementKind
    text: str
    cites: list[str] = Field(min_length=1)


class DraftOutcome(StrEnum):
    """What became of a language model's draft."""

    USED = "used"
    UNAVAILABLE = "unavailable"
    """the model did not answer"""
    UNUSABLE = "unusable"
    """it refused, was cut off, or did not answer in the form asked for"""
    UNSUPPORTED = "unsupported"
    """the guard found statements that the measurements do not support, twice"""
    OBJECTED = "objected"
    """the guardrail service objected, or could not be asked"""


class LanguageModelUse(Contract):
    """A language model that was asked for this report, used or not.

    Figures are sums over all attempts, and None where one of them did not tell: what an attempt
    without a usable answer cost is not known, and is not nothing.
    """

    name: str = Field(description="provider and model or inference profile, from the settings")
    prompt_version: str
    outcome: DraftOutcome
    attempts: int
    broken_rules: list[str] = Field(
        default_factory=list, description="names of the guard's rules that drafts broke"
    )
    reason: str | None = Field(
        default=None, description="why the draft was not used, in words of code; None where it was"
    )
    input_tokens: int | None = None
    output_tokens: int | None = None
    cached_input_tokens: int | None = None
    cost_usd: float | None = Field(
        default=None, description="None where no prices are set or tokens are not known"
    )
    seconds: float | None = Field(default=None, description="measured, also where nothing came")


class Report(Contract):
    """``report.json``: a draft until a person signs it.

    Version 2 added the mode ``language_model`` and ``unverified_observations``.
    """

    schema_version: Literal[2] = 2
    organization_id: Identifier
    job_id: Identifier
    status: Literal["draft"] = "draft"
    mode: Literal["composed", "language_model"] = "composed"
    """'composed': written by fixed rules from measurements; 'language_model': the sentences of the
    key findings are a model's, each checked against the measurements, all figures filled in by code
    """
    language_model: LanguageModelUse | None = Field(
        default=None, description="None where no language model is configured"
    )
    disclaimer: str
    verdict: Verdict
    key_findings: list[Statement]
    clinical_significance: list[Statement]
    recommended_follow_up: list[Statement]
    confidence: list[Statement]
    unverified_observations: list[Statement] = Field(
        default_factory=list, description="of a vision-language model; nothing rests on them"
    )
    not_assessed: list[str]
    confidence_scores: dict[str, float]
    passages: list[Passage] = Field(description="every passage and rule that is cited")
    attributions: list[str] = Field(description="what the licences of the sources ask to be shown")
    provenance: dict[str, Any]
