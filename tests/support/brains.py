"""Real and false brains for tests, made from the sample."""

import gzip
from functools import cache
from pathlib import Path

import nibabel as nib
import numpy as np

SAMPLE = Path("samples/pycortex_S1_T1w.nii.gz")


@cache
def small_brain() -> nib.Nifti1Image:
    """The sample at 2 mm (mean of 2x2x2 voxels): an eighth of the voxels, so an eighth of the
    work.
    """
    image = nib.load(SAMPLE)
    values = np.asarray(image.dataobj, np.float32)
    halves = [n // 2 for n in values.shape]
    values = values.reshape(halves[0], 2, halves[1], 2, halves[2], 2).mean(axis=(1, 3, 5))
    affine = image.affine.copy()
    affine[:3, 3] += affine[:3, :3] @ np.full(3, 0.5)
    affine[:3, :3] *= 2
    return stored_as(values.round().astype(np.uint8), affine)


def stored_as(values: np.ndarray, affine: np.ndarray) -> nib.Nifti1Image:
    """An image with both forms set."""
    image = nib.Nifti1Image(values, affine)
    image.set_sform(affine, code="scanner")
    image.set_qform(affine, code="scanner")
    return image


def phantom() -> nib.Nifti1Image:
    """A bright ball with noise: a plausible size, a perfect header, no brain."""
    grid = np.indices((96, 96, 96)) - 48
    ball = (np.sqrt((grid**2).sum(axis=0)) < 34) * 180.0
    noise = np.random.default_rng(7).normal(20, 6, ball.shape)
    values = np.clip(ball + noise, 0, 255).astype(np.uint8)
    return stored_as(values, np.diag([2.0, 2.0, 2.0, 1.0]))


def as_upload(image: nib.Nifti1Image) -> bytes:
    """The bytes of a ``.nii.gz``."""
    return gzip.compress(image.to_bytes(), 1, mtime=0)
