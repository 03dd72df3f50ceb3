"""DICOM uploads that must be refused, each with its code and a part of its sentence."""

import io
import zipfile
from collections.abc import Callable
from functools import cache, partial

from pydicom.dataset import Dataset
from pydicom.uid import CTImageStorage, RLELossless

from tests.support.dicom_series import archive, head_like, series, written

LOCALIZER = ["ORIGINAL", "PRIMARY", "LOCALIZER"]


def without(*places: int) -> list[Dataset]:
    return [one for place, one in enumerate(series()) if place not in places]


def moved(place: int, by_mm: float) -> list[Dataset]:
    def change(at: int, found: Dataset) -> None:
        if at == place:
            x, y, z = found.ImagePositionPatient
            found.ImagePositionPatient = [x, y, float(z) + by_mm]

    return series(change=change)


def short(found: list[Dataset]) -> bytes:
    files = {f"{n:03}": written(one) for n, one in enumerate(found)}
    files["030"] = files["030"][:-3000]
    return archive(files)


def encrypted() -> bytes:
    body = bytearray(archive(series()[:1]))
    at = body.find(b"PK\x01\x02")
    body[at + 8] |= 1
    return bytes(body)


@cache
def bomb() -> bytes:
    """1.7 GB of nothing; the better part of five seconds to make."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as packed:
        for n in range(17):
            packed.writestr(f"{n}.dcm", bytes(100 << 20))
    return buffer.getvalue()


def huge() -> bytes:
    """As its directory says: that is enough to refuse it."""
    body = bytearray(archive(series()[:1]))
    at = body.find(b"PK\x01\x02")
    body[at + 24 : at + 28] = (700_000_000).to_bytes(4, "little")
    return bytes(body)


def end_of_an_end() -> bytes:
    """The record that ends an archive, cut after its first signs."""
    return archive(series()[:1])[:-18]


def other_method() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_LZMA) as packed:
        packed.writestr("1.dcm", written(series()[0]))
    return buffer.getvalue()


def many_voxels() -> list[Dataset]:
    """Few bytes, packed, that announce more voxels than anybody can analyse."""

    def change(_: int, found: Dataset) -> None:
        found.compress(RLELossless)
        found.Rows = found.Columns = 40_000

    return series(change=change)


def many_files() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as packed:
        for n in range(25_000):
            packed.writestr(zipfile.ZipInfo(f"{n}"), b"")
    return buffer.getvalue()


def another_person(at: int, found: Dataset) -> None:
    if at > 30:
        found.PatientID = "B2"


def two_matrices() -> list[Dataset]:
    coarse = series(head_like((48, 48, 9)), spacing_mm=(4.0, 4.0, 3.0))
    return series(head_like((64, 64, 9))) + coarse


def another_object_of_the_same_id() -> list[Dataset]:
    return series() + series(change=lambda _, found: setattr(found, "EchoTime", 5))


def without_positions() -> list[Dataset]:
    return series(change=lambda _, found: delattr(found, "ImagePositionPatient"))


def half_an_archive() -> bytes:
    body = archive(series())
    return body[: len(body) // 2]


CT = {"Modality": "CT", "SOPClassUID": CTImageStorage}
_BAD: dict[str, tuple[Callable[[], bytes | list[Dataset]], str, str]] = {
    "no archive": (lambda: b"PK\x03\x04" + bytes(400), "TruncatedFile", "directory"),
    "half an archive": (half_an_archive, "TruncatedFile", "directory"),
    "empty archive": (list, "NoMrSeries", "no DICOM"),
    "no DICOM inside": (lambda: archive({"a.txt": b"x" * 500}), "NoMrSeries", "no DICOM"),
    "password": (encrypted, "EncryptedArchive", "password"),
    "zip bomb": (bomb, "ArchiveTooLarge", "more than"),
    "one huge file": (huge, "ArchiveTooLarge", "file 1 of the archive has 700 MB"),
    "an end without its record": (end_of_an_end, "TruncatedFile", "directory"),
    "another method": (other_method, "CorruptFile", "method"),
    "too many voxels": (many_voxels, "FileTooLarge", "million voxels"),
    "25,000 files": (many_files, "ArchiveTooLarge", "20,000"),
    "CT": (lambda: series(**CT), "NoMrSeries", "no MR"),
    "localizer only": (lambda: series(ImageType=LOCALIZER), "NoMrSeries", "localizer"),
    "few slices": (lambda: series()[:9], "NoMrSeries", "9 slices"),
    "half a head": (lambda: series(spacing_mm=(3, 3, 1)), "NoMrSeries", "part of the head"),
    "two persons": (lambda: series(change=another_person), "SeveralSubjects", "more than one"),
    "one slice missing": (lambda: without(20), "SeriesIncomplete", "1 slice is missing"),
    "four slices missing": (lambda: without(20, 21, 40, 50), "SeriesIncomplete", "4 slices"),
    "uneven": (lambda: moved(20, 1.2), "SeriesIncomplete", "uneven"),
    "truncated object": (lambda: short(series()), "TruncatedFile", "file 31 of the archive"),
    "two matrices": (two_matrices, "NoMrSeries", "9 slices"),
    "burned in": (lambda: series(BurnedInAnnotation="YES"), "AnnotationInImage", "text"),
    "no positions": (without_positions, "NoMrSeries", "place for each slice"),
    "same id twice": (another_object_of_the_same_id, "CorruptFile", "same id"),
}


def _made(make: Callable[[], bytes | list[Dataset]]) -> bytes:
    made = make()
    return made if isinstance(made, bytes) else archive(made)


BAD_ARCHIVES = {
    name: (partial(_made, make), code, says) for name, (make, code, says) in _BAD.items()
}
