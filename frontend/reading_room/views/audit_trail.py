"""Who saw, changed, signed and deleted what."""

from __future__ import annotations

import json

import streamlit as st

from reading_room.person import api
from reading_room.trouble import told
from reading_room.words import action


def page() -> None:
    """The trail, newest first."""
    st.title("Audit trail")
    cursors: list[str | None] = st.session_state.setdefault("audit_cursors", [None])
    with told():
        trail = api().audit_trail(limit=100, cursor=cursors[-1])
        st.dataframe(
            [
                {
                    "When (UTC)": f"{event.at:%Y-%m-%d %H:%M:%S}",
                    "Who": event.actor,
                    "What": action(event.action),
                    "Study": event.job_id,
                    "Detail": json.dumps(dict(event.detail), ensure_ascii=False),
                }
                for event in trail.events
            ],
            hide_index=True,
            width="stretch",
            height=600,
        )
        back, forward, _ = st.columns([1, 1, 6])
        if back.button("Newer", disabled=len(cursors) == 1):
            cursors.pop()
            st.rerun()
        if forward.button("Older", disabled=trail.next_cursor is None):
            cursors.append(trail.next_cursor)
            st.rerun()
