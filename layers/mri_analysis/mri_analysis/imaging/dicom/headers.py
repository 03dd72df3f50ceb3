"""The few values of a DICOM object that choosing, checking and converting it need.

Text that people write (descriptions of a series) is read for the choice where it has to be, and
goes no further than this package.
"""

import hashlib
import io
import warnings
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pydicom
from pydicom.dataset import Dataset
from pydicom.errors import InvalidDicomError
from pydicom.tag import Tag
from pydicom.uid import (
    EnhancedMRImageStorage,
    LegacyConvertedEnhancedMRImageStorage,
    MediaStorageDirectoryStorage,
    MRImageStorage,
)

from mri_analysis.errors import CorruptFile, TruncatedFile
from mri_analysis.imaging.dicom.archive import PackedFile

Vector = tuple[float, float, float]

MR_CLASSES = {MRImageStorage, EnhancedMRImageStorage, LegacyConvertedEnhancedMRImageStorage}
_MULTI_FRAME = {EnhancedMRImageStorage, LegacyConvertedEnhancedMRImageStorage}
_PIXEL_DATA = Tag(0x7FE0, 0x0010)
_GROUP_8_LITTLE = b"\x08\x00"
_LARGEST_VALUE = 1 << 16
"""Values above it stay on the shelf: a private tag may be as large as the object."""


@dataclass(frozen=True)
class Header:
    """What is known of one object before its voxels are read. None: not said."""

    file: PackedFile
    sop_class: str
    sop_instance: str
    content_sha256: str
    subject: str
    """hash of what names the person; to see that there is one person, never kept"""
    study: str
    series: str
    modality: str
    image_type: tuple[str, ...]
    frames: int
    rows: int
    columns: int
    row_direction: Vector | None
    column_direction: Vector | None
    position: Vector | None
    pixel_spacing_mm: tuple[float, float] | None
    frame_positions: tuple[Vector, ...] = ()
    """of a multi-frame object"""
    series_number: int | None = None
    acquisition_number: int | None = None
    instance_number: int | None = None
    temporal_position: int | None = None
    echo_time_ms: float | None = None
    repetition_time_ms: float | None = None
    inversion_time_ms: float | None = None
    flip_angle_degrees: float | None = None
    b_value: float | None = None
    three_dimensional: bool | None = None
    angiography: bool = False
    contrast_agent: bool | None = None
    burned_in: bool = False
    colour: bool = False
    words: str = ""
    """descriptions of series and protocol, lower case; read for the choice, kept by nothing"""
    manufacturer: str = ""
    field_strength_tesla: float | None = None
    age: str = ""
    sex: str = ""
    voxels_missing: str = ""
    """of an object whose voxels are not whole: what is missing, as a sentence"""

    @property
    def normal(self) -> npt.NDArray[np.float64] | None:
        """The direction in which slices follow each other."""
        if self.row_direction is None or self.column_direction is None:
            return None
        return np.cross(self.row_direction, self.column_direction)


def read_header(file: PackedFile, content: bytes) -> Header | None:
    """The header of an object, or None for a file that is no DICOM image object.

    Raises
    ------
    CorruptFile, TruncatedFile
        It begins as a DICOM object does and cannot be read to its voxels.
    """
    marked = content[128:132] == b"DICM"
    if not marked and not content.startswith(_GROUP_8_LITTLE):
        return None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # invalid values of real scanners; they would be logged
            found = pydicom.dcmread(
                io.BytesIO(content), force=not marked, defer_size=_LARGEST_VALUE
            )
            return _header(file, found, content)
    except (InvalidDicomError, EOFError, OSError) as error:
        if marked:
            raise TruncatedFile(f"The {file} ends before its header does.") from error
        return None
    except Exception as error:
        # pydicom raises whatever a broken value leads to; every one means the same to a person.
        if marked:
            raise CorruptFile(f"The header of {file} is damaged.") from error
        return None


def _header(file: PackedFile, found: Dataset, content: bytes) -> Header | None:
    sop_class = str(found.get("SOPClassUID", ""))
    if not sop_class or sop_class == MediaStorageDirectoryStorage:
        return None
    multi_frame = sop_class in _MULTI_FRAME
    functional = _first_frames(found) if multi_frame else [found]
    first = functional[0] if functional else found
    orientation = _numbers(first.get("ImageOrientationPatient"), 6)
    positions = [_numbers(frame.get("ImagePositionPatient"), 3) for frame in functional]
    spacing = _numbers(first.get("PixelSpacing"), 2)
    header = Header(
        file=file,
        sop_class=sop_class,
        sop_instance=str(found.get("SOPInstanceUID", "")),
        content_sha256=hashlib.sha256(content).hexdigest(),
        subject=_subject(found),
        study=str(found.get("StudyInstanceUID", "")),
        series=str(found.get("SeriesInstanceUID", "")),
        modality=_text(found, "Modality").upper(),
        image_type=tuple(part.upper() for part in _texts(found, "ImageType")),
        frames=_whole(found.get("NumberOfFrames")) or 1,
        rows=_whole(found.get("Rows")) or 0,
        columns=_whole(found.get("Columns")) or 0,
        row_direction=None if orientation is None else _vector(orientation[:3]),
        column_direction=None if orientation is None else _vector(orientation[3:]),
        position=None if multi_frame or positions[0] is None else _vector(positions[0]),
        frame_positions=tuple(_vector(p) for p in positions if p) if multi_frame else (),
        pixel_spacing_mm=None if spacing is None else (spacing[0], spacing[1]),
        series_number=_whole(found.get("SeriesNumber")),
        acquisition_number=_whole(found.get("AcquisitionNumber")),
        instance_number=_whole(found.get("InstanceNumber")),
        temporal_position=_whole(found.get("TemporalPositionIdentifier")),
        echo_time_ms=_number(first.get("EffectiveEchoTime") or first.get("EchoTime")),
        repetition_time_ms=_number(first.get("RepetitionTime")),
        inversion_time_ms=_number(first.get("InversionTimes") or first.get("InversionTime")),
        flip_angle_degrees=_number(first.get("FlipAngle")),
        b_value=_number(first.get("DiffusionBValue")),
        three_dimensional=_three_dimensional(found),
        angiography=_text(found, "AngioFlag").upper() == "Y",
        contrast_agent=_contrast_agent(found),
        burned_in=_text(found, "BurnedInAnnotation").upper() == "YES",
        colour=(_whole(found.get("SamplesPerPixel")) or 1) != 1,
        words=" ".join(
            _text(found, name) for name in ("SeriesDescription", "ProtocolName", "SequenceName")
        ).lower(),
        manufacturer=_text(found, "Manufacturer"),
        field_strength_tesla=_number(found.get("MagneticFieldStrength")),
        age=_text(found, "PatientAge"),
        sex=_text(found, "PatientSex"),
    )
    return replace(header, voxels_missing=_voxels_missing(header, found, len(content)))


def _voxels_missing(header: Header, found: Dataset, size: int) -> str:
    """Uncompressed voxels have a length that is known beforehand."""
    if _PIXEL_DATA not in found:
        return f"The {header.file} holds no voxels."
    syntax = found.file_meta.get("TransferSyntaxUID") if hasattr(found, "file_meta") else None
    if syntax is not None and (syntax.is_compressed or syntax.is_deflated):
        return ""
    bits = _whole(found.get("BitsAllocated")) or 0
    expected = header.frames * header.rows * header.columns * bits // 8
    # Deferred, so that voxels are not copied: their length is announced, and may not be there.
    voxels: Any = found.get_item(_PIXEL_DATA)
    there = (
        min(voxels.length, size - voxels.value_tell) if voxels.value is None else len(voxels.value)
    )
    if there >= expected:
        return ""
    return (
        f"The {header.file} holds {there:,} of the {expected:,} bytes of voxels that its header "
        "announces."
    )


# ---- values ------------------------------------------------------------------------------------


def _first_frames(found: Dataset) -> list[Dataset]:
    """What each frame says of itself, with what all share below it."""
    shared = _flat(found.get("SharedFunctionalGroupsSequence") or ())
    frames = []
    for group in found.get("PerFrameFunctionalGroupsSequence") or ():
        one = Dataset()
        one.update(shared)
        one.update(_flat([group]))
        frames.append(one)
    return frames


def _flat(groups: Iterable[Dataset]) -> Dataset:
    """The elements of the macros of a functional group, one level up."""
    flat = Dataset()
    for group in groups:
        for macro in group:
            if macro.VR == "SQ" and macro.value and not macro.tag.is_private:
                flat.update(macro.value[0])
    return flat


def _text(found: Dataset, name: str) -> str:
    value = found.get(name)
    return "" if value is None else str(value).strip()


def _texts(found: Dataset, name: str) -> tuple[str, ...]:
    value = found.get(name)
    if value is None or value == "":
        return ()
    return (value,) if isinstance(value, str) else tuple(str(part) for part in value)


def _number(value: Any) -> float | None:
    """The first finite number of a value; scanners write text where a number belongs."""
    if isinstance(value, Sequence) and not isinstance(value, str):
        value = value[0] if value else None
    try:
        number = float(value)
    except (TypeError, ValueError):
        return None
    return number if np.isfinite(number) else None


def _whole(value: Any) -> int | None:
    number = _number(value)
    return None if number is None else int(number)


def _numbers(value: Any, count: int) -> list[float] | None:
    if not isinstance(value, Sequence) or isinstance(value, str) or len(value) != count:
        return None
    numbers = [_number(part) for part in value]
    return None if any(n is None for n in numbers) else [n for n in numbers if n is not None]


def _vector(numbers: Sequence[float]) -> Vector:
    return numbers[0], numbers[1], numbers[2]


def _subject(found: Dataset) -> str:
    """The id alone where there is one: a name may be spelt in two ways within an examination."""
    named = _text(found, "PatientID") or _text(found, "PatientName")
    return hashlib.sha256(named.encode()).hexdigest() if named else ""


def _three_dimensional(found: Dataset) -> bool | None:
    said = _text(found, "MRAcquisitionType").upper()
    return None if said not in ("2D", "3D") else said == "3D"


def _contrast_agent(found: Dataset) -> bool | None:
    """Whether a contrast agent was given; None where the object does not have the attribute."""
    names = ("ContrastBolusAgent", "ContrastBolusAgentSequence", "ContrastBolusVolume")
    if not any(name in found for name in names):
        return None
    said = _text(found, "ContrastBolusAgent").lower()
    if said in ("", "none", "no", "n", "0", "without", "ohne"):
        return bool(found.get("ContrastBolusAgentSequence")) or bool(
            _number(found.get("ContrastBolusVolume"))
        )
    return True
