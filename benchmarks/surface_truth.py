"""Overlap of labels with the surfaces of the sample, near the cortex.

The truth is voxelised FreeSurfer surfaces of the same scan (see tests/model/data/NOTICE.md): the
hemispheres only, no cerebellum, no deep nuclei, no manual drawing.
"""

from pathlib import Path

import nibabel as nib
import numpy as np
import numpy.typing as npt
from scipy import ndimage

TRUTH = Path("tests/model/data/S1_surface_truth_gm2_wm3.nii.gz")

CORTEX = (3, 42)
INSIDE_WHITE = (2, 41, 4, 43, 10, 49, 17, 53, 28, 60)
_NEAR_MM = 5


def dice(a: npt.NDArray[np.bool_], b: npt.NDArray[np.bool_]) -> float:
    """Twice the overlap over the sum of both."""
    return float(2 * np.count_nonzero(a & b) / (np.count_nonzero(a) + np.count_nonzero(b)))


def overlap(labels: npt.NDArray[np.uint8], truth: npt.NDArray[np.uint8]) -> dict[str, float]:
    """Dice of cortex and of everything inside the white surface, within 5 mm of the cortex.

    Parameters
    ----------
    labels
        FreeSurfer ids on the sample's grid (1 mm).
    truth
        2 between the surfaces, 3 inside the white surface, on the same grid.
    """
    filled = ndimage.find_objects((truth > 0).astype(np.uint8))[0]
    labels, truth = labels[filled], truth[filled]
    near = (truth > 0) & (ndimage.distance_transform_edt(truth != 2) <= _NEAR_MM)
    return {
        "cortex_dice": dice(np.isin(labels, CORTEX) & near, truth == 2),
        "inside_white_dice": dice(np.isin(labels, INSIDE_WHITE) & near, (truth == 3) & near),
        "pia_recall": float(np.count_nonzero(labels[truth > 0]) / np.count_nonzero(truth)),
    }


def score(labels_path: Path) -> dict[str, float]:
    """:func:`overlap` of a label file of the sample."""
    labels, truth = (
        np.asarray(nib.Nifti1Image.from_filename(path).dataobj).astype(np.uint8)
        for path in (labels_path, TRUTH)
    )
    return {name: round(value, 4) for name, value in overlap(labels, truth).items()}
