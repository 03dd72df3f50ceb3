"""The studies of the organization: state, quality, review, age."""

from __future__ import annotations

import re

import streamlit as st

from mri_analysis.contracts.api import JobDocument
from reading_room.person import api
from reading_room.trouble import told
from reading_room.words import QUALITY, REVIEW, STATUS, age

_PAGE = 25
_EVERY_S = 5
_ANY = "any"


def page() -> None:
    """Filters, then one row for each study; a click opens it."""
    st.title("Worklist")
    state, review, beginning = st.columns([2, 2, 3])
    status = state.selectbox("State", [_ANY, *STATUS], format_func=lambda s: STATUS.get(s, "any"))
    reviewed = review.selectbox(
        "Review", [_ANY, *REVIEW], format_func=lambda s: REVIEW.get(s, "any")
    )
    typed = beginning.text_input("Study id begins with", max_chars=36).strip().lower()
    if typed and not re.fullmatch("[0-9a-f-]+", typed):
        st.warning("A study id has the signs 0-9, a-f and -.")
        return
    _rows(None if status == _ANY else status, None if reviewed == _ANY else reviewed, typed or None)


@st.fragment(run_every=_EVERY_S)
def _rows(status: str | None, review: str | None, job_id: str | None) -> None:
    key = (status, review, job_id)
    if st.session_state.get("worklist_filter") != key:
        st.session_state.worklist_filter, st.session_state.worklist_cursors = key, [None]
    cursors: list[str | None] = st.session_state.worklist_cursors
    with told():
        found = api().jobs(
            limit=_PAGE, cursor=cursors[-1], status=status, review_status=review, job_id=job_id
        )
        if not found.jobs:
            st.info("No study here yet." if key == (None, None, None) else "No study fits.")
            return
        chosen = st.dataframe(
            [_row(job) for job in found.jobs],
            hide_index=True,
            width="stretch",
            height=36 * (len(found.jobs) + 1),
            on_select="rerun",
            selection_mode="single-row",
            key=f"worklist-{len(cursors)}-{key}",
        )
        rows = chosen.selection.rows
        if rows and rows[0] < len(found.jobs):
            st.switch_page(
                st.session_state.study_page, query_params={"job": found.jobs[rows[0]].job_id}
            )
        back, forward, _ = st.columns([1, 1, 6])
        if back.button("Newer", disabled=len(cursors) == 1):
            cursors.pop()
            st.rerun(scope="fragment")
        if forward.button("Older", disabled=found.next_cursor is None):
            cursors.append(found.next_cursor)
            st.rerun(scope="fragment")


def _row(job: JobDocument) -> dict[str, str]:
    return {
        "State": STATUS[job.status] + (f" · {job.error.code}" if job.error else ""),
        "Quality": QUALITY.get(job.quality or "", "-"),
        "Review": REVIEW.get(job.review_status or "", "-"),
        "Age": age(job.created_at),
        "Study": job.job_id,
    }
