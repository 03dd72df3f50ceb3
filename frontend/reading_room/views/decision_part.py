"""How a report was decided on: by whom, when, over which content."""

from __future__ import annotations

import streamlit as st

from mri_analysis.contracts.review import ReviewedReport
from reading_room.words import plain


def show(report: ReviewedReport) -> None:
    """The signature or the rejection, and what was added; nothing of a draft."""
    decision = report.decision
    if decision is None:
        return
    who = f"{plain(decision.reviewer_name)}, {decision.at:%Y-%m-%d %H:%M} UTC"
    if decision.review_status == "rejected":
        st.error(f"**Rejected** by {who}: {plain(decision.comment or '')}")
        return
    st.success(f"**Signed** by {who}  \nContent: `{decision.content_sha256}`")
    for added in report.addenda:
        at = f"{added.at:%Y-%m-%d %H:%M} UTC"
        st.info(f"**Addendum**, {plain(added.reviewer_name)}, {at}  \n{plain(added.text)}")
