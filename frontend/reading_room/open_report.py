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
_NOTICE = "review_notice"
_QUICKER = frozenset({"ReportChanged", "ReportFinal"})
"""The page shows another report than there is."""


def open_report(job_id: str) -> ReviewedReport:
    """The report as this session last saw it, no older than a minute."""
    kept: tuple[str, float, ReviewedReport] | None = st.session_state.get("open_report")
    if kept is not None and kept[0] == job_id and time.monotonic() - kept[1] < _FRESH_S:
        return kept[2]
    return _keep(job_id, api().report(job_id))


def change(
    job_id: str, action: Callable[[], ReviewedReport], done: Callable[[], None] = lambda: None
) -> None:
    """Change the report and show it anew; where somebody was quicker, show theirs and say so.

    ``done`` is called once the change is kept: what was typed for it may be forgotten then.
    """
    with told():
        try:
            _keep(job_id, action())
        except ApiProblem as problem:
            st.session_state.pop("open_report", None)
            if problem.code not in _QUICKER:
                raise
            st.session_state[_NOTICE] = (job_id, f"{problem} {problem.next_step}")
        else:
            done()
        st.rerun()


def notice(job_id: str) -> str | None:
    """Why the last change was not kept, once."""
    kept: tuple[str, str] | None = st.session_state.pop(_NOTICE, None)
    return kept[1] if kept is not None and kept[0] == job_id else None


def _keep(job_id: str, report: ReviewedReport) -> ReviewedReport:
    st.session_state.open_report = (job_id, time.monotonic(), report)
    return report
