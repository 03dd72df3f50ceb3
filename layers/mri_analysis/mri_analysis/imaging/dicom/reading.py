"""From an uploaded archive, or a single object, to one checked NIfTI image."""

import io
import shutil
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import pydicom
from pydicom.uid import DeflatedExplicitVRLittleEndian, ExplicitVRLittleEndian

from mri_analysis.errors import FileTooLarge, NoMrSeries
from mri_analysis.imaging.dicom.archive import Archive, PackedFile, check_size
from mri_analysis.imaging.dicom.choice import Choice, Offer, choose, offer
from mri_analysis.imaging.dicom.conversion import convert
from mri_analysis.imaging.dicom.grouping import Series, series_of
from mri_analysis.imaging.dicom.headers import read_header
from mri_analysis.imaging.dicom.stack import check_stack

_DEFLATED = DeflatedExplicitVRLittleEndian.encode()
_META_BYTES = 1024
"""Where the transfer syntax stands; the meta group is never deflated."""


class _Files(Protocol):
    def files(
        self, places: Collection[int] | None = None
    ) -> Iterator[tuple[PackedFile, bytes]]: ...


@dataclass(frozen=True)
class _SingleObject:
    """An upload that is one object and no archive."""

    path: Path

    def files(self, places: Collection[int] | None = None) -> Iterator[tuple[PackedFile, bytes]]:
        file = PackedFile(1, self.path.stat().st_size)
        check_size(file)
        yield file, self.path.read_bytes()


def read_dicom(
    path: Path,
    folder: Path,
    *,
    max_voxels: int,
    tell: Callable[[Offer], None],
    wanted: int | None = None,
) -> tuple[Path, Choice]:
    """Choose a series of the upload and convert it.

    Parameters
    ----------
    path
        The uploaded bytes: a zip archive, or one object.
    folder
        An empty folder for what is made; it holds identifiers until it is removed.
    max_voxels
        Largest number of voxels that is converted.
    tell
        Called with what the upload holds before anything is chosen: a person may have to.
    wanted
        Number of the series that a person chose.

    Returns
    -------
    The NIfTI file as the converter wrote it, in ``folder`` and not scrubbed yet, and the choice.

    Raises
    ------
    UploadError
        One of its subclasses, with a sentence for the person who uploaded.
    """
    with _opened(path) as upload:
        headers = [read_header(file, content) for file, content in upload.files()]
        found = [header for header in headers if header is not None]
        if not found:
            raise NoMrSeries("The upload holds no DICOM images.")
        offered = offer(series_of(found))
        tell(offered)
        choice = choose(offered, wanted)
        series = choice.chosen.series
        _check_voxels(series, max_voxels)
        check_stack(series)
        objects, converted = folder / "objects", folder / "converted"
        objects.mkdir()
        converted.mkdir()
        _unpack(upload, {header.file.place for header in series.headers}, objects)
    image = convert(objects, series, converted)
    shutil.rmtree(objects)
    return image, choice


@contextmanager
def _opened(path: Path) -> Iterator[_Files]:
    with path.open("rb") as raw:
        packed = raw.read(4).startswith(b"PK")
    if not packed:
        yield _SingleObject(path)
        return
    with Archive(path) as archive:
        yield archive


def _check_voxels(series: Series, most: int) -> None:
    """By the header, before anything is converted: compressed voxels take little room."""
    voxels = series.first.rows * series.first.columns * series.slices
    if voxels > most:
        raise FileTooLarge(
            f"The series has {voxels / 1e6:,.0f} million voxels; at most {most / 1e6:,.0f} million "
            "can be analysed."
        )


def _unpack(upload: _Files, places: Collection[int], into: Path) -> None:
    for file, content in upload.files(places):
        (into / f"{file.place:06}.dcm").write_bytes(_inflated(content))


def _inflated(content: bytes) -> bytes:
    """The object, written anew where all of it is deflated: dcm2niix does not read that."""
    if _DEFLATED not in content[:_META_BYTES]:
        return content
    found = pydicom.dcmread(io.BytesIO(content))
    found.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    buffer = io.BytesIO()
    found.save_as(buffer, enforce_file_format=True)
    return buffer.getvalue()
