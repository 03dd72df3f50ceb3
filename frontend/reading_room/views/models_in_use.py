"""Which models and which knowledge take part in the analyses."""

from __future__ import annotations

import streamlit as st

from mri_analysis.contracts.operations import ModelKind, ModelUse
from reading_room.person import api
from reading_room.plain_table import UNKNOWN, Column, table
from reading_room.trouble import told
from reading_room.views.last_days import last_days

_KINDS = {
    ModelKind.SEGMENTATION: "Segmentation",
    ModelKind.LANGUAGE_MODEL: "Language model",
    ModelKind.VISION_LANGUAGE_MODEL: "Vision-language model",
    ModelKind.KNOWLEDGE: "Knowledge base",
}
_CONTRASTS = {"t1_like": "T1-like", "other": "other"}
_COLUMNS = (
    Column("Kind"),
    Column("Name"),
    Column("Version"),
    Column("Weights (SHA-256)"),
    Column("Contrast of the scans"),
    Column("Prompt"),
    Column("Studies", figures=True),
    Column("First used (UTC)", whole=True),
    Column("Last used (UTC)", whole=True),
)


def page() -> None:
    """One row for each model in one version."""
    st.title("Models in use")
    days = last_days(30)
    with told():
        found = api().models(days=days)
        if not found.models:
            st.info("No study was analysed in these days.")
            return
        if not found.complete:
            st.info("There were more studies than are read at once: the newest are counted.")
        caption = (
            f"What took part in the analyses of {found.studies:,} studies that were uploaded in "
            "these days and have a report. A model whose draft was not used took part, too."
        )
        st.html(table(caption, _COLUMNS, map(_row, found.models)))


def _row(model: ModelUse) -> tuple[str, ...]:
    return (
        _KINDS[model.kind],
        _name(model),
        model.version or "-",
        (model.weights_sha256 or "-")[:16],
        _CONTRASTS.get(model.contrast or "", model.contrast or "-"),
        model.prompt_version or "-",
        f"{model.studies:,}",
        f"{model.first_used:%Y-%m-%d %H:%M}",
        f"{model.last_used:%Y-%m-%d %H:%M}",
    )


def _name(model: ModelUse) -> str:
    if not model.known:
        return UNKNOWN
    return model.name or "none asked"
