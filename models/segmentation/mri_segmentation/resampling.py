"""Resampling between axis-aligned grids as three small matrices, one an axis.

Positions are millimetres from the outer corner of the first voxel: voxel ``i`` covers
``[i, i + 1] * spacing`` and has its centre at ``(i + 0.5) * spacing``.
"""

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Matrix: TypeAlias = NDArray[np.float32]


def linear_matrix(n: int, spacing: float, start: float, at: NDArray[np.float64]) -> Matrix:
    """Weights of linear interpolation.

    Parameters
    ----------
    n, spacing, start
        Number of voxels of the source axis, their edge length and the position of their first edge,
        mm.
    at : ndarray, shape (m,)
        Positions to interpolate at, mm.

    Returns
    -------
    ndarray, shape (m, n)
        Rows sum to 1 inside the source and to 0 outside it.
    """
    position = (at - start) / spacing - 0.5
    below = np.floor(position).astype(int)
    fraction = (position - below).astype(np.float32)
    inside = (position > -0.5) & (position < n - 0.5)
    weights = np.zeros((len(at), n), np.float32)
    rows = np.arange(len(at))
    for index, weight in ((below, 1 - fraction), (below + 1, fraction)):
        np.add.at(weights, (rows[inside], np.clip(index, 0, n - 1)[inside]), weight[inside])
    return weights


def box_matrix(n: int, spacing: float, m: int, target_spacing: float, start: float) -> Matrix:
    """Weights that average ``n`` source voxels into ``m`` target voxels.

    Target voxel ``k`` covers ``start + [k, k + 1] * target_spacing`` mm. A source coarser than the
    target is interpolated linearly instead. Outside the source the result is 0.

    Returns
    -------
    ndarray, shape (m, n)
    """
    centres = start + (np.arange(m, dtype=np.float64) + 0.5) * target_spacing
    if spacing >= target_spacing:
        return linear_matrix(n, spacing, 0.0, centres)
    low, high = centres - target_spacing / 2, centres + target_spacing / 2
    edges = np.arange(n) * spacing
    overlap = np.minimum(high[:, None], edges + spacing) - np.maximum(low[:, None], edges)
    return np.asarray(np.maximum(overlap, 0) / target_spacing, dtype=np.float32)


def resample(
    voxels: NDArray[np.generic], matrices: tuple[Matrix, Matrix, Matrix]
) -> NDArray[np.float32]:
    """Apply one matrix an axis.

    Only the part of ``voxels`` that carries weight is converted to float32, which keeps the peak
    memory at the size of that part.

    Parameters
    ----------
    voxels : ndarray, shape (n0, n1, n2)
    matrices : three ndarrays of shape (m_k, n_k)

    Returns
    -------
    ndarray of float32, shape (m0, m1, m2)
    """
    used = []
    for matrix in matrices:
        columns = np.flatnonzero(matrix.any(axis=0))
        used.append(slice(columns[0], columns[-1] + 1) if len(columns) else slice(0, 1))
    first, second, third = (m[:, u] for m, u in zip(matrices, used, strict=True))
    part = np.ascontiguousarray(voxels[tuple(used)], dtype=np.float32)
    along_first = (first @ part.reshape(part.shape[0], -1)).reshape(-1, *part.shape[1:])
    return np.asarray(np.matmul(second, along_first) @ third.T, dtype=np.float32)
