"""How long the stages of the analysis take, where the studies are, and what waits in queues."""

from __future__ import annotations

import streamlit as st

from mri_analysis.contracts.operations import StageTime, StageTimes, WholeTime
from reading_room.person import api
from reading_room.plain_table import Column, seconds, table
from reading_room.trouble import told
from reading_room.views import queues_part
from reading_room.views.last_days import last_days
from reading_room.words import STATUS

_HEADS = (
    Column("Stage"),
    Column("Studies", figures=True),
    Column("Median, s", figures=True),
    Column("90th percentile, s", figures=True),
    Column("Longest, s", figures=True),
    Column("Failed or stopped", figures=True),
)


def page() -> None:
    """One row for each stage, then one for each state and each queue."""
    st.title("Stage times")
    days = last_days(7)
    with told():
        found = api().stage_times(days=days)
        if not found.complete:
            st.info("There were more studies than are read at once: the newest are counted.")
        st.html(table(_CAPTION, _HEADS, [*map(_stage, found.stages), _whole(found.whole)]))
        if not found.states:
            st.write("No study was uploaded in these days.")
        else:
            st.html(_states(found))
    st.subheader("Queues")
    queues_part.show()


_CAPTION = (
    "Seconds from the begin of a stage to the begin of the next. A stay that failed or still lasts "
    "has none. A 90th percentile needs ten studies."
)


def _stage(found: StageTime) -> tuple[str, ...]:
    return (
        STATUS[found.stage],
        f"{found.ended:,}",
        seconds(found.median_seconds),
        seconds(found.p90_seconds),
        seconds(found.longest_seconds),
        f"{found.failed:,}",
    )


def _whole(found: WholeTime) -> tuple[str, ...]:
    return (
        "From upload to draft report",
        f"{found.ended:,}",
        seconds(found.median_seconds),
        seconds(found.p90_seconds),
        seconds(found.longest_seconds),
        "",
    )


def _states(found: StageTimes) -> str:
    rows = [(STATUS[state.status], f"{state.studies:,}") for state in found.states]
    return table(
        "Where the studies are now that were uploaded in these days.",
        (Column("State"), Column("Studies", figures=True)),
        rows,
    )
