"""The parts, as Streamlit calls them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import streamlit as st

from mri_analysis.contracts.api import UploadDocument

_FOLDER = Path(__file__).parent
NIIVUE = "/app/static/niivue.umd.js"


def _text(name: str) -> str:
    return (_FOLDER / name).read_text(encoding="utf-8")


_viewer = st.components.v2.component(
    "mri_viewer", html=_text("viewer.html"), css=_text("viewer.css"), js=_text("viewer.js")
)
_uploader = st.components.v2.component(
    "scan_uploader", html=_text("uploader.html"), css=_text("uploader.css"), js=_text("uploader.js")
)
_live = st.components.v2.component("live_updates", html="<span></span>", js=_text("live.js"))


def viewer(
    image: str, labels: str, montage: str, names: Mapping[int, str], colours: Mapping[str, Any]
) -> None:
    """The scan with its labels.

    Parameters
    ----------
    image, labels, montage
        Addresses that get them.
    names
        What stands under the cursor, by label.
    colours
        NiiVue's table: ``R``, ``G``, ``B``, ``A``, ``I``, ``labels``.
    """
    _viewer(
        key="viewer",
        data={
            "library": NIIVUE,
            "image": image,
            "labels": labels,
            "montage": montage,
            "names": {str(label): name for label, name in names.items()},
            "colours": dict(colours),
        },
        height="content",
    )


def uploader(form: UploadDocument | None, most: int, problem: str = "") -> Any:
    """A place to drop a scan; its value has ``chosen``, ``sent`` and ``failed``, for one run."""
    return _uploader(
        key="uploader",
        data={
            "form": form.model_dump(mode="json") if form else None,
            "most": most,
            "problem": problem,
        },
        on_chosen_change=_nothing,
        on_sent_change=_nothing,
        on_failed_change=_nothing,
    )


def live(address: str, job_id: str) -> Any:
    """Live updates of one study; the value has ``nudge`` or ``closed``, for one run."""
    return _live(
        key="live",
        data={"address": address, "job": job_id},
        on_nudge_change=_nothing,
        on_closed_change=_nothing,
    )


def _nothing() -> None:
    """The change itself runs the page again."""


def label_colours(labels: Sequence[tuple[int, str, tuple[int, int, int]]]) -> dict[str, Any]:
    """NiiVue's table of discrete colours; label 0 is not drawn."""
    every = [(0, "", (0, 0, 0)), *labels]
    return {
        "R": [colour[0] for _, _, colour in every],
        "G": [colour[1] for _, _, colour in every],
        "B": [colour[2] for _, _, colour in every],
        "A": [0] + [255] * len(labels),
        "I": [label for label, _, _ in every],
        "labels": [name for _, name, _ in every],
    }
