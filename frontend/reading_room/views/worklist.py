"""The studies of the organization: state, quality, review, age."""

from __future__ import annotations

import re
from html import escape
from urllib.parse import quote

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
            nothing = "No study here yet. Begin with Upload, above."
            st.info(nothing if key == (None, None, None) else "No study fits.")
            return
        st.html(_table(found.jobs))
        back, forward, _ = st.columns([1, 1, 6])
        if back.button("Newer", disabled=len(cursors) == 1):
            cursors.pop()
            st.rerun(scope="fragment")
        if forward.button("Older", disabled=found.next_cursor is None):
            cursors.append(found.next_cursor)
            st.rerun(scope="fragment")


_STYLE = """<style>
table.worklist { border-collapse: collapse; width: 100%; font-size: .9rem; }
.worklist th, .worklist td { text-align: left; padding: .45rem .6rem; border-bottom: 1px solid rgba(128,128,128,.35); }
.worklist a { color: inherit; font-variant-numeric: tabular-nums; }
.worklist a:focus-visible { outline: 2px solid currentColor; outline-offset: 2px; }
</style>"""  # noqa: E501


def _table(jobs: list[JobDocument]) -> str:
    """A table of links: every study has its address, and a screen reader finds rows and heads."""
    heads = "".join(f'<th scope="col">{name}</th>' for name in _COLUMNS)
    rows = "".join(f"<tr>{_cells(job)}</tr>" for job in jobs)
    return (
        f'{_STYLE}<table class="worklist">'
        f"<thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table>"
    )


_COLUMNS = ("Study", "State", "Quality", "Review", "Age")


def _cells(job: JobDocument) -> str:
    state = STATUS[job.status] + (f" ({job.error.code})" if job.error else "")
    cells = (
        state,
        QUALITY.get(job.quality or "", "-"),
        REVIEW.get(job.review_status or "", "-"),
        age(job.created_at),
    )
    link = f'<a href="/study?job={quote(job.job_id)}" target="_self">{escape(job.job_id)}</a>'
    return f"<td>{link}</td>" + "".join(f"<td>{escape(cell)}</td>" for cell in cells)
