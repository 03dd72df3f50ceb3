"""The labels of ``labels.nii.gz``: what is measured of each, on which side, and its colour."""

from typing import Literal

from mri_analysis.contracts.segmentation import Structure

Side = Literal["left", "right", ""]

LABELS: dict[int, tuple[Structure, Side]] = {
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

COLOURS: dict[Structure, tuple[int, int, int]] = {
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
