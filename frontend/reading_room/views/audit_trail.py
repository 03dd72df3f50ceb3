"""Who saw, changed, signed and deleted what."""

from __future__ import annotations

import re

import streamlit as st

from mri_analysis.contracts.api import AuditEventDocument
from reading_room.person import api
from reading_room.plain_table import Column, table
from reading_room.trail_words import detail
from reading_room.trouble import told
from reading_room.words import ACTIONS, STATUS, action

_PAGE = 50
_ANY = "anything"
_WHOLE_ID = 36
_COLUMNS = (
    Column("When (UTC)", whole=True),
    Column("Who", whole=True),
    Column("What"),
    Column("Study", study=True),
    Column("Detail"),
)


def page() -> None:
    """The trail, newest first, of everything or of one study or action."""
    st.title("Audit trail")
    study, what = st.columns(2)
    names = [_ANY, *ACTIONS, *(f"status.{status}" for status in STATUS)]
    chosen = what.selectbox(
        "What", names, format_func=lambda name: name if name == _ANY else action(name)
    )
    typed = study.text_input("Study id, or how it begins", max_chars=_WHOLE_ID).strip().lower()
    if typed and not re.fullmatch("[0-9a-z-]+", typed):
        st.warning("A study id has the signs 0-9, a-z and -.")
        return
    with told():
        job_id = _whole_id(typed)
        if typed and job_id is None:
            return
        _entries(job_id, None if chosen == _ANY else chosen)


def _whole_id(typed: str) -> str | None:
    """The id that begins like this; None, and a sentence, where it is not one."""
    if not typed or len(typed) == _WHOLE_ID:
        return typed or None
    found = api().job_ids(typed, 2)
    if len(found) == 1:
        return found[0]
    if found:
        st.info("More than one study begins like this: type more of its id.")
    else:
        st.info("No study begins like this. Of a deleted study type the whole id.")
    return None


def _entries(job_id: str | None, name: str | None) -> None:
    state, wanted = st.session_state, (job_id, name)
    if state.get("audit_filter") != wanted:
        state.audit_filter, state.audit_cursors = wanted, [None]
    cursors: list[str | None] = state.audit_cursors
    trail = api().audit_trail(limit=_PAGE, cursor=cursors[-1], job_id=job_id, action=name)
    if trail.events:
        st.html(table("What happened, the newest first.", _COLUMNS, map(_row, trail.events)))
    elif trail.next_cursor is None:
        st.info("Nothing fits." if len(cursors) == 1 else "Nothing older fits.")
    else:
        st.info("Nothing fits in this part of the trail; look at older entries.")
    back, forward, _ = st.columns([1, 1, 6])
    if back.button("Newer", disabled=len(cursors) == 1):
        cursors.pop()
        st.rerun()
    if forward.button("Older", disabled=trail.next_cursor is None):
        cursors.append(trail.next_cursor)
        st.rerun()


def _row(event: AuditEventDocument) -> tuple[str, ...]:
    at = f"{event.at:%Y-%m-%d %H:%M:%S}"
    return at, event.actor, action(event.action), event.job_id, detail(event.detail)
