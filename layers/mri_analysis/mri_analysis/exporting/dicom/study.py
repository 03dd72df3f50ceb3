"""The original series as what is written back refers to it: ids, geometry, who and when."""

import re
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any

import highdicom as hd
import numpy as np
from pydicom.dataset import Dataset
from pydicom.valuerep import DA, TM

from mri_analysis.contracts.job import ReviewStatus
from mri_analysis.errors import OriginalUnreadable

MANUFACTURER = "MRI Analysis (research software)"
_NAMESPACE = uuid.UUID("0f6d2b1e-61c0-5b0d-8c39-7f6c2c5a9e44")
_STEP_TOLERANCE = 0.01
"""Millimetres by which steps between slices may differ: as the upload's own check allows."""


@dataclass(frozen=True)
class Writing:
    """What every object says of its making. The same writing gives the same UIDs."""

    job_id: str
    version: int
    """of the report"""
    status: ReviewStatus
    model: str
    model_version: str
    at: datetime

    def uid(self, name: str) -> str:
        """A UID for the object or series of that name (2.25, from a UUID of version 5)."""
        made = uuid.uuid5(_NAMESPACE, f"{self.job_id}\n{self.version}\n{name}")
        return f"2.25.{made.int}"

    @property
    def signed(self) -> bool:
        return self.status in (ReviewStatus.SIGNED, ReviewStatus.AMENDED)

    def finish(self, made: Dataset) -> None:
        """Letters of any script; and the time of this writing where the object tells of a clock."""
        made.SpecificCharacterSet = "ISO_IR 192"
        day, time = f"{self.at:%Y%m%d}", f"{self.at:%H%M%S}"
        for prefix in ("InstanceCreation", "Content", "Series"):
            if f"{prefix}Date" in made or prefix == "InstanceCreation":
                setattr(made, f"{prefix}Date", day)
                setattr(made, f"{prefix}Time", time)
        for equipment in made.get("ContributingEquipmentSequence") or ():
            equipment.ContributionDateTime = f"{day}{time}"


_MAY_BE_EMPTY = (
    *("PatientName", "PatientID", "PatientSex", "PatientBirthDate", "StudyID", "StudyDate"),
    *("StudyTime", "AccessionNumber", "ReferringPhysicianName"),
)
"""Type 2: there, with or without a value."""
_AGE = r"\d{3}[DWMY]"
_FORMS: dict[str, Callable[[str], object]] = {
    "PatientBirthDate": DA,
    "StudyDate": DA,
    "StudyTime": TM,
    "PatientSex": hd.PatientSexValues,
}


@dataclass(frozen=True)
class OriginalStudy:
    """The images that were analysed, without their voxels."""

    images: Sequence[Dataset]

    @classmethod
    def of(cls, kept: Sequence[Dataset]) -> "OriginalStudy":
        """From what was kept, with what the standard demands and scanners leave out or spoil.

        Raises
        ------
        OriginalUnreadable
            The images say no frame of reference: nothing can be laid over them.
        """
        for image in kept:
            image.decode()
            for element in image:
                if element.VR == "PN":
                    element.value = str(element.value)  # forgets the bytes of the old letters
            image.SpecificCharacterSet = "ISO_IR 192"
            for name in _MAY_BE_EMPTY:
                if name not in image or not _well_formed(name, image[name].value):
                    setattr(image, name, "")
            if not re.fullmatch(_AGE, str(image.get("PatientAge") or "")):
                image.pop("PatientAge", None)
            if not image.get("FrameOfReferenceUID"):
                raise OriginalUnreadable("The original images have no frame of reference.")
        return cls(kept)

    @cached_property
    def geometry(self) -> hd.VolumeGeometry:
        """The grid of the images, in millimetres of the patient (DICOM's axes).

        Raises
        ------
        OriginalUnreadable
            They are no regular grid.
        """
        first = self.images[0]
        if "PerFrameFunctionalGroupsSequence" in first:
            planes = [_plane(frame, first) for frame in first.PerFrameFunctionalGroupsSequence]
        else:
            planes = [_plane(image, image) for image in self.images]
        return _grid(planes, first)


def _well_formed(name: str, value: object) -> bool:
    """Whether the value is one of its kind: a date that is none would spoil what is written."""
    if name not in _FORMS or not value:
        return True
    try:
        _FORMS[name](str(value))
    except ValueError:
        return False
    return True


@dataclass(frozen=True)
class _Plane:
    position: np.ndarray
    orientation: tuple[float, ...]
    spacing: tuple[float, float]


def _plane(frame: Dataset, whole: Dataset) -> _Plane:
    shared = (whole.get("SharedFunctionalGroupsSequence") or [Dataset()])[0]

    def said(macro: str, name: str) -> Any:
        for place in (frame, shared):
            if macro in place:
                value = place[macro].value[0].get(name)
                if value is not None:
                    return value
        return frame.get(name)

    position = said("PlanePositionSequence", "ImagePositionPatient")
    orientation = said("PlaneOrientationSequence", "ImageOrientationPatient")
    spacing = said("PixelMeasuresSequence", "PixelSpacing")
    if position is None or orientation is None or spacing is None:
        raise OriginalUnreadable("An image of the original study has no place in space.")
    return _Plane(
        np.array([float(mm) for mm in position]),
        tuple(float(cosine) for cosine in orientation),
        (float(spacing[0]), float(spacing[1])),
    )


def _grid(planes: Sequence[_Plane], first: Dataset) -> hd.VolumeGeometry:
    rows, columns = np.array(planes[0].orientation[:3]), np.array(planes[0].orientation[3:])
    normal = np.cross(rows, columns)
    # highdicom lets slices follow each other against the normal, so that slices, rows and columns
    # are a right-handed frame.
    ordered = sorted(planes, key=lambda plane: -float(normal @ plane.position))
    places = np.array([float(normal @ plane.position) for plane in ordered])
    steps = -np.diff(places)
    if len(steps) == 0 or np.ptp(steps) > 2 * _STEP_TOLERANCE or steps.min() <= 0:
        raise OriginalUnreadable("The images of the original study are no regular stack.")
    return hd.VolumeGeometry.from_attributes(
        image_position=[float(mm) for mm in ordered[0].position],
        image_orientation=list(ordered[0].orientation),
        rows=int(first.Rows),
        columns=int(first.Columns),
        pixel_spacing=list(ordered[0].spacing),
        spacing_between_slices=float(steps.mean()),
        number_of_frames=len(ordered),
        coordinate_system="PATIENT",
        frame_of_reference_uid=str(first.get("FrameOfReferenceUID", "")) or None,
    )
