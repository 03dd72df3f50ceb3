"""A report as its reviewers left it: their words in place of the draft's, and what was decided."""

from collections.abc import Sequence

from mri_analysis.contracts.job import ReviewStatus
from mri_analysis.contracts.report import Report, Statement, StatementKind
from mri_analysis.contracts.review import Decision, ReportSections, ReviewedReport

KINDS = {
    "key_findings": StatementKind.MEASURED,
    "clinical_significance": StatementKind.QUOTED,
    "recommended_follow_up": StatementKind.RULE,
}
"""Of the sections that a reader may change."""

_TITLES = {
    ReviewStatus.DRAFT: "draft report",
    ReviewStatus.SIGNED: "signed report",
    ReviewStatus.AMENDED: "signed report with addenda",
    ReviewStatus.REJECTED: "rejected draft",
}


def edited(report: Report, sections: ReportSections) -> Report:
    """The draft with ``sections`` in place of its own."""
    # Without validation: a reader's own sentence cites nothing, and the guard says so.
    written: dict[str, Sequence[Statement]] = {
        name: [
            Statement.model_construct(kind=kind, text=said.text, cites=list(said.cites))
            for said in getattr(sections, name)
        ]
        for name, kind in KINDS.items()
    }
    return report.model_copy(update=written)


def title(review: ReviewedReport | None) -> str:
    """What the report is, for its first line; None stands for a draft that nobody has opened."""
    return _TITLES[ReviewStatus.DRAFT if review is None else review.review_status]


def standing(review: ReviewedReport | None, disclaimer: str) -> tuple[str, str]:
    """In what state the report is: a phrase that stands out, and the sentences after it."""
    decision = None if review is None else review.decision
    if review is None or decision is None:
        return "DRAFT, not signed.", disclaimer
    who = f"{decision.reviewer_name}, {decision.at:%Y-%m-%d %H:%M} UTC"
    if review.review_status is ReviewStatus.REJECTED:
        return "REJECTED. Not for clinical use.", f"By {who}: {decision.comment or ''}".strip()
    return "Signed", f"by {who}. {_signed_content(decision)}"


def _signed_content(decision: Decision) -> str:
    return f"The signature is for the content with sha256 {decision.content_sha256}."


def changed_by(review: ReviewedReport | None) -> str:
    """Who changed the words of the draft, as a sentence; empty where nobody did."""
    if review is None or not review.revisions:
        return ""
    names = ", ".join(dict.fromkeys(revision.author_name for revision in review.revisions))
    return f"Changed by {names}: a sentence in other words than the draft's is the reader's own."


def addenda(review: ReviewedReport | None) -> list[tuple[str, str]]:
    """Who added to the signed report and when, and the words."""
    return [
        (f"{added.reviewer_name}, {added.at:%Y-%m-%d %H:%M} UTC", added.text)
        for added in (() if review is None else review.addenda)
    ]
