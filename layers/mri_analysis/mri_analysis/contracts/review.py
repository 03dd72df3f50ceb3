"""A report under review: what readers changed, who signed or rejected it, what was added later."""

import hashlib
import json
from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from mri_analysis.contracts.base import Contract, Identifier, Sha256
from mri_analysis.contracts.job import ReviewStatus
from mri_analysis.contracts.report import Report, Statement

# Printable text of any script: no control characters but the end of a line.
ReaderText = Annotated[
    str,
    StringConstraints(
        strip_whitespace=True,
        min_length=1,
        max_length=4000,
        pattern=r"^[^\x00-\x09\x0b-\x1f\x7f]+$",
    ),
]
"""Words of a person."""


class ReaderStatement(Contract):
    """A sentence of the report as a reader leaves it; it may rest on nothing but the reader."""

    text: ReaderText
    cites: list[Annotated[str, StringConstraints(min_length=1, max_length=200)]] = Field(
        default_factory=list, max_length=20
    )


class ReportSections(Contract):
    """The part of a report that a reader may change."""

    key_findings: list[ReaderStatement] = Field(max_length=80)
    clinical_significance: list[ReaderStatement] = Field(max_length=80)
    recommended_follow_up: list[ReaderStatement] = Field(max_length=40)
    reader_observations: list[ReaderText] = Field(
        default_factory=list,
        max_length=40,
        description="What the reader saw in the images; nothing in the analysis supports it",
    )


class Objection(Contract):
    """What the guard holds against a sentence of a reader: shown, never forbidden."""

    rule: str
    where: str = Field(description="section and position, for example 'key_findings[2]'")
    message: str


class Revision(Contract):
    """The sections as one reader saved them. Number 1 is the first after the draft."""

    number: int = Field(ge=1)
    author_id: str
    author_name: str
    at: datetime
    content_sha256: Sha256
    sections: ReportSections


class Decision(Contract):
    """A signature or a rejection, under the content it was made for."""

    review_status: ReviewStatus = Field(description="'signed' or 'rejected'")
    reviewer_id: str
    reviewer_name: str
    at: datetime
    content_sha256: Sha256
    comment: str | None = None


class Addendum(Contract):
    """What a reader added to a signed report."""

    reviewer_id: str
    reviewer_name: str
    at: datetime
    content_sha256: Sha256 = Field(description="of the signed content it was added to")
    text: ReaderText


class ReviewedReport(Contract):
    """A report with its review: the draft as it was written, and what stands there now."""

    schema_version: Literal[1] = 1
    job_id: Identifier
    review_status: ReviewStatus
    version: int = Field(ge=0, description="counts every change; the ETag of the report")
    report: Report = Field(description="the draft, as the analysis wrote it")
    sections: ReportSections = Field(description="what stands there now")
    objections: list[Objection] = Field(description="of the guard, to what stands there now")
    revisions: list[Revision]
    decision: Decision | None
    addenda: list[Addendum]
    content_sha256: Sha256 = Field(description="of draft and sections: what a signature is for")


def sections_of(report: Report) -> ReportSections:
    """The sections of a draft."""

    def statements(drafted: list[Statement]) -> list[ReaderStatement]:
        return [ReaderStatement(text=said.text, cites=said.cites) for said in drafted]

    return ReportSections(
        key_findings=statements(report.key_findings),
        clinical_significance=statements(report.clinical_significance),
        recommended_follow_up=statements(report.recommended_follow_up),
    )


def content_sha256(report: Report, sections: ReportSections) -> str:
    """Hash of everything a signature is for: the draft with its provenance, and the sections.

    ``report`` must be as it was read from its JSON: fields that came into the contract after it was
    written are left out, so that the hash of a signed report never changes.
    """
    content = {
        "report": report.model_dump(mode="json", exclude_unset=True),
        "sections": sections.model_dump(mode="json"),
    }
    canonical = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(canonical.encode()).hexdigest()
