"""Where in a label map each voxel of a synthetic image looks."""

import numpy as np
import torch
from torch.nn import functional

from training.label_maps import HALF_MM

Size = tuple[int, int, int]


class Geometry:
    """Random affine and elastic deformations of a grid.

    Parameters
    ----------
    size
        Voxels of the image.
    voxel_mm
        Their edge.
    """

    def __init__(self, size: Size, voxel_mm: float) -> None:
        axes = [torch.arange(n, dtype=torch.float32) - (n - 1) / 2 for n in size]
        self._grid = torch.stack(torch.meshgrid(*axes, indexing="ij")) * voxel_mm
        self._size = size
        self._quarter = 0.25 * voxel_mm

    def deform(self, random: np.random.Generator) -> torch.Tensor:
        """Coordinates in a map, ``(3, d, h, w)``: turned, scaled, sheared, mirrored and bent."""
        affine = torch.tensor(_affine(random), dtype=torch.float32)
        points = torch.einsum("ij,jdhw->idhw", affine, self._grid)
        knots = int(random.integers(4, 10))
        bend = random.uniform(0.5, 3.5) * (1.4 if knots < 7 else 0.8)
        field = random.normal(0, bend, (1, 3, knots, knots + 1, knots)).astype(np.float32)
        points = (
            points
            + functional.interpolate(
                torch.from_numpy(field), self._size, mode="trilinear", align_corners=True
            )[0]
        )
        offset = random.normal(0, 8, 3) + np.array(HALF_MM) - 0.5
        return points + torch.tensor(offset, dtype=torch.float32)[:, None, None, None]

    def samples(self, labels: torch.Tensor, points: torch.Tensor) -> torch.Tensor:
        """Labels at four points of each voxel, ``(4, d, h, w)``: their shares are its content."""
        quarter = self._quarter
        corners = [(-1, -1, -1), (1, 1, -1), (1, -1, 1), (-1, 1, 1)]
        found = [
            _look_up(labels, points + quarter * torch.tensor(corner)[:, None, None, None])
            for corner in corners
        ]
        return torch.stack(found)


def _affine(random: np.random.Generator) -> np.ndarray:
    angles = np.deg2rad(random.uniform(-15, 15, 3))
    (cx, cy, cz), (sx, sy, sz) = np.cos(angles), np.sin(angles)
    turn = (
        np.array([[1, 0, 0], [0, cx, -sx], [0, sx, cx]])
        @ np.array([[cy, 0, sy], [0, 1, 0], [-sy, 0, cy]])
        @ np.array([[cz, -sz, 0], [sz, cz, 0], [0, 0, 1]])
    )
    scale = np.diag(np.exp(random.uniform(-0.06, 0.06)) * random.uniform(0.9, 1.1, 3))
    shear = np.eye(3) + np.triu(random.normal(0, 0.03, (3, 3)), 1)
    affine = turn @ scale @ shear
    if random.random() < 0.5:
        affine[0] *= -1  # the map's left becomes its right
    return affine


def _look_up(labels: torch.Tensor, points: torch.Tensor) -> torch.Tensor:
    rounded = points.round().to(torch.int32)
    for axis, length in enumerate(labels.shape):
        rounded[axis].clamp_(0, length - 1)
    index = (rounded[0] * labels.shape[1] + rounded[1]) * labels.shape[2] + rounded[2]
    return torch.take(labels, index.long())
