"""The report that a browser has open, read once: every reading is an entry of the audit trail."""

from __future__ import annotations

import time
from collections.abc import Callable

import streamlit as st

from mri_analysis.contracts.review import ReviewedReport
from mri_client.reading_api import ApiProblem
from reading_room.person import api
from reading_room.trouble import told

_FRESH_S = 60.0
LINKS_LAST_S = 240
"""Addresses of files are kept a little less long than they are good for."""


def open_report(job_id: str) -> ReviewedReport:
    """The report as this session last saw it, no older than a minute."""
    kept: tuple[str, float, ReviewedReport] | None = st.session_state.get("open_report")
    if kept is not None and kept[0] == job_id and time.monotonic() - kept[1] < _FRESH_S:
        return kept[2]
    return _keep(job_id, api().report(job_id))


def change(job_id: str, action: Callable[[], ReviewedReport]) -> None:
    """Change the report and show it anew; where somebody was quicker, show theirs and say so."""
    with told():
        try:
            _keep(job_id, action())
        except ApiProblem:
            st.session_state.pop("open_report", None)
            raise
        st.rerun()


def _keep(job_id: str, report: ReviewedReport) -> ReviewedReport:
    st.session_state.open_report = (job_id, time.monotonic(), report)
    return report
