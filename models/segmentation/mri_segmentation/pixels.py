"""What the pixels of an image and its labels tell about their quality, as plain figures.

Apart from :mod:`.quality`, which judges these figures and needs no image for it."""

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from mri_segmentation.labels import CEREBRUM, Tissue
from mri_segmentation.measurement import LabelledBox
from mri_segmentation.parcellation import Box, CoarseMap
from mri_segmentation.volume import Volume

BORDER_MM = 3.5
"""A little more than one voxel of the network's grid, and its half."""


def border_cm2(volume: Volume, tissues: NDArray[np.uint8], box: Box) -> float:
    """Largest labelled area of any slice within :data:`BORDER_MM` of a face of the field of view.

    The outermost slice alone does not do: where it fills half a voxel of the network's grid, the
    network may well call it background.
    """
    spacing = volume.spacing_mm
    largest = 0.0
    for axis in range(3):
        a, b = (k for k in range(3) if k != axis)
        areas = np.count_nonzero(tissues, axis=(a, b)) * float(spacing[a] * spacing[b]) / 100
        centres = (np.arange(box[axis].start, box[axis].stop) + 0.5) * spacing[axis]
        depth = np.minimum(centres, volume.voxels.shape[axis] * spacing[axis] - centres)
        near = depth < max(BORDER_MM, float(spacing[axis]))
        largest = max(largest, float(areas[near].max(initial=0.0)))
    return largest


def bright_background(
    volume: Volume, inside: NDArray[np.generic], tissues: NDArray[np.uint8], box: Box
) -> float:
    """Part of the field of view's faces that is at least half as bright as the brain's median.

    Brightness counts from the darkest of the faces' and brain's values. Magnetic resonance shows
    air dark: an inverted image is bright there. Neck and face reach the border too, but fill little
    of it."""
    brain = inside[(tissues > 0) & (tissues != Tissue.CSF) & (tissues != Tissue.VENTRICLES)]
    if brain.size == 0:
        return 0.0
    faces = np.concatenate(
        [volume.voxels.take(side, axis).ravel() for axis in range(3) for side in (0, -1)]
    ).astype(np.float32)
    low = float(min(faces.min(), inside.min()))
    level = low + 0.5 * (float(np.median(brain)) - low)
    return float(np.mean(faces > level))


def misplaced(coarse: CoarseMap) -> int:
    """How many of four facts of head anatomy the centres of the structures contradict."""
    tissues = coarse.tissues
    needed = (Tissue.CEREBELLUM, Tissue.BRAINSTEM, Tissue.THALAMUS)
    present = np.bincount(tissues.ravel(), minlength=len(Tissue))
    if not all(present[t] > 0 for t in needed) or not present[list(CEREBRUM)].any():
        return 4
    x, y, z = range(3)
    cerebellum, stem, thalami = (
        np.array(ndimage.center_of_mass(tissues == t)) * coarse.voxel_mm for t in needed
    )
    whole = np.array(ndimage.center_of_mass(coarse.brain)) * coarse.voxel_mm
    # Distances leave room for a head bent by 30 degrees.
    facts = (
        cerebellum[z] < thalami[z] - 5,
        stem[z] < thalami[z] - 5,
        cerebellum[y] < stem[y],
        abs(thalami[x] - whole[x]) < 20 and abs(thalami[y] - whole[y]) < 40,
    )
    return sum(not fact for fact in facts)


def hemisphere_asymmetry_percent(labelled: LabelledBox) -> float | None:
    """200 (L - R) / (L + R) of the voxels of the cerebrum; None without any."""
    cerebrum = np.isin(labelled.tissues, CEREBRUM)
    both = np.count_nonzero(cerebrum)
    right = np.count_nonzero(cerebrum & labelled.right)
    return 200 * (both - 2 * right) / both if both else None


def tissue_separation(
    inside: NDArray[np.generic], grey: NDArray[np.bool_], white: NDArray[np.bool_]
) -> float | None:
    """Distance of the grey and white means in pooled standard deviations, without the border
    voxels' extremes (medians and median absolute deviations)."""
    if np.count_nonzero(grey) < 200 or np.count_nonzero(white) < 200:
        return None
    (g, g_sd), (w, w_sd) = (_robust(inside[m].astype(np.float32)) for m in (grey, white))
    pooled = float(np.sqrt((g_sd**2 + w_sd**2) / 2))
    return abs(g - w) / pooled if pooled > 0 else None


def signal_to_noise(
    inside: NDArray[np.generic], white: NDArray[np.bool_], darkest: float
) -> float | None:
    """Median of white matter above the darkest voxel over the noise, estimated from second
    differences along its lines.

    A second difference of white noise has 6 times its variance, and slow changes cancel in it.
    """
    best: float | None = None
    for axis in range(3):
        n = inside.shape[axis]
        if n < 5:
            continue
        parts = [
            tuple(slice(k, n - 2 + k) if a == axis else slice(None) for a in range(3))
            for k in range(3)
        ]
        core = white[parts[0]] & white[parts[1]] & white[parts[2]]
        if np.count_nonzero(core) < 200:
            continue
        before, here, after = (inside[p][core].astype(np.float32) for p in parts)
        noise = _robust(before - 2 * here + after)[1] / np.sqrt(6.0)
        if noise > 0:
            ratio = (float(np.median(here)) - darkest) / float(noise)
            best = ratio if best is None else min(best, ratio)
    return best


def _robust(values: NDArray[np.float32]) -> tuple[float, float]:
    """Median, and the standard deviation of a normal distribution with the same median
    deviation."""
    middle = float(np.median(values))
    return middle, 1.4826 * float(np.median(np.abs(values - middle)))
