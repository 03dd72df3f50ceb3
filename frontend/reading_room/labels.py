"""The labels of the viewer: what each is called, how much it holds, and its colour."""

from __future__ import annotations

from mri_analysis.contracts.segmentation import Measurements
from mri_analysis.reporting import figures
from mri_analysis.reporting.anatomy import STRUCTURE_NAMES, capitalised
from mri_analysis.reporting.label_table import COLOURS, LABELS


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
        (label, called[label], COLOURS[LABELS[label][0]])
        for label in sorted(called)
        if label in LABELS
    ]


def _name(label: int, given: str, measurements: Measurements) -> str:
    if label not in LABELS:
        return given.replace("-", " ")
    structure, side = LABELS[label]
    name = capitalised(STRUCTURE_NAMES[structure]) + (f", {side}" if side else "")
    volume = measurements.volume(structure)
    if volume is None:
        return f"{name}: not assessed"
    millilitres = {"left": volume.left_ml, "right": volume.right_ml, "": volume.total_ml}[side]
    return name if millilitres is None else f"{name}: {figures.volume(millilitres)}"
