"""Label maps in memory: cropped to the brain, one byte a voxel."""

from dataclasses import dataclass
from pathlib import Path

import nibabel as nib
import numpy as np
from numpy.typing import NDArray

HALF_MM = (105, 125, 110)
"""What is kept on each side of the brain's centre, in mm: the axes right, front and top."""

_HEAD_TISSUES = 500
"""Labels from here on lie outside the brain."""


@dataclass(frozen=True)
class LabelMaps:
    """Maps of one size and what their bytes stand for.

    Attributes
    ----------
    maps
        uint8, ``(n, 210, 250, 220)``, 1 mm; indices into ``values``.
    values
        FreeSurfer's ids and those of head tissues.
    """

    maps: NDArray[np.uint8]
    values: tuple[int, ...]


def read_label_maps(folder: Path) -> LabelMaps:
    """Read every ``*.nii.gz`` of a folder, in the order of the names.

    Raises
    ------
    FileNotFoundError
        The folder holds none.
    """
    files = sorted(folder.glob("*.nii.gz"))
    if not files:
        raise FileNotFoundError(f"no label maps (*.nii.gz) in {folder}")
    volumes = [_canonical(file) for file in files]
    values = sorted({int(value) for volume in volumes for value in np.unique(volume)})
    table = np.zeros(max(values) + 1, np.uint8)
    table[values] = np.arange(len(values), dtype=np.uint8)
    maps = np.zeros((len(volumes), *(2 * half for half in HALF_MM)), np.uint8)
    for into, volume in zip(maps, volumes, strict=True):
        _centred(table[volume], (volume > 0) & (volume < _HEAD_TISSUES), into)
    return LabelMaps(maps, tuple(values))


def _canonical(file: Path) -> NDArray[np.int16]:
    image = nib.as_closest_canonical(nib.load(file))
    return np.asarray(image.dataobj).astype(np.int16)


def _centred(labels: NDArray[np.uint8], brain: NDArray[np.bool_], into: NDArray[np.uint8]) -> None:
    """Copy the part around the brain; the border stays background for look-ups beyond it."""
    source, target = [], []
    for axis, half in enumerate(HALF_MM):
        there = np.flatnonzero(brain.any(axis=tuple(other for other in range(3) if other != axis)))
        low = (there[0] + there[-1] + 1) // 2 - half
        first, last = max(low, 0), min(low + 2 * half, labels.shape[axis])
        source.append(slice(first, last))
        target.append(slice(first - low, last - low))
    into[tuple(target)] = labels[tuple(source)]
    for axis in range(3):
        for end in (0, -1):
            into[(*[slice(None)] * axis, end)] = 0
