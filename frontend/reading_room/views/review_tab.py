"""The review: change the words of a draft, sign or reject it, add to a signed one."""

from __future__ import annotations

import streamlit as st

from mri_analysis.contracts.review import (
    ReaderStatement,
    ReportSections,
    ReviewedReport,
    sections_of,
)
from reading_room.open_report import change
from reading_room.person import api
from reading_room.words import changes, plain

_SECTIONS = {
    "key_findings": "Key findings",
    "recommended_follow_up": "Recommended follow-up",
}


def show(report: ReviewedReport, *, may_review: bool) -> None:
    """What a reviewer may do, and what was done."""
    if report.review_status == "draft":
        _objections(report)
        _tracked(report)
        if may_review:
            _edit(report)
            _decide(report)
        else:
            st.info("A reviewer signs or rejects this draft.")
    elif report.review_status in ("signed", "amended") and may_review:
        with st.form("addendum", clear_on_submit=True):
            text = st.text_area("Addendum", max_chars=4000)
            if st.form_submit_button("Add to the signed report") and text.strip():
                change(
                    report.job_id, lambda: api().amend(report.job_id, text, version=report.version)
                )
    for revision in report.revisions:
        at = f"{revision.at:%Y-%m-%d %H:%M} UTC"
        st.caption(f"Revision {revision.number}: {plain(revision.author_name)}, {at}")


def _objections(report: ReviewedReport) -> None:
    for objection in report.objections:
        st.warning(
            f"The check does not find this supported ({plain(objection.where)}): "
            f"{plain(objection.message)}. It stays if you leave it."
        )


def _tracked(report: ReviewedReport) -> None:
    drafted = sections_of(report.report)
    if drafted == report.sections:
        return
    st.markdown("**Changes to the draft**")
    for section in _SECTIONS:
        before = [said.text for said in getattr(drafted, section)]
        after = [said.text for said in getattr(report.sections, section)]
        for position in range(max(len(before), len(after))):
            old = before[position] if position < len(before) else ""
            new = after[position] if position < len(after) else ""
            if old != new:
                st.markdown(changes(old, new))
    for text in report.sections.reader_observations:
        st.markdown(changes("", text))


def _edit(report: ReviewedReport) -> None:
    with st.form("sections"):
        written: dict[str, list[ReaderStatement]] = {}
        for section, title in _SECTIONS.items():
            st.markdown(f"**{title}**")
            written[section] = []
            for position, said in enumerate(getattr(report.sections, section)):
                text = st.text_area(
                    f"{title}, sentence {position + 1}",
                    said.text,
                    max_chars=4000,
                    height="content",
                    label_visibility="collapsed",
                    key=f"edit-{report.version}-{section}-{position}",
                ).strip()
                if text:
                    # A sentence in other words is the reader's; what it cites stays beside it.
                    written[section].append(ReaderStatement(text=text, cites=said.cites))
        st.markdown("**Observations of the reader**")
        observed = st.text_area(
            "What you saw in the images, one observation a line",
            "\n".join(report.sections.reader_observations),
            key=f"edit-{report.version}-observations",
        )
        if st.form_submit_button("Save the changes"):
            sections = ReportSections(
                key_findings=written["key_findings"],
                clinical_significance=report.sections.clinical_significance,
                recommended_follow_up=written["recommended_follow_up"],
                reader_observations=[line for line in observed.splitlines() if line.strip()],
            )
            change(
                report.job_id, lambda: api().revise(report.job_id, sections, version=report.version)
            )


@st.fragment  # a tick is answered without asking the API for the study again
def _decide(report: ReviewedReport) -> None:
    st.markdown("**Decision**")
    st.caption("A signature is for the content as it stands here; it cannot be taken back.")
    seen = st.checkbox("I have compared this report with the images.")
    if st.button("Sign the report", type="primary", disabled=not seen):
        change(report.job_id, lambda: api().sign(report.job_id, version=report.version))
    with st.popover("Reject the draft"), st.form("reject"):
        reason = st.text_area("Why", max_chars=4000)
        if st.form_submit_button("Reject") and reason.strip():
            change(
                report.job_id, lambda: api().reject(report.job_id, reason, version=report.version)
            )
