"""The border between CSF, cortex and white matter at the image's own resolution.

The network works at 2 mm; a cortex is 2-4 mm thick. On T1-like contrast a Gaussian mixture with one
shared variance, a Potts field over the 3x3x3 neighbourhood, a smooth bias field and the network's
probabilities as prior move the border to where the image shows it. The scheme is that of Van
Leemput 1999 (IEEE Trans Med Imaging 18:897) and Zhang 2001 (IEEE Trans Med Imaging 20:45); the
constants were chosen on one scan with surface truth, see the model card. With free variances white
matter collapses onto its brightest voxels."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from mri_segmentation.labels import Tissue
from mri_segmentation.parcellation import Parcellation
from mri_segmentation.resampling import linear_matrix, resample
from mri_segmentation.volume import Volume

ITERATIONS = 5
POTTS_BETA = 0.5
POTTS_SCALE = 4.0
"""Weight of the mean over the 3x3x3 neighbourhood, itself included. An empirical constant, tried on
one scan; no derivation stands behind it."""
PRIOR_WEIGHT = 1.0
PRIOR_FLOOR = 0.03
BIAS_SIGMA_MM = 30.0
BIAS_GRID_MM = 4.0
CERTAIN_PRIOR = 0.7
CERTAIN_POSTERIOR = 0.9

CONTRAST_MARGIN = 0.2
"""Grey matter must lie at least this part of the CSF-to-white range away from both ends."""

TISSUES = (Tissue.CSF, Tissue.CORTEX, Tissue.WHITE_MATTER)


@dataclass(frozen=True)
class ClassMeans:
    """Mean intensity of the network's certain voxels of each class, in the image's unit."""

    csf: float
    cortex: float
    white_matter: float

    @property
    def t1_like(self) -> bool:
        """Whether CSF is dark, grey matter between, white matter bright."""
        span = self.white_matter - self.csf
        margin = CONTRAST_MARGIN * span
        return span > 0 and self.csf + margin < self.cortex < self.white_matter - margin


def class_means(volume: Volume, parcellation: Parcellation) -> ClassMeans:
    """Means over the voxels the network is certain of; over all of a class where those are few."""
    intensities = volume.voxels[parcellation.box]
    means = []
    for index, tissue in enumerate(TISSUES):
        chosen = parcellation.tissues == tissue
        certain = chosen & (parcellation.priors[index] > CERTAIN_PRIOR)
        if np.count_nonzero(certain) > 200:
            chosen = certain
        means.append(float(intensities[chosen].mean(dtype=np.float64)) if chosen.any() else 0.0)
    return ClassMeans(*means)


def refine(volume: Volume, parcellation: Parcellation, means: ClassMeans) -> NDArray[np.uint8]:
    """Classes of ``parcellation`` with CSF, cortex and white matter decided anew.

    Voxels of other classes are untouched, and no voxel enters or leaves the three.

    Returns
    -------
    ndarray of uint8, shape of the parcellation's box
    """
    tissues = parcellation.tissues
    at = np.flatnonzero((tissues >= Tissue.CSF) & (tissues <= Tissue.WHITE_MATTER))
    raw = volume.voxels[parcellation.box].astype(np.float32, order="C").ravel()[at]
    # Measured from a fifth of the range below CSF, so that the bias field may multiply, whatever
    # the zero of the image's unit is.
    span = means.white_matter - means.csf
    mean = (np.array([means.csf, means.cortex, means.white_matter]) - means.csf) / span + 0.2
    intensity = np.clip((raw - means.csf) / span + 0.2, 0.02, 1.6).astype(np.float32)
    prior = parcellation.priors.reshape(3, -1)[:, at] + np.float32(PRIOR_FLOOR)
    prior /= prior.sum(axis=0)
    log_prior = PRIOR_WEIGHT * np.log(prior)
    posterior = prior
    deviation = 0.7 * np.sqrt(
        sum(float(posterior[k] @ (intensity - np.float32(mean[k])) ** 2) for k in range(3))
        / len(at)
    )
    field = _Neighbourhood(tissues.shape, at)
    bias = _BiasField(tissues.shape, at, volume.spacing_mm)
    log_intensity = np.log(intensity)
    corrected = intensity
    for iteration in range(ITERATIONS):
        energy = np.empty_like(log_prior)
        neighbours = field.means(posterior)
        for k in range(3):
            distance = (corrected - np.float32(mean[k])) * np.float32(1 / deviation)
            distance *= distance
            distance *= np.float32(-0.5)
            neighbours[k] *= np.float32(POTTS_BETA * POTTS_SCALE)
            np.add(distance, neighbours[k], out=energy[k])
        energy += log_prior
        energy -= energy.max(axis=0)
        np.exp(energy, out=energy)
        energy /= energy.sum(axis=0)
        posterior = energy
        weight = posterior.sum(axis=1, dtype=np.float64)
        mean = np.array([float(posterior[k] @ corrected) / weight[k] for k in range(3)])
        deviation = np.sqrt(
            sum(float(posterior[k] @ (corrected - np.float32(mean[k])) ** 2) for k in range(3))
            / weight.sum()
        )
        if iteration < ITERATIONS - 1:
            expected = np.tensordot(mean.astype(np.float32), posterior, 1)
            certain = np.maximum(posterior[1], posterior[2]) > CERTAIN_POSTERIOR
            residual = np.clip(log_intensity - np.log(expected), -0.5, 0.5)
            corrected = intensity * np.exp(-bias.fit(residual, certain))
    refined = tissues.copy()
    refined.ravel()[at] = posterior.argmax(axis=0).astype(np.uint8) + 1
    return refined


class _Neighbourhood:
    """Means over 3x3x3 voxels of values that live at scattered positions of a box."""

    def __init__(self, shape: tuple[int, ...], at: NDArray[np.intp]) -> None:
        self._at = at
        self._values = np.zeros(shape, np.float32)
        self._values.ravel()[at] = 1
        # Two buffers for the whole run save an allocation of the box's size each sum.
        self._sums = (np.empty(shape, np.float32), np.empty(shape, np.float32))
        self._inside = self._gathered()

    def means(self, values: NDArray[np.float32]) -> NDArray[np.float32]:
        """Means of the first two rows; the third follows, since the rows sum to 1 at each voxel."""
        result = np.empty_like(values)
        flat = self._values.ravel()
        for k in range(2):
            flat[self._at] = values[k]
            result[k] = self._gathered()
        np.subtract(self._inside, result[0], out=result[2])
        result[2] -= result[1]
        return result

    def _gathered(self) -> NDArray[np.float32]:
        # Three shifted sums take half as long as scipy's uniform_filter (on 4.3 M voxels).
        total = self._values
        for axis in range(3):
            line = [slice(None)] * 3
            ahead, behind = line.copy(), line.copy()
            ahead[axis], behind[axis] = slice(1, None), slice(None, -1)
            summed = self._sums[axis % 2]
            np.copyto(summed, total)
            summed[tuple(behind)] += total[tuple(ahead)]
            summed[tuple(ahead)] += total[tuple(behind)]
            total = summed
        return np.asarray(total.ravel()[self._at] / np.float32(27), dtype=np.float32)


class _BiasField:
    """A smooth logarithmic field fitted to residuals of the certain voxels."""

    def __init__(
        self, shape: tuple[int, ...], at: NDArray[np.intp], spacing_mm: NDArray[np.float64]
    ) -> None:
        self._at = at
        self._shape = shape
        steps = np.maximum(1, np.round(BIAS_GRID_MM / spacing_mm)).astype(int)
        self._coarse = tuple(int(-(-n // s)) for n, s in zip(shape, steps, strict=True))
        # Each voxel's block is fixed: one bincount replaces a filter over the whole box.
        index = np.unravel_index(at, shape)
        self._block = np.ravel_multi_index(
            tuple(i // s for i, s in zip(index, steps, strict=True)), self._coarse
        )
        self._sigma = BIAS_SIGMA_MM / (spacing_mm * steps)
        first, second, third = (
            _held_matrix(c, int(s), n) for c, s, n in zip(self._coarse, steps, shape, strict=True)
        )
        self._up = (first, second, third)

    def fit(self, residual: NDArray[np.float32], certain: NDArray[np.bool_]) -> NDArray[np.float32]:
        """The field at the voxels, with mean 0."""
        size = int(np.prod(self._coarse))
        sums = np.bincount(self._block, residual * certain, size).reshape(self._coarse)
        counts = np.bincount(self._block, certain, size).reshape(self._coarse)
        smooth_sums = ndimage.gaussian_filter(sums, self._sigma)
        smooth_counts = ndimage.gaussian_filter(counts, self._sigma)
        coarse = (smooth_sums / (smooth_counts + 1e-3)).astype(np.float32)
        field = resample(coarse, self._up).ravel()[self._at]
        return np.asarray(field - field.mean(), dtype=np.float32)


def _held_matrix(blocks: int, step: int, n: int) -> NDArray[np.float32]:
    """Linear interpolation from block centres to ``n`` voxels, held constant beyond the last
    centre."""
    at = np.minimum(np.arange(n) + 0.5, blocks * step - 1e-6)
    return linear_matrix(blocks, float(step), 0.0, at)
