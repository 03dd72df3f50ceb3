"""What the pixels of an image and its labels tell about their quality, as plain figures.

Apart from :mod:`.quality`, which judges these figures and needs no image for it."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from mri_segmentation.labels import CEREBRUM, Tissue
from mri_segmentation.measurement import LabelledBox
from mri_segmentation.parcellation import Box, CoarseMap
from mri_segmentation.volume import Volume

BORDER_MM = 3.5
"""A little more than one voxel of the network's grid, and its half."""


_FLUID = frozenset({Tissue.BACKGROUND, Tissue.CSF, Tissue.VENTRICLES})
_NO_SIGNAL = 0.1  # of the median of tissue: no tissue is that dark in T1, T2 or FLAIR
_FEWEST_VOXELS = 50
_EVERY = 5  # a fifth of a million voxels has the same grey levels


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


@dataclass(frozen=True)
class SignalFigures:
    """Where there is signal, and how many grey levels it has.

    Attributes
    ----------
    darkest_structure : Tissue
        The tissue with the largest share of voxels without signal.
    dark_share : float
        That share, 0 to 1. On the scans of the model card it is at most 0.006.
    bright_surroundings : float
        Share of the unlabelled voxels around the brain that have signal: scalp, skull and face.
    grey_levels : int
        Distinct values in tissue. Eight-bit scans have 140 and more, label maps a few.
    """

    darkest_structure: Tissue
    dark_share: float
    bright_surroundings: float
    grey_levels: int


def signal_figures(
    inside: NDArray[np.generic], tissues: NDArray[np.uint8], lowest: float
) -> SignalFigures | None:
    """Figures of the signal in a box around the brain; None where no tissue has any.

    Parameters
    ----------
    inside, tissues
        Brightness and classes of the box, same shape.
    lowest
        Lowest brightness of the whole image, which stands for no signal.
    """
    solid = [tissue for tissue in Tissue if tissue not in _FLUID]
    tissue = np.isin(tissues, solid)
    values = inside[tissue].astype(np.float32) - lowest
    if not np.any(values > 0):
        return None
    floor = _NO_SIGNAL * float(np.median(values[values > 0]))
    dark = np.bincount(tissues[tissue][values < floor], minlength=len(Tissue))
    counts = np.bincount(tissues[tissue], minlength=len(Tissue))
    shares = np.where(counts >= _FEWEST_VOXELS, dark / np.maximum(counts, 1), 0.0)
    surroundings = inside[tissues == Tissue.BACKGROUND].astype(np.float32) - lowest
    return SignalFigures(
        darkest_structure=Tissue(int(shares.argmax())),
        dark_share=float(shares.max()),
        bright_surroundings=float(np.mean(surroundings > floor)) if surroundings.size else 0.0,
        grey_levels=int(np.unique(values[::_EVERY]).size),
    )


def width_to_length(labelled: LabelledBox) -> float | None:
    """Extent of the brain from left to right over that from front to back; None without labels.

    Of each axis the middle 98 % of the labelled voxels, so that specks do not count.
    """
    extents_mm = []
    for axis in (0, 1):
        others = tuple(k for k in range(3) if k != axis)
        share = np.cumsum(np.count_nonzero(labelled.tissues, axis=others), dtype=np.float64)
        if not share[-1]:
            return None
        first, last = np.searchsorted(share / share[-1], (0.01, 0.99))
        extents_mm.append(float(labelled.centres_mm[axis][last] - labelled.centres_mm[axis][first]))
    width, length = extents_mm
    return width / length if length > 0 else None
