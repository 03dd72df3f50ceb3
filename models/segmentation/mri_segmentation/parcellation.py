"""Where the brain lies and which structure each voxel belongs to, as the network sees it.

The network runs twice: once over the whole head to find the brain, once on a grid centred on it,
which is what it was trained for. Its probabilities are then interpolated to the image's own voxels
inside a box around the brain; nothing larger than that box is ever held as float32."""

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from mri_segmentation.labels import Tissue
from mri_segmentation.network import Network
from mri_segmentation.resampling import Matrix, box_matrix, linear_matrix, resample
from mri_segmentation.volume import Volume

RECENTRE_MM = 6.0
"""A brain that lies further from the grid's centre than this is looked at again; as in training,
translations well above it were seen."""

MARGIN_MM = 8.0
"""Air or skull kept around the brain on the network's grid."""

POOLING = 16
"""The network halves its grid four times."""

Box: TypeAlias = tuple[slice, slice, slice]


@dataclass(frozen=True)
class CoarseMap:
    """The network's answer.

    Attributes
    ----------
    probabilities : ndarray of float32, shape (10, d, h, w)
    start_mm : ndarray, shape (3,)
        Position of the grid's outer corner, from the outer corner of the volume's first voxel.
    voxel_mm : float
    brain : ndarray of bool, shape (d, h, w)
        Largest connected part that is more likely head content than background.
    confidence : float
        Mean probability of the winning class inside ``brain``; 0 where there is none.
    """

    probabilities: NDArray[np.float32]
    start_mm: NDArray[np.float64]
    voxel_mm: float
    brain: NDArray[np.bool_]
    confidence: float

    @property
    def tissues(self) -> NDArray[np.uint8]:
        """The winning class of each grid voxel, background outside ``brain``."""
        winners: NDArray[np.uint8] = self.probabilities.argmax(axis=0).astype(np.uint8)
        winners[~self.brain] = Tissue.BACKGROUND
        return winners

    def centres_mm(self, axis: int) -> NDArray[np.float64]:
        """Positions of the grid's voxel centres along ``axis``."""
        n = self.brain.shape[axis]
        return np.asarray(self.start_mm[axis] + (np.arange(n) + 0.5) * self.voxel_mm)


@dataclass(frozen=True)
class Parcellation:
    """Classes on the image's own voxels, inside a box around the brain.

    Attributes
    ----------
    box : three slices of the volume
    tissues : ndarray of uint8, shape of ``box``
        Values of :class:`~mri_segmentation.labels.Tissue`.
    priors : ndarray of float32, shape (3, *box)
        The network's probabilities of CSF, cortex and white matter.
    """

    box: Box
    tissues: NDArray[np.uint8]
    priors: NDArray[np.float32]


def has_signal(volume: Volume) -> bool:
    """Whether the volume holds more than one value."""
    return bool(volume.voxels.max() > volume.voxels.min())


def find_structures(volume: Volume, network: Network) -> CoarseMap:
    """Localise the brain in ``volume`` and classify it on the network's grid."""
    start, shape = _head_grid(volume, network)
    first = _classify(volume, network, start, shape, mirror=False)
    centre, extent = _extent_mm(first)
    result = first
    for _ in range(2):
        shape = tuple(
            max(g, _pooled(e + 2 * MARGIN_MM, network.manifest.voxel_mm))
            for g, e in zip(network.manifest.grid, extent, strict=True)
        )
        start = centre - np.array(shape) * network.manifest.voxel_mm / 2
        result = _classify(volume, network, start, shape, mirror=True)
        found, extent = _extent_mm(result)
        if not result.brain.any() or np.abs(found - centre).max() < RECENTRE_MM:
            break
        centre = found
    near = ndimage.binary_dilation(result.brain, iterations=2)
    result.probabilities[1:] *= near
    result.probabilities[0] = 1 - result.probabilities[1:].sum(axis=0)
    return result


def parcellate(volume: Volume, coarse: CoarseMap) -> Parcellation:
    """Interpolate ``coarse`` to the voxels of ``volume`` and take the most likely class."""
    slices: list[slice] = []
    matrices: list[Matrix] = []
    for axis in range(3):
        others = tuple(a for a in range(3) if a != axis)
        filled = np.flatnonzero(coarse.brain.any(axis=others))
        low, high = (filled[0], filled[-1] + 1) if len(filled) else (0, 1)
        edges = coarse.start_mm[axis] + np.array([low - 2, high + 2]) * coarse.voxel_mm
        at = (np.arange(volume.voxels.shape[axis]) + 0.5) * volume.spacing_mm[axis]
        inside = np.flatnonzero((at > edges[0]) & (at < edges[1]))
        first, last = (inside[0], inside[-1] + 1) if len(inside) else (0, 1)
        slices.append(slice(int(first), int(last)))
        matrices.append(
            linear_matrix(
                coarse.brain.shape[axis], coarse.voxel_mm, coarse.start_mm[axis], at[first:last]
            )
        )
    chain = (matrices[0], matrices[1], matrices[2])
    best = resample(coarse.probabilities[Tissue.BACKGROUND], chain)
    # Voxels beyond the grid carry no weight at all: they are background, not "no class".
    tissues = np.zeros(best.shape, np.uint8)
    priors = np.empty((3, *best.shape), np.float32)
    for tissue in list(Tissue)[1:]:
        probability = resample(coarse.probabilities[tissue], chain)
        if tissue <= Tissue.WHITE_MATTER:
            priors[tissue - 1] = probability
        wins = probability > best
        tissues[wins] = tissue
        np.maximum(best, probability, out=best)
    return Parcellation((slices[0], slices[1], slices[2]), tissues, priors)


def _pooled(length_mm: float, voxel_mm: float) -> int:
    return int(np.ceil(length_mm / voxel_mm / POOLING)) * POOLING


def _head_grid(volume: Volume, network: Network) -> tuple[NDArray[np.float64], tuple[int, ...]]:
    """A grid over the head: air around it costs network time and tells nothing."""
    steps = np.maximum(1, np.floor(4.0 / volume.spacing_mm)).astype(int)
    thin = volume.voxels[tuple(slice(None, None, s) for s in steps)].astype(np.float32)
    low, high = np.quantile(thin, [0.005, 0.995])
    bright = thin > low + 0.08 * (high - low)
    start, shape = np.zeros(3), []
    for axis in range(3):
        others = tuple(a for a in range(3) if a != axis)
        filled = np.flatnonzero(bright.mean(axis=others) > 0.01)
        whole = volume.voxels.shape[axis] * volume.spacing_mm[axis]
        edges = np.array([0.0, whole])
        if len(filled):
            reach = (
                np.array([filled[0] - 2, filled[-1] + 3]) * steps[axis] * volume.spacing_mm[axis]
            )
            edges = np.clip(reach, 0.0, whole)
        n = _pooled(edges[1] - edges[0], network.manifest.voxel_mm)
        start[axis] = edges.mean() - n * network.manifest.voxel_mm / 2
        shape.append(n)
    return start, tuple(shape)


def _classify(
    volume: Volume,
    network: Network,
    start: NDArray[np.float64],
    shape: tuple[int, ...],
    *,
    mirror: bool,
) -> CoarseMap:
    voxel_mm = network.manifest.voxel_mm
    first, second, third = (
        box_matrix(volume.voxels.shape[a], volume.spacing_mm[a], shape[a], voxel_mm, start[a])
        for a in range(3)
    )
    image = _normalised(resample(volume.voxels, (first, second, third)))
    probabilities = network.probabilities(image, mirror=mirror)
    brain = largest_part(probabilities[Tissue.BACKGROUND] < 0.5)
    confidence = float(probabilities[1:].max(axis=0)[brain].mean()) if brain.any() else 0.0
    return CoarseMap(probabilities, start, voxel_mm, brain, confidence)


def _normalised(image: NDArray[np.float32]) -> NDArray[np.float32]:
    """Intensities between the 0.5th and 99.5th percentile mapped to [0, 1], as in training."""
    low, high = np.quantile(image.ravel()[::7], [0.005, 0.995])
    return np.asarray(np.clip((image - low) / (high - low + 1e-6), 0, 1), dtype=np.float32)


def largest_part(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The largest face-connected part of ``mask``; all False where it is empty."""
    parts, count = ndimage.label(mask)
    if count == 0:
        return mask
    return np.asarray(parts == np.bincount(parts.ravel())[1:].argmax() + 1)


def _extent_mm(coarse: CoarseMap) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Centre and lengths of the brain, leaving out 0.5 % at each end of each axis."""
    centre, extent = np.zeros(3), np.zeros(3)
    for axis in range(3):
        others = tuple(a for a in range(3) if a != axis)
        profile = np.cumsum(coarse.brain.sum(axis=others, dtype=np.float64))
        if profile[-1] == 0:
            low, high = 0, coarse.brain.shape[axis] - 1
        else:
            low, high = np.searchsorted(profile / profile[-1], [0.005, 0.995])
        centre[axis] = coarse.start_mm[axis] + (low + high + 1) / 2 * coarse.voxel_mm
        extent[axis] = (high - low + 1) * coarse.voxel_mm
    return centre, extent
