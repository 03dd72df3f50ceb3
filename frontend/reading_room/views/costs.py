"""What studies cost, as far as it is known by study."""

from __future__ import annotations

import streamlit as st

from mri_analysis.contracts.operations import StudyCost, StudyCosts, Total
from reading_room.person import api
from reading_room.plain_table import UNKNOWN, Column, known, seconds, table
from reading_room.trouble import told
from reading_room.views.last_days import last_days

_LISTED = 100
_SUMS = (
    Column("What"),
    Column("Sum", figures=True),
    Column("Known of, studies", figures=True),
    Column("Not known of, studies", figures=True),
)
_STUDIES = (
    Column("Study", study=True),
    Column("Uploaded (UTC)", whole=True),
    Column("Language model, USD", figures=True),
    Column("Tokens in", figures=True),
    Column("Tokens out", figures=True),
    Column("Language model, s", figures=True),
    Column("Segmentation, s", figures=True),
    Column("Segmentation, CPU s", figures=True),
)


def page() -> None:
    """Sums, then the newest studies."""
    st.title("Costs")
    days = last_days(30)
    with told():
        found = api().costs(days=days, limit=_LISTED)
        if not found.studies:
            st.info("No study was analysed in these days.")
            return
        if not found.complete:
            st.info("There were more studies than are read at once: the newest are counted.")
        st.html(_sums(found))
        caption = f"The newest {len(found.studies)} analysed studies of these days."
        st.html(table(caption, _STUDIES, map(_row, found.studies)))
        st.caption(
            "US dollars by the token prices that the deployment was given; none are assumed. "
            "Start and idle time of the endpoint, storage, database and network are paid by the "
            "month and belong to no study; they are not in these figures."
        )


def _sums(found: StudyCosts) -> str:
    usd, network = found.language_model_usd, found.segmentation_seconds
    return table(
        "Sums over the analysed studies of these days; what is not known is not in them.",
        _SUMS,
        [
            ("Language model, USD", _usd(usd.value), *_of(usd)),
            (
                "Segmentation, seconds of the clock",
                UNKNOWN if network.value is None else seconds(network.value),
                *_of(network),
            ),
        ],
    )


def _of(total: Total) -> tuple[str, str]:
    return f"{total.known:,}", f"{total.unknown:,}"


def _row(study: StudyCost) -> tuple[str, ...]:
    at = f"{study.created_at:%Y-%m-%d %H:%M}"
    return study.job_id, at, *_language_model(study), *_segmentation(study)


def _language_model(study: StudyCost) -> tuple[str, ...]:
    if study.language_model_asked is False:
        return "none asked", "-", "-", "-"
    took = study.language_model_seconds
    return (
        _usd(study.language_model_usd),
        known(study.input_tokens),
        known(study.output_tokens),
        UNKNOWN if took is None else seconds(took),
    )


def _segmentation(study: StudyCost) -> tuple[str, ...]:
    both = (study.segmentation_seconds, study.segmentation_cpu_seconds)
    return tuple(UNKNOWN if value is None else seconds(value) for value in both)


def _usd(value: float | None) -> str:
    return UNKNOWN if value is None else f"{value:.4f}"
