"""``description.json`` and ``report.json``: statements, and what each of them rests on."""

from enum import StrEnum
from typing import Any, Literal

from pydantic import Field

from mri_analysis.contracts.base import Contract, Identifier, Sha256
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
    """``description.json``: the study in words, from measured facts alone."""

    schema_version: Literal[1] = 1
    writer: str = Field(description="what wrote it, with its version")
    findings: list[Finding]
    not_assessed: list[str]
    text: str


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
    """A measured statement asserts; a quotation only defines; a rule recommends."""

    MEASURED = "measured"
    QUOTED = "quoted"
    RULE = "rule"
    CONFIDENCE = "confidence"


class Statement(Contract):
    """One sentence of the report and the measurement, passage or rule ids it rests on."""

    kind: StatementKind
    text: str
    cites: list[str] = Field(min_length=1)


class Report(Contract):
    """``report.json``: a draft until a person signs it."""

    schema_version: Literal[1] = 1
    organization_id: Identifier
    job_id: Identifier
    status: Literal["draft"] = "draft"
    mode: Literal["composed"] = "composed"
    """'composed': written by fixed rules from measurements, no language model"""
    disclaimer: str
    verdict: Verdict
    key_findings: list[Statement]
    clinical_significance: list[Statement]
    recommended_follow_up: list[Statement]
    confidence: list[Statement]
    not_assessed: list[str]
    confidence_scores: dict[str, float]
    passages: list[Passage] = Field(description="every passage and rule that is cited")
    attributions: list[str] = Field(description="what the licences of the sources ask to be shown")
    provenance: dict[str, Any]
