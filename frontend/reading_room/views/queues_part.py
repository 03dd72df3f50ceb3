"""What waits in the queues of the deployment, and what could not be delivered."""

from __future__ import annotations

import streamlit as st

from mri_analysis.contracts.operations import QueueDepth, QueueName
from reading_room.person import api
from reading_room.plain_table import Column, table
from reading_room.trouble import told

_NAMES = {
    QueueName.UPLOADS: "Uploads that wait for their analysis",
    QueueName.UPLOAD_DEAD_LETTERS: "Uploads that could not be started",
    QueueName.CALLBACK_DEAD_LETTERS: "Answers of a model that could not be passed on",
    QueueName.EVENT_DEAD_LETTERS: "Failures that could not be recorded",
    QueueName.EXPORTS: "Files that wait to be made",
    QueueName.EXPORT_DEAD_LETTERS: "Files that could not be made",
}
_WORK = {QueueName.UPLOADS, QueueName.EXPORTS}
"""What waits there is on its way; all else could not be delivered."""
_COLUMNS = (
    Column("Queue"),
    Column("Waiting", figures=True),
    Column("Being handled", figures=True),
)
_CAPTION = (
    "Messages in the queues of the whole deployment, of all organizations together, at {at} UTC. "
    "The service counts approximately."
)


def show() -> None:
    """One row for each queue, and a warning where something was not delivered."""
    with told():
        found = api().queues()
        lost = sum(_all(one) for one in found.queues if one.queue not in _WORK)
        if lost:
            messages = "1 message" if lost == 1 else f"{lost:,} messages"
            st.warning(
                f"{messages} could not be delivered and nothing tries again. "
                "Whoever runs the deployment finds what to do in docs/deploy.md."
            )
        caption = _CAPTION.format(at=f"{found.at:%H:%M:%S}")
        st.html(table(caption, _COLUMNS, map(_row, found.queues)))


def _all(depth: QueueDepth) -> int:
    return depth.waiting + depth.in_flight


def _row(depth: QueueDepth) -> tuple[str, ...]:
    return _NAMES[depth.queue], f"{depth.waiting:,}", f"{depth.in_flight:,}"
