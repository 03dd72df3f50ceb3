"""The labels of the viewer: what each is called, how much it holds, and its colour."""

from __future__ import annotations

from typing import Literal

from mri_analysis.contracts.segmentation import Measurements, Structure
from mri_analysis.reporting import figures
from mri_analysis.reporting.anatomy import STRUCTURE_NAMES, capitalised

Side = Literal["left", "right", ""]

_LABELS: dict[int, tuple[Structure, Side]] = {
    24: (Structure.CSF, ""),
    3: (Structure.CORTEX, "left"),
    42: (Structure.CORTEX, "right"),
    2: (Structure.WHITE_MATTER, "left"),
    41: (Structure.WHITE_MATTER, "right"),
    4: (Structure.VENTRICLES, "left"),
    43: (Structure.VENTRICLES, "right"),
    28: (Structure.DEEP_GREY, "left"),
    60: (Structure.DEEP_GREY, "right"),
    8: (Structure.CEREBELLUM, "left"),
    47: (Structure.CEREBELLUM, "right"),
    16: (Structure.BRAINSTEM, ""),
    17: (Structure.HIPPOCAMPUS, "left"),
    53: (Structure.HIPPOCAMPUS, "right"),
    10: (Structure.THALAMUS, "left"),
    49: (Structure.THALAMUS, "right"),
}
"""By FreeSurfer's ids. The engine's own label map says "lateral ventricle" of all ventricles and
"ventral DC" of all deep grey matter: here a label is called what is measured of it."""

_COLOURS: dict[Structure, tuple[int, int, int]] = {
    Structure.CSF: (70, 110, 190),
    Structure.CORTEX: (225, 95, 95),
    Structure.WHITE_MATTER: (235, 235, 235),
    Structure.VENTRICLES: (60, 215, 255),
    Structure.DEEP_GREY: (255, 160, 40),
    Structure.CEREBELLUM: (190, 130, 240),
    Structure.BRAINSTEM: (165, 165, 100),
    Structure.HIPPOCAMPUS: (255, 235, 60),
    Structure.THALAMUS: (60, 205, 110),
}
"""Neighbours differ in brightness as well as in hue."""


def names(measurements: Measurements) -> dict[int, str]:
    """What stands under the cursor, by label: the structure, its side and its volume.

    A label that is none of ours is called what the label map calls it.
    """
    return {
        int(label): _name(int(label), given, measurements)
        for label, given in measurements.label_names.items()
    }


def coloured(measurements: Measurements) -> list[tuple[int, str, tuple[int, int, int]]]:
    """Label, name and colour (RGB, 0-255) of each label that is drawn, by label."""
    called = names(measurements)
    return [
        (label, called[label], _COLOURS[_LABELS[label][0]])
        for label in sorted(called)
        if label in _LABELS
    ]


def _name(label: int, given: str, measurements: Measurements) -> str:
    if label not in _LABELS:
        return given.replace("-", " ")
    structure, side = _LABELS[label]
    name = capitalised(STRUCTURE_NAMES[structure]) + (f", {side}" if side else "")
    volume = measurements.volume(structure)
    if volume is None:
        return f"{name}: not assessed"
    millilitres = {"left": volume.left_ml, "right": volume.right_ml, "": volume.total_ml}[side]
    return name if millilitres is None else f"{name}: {figures.volume(millilitres)}"
