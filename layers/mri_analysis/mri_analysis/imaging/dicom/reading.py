"""From an uploaded archive, or a single object, to one checked NIfTI image."""

import io
import shutil
import warnings
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import pydicom
from pydicom.dataset import Dataset
from pydicom.uid import DeflatedExplicitVRLittleEndian, ExplicitVRLittleEndian

from mri_analysis.errors import FileTooLarge, NoMrSeries
from mri_analysis.imaging.dicom.archive import Archive, PackedFile, check_size
from mri_analysis.imaging.dicom.choice import Choice, Offer, choose, offer
from mri_analysis.imaging.dicom.conversion import convert
from mri_analysis.imaging.dicom.grouping import Series, series_of
from mri_analysis.imaging.dicom.headers import read_header
from mri_analysis.imaging.dicom.originals import pack_original
from mri_analysis.imaging.dicom.stack import check_stack

_DEFLATED = DeflatedExplicitVRLittleEndian.encode()
_META_BYTES = 1024
"""Where the transfer syntax stands; the meta group is never deflated."""


class _Files(Protocol):
    def files(
        self, places: Collection[int] | None = None
    ) -> Iterator[tuple[PackedFile, bytes]]: ...


@dataclass(frozen=True)
class Read:
    """A series of an upload."""

    image: Path
    """the NIfTI file as the converter wrote it"""
    choice: Choice
    original: bytes | None
    """what results need to stand in the original study; it names the patient"""


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
) -> Read:
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
    What was read; its image lies in ``folder`` and is not scrubbed yet.

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
        places = {header.file.place for header in series.headers}
        original = pack_original(_unpacked(upload, places, objects))
    image = convert(objects, series, converted)
    shutil.rmtree(objects)
    return Read(image, choice, original)


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


def _unpacked(upload: _Files, places: Collection[int], into: Path) -> Iterator[Dataset]:
    """The objects of a series, each written to the folder ``into`` as it passes."""
    for file, content in upload.files(places):
        inflated = _inflated(content)
        (into / f"{file.place:06}.dcm").write_bytes(inflated)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # they quote the values of real scanners
            yield pydicom.dcmread(io.BytesIO(inflated), force=True, stop_before_pixels=True)


def _inflated(content: bytes) -> bytes:
    """The object, written anew where all of it is deflated: dcm2niix does not read that."""
    if _DEFLATED not in content[:_META_BYTES]:
        return content
    found = pydicom.dcmread(io.BytesIO(content))
    found.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    buffer = io.BytesIO()
    found.save_as(buffer, enforce_file_format=True)
    return buffer.getvalue()
