"""Lesions of random shape, pasted into the tissue as a class of their own."""

import numpy as np
import torch
from torch.nn import functional

from training.classes import TrainingClass

_TISSUE = (
    TrainingClass.CORTEX,
    TrainingClass.WHITE_MATTER,
    TrainingClass.DEEP_GREY,
    TrainingClass.THALAMUS,
    TrainingClass.CEREBELLUM,
    TrainingClass.BRAINSTEM,
)


def small_lesions(classes: torch.Tensor, random: np.random.Generator) -> torch.Tensor:
    """Where spots of the white matter lie, as white-matter hyperintensities do.

    Parameters
    ----------
    classes
        ``(k, d, h, w)``.

    Returns
    -------
    torch.Tensor
        bool, as ``classes``.
    """
    size = classes.shape[1:]
    knots = [int(n * random.uniform(0.12, 0.4)) + 2 for n in size]
    noise = torch.from_numpy(random.normal(size=(1, 1, *knots)).astype(np.float32))
    smooth = functional.interpolate(noise, size, mode="trilinear")[0, 0]
    white = classes == TrainingClass.WHITE_MATTER
    # mostly near the ventricles
    near = (classes[0] == TrainingClass.VENTRICLES).float()[None, None]
    reach = int(random.integers(2, 6))
    near = functional.max_pool3d(near, 2 * reach + 1, 1, reach)[0, 0]
    level = torch.quantile(smooth.flatten()[::11], float(random.uniform(0.93, 0.995)))
    return ((smooth + 0.7 * near * float(random.random())) > level + 0.35)[None] & white


def one_large_lesion(
    classes: torch.Tensor, random: np.random.Generator, voxel_mm: float
) -> torch.Tensor:
    """Where one lesion of 6 to 30 mm radius lies; bool, as ``classes``."""
    size = classes.shape[1:]
    tissue = torch.zeros_like(classes[0], dtype=torch.bool)
    for kind in _TISSUE:
        tissue |= classes[0] == kind
    places = tissue.nonzero()
    if len(places) == 0:
        return torch.zeros_like(classes, dtype=torch.bool)
    centre = places[int(random.integers(len(places)))].float()
    radii = random.uniform(6, 30) * random.uniform(0.6, 1.4, 3) / voxel_mm
    axes = torch.meshgrid(*[torch.arange(n, dtype=torch.float32) for n in size], indexing="ij")
    distance = sum(
        ((axis - c) / float(r)) ** 2 for axis, c, r in zip(axes, centre, radii, strict=True)
    )
    knots = [max(4, n // 12) for n in size]
    noise = torch.from_numpy(random.normal(size=(1, 1, *knots)).astype(np.float32))
    rough = functional.interpolate(noise, size, mode="trilinear")[0, 0]
    inside = distance + 0.35 * rough < 1
    return inside[None] & tissue[None].expand_as(classes)
