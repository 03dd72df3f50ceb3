"""Failed studies: why, what to do, and another analysis of those that it may mend."""

from __future__ import annotations

import streamlit as st

from mri_analysis.contracts.operations import FailedStudy
from mri_client.reading_api import ApiProblem
from reading_room.person import api
from reading_room.plain_table import Column, table
from reading_room.trouble import told
from reading_room.words import plain

_PAGE = 50
_MENDABLE = "Another analysis may help: the scan is not the reason."
_REFUSED = (
    "Another analysis cannot help: the scan itself is the reason, or it never arrived. The next "
    "step is with whoever uploaded it."
)
_COLUMNS = (
    Column("Study", study=True),
    Column("Failed (UTC)", whole=True),
    Column("Code"),
    Column("What happened"),
    Column("Next step"),
)


def page() -> None:
    """Those that another analysis may mend, then those that it cannot."""
    st.title("Failed studies")
    _tell_of_the_last()
    cursors: list[str | None] = st.session_state.setdefault("failed_cursors", [None])
    with told():
        found = api().failed_studies(limit=_PAGE, cursor=cursors[-1])
        if not found.studies and len(cursors) == 1:
            st.info("No study has failed.")
            return
        mendable = [study for study in found.studies if study.retry_may_help]
        refused = [study for study in found.studies if not study.retry_may_help]
        if mendable:
            st.html(table(_MENDABLE, _COLUMNS, map(_row, mendable)))
            _analyse_again([study.job_id for study in mendable])
        if refused:
            st.html(table(_REFUSED, _COLUMNS, map(_row, refused)))
        back, forward, _ = st.columns([1, 1, 6])
        if back.button("Newer", disabled=len(cursors) == 1):
            cursors.pop()
            st.rerun()
        if forward.button("Older", disabled=found.next_cursor is None):
            cursors.append(found.next_cursor)
            st.rerun()


def _row(study: FailedStudy) -> tuple[str, ...]:
    error = study.error
    at = f"{study.failed_at:%Y-%m-%d %H:%M:%S}"
    return study.job_id, at, error.code, error.message, error.next_step


def _analyse_again(job_ids: list[str]) -> None:
    chosen = st.multiselect(
        "Studies to analyse again", job_ids, placeholder="Choose one or more, or all"
    )
    some, every, _ = st.columns([1, 1, 4])
    if some.button("Analyse again", disabled=not chosen):
        _retry(chosen)
    if every.button(f"Analyse all {len(job_ids)} again"):
        _retry(job_ids)


def _retry(job_ids: list[str]) -> None:
    """Each by itself: one that is refused keeps no other from its analysis."""
    refused: dict[str, str] = {}
    for job_id in job_ids:
        try:
            api().retry(job_id)
        except ApiProblem as problem:
            if problem.code == "SignInRequired":
                raise
            refused[job_id] = str(problem)
    st.session_state.retried = (len(job_ids) - len(refused), refused)
    st.session_state.failed_cursors = [None]
    st.rerun()


def _tell_of_the_last() -> None:
    done: tuple[int, dict[str, str]] | None = st.session_state.pop("retried", None)
    if done is None:
        return
    started, refused = done
    if started:
        studies = "1 study is" if started == 1 else f"{started} studies are"
        st.success(f"{studies} being analysed again.")
    for job_id, why in refused.items():
        st.warning(f"{plain(job_id)}: {plain(why)}")
