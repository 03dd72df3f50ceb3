"""From an untrusted NIfTI upload to a clean one: checked before it is unpacked, scrubbed by
construction.

The header is judged before the voxels are read, and the voxels are unpacked no further than the
header announces, so that neither a header of forty gigabytes nor a gzip bomb costs more than a few
kilobytes. The prepared image gets a new header that holds geometry, data type and scaling and
nothing else: free text (``descrip``, ``aux_file``, ``intent_name``, ``db_name``) and extensions
never leave this module.
"""

import gzip
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, Literal, cast

import nibabel as nib
import numpy as np
import numpy.typing as npt

from mri_analysis.errors import (
    ContradictoryOrientation,
    CorruptFile,
    EmptyFile,
    EmptyImage,
    FileTooLarge,
    InvalidSpacing,
    NonFiniteVoxels,
    NotASingleVolume,
    TruncatedFile,
    UnknownOrientation,
    UnsupportedFormat,
)

_GZIP = b"\x1f\x8b"
_HEADER_BYTES = 540  # NIfTI-2; NIfTI-1 needs 348
_CHUNK = 1 << 20
_TRAILING_ALLOWED = 1 << 16  # some writers pad the file; a bomb goes on and on
_SMALLEST_AXIS = 16
_LARGEST_OFFSET = 1 << 24  # header extensions of 16 MB: far beyond what any writer makes
_SPACING_LIMITS_MM = (0.05, 20.0)
_SPACING_TOLERANCE = 0.01
_TEMPLATE_CODE = 3  # NIfTI-1: 3 Talairach, 4 MNI152, 5 another template
_SPATIAL_UNIT, _METRE, _MICROMETRE = 7, 1, 3  # xyzt_units, NIfTI-1: the three low bits
_SHEAR_LIMIT = 0.05  # cosine between two axes: 3 degrees

Affine = npt.NDArray[np.float64]


@dataclass(frozen=True)
class PreparedImage:
    """A checked image and what had to be decided to read it."""

    content: bytes
    """a complete, uncompressed NIfTI-1 file"""
    shape: tuple[int, int, int]
    spacing_mm: tuple[float, float, float]
    orientation: str
    orientation_source: Literal["sform", "qform"]
    data_type: str
    notes: list[str] = field(default_factory=list)


def read_upload(path: Path, *, max_voxels: int) -> PreparedImage:
    """Read an uploaded file as one 3-D image.

    Parameters
    ----------
    path
        The uploaded bytes, of any name.
    max_voxels
        Largest number of voxels that is unpacked.

    Returns
    -------
    PreparedImage
        Voxels as stored (scaling kept apart, 64-bit types narrowed to 32-bit floats), the chosen
        affine as both sform and qform.

    Raises
    ------
    UploadError
        One of its subclasses, with a sentence for the person who uploaded.
    """
    with path.open("rb") as raw:
        start = raw.read(len(_GZIP))
    if not start:
        raise EmptyFile("The uploaded file is empty.")
    with _opened(path, start) as stream:
        header = _read_header(stream)
        shape = _single_volume_shape(header, max_voxels)
        data_type = _real_data_type(header)
        spacing = _spacing_mm(header)
        affine, source, notes = _choose_affine(header, spacing)
        voxels = _read_voxels(stream, header, shape, data_type)
    slope, intercept = _scaling(header)
    _refuse_unusable_voxels(voxels, slope, intercept)
    voxels, slope, intercept, narrowed = _narrow(voxels, slope, intercept)
    return PreparedImage(
        content=_clean_file(voxels, affine, slope, intercept),
        shape=shape,
        spacing_mm=spacing,
        orientation="".join(nib.aff2axcodes(affine)),
        orientation_source=source,
        data_type=data_type.name,
        notes=notes + narrowed,
    )


def compressed(prepared: PreparedImage) -> bytes:
    """The image as ``.nii.gz``: same image, same bytes (no time stamp, no file name).

    Level 1: voxels compress little more at higher levels, and this file is read once.
    """
    return gzip.compress(prepared.content, compresslevel=1, mtime=0)


@contextmanager
def _opened(path: Path, start: bytes) -> Iterator[IO[bytes]]:
    """The unpacked bytes of ``path``; damage met anywhere while reading becomes our errors."""
    packed = start.startswith(_GZIP)
    opened = cast(IO[bytes], gzip.open(path, "rb") if packed else path.open("rb"))  # noqa: SIM115
    try:
        with opened as stream:
            yield stream
    except EOFError as error:
        raise TruncatedFile("The compressed file ends before its data do.") from error
    except (gzip.BadGzipFile, zlib.error) as error:
        raise CorruptFile("The compressed file is damaged and cannot be unpacked.") from error


def _read_header(stream: IO[bytes]) -> nib.Nifti1Header:
    block = stream.read(_HEADER_BYTES)
    little, big = (int.from_bytes(block[:4], order) for order in ("little", "big"))
    order: Literal["<", ">"] = "<" if little in (348, 540) else ">"
    size = little if order == "<" else big
    if size not in (348, 540) or len(block) < size:
        raise UnsupportedFormat("The uploaded file is not a NIfTI image.")
    kind: Any = nib.Nifti1Header if size == 348 else nib.Nifti2Header
    magic = block[344:348] if size == 348 else block[4:8]
    if magic.startswith(b"ni"):
        raise UnsupportedFormat(
            "The upload is the header of a two-file NIfTI pair; the voxels are in another file."
        )
    if not magic.startswith(b"n+"):
        raise UnsupportedFormat(
            "The upload is an Analyze image, which does not say left from right."
        )
    header: nib.Nifti1Header = kind(block[:size], endianness=order, check=False)
    # 0 means right behind the header and its four extension bytes (NIfTI-1 standard).
    offset = float(header["vox_offset"]) or size + 4
    if header["pixdim"][0] == 0:
        header["pixdim"][0] = 1  # the standard reads a qfac of 0 as 1
    if not size + 4 <= offset <= _LARGEST_OFFSET:  # false for NaN too
        raise CorruptFile("The header places the voxels at an impossible position.")
    stream.seek(int(offset))  # forwards over extensions, backwards over a short header
    return header


def _single_volume_shape(header: nib.Nifti1Header, max_voxels: int) -> tuple[int, int, int]:
    dims = [int(n) for n in header["dim"]]
    rank, sizes = dims[0], dims[1:]
    if not 1 <= rank <= 7 or any(n < 1 for n in sizes[:rank]):
        raise CorruptFile("The header names impossible image dimensions.")
    extra = [n for n in sizes[3:rank] if n > 1]
    if extra:
        raise NotASingleVolume(
            f"The image has {' x '.join(str(n) for n in sizes[:rank])} voxels: a series of "
            f"volumes, "
            "not one 3-D volume."
        )
    shape = (sizes[0], sizes[1] if rank > 1 else 1, sizes[2] if rank > 2 else 1)
    # Checked before the smallest axis: a header of forty gigabytes is too large, whatever its
    # shape.
    voxels = shape[0] * shape[1] * shape[2]
    if voxels > max_voxels:
        raise FileTooLarge(
            f"The header announces {voxels / 1e6:,.0f} million voxels; {max_voxels / 1e6:,.0f} "
            "million can be analysed."
        )
    if min(shape) < _SMALLEST_AXIS:
        raise NotASingleVolume(
            f"The image has {shape[0]} x {shape[1]} x {shape[2]} voxels; a 3-D brain scan has "
            f"at least "
            f"{_SMALLEST_AXIS} along each axis."
        )
    return shape


def _real_data_type(header: nib.Nifti1Header) -> np.dtype:
    try:
        data_type: np.dtype = header.get_data_dtype()
    except (KeyError, nib.spatialimages.HeaderDataError) as error:
        raise UnsupportedFormat("The header names a voxel type that cannot be read.") from error
    if data_type.kind not in "iuf" or data_type.itemsize > 8:
        raise UnsupportedFormat("The voxels are colours or complex numbers, not intensities.")
    return data_type


def _spacing_mm(header: nib.Nifti1Header) -> tuple[float, float, float]:
    if int(header["xyzt_units"]) & _SPATIAL_UNIT in (_METRE, _MICROMETRE):
        raise InvalidSpacing("The header gives its lengths in metres or micrometres.")
    values = [float(value) for value in header["pixdim"][1:4]]
    low, high = _SPACING_LIMITS_MM
    if not all(np.isfinite(values)) or any(value <= 0 for value in values):
        raise InvalidSpacing("The header gives a voxel size that is zero, negative or no number.")
    if not all(low <= value <= high for value in values):
        sizes = " x ".join(f"{value:g}" for value in values)
        raise InvalidSpacing(f"The header gives voxels of {sizes} mm, which no brain scan has.")
    return values[0], values[1], values[2]


def _choose_affine(
    header: nib.Nifti1Header, spacing: tuple[float, float, float]
) -> tuple[Affine, Literal["sform", "qform"], list[str]]:
    """The affine to trust, which form it came from, and what the reader should know about the
    choice.

    The sform leads, as in nibabel. It is passed over where its voxel sizes contradict ``pixdim``:
    such an sform maps into a template (codes 3 and 4) and would turn the patient's millilitres
    into the template's.
    """
    sform, qform = _form(header, "sform"), _form(header, "qform")
    if sform is None and qform is None:
        raise UnknownOrientation(
            "The header holds neither a qform nor an sform, so left and right are unknown."
        )
    if sform is not None and qform is not None and _axes(sform) != _axes(qform):
        raise ContradictoryOrientation(
            f"The sform says {_axes(sform)} and the qform says {_axes(qform)}: left and "
            f"right, or other "
            "directions, cannot be told."
        )
    if sform is not None and _fits(sform, spacing):
        return sform, "sform", []
    into_template = sform is not None and int(header["sform_code"]) >= _TEMPLATE_CODE
    if qform is not None and _fits(qform, spacing) and (sform is None or into_template):
        notes = ["The sform maps into a template; the qform was used."] if into_template else []
        return qform, "qform", notes
    raise InvalidSpacing("The voxel sizes of the header and of its orientation matrix contradict.")


def _form(header: nib.Nifti1Header, name: Literal["sform", "qform"]) -> Affine | None:
    if int(header[f"{name}_code"]) <= 0:
        return None
    try:
        affine = header.get_sform() if name == "sform" else header.get_qform()
    except (ValueError, nib.spatialimages.HeaderDataError):
        return None
    affine = np.asarray(affine, np.float64)
    usable = bool(np.isfinite(affine).all()) and abs(np.linalg.det(affine[:3, :3])) > 1e-9
    return affine if usable else None


def _axes(affine: Affine) -> str:
    return "".join(code or "?" for code in nib.aff2axcodes(affine))


def _fits(affine: Affine, spacing: tuple[float, float, float]) -> bool:
    """Whether the affine keeps the voxel sizes and does not shear."""
    columns = affine[:3, :3]
    lengths = np.linalg.norm(columns, axis=0)
    cosines = (columns / lengths).T @ (columns / lengths) - np.eye(3)
    keeps_sizes = bool(np.allclose(lengths, spacing, rtol=_SPACING_TOLERANCE))
    return keeps_sizes and float(np.abs(cosines).max()) < _SHEAR_LIMIT


def _read_voxels(
    stream: IO[bytes], header: nib.Nifti1Header, shape: tuple[int, int, int], data_type: np.dtype
) -> npt.NDArray[np.generic]:
    expected = int(np.prod(shape, dtype=np.int64)) * data_type.itemsize
    buffer = bytearray()
    while len(buffer) < expected:
        chunk = stream.read(min(_CHUNK, expected - len(buffer)))
        if not chunk:
            raise TruncatedFile(
                f"The file holds {len(buffer) / 1e6:.1f} of the {expected / 1e6:.1f} MB of "
                f"voxels its "
                "header announces."
            )
        buffer += chunk
    # Reading to the end also makes gzip compare its checksum.
    if len(stream.read(_TRAILING_ALLOWED)) == _TRAILING_ALLOWED:
        raise CorruptFile("The file holds far more data than its header announces.")
    voxels = np.frombuffer(buffer, data_type).reshape(shape, order="F")
    return voxels.astype(data_type.newbyteorder("<"), copy=False)


def _scaling(header: nib.Nifti1Header) -> tuple[float, float]:
    """Slope and intercept; (1, 0) where the header sets none (slope 0 or NaN, NIfTI-1 standard)."""
    slope, intercept = float(header["scl_slope"]), float(header["scl_inter"])
    if not np.isfinite(slope) or slope == 0:
        return 1.0, 0.0
    if not np.isfinite(intercept):
        raise CorruptFile("The header gives an intensity scaling that is no number.")
    return slope, intercept


def _refuse_unusable_voxels(
    voxels: npt.NDArray[np.generic], slope: float, intercept: float
) -> None:
    lowest, highest = voxels.min(), voxels.max()  # NaN and infinity both show here
    if not (np.isfinite(lowest) and np.isfinite(highest)):
        bad = int(np.count_nonzero(~np.isfinite(voxels)))
        raise NonFiniteVoxels(f"{bad:,} voxels of {voxels.size:,} are NaN or infinite.")
    if lowest == highest:
        raise EmptyImage(
            f"Every voxel has the same value ({float(lowest) * slope + intercept:g}); the "
            f"image is empty."
        )


def _narrow(
    voxels: npt.NDArray[np.generic], slope: float, intercept: float
) -> tuple[npt.NDArray[np.generic], float, float, list[str]]:
    """64-bit voxels as 32-bit floats with the scaling applied: no scanner measures more digits."""
    if voxels.dtype.itemsize <= 4:
        return voxels, slope, intercept, []
    values = (voxels.astype(np.float64) * slope + intercept).astype(np.float32)
    if not np.isfinite(values).all():
        raise CorruptFile("The voxel values are too large to be intensities.")
    return values, 1.0, 0.0, ["Voxels of 64 bits were stored with 32."]


def _clean_file(
    voxels: npt.NDArray[np.generic], affine: Affine, slope: float, intercept: float
) -> bytes:
    image = nib.Nifti1Image(voxels, affine, dtype=voxels.dtype)
    image.set_sform(affine, code="scanner")
    image.set_qform(affine, code="scanner")
    image.header.set_xyzt_units("mm")
    raw = bytearray(image.to_bytes())
    # nibabel would choose a scaling of its own; the stored voxels stay as they are, so theirs does.
    header = nib.Nifti1Header(bytes(raw[:348]), check=False)
    header["scl_slope"], header["scl_inter"] = slope, intercept
    raw[:348] = header.binaryblock
    return bytes(raw)
