"""What results need of the original series to stand beside it in the hospital's own study.

Names, ids and dates of the patient and the study, and where each image lies: the attributes of an
allowlist, no voxels, no private attributes, no descriptions. They are kept under a key of their own
(``ports.storage``, prefix ``originals/``) and read by the function that writes results back alone.
"""

import io
import zipfile
from collections.abc import Iterable, Sequence
from contextlib import suppress

import pydicom
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import write_data_element
from pydicom.sequence import Sequence as DicomSequence
from pydicom.uid import ExplicitVRLittleEndian

from mri_analysis.errors import OriginalUnreadable

_KEPT = (
    *("SpecificCharacterSet", "TimezoneOffsetFromUTC", "SOPClassUID", "SOPInstanceUID"),
    # patient and study
    *("PatientName", "PatientID", "IssuerOfPatientID", "PatientBirthDate", "PatientSex"),
    *("PatientAge", "PatientSize", "PatientWeight", "StudyInstanceUID", "StudyID", "StudyDate"),
    *("StudyTime", "AccessionNumber", "ReferringPhysicianName"),
    # series and frame of reference
    *("Modality", "SeriesInstanceUID", "SeriesNumber", "Laterality", "PatientPosition"),
    *("FrameOfReferenceUID", "PositionReferenceIndicator"),
    # image
    *("InstanceNumber", "AcquisitionNumber", "ImageType", "Rows", "Columns", "NumberOfFrames"),
    *("PixelSpacing", "SliceThickness", "SpacingBetweenSlices", "ImagePositionPatient"),
    *("ImageOrientationPatient", "SamplesPerPixel", "PhotometricInterpretation"),
    *("BitsAllocated", "BitsStored", "HighBit", "PixelRepresentation"),
    *("LossyImageCompression", "LossyImageCompressionRatio", "LossyImageCompressionMethod"),
)
_IDENTITY = (
    *("SOPClassUID", "SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID"),
    "FrameOfReferenceUID",
)
_GROUPS = ("SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence")
_MACROS = {
    "PixelMeasuresSequence": ("PixelSpacing", "SliceThickness", "SpacingBetweenSlices"),
    "PlanePositionSequence": ("ImagePositionPatient",),
    "PlaneOrientationSequence": ("ImageOrientationPatient",),
    "FrameContentSequence": (
        *("FrameAcquisitionNumber", "StackID", "InStackPositionNumber", "DimensionIndexValues"),
    ),
}
"""Of a multi-frame object: where its frames lie."""
_MOST_OBJECTS = 10_000


def pack_original(objects: Iterable[Dataset]) -> bytes | None:
    """The kept part of the objects of one series, in their order.

    Values that cannot be read are left out. None where an object does not say what it is: nothing
    could refer to it. All objects are taken in either case.
    """
    page = io.BytesIO()
    whole = True
    with zipfile.ZipFile(page, "w", zipfile.ZIP_DEFLATED) as archive:
        for place, found in enumerate(objects):
            kept = _reduced(found)
            whole = whole and all(kept.get(name) for name in _IDENTITY)
            if whole:
                # A fixed time: the same series gives the same bytes.
                name = zipfile.ZipInfo(f"{place:06}.dcm")
                archive.writestr(name, _written(kept), zipfile.ZIP_DEFLATED)
    return page.getvalue() if whole else None


def unpack_original(content: bytes) -> list[Dataset]:
    """The objects as :func:`pack_original` took them, without what is not kept.

    Raises
    ------
    OriginalUnreadable
        These are not such bytes.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            names = sorted(archive.namelist())[:_MOST_OBJECTS]
            found: list[Dataset] = [
                pydicom.dcmread(io.BytesIO(archive.read(name))) for name in names
            ]
    except (zipfile.BadZipFile, pydicom.errors.InvalidDicomError) as error:
        raise OriginalUnreadable("What was kept of the original study is damaged.") from error
    if not found:
        raise OriginalUnreadable("Nothing was kept of the original study.")
    return found


def _reduced(found: Dataset) -> Dataset:
    kept = _only(found, _KEPT)
    for name in _GROUPS:
        if name in found:
            groups = [_only_macros(group) for group in found[name].value]
            setattr(kept, name, DicomSequence(groups))
    return kept


def _only_macros(group: Dataset) -> Dataset:
    kept = Dataset()
    for name, attributes in _MACROS.items():
        if name in group:
            macros = [_only(macro, attributes) for macro in group[name].value]
            setattr(kept, name, DicomSequence(macros))
    return kept


def _only(found: Dataset, names: Sequence[str]) -> Dataset:
    kept = Dataset()
    for name in names:
        # pydicom raises whatever a broken value leads to.
        with suppress(Exception):
            if name in found:
                kept.add(_sound(found[name]))
    return kept


def _sound(element: DataElement) -> DataElement:
    """The element, if it can be written as it was read."""
    page = DicomBytesIO()
    page.is_little_endian, page.is_implicit_VR = True, False
    write_data_element(page, element, ["utf-8"] if element.VR == "PN" else None)
    return element


def _written(found: Dataset) -> bytes:
    found.file_meta = FileMetaDataset()
    found.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    found.file_meta.MediaStorageSOPClassUID = found.SOPClassUID
    found.file_meta.MediaStorageSOPInstanceUID = found.SOPInstanceUID
    page = io.BytesIO()
    found.save_as(page, enforce_file_format=True)
    return page.getvalue()
