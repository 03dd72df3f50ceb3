"""The network's classes, FreeSurfer's ids for them, and their colours: one table for all
modules."""

from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from mri_analysis.contracts.segmentation import Structure


class Tissue(IntEnum):
    """Channels of the network's output, in its order."""

    BACKGROUND = 0
    CSF = 1
    CORTEX = 2
    WHITE_MATTER = 3
    VENTRICLES = 4
    DEEP_GREY = 5
    CEREBELLUM = 6
    BRAINSTEM = 7
    HIPPOCAMPUS = 8
    THALAMUS = 9


STRUCTURE_OF: dict[Tissue, Structure] = {
    tissue: Structure(tissue.name.lower()) for tissue in Tissue if tissue is not Tissue.BACKGROUND
}

UNPAIRED = frozenset({Tissue.BRAINSTEM})
"""Measured as a whole. CSF, though it has one id for both sides, is measured on each of them."""

CEREBRUM = (
    Tissue.CORTEX,
    Tissue.WHITE_MATTER,
    Tissue.VENTRICLES,
    Tissue.DEEP_GREY,
    Tissue.HIPPOCAMPUS,
    Tissue.THALAMUS,
)

FREESURFER_IDS: dict[Tissue, tuple[int, int]] = {
    Tissue.BACKGROUND: (0, 0),
    Tissue.CSF: (24, 24),
    Tissue.CORTEX: (3, 42),
    Tissue.WHITE_MATTER: (2, 41),
    Tissue.VENTRICLES: (4, 43),
    Tissue.DEEP_GREY: (28, 60),
    Tissue.CEREBELLUM: (8, 47),
    Tissue.BRAINSTEM: (16, 16),
    Tissue.HIPPOCAMPUS: (17, 53),
    Tissue.THALAMUS: (10, 49),
}
"""(left, right) ids of FreeSurfer's colour table; the liberties taken stand in the model card."""

FREESURFER_NAMES: dict[int, str] = {
    2: "Left-Cerebral-White-Matter",
    3: "Left-Cerebral-Cortex",
    4: "Left-Lateral-Ventricle",
    8: "Left-Cerebellum-Cortex",
    10: "Left-Thalamus",
    16: "Brain-Stem",
    17: "Left-Hippocampus",
    24: "CSF",
    28: "Left-VentralDC",
    41: "Right-Cerebral-White-Matter",
    42: "Right-Cerebral-Cortex",
    43: "Right-Lateral-Ventricle",
    47: "Right-Cerebellum-Cortex",
    49: "Right-Thalamus",
    53: "Right-Hippocampus",
    60: "Right-VentralDC",
}

DISPLAY_NAMES: dict[Tissue, str] = {
    Tissue.CSF: "CSF",
    Tissue.CORTEX: "Cortex",
    Tissue.WHITE_MATTER: "White matter",
    Tissue.VENTRICLES: "Ventricles",
    Tissue.DEEP_GREY: "Other deep grey",
    Tissue.CEREBELLUM: "Cerebellum",
    Tissue.BRAINSTEM: "Brainstem",
    Tissue.HIPPOCAMPUS: "Hippocampus",
    Tissue.THALAMUS: "Thalamus",
}

COLOURS: dict[Tissue, tuple[int, int, int]] = {
    Tissue.CSF: (70, 110, 190),
    Tissue.CORTEX: (225, 95, 95),
    Tissue.WHITE_MATTER: (235, 235, 235),
    Tissue.VENTRICLES: (60, 215, 255),
    Tissue.DEEP_GREY: (255, 160, 40),
    Tissue.CEREBELLUM: (190, 130, 240),
    Tissue.BRAINSTEM: (165, 165, 100),
    Tissue.HIPPOCAMPUS: (255, 235, 60),
    Tissue.THALAMUS: (60, 205, 110),
}
"""RGB, on a grey image; adjacent structures differ in brightness as well as in hue."""


def freesurfer_labels(tissues: NDArray[np.uint8], right: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """FreeSurfer ids of network classes.

    Parameters
    ----------
    tissues : ndarray of uint8
        Classes as :class:`Tissue`, any shape.
    right : ndarray of bool
        True on the right of the midsagittal plane, same shape.
    """
    table = np.array([FREESURFER_IDS[tissue] for tissue in Tissue], np.uint8)
    return np.where(right, table[:, 1][tissues], table[:, 0][tissues])
