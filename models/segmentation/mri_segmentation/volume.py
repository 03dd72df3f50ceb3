"""An image as one canonical volume, and the way back to the grid it came on.

All arithmetic happens on a view whose axes run to the patient's right, front and top (RAS). Results
are turned back, so that they lie on the voxels and the affine that were sent."""

import gzip
import io
import zlib
from dataclasses import dataclass

import nibabel as nib
import numpy as np
from nibabel.orientations import (
    apply_orientation,
    axcodes2ornt,
    io_orientation,
    ornt_transform,
)
from numpy.typing import NDArray

from mri_analysis.contracts.segmentation import ImageGeometry
from mri_segmentation.errors import (
    NonFiniteVoxels,
    UnreadableImage,
    UnsupportedShape,
    UnsupportedVoxelType,
    UnusableOrientation,
)

MAX_VOXELS = 400_000_000
"""About 0.35 mm isotropic over a whole head: more is a mistake, and memory is finite."""

FINE_SPACING_MM = 0.8
"""Finer voxels are averaged towards this spacing: the tissue borders gain nothing below it, while
time and memory grow with the cube."""

_DAMAGE = (
    EOFError,
    OSError,
    ValueError,
    zlib.error,
    nib.filebasedimages.ImageFileError,
    nib.spatialimages.HeaderDataError,
    nib.wrapstruct.WrapStructError,
)
"""What gzip and nibabel raise on bytes that are no image, or no whole one."""


@dataclass(frozen=True)
class Volume:
    """A scan in canonical orientation.

    Attributes
    ----------
    voxels : ndarray, shape (nx, ny, nz)
        Intensities, axes to the right, front and top, in an arbitrary unit and any real dtype. A
        positive scale factor of the header is not applied: nothing below depends on it.
    spacing_mm : ndarray, shape (3,)
        Edge lengths of a voxel of ``voxels``.
    affine : ndarray, shape (4, 4)
        From indices of ``voxels`` to the scanner's millimetres.
    geometry : ImageGeometry
        The grid as it was sent.
    """

    voxels: NDArray[np.generic]
    spacing_mm: NDArray[np.float64]
    affine: NDArray[np.float64]
    geometry: ImageGeometry
    to_input: NDArray[np.float64]
    averaged: tuple[int, int, int]
    canonical_shape: tuple[int, int, int]

    @property
    def voxel_ml(self) -> float:
        """Volume of one voxel; the determinant, since an affine may be sheared."""
        return float(abs(np.linalg.det(self.affine[:3, :3]))) / 1000

    def on_input_grid(self, labels: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """``labels`` (shape of ``voxels``) on the grid that was sent."""
        if self.averaged != (1, 1, 1):
            whole = np.zeros(self.canonical_shape, np.uint8)
            for axis, factor in enumerate(self.averaged):
                labels = np.repeat(labels, factor, axis)
            whole[tuple(slice(0, n) for n in labels.shape)] = labels
            labels = whole
        return np.asarray(apply_orientation(labels, self.to_input), dtype=np.uint8)


def read_nifti(content: bytes) -> nib.Nifti1Image:
    """Decode the bytes of a ``.nii`` or ``.nii.gz`` file.

    Raises
    ------
    UnreadableImage
        The bytes are no NIfTI-1 or NIfTI-2 file, or the file is damaged.
    """
    limit = MAX_VOXELS * 8 + 10_000
    try:
        if content[:2] == b"\x1f\x8b":
            with gzip.GzipFile(fileobj=io.BytesIO(content)) as stream:
                content = stream.read(limit + 1)
        if len(content) > limit:
            raise UnsupportedShape("The image is larger than one analysis may hold; resample it.")
        kind = nib.Nifti2Image if content[:4] in (b"\x1c\x02\0\0", b"\0\0\x02\x1c") else None
        return (kind or nib.Nifti1Image).from_bytes(content)
    except UnsupportedShape:
        raise
    except _DAMAGE as error:
        raise UnreadableImage(
            "The file is not a readable NIfTI image; export the series again."
        ) from error


def canonical_volume(image: nib.Nifti1Image) -> Volume:
    """The canonical view of ``image``.

    Parameters
    ----------
    image : nibabel image
        Three dimensions; further ones must have length 1. Any orientation and real voxel type.

    Raises
    ------
    UnsupportedShape, UnsupportedVoxelType, NonFiniteVoxels, UnusableOrientation, UnreadableImage
        Each with a sentence for the person who sent the image.
    """
    affine = _usable_affine(image)
    stored = _intensities(image, _three_dimensions(image.shape))
    orientation = io_orientation(affine)
    if np.isnan(orientation).any():
        raise UnusableOrientation("The image's affine does not span three directions.")
    voxels = apply_orientation(stored, orientation)
    canonical_affine = affine @ nib.orientations.inv_ornt_aff(orientation, stored.shape)
    spacing = nib.affines.voxel_sizes(canonical_affine)
    shape = (voxels.shape[0], voxels.shape[1], voxels.shape[2])
    averaged = tuple(
        int(min(n, max(1, round(FINE_SPACING_MM / s)))) for n, s in zip(shape, spacing, strict=True)
    )
    factors = (averaged[0], averaged[1], averaged[2])
    if factors != (1, 1, 1):
        voxels = _block_means(voxels, factors)
        # The centre of a block lies (factor - 1) / 2 voxels beyond the centre of its first voxel.
        step = np.diag([*factors, 1.0])
        step[:3, 3] = (np.array(factors) - 1) / 2
        canonical_affine = canonical_affine @ step
    x_mm, y_mm, z_mm = (round(float(s), 4) for s in nib.affines.voxel_sizes(affine))
    return Volume(
        voxels=voxels,
        spacing_mm=spacing * factors,
        affine=canonical_affine,
        geometry=ImageGeometry(
            shape=(stored.shape[0], stored.shape[1], stored.shape[2]),
            spacing_mm=(x_mm, y_mm, z_mm),
            orientation="".join(nib.aff2axcodes(affine)),
        ),
        to_input=ornt_transform(axcodes2ornt(("R", "A", "S")), orientation),
        averaged=factors,
        canonical_shape=shape,
    )


def _usable_affine(image: nib.Nifti1Image) -> NDArray[np.float64]:
    header = image.header
    if isinstance(header, nib.Nifti1Header) and not (header["sform_code"] or header["qform_code"]):
        # Readers guess an orientation then, and not all of them the same one.
        raise UnusableOrientation("The header tells no orientation, so left cannot be told apart.")
    affine = None if image.affine is None else np.asarray(image.affine, dtype=np.float64)
    if affine is None or not np.isfinite(affine).all() or abs(np.linalg.det(affine)) < 1e-9:
        raise UnusableOrientation(
            "The image's affine is missing or singular, so left and right cannot be told apart."
        )
    return affine


def _three_dimensions(shape: tuple[int, ...]) -> tuple[int, int, int]:
    if len(shape) < 3 or any(n != 1 for n in shape[3:]) or min(shape) < 1:
        raise UnsupportedShape(
            f"The image has the dimensions {'x'.join(map(str, shape))}; one volume is needed."
        )
    if int(np.prod([int(n) for n in shape])) > MAX_VOXELS:
        raise UnsupportedShape("The image has more voxels than one analysis may hold; resample it.")
    return (shape[0], shape[1], shape[2])


def _intensities(image: nib.Nifti1Image, shape: tuple[int, int, int]) -> NDArray[np.generic]:
    """Voxels as stored where their order of brightness allows, else as scaled float32."""
    data = image.dataobj
    dtype = image.get_data_dtype()
    if dtype.kind not in "iufb":
        raise UnsupportedVoxelType(
            "The voxels are complex or coloured; one intensity each is needed."
        )
    slope = float(getattr(data, "slope", 1.0))
    try:
        if (
            dtype.kind in "iu"
            and dtype.itemsize <= 2
            and slope > 0
            and hasattr(data, "get_unscaled")
        ):
            return np.asarray(data.get_unscaled()).reshape(shape)
        voxels = np.asanyarray(data).reshape(shape)
    except _DAMAGE as error:
        raise UnreadableImage("The file ends before its last voxel; export it again.") from error
    if voxels.dtype.kind in "iub" and voxels.dtype.itemsize <= 2:
        return voxels
    peak = float(np.abs(voxels).max())
    if not np.isfinite(peak):
        raise NonFiniteVoxels("The image holds NaN or infinite voxels; export the series again.")
    # float64 data may exceed what float32 holds; a common factor is free, see Volume.voxels.
    scale = 1.0 if 1e-3 <= peak <= 1e6 or peak == 0 else 1000.0 / peak
    return (voxels if scale == 1.0 else voxels * scale).astype(np.float32, copy=False)


def _block_means(voxels: NDArray[np.generic], factors: tuple[int, int, int]) -> NDArray[np.float32]:
    counts = [n // f for n, f in zip(voxels.shape, factors, strict=True)]
    whole = voxels[tuple(slice(0, c * f) for c, f in zip(counts, factors, strict=True))]
    blocks = whole.reshape(counts[0], factors[0], counts[1], factors[1], counts[2], factors[2])
    return np.asarray(blocks.mean(axis=(1, 3, 5), dtype=np.float32))
