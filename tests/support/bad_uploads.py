"""Uploads that must be refused, each with the code it is refused with."""

import gzip
import struct
from collections.abc import Callable

import nibabel as nib
import numpy as np

_SHAPE = (32, 36, 34)


def ramp_image(data_type: str = "int16", affine: np.ndarray | None = None) -> nib.Nifti1Image:
    """A smooth image with a valid header; no brain."""
    values = np.indices(_SHAPE).sum(axis=0).astype(data_type)
    image = nib.Nifti1Image(values, np.diag([2.0, 2.0, 2.0, 1.0]) if affine is None else affine)
    image.set_sform(image.affine, code="scanner")
    image.set_qform(image.affine, code="scanner")
    return image


def packed(image: nib.Nifti1Image) -> bytes:
    return gzip.compress(image.to_bytes(), 1, mtime=0)


def with_header(offset: int, layout: str, *values: float) -> bytes:
    """A valid image whose NIfTI-1 header bytes at ``offset`` are replaced."""
    raw = bytearray(ramp_image().to_bytes())
    struct.pack_into("<" + layout, raw, offset, *values)
    return gzip.compress(bytes(raw), 1, mtime=0)


# Offsets of the NIfTI-1 header (nifti1.h): dim 40, pixdim 76, scl_slope 112, qform_code 252, sform
# 280.
_DIM, _DATATYPE, _PIXDIM, _XYZT_UNITS, _QFORM_CODE = 40, 70, 76, 123, 252


def _forty_gigabytes() -> bytes:
    return with_header(_DIM, "8h", 3, 3200, 2500, 2500, 1, 1, 1, 1)


def _bomb() -> bytes:
    return gzip.compress(ramp_image().to_bytes() + bytes(200_000_000), 9, mtime=0)


def _half_a_gzip() -> bytes:
    body = packed(ramp_image())
    return body[: len(body) // 2]


def _two_dimensional() -> bytes:
    return packed(nib.Nifti1Image(np.ones((64, 64), np.int16), np.eye(4)))


def _four_dimensional() -> bytes:
    image = nib.Nifti1Image(np.ones((*_SHAPE, 5), np.int16), np.eye(4))
    return packed(image)


def _voxels(value: float) -> bytes:
    values = np.indices(_SHAPE).sum(axis=0).astype(np.float32)
    values[10, 10, 10] = value
    image = nib.Nifti1Image(values, np.eye(4))
    image.set_sform(np.eye(4), code="scanner")
    return packed(image)


def _contradicting() -> bytes:
    image = ramp_image()
    mirrored = image.affine.copy()
    mirrored[0] *= -1
    image.set_sform(mirrored, code="scanner")
    return packed(image)


def _zero_volume() -> bytes:
    return packed(nib.Nifti1Image(np.zeros(_SHAPE, np.int16), ramp_image().affine))


BAD_UPLOADS: dict[str, tuple[Callable[[], bytes], str]] = {
    "empty file": (lambda: b"", "EmptyFile"),
    "text renamed .nii.gz": (lambda: b"This is no image. " * 40, "UnsupportedFormat"),
    "compressed text": (lambda: gzip.compress(b"This is no image. " * 40), "UnsupportedFormat"),
    "another kind of archive": (lambda: b"Rar!\x1a\x07\x01\x00" + bytes(400), "UnsupportedFormat"),
    "truncated gzip": (_half_a_gzip, "TruncatedFile"),
    "truncated voxels": (lambda: ramp_image().to_bytes()[:-500], "TruncatedFile"),
    "damaged gzip": (lambda: b"\x1f\x8b\x08\x00" + b"\xff" * 500, "CorruptFile"),
    "header of forty gigabytes": (_forty_gigabytes, "FileTooLarge"),
    "gzip bomb": (_bomb, "CorruptFile"),
    "two dimensions": (_two_dimensional, "NotASingleVolume"),
    "four dimensions": (_four_dimensional, "NotASingleVolume"),
    "negative dimension": (lambda: with_header(_DIM, "4h", 3, 32, -36, 34), "CorruptFile"),
    "NaN voxel": (lambda: _voxels(np.nan), "NonFiniteVoxels"),
    "infinite voxel": (lambda: _voxels(np.inf), "NonFiniteVoxels"),
    "colour voxels": (lambda: with_header(_DATATYPE, "h", 128), "UnsupportedFormat"),
    "zero spacing": (lambda: with_header(_PIXDIM + 4, "f", 0.0), "InvalidSpacing"),
    "negative spacing": (lambda: with_header(_PIXDIM + 8, "f", -2.0), "InvalidSpacing"),
    "NaN spacing": (lambda: with_header(_PIXDIM + 8, "f", np.nan), "InvalidSpacing"),
    "lengths in metres": (lambda: with_header(_XYZT_UNITS, "B", 1), "InvalidSpacing"),
    "spacing against the affine": (
        lambda: with_header(_PIXDIM + 4, "3f", 1.0, 1.0, 1.0),
        "InvalidSpacing",
    ),
    "no orientation": (lambda: with_header(_QFORM_CODE, "2h", 0, 0), "UnknownOrientation"),
    "contradicting orientation": (_contradicting, "ContradictoryOrientation"),
    "all zero": (_zero_volume, "EmptyImage"),
}
