"""DICOM objects and archives for tests, written with pydicom."""

import io
import zipfile
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import nibabel as nib
import numpy as np
import numpy.typing as npt
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import (
    EnhancedMRImageStorage,
    ExplicitVRLittleEndian,
    MRImageStorage,
    generate_uid,
)

Voxels = npt.NDArray[np.int16]

T1: Mapping[str, Any] = {
    "MRAcquisitionType": "3D",
    "ScanningSequence": ["GR", "IR"],
    "RepetitionTime": 2300,
    "EchoTime": 2.98,
    "InversionTime": 900,
    "FlipAngle": 9,
    "SeriesDescription": "t1_mprage_sag",
}
FLAIR: Mapping[str, Any] = {
    "MRAcquisitionType": "3D",
    "ScanningSequence": ["SE", "IR"],
    "RepetitionTime": 5000,
    "EchoTime": 390,
    "InversionTime": 1800,
    "SeriesDescription": "t2_flair_sag",
}
_LPS = np.diag([-1.0, -1.0, 1.0, 1.0])


def head_like(shape: tuple[int, int, int] = (64, 64, 64)) -> Voxels:
    """Smooth voxels, other in each direction: what is mirrored shows. No brain."""
    x, y, z = np.indices(shape)
    found: Voxels = (7 * x + 3 * y + 2 * z).astype(np.int16)
    return found


def series(
    voxels: Voxels | None = None,
    *,
    spacing_mm: tuple[float, float, float] = (3.0, 3.0, 3.0),
    affine: npt.NDArray[np.float64] | None = None,
    number: int = 1,
    study: str = "1.2.826.0.1.3680043.8.498.1",
    change: Callable[[int, Dataset], None] | None = None,
    **attributes: Any,
) -> list[Dataset]:
    """One object for each slice along the third axis of ``voxels``.

    Parameters
    ----------
    voxels
        Axes and directions as in ``affine``, NIfTI's (right, anterior, superior in mm).
    change
        Called with each slice's place and object before it is written.
    attributes
        Of every object, by pydicom's keywords.
    """
    values = head_like() if voxels is None else voxels
    to_mm = np.diag([*spacing_mm, 1.0]) if affine is None else affine
    to_lps = _LPS @ to_mm
    steps = to_lps[:3, :3]
    sizes = np.linalg.norm(steps, axis=0)
    uid = generate_uid(entropy_srcs=[study, str(number)])
    made = []
    for place in range(values.shape[2]):
        # Rows of a DICOM image go along the second axis of the array.
        found = _object(values[:, :, place].T)
        found.StudyInstanceUID, found.SeriesInstanceUID, found.SeriesNumber = study, uid, number
        found.SOPInstanceUID = generate_uid(entropy_srcs=[uid, str(values.shape), str(place)])
        found.FrameOfReferenceUID = generate_uid(entropy_srcs=[uid, "frame of reference"])
        found.InstanceNumber = place + 1
        found.ImageOrientationPatient = [*(steps[:, 0] / sizes[0]), *(steps[:, 1] / sizes[1])]
        found.ImagePositionPatient = list((to_lps @ [0, 0, place, 1])[:3])
        found.PixelSpacing = [sizes[1], sizes[0]]
        found.SliceThickness = found.SpacingBetweenSlices = sizes[2]
        for name, value in {**T1, **attributes}.items():
            setattr(found, name, value)
        if change is not None:
            change(place, found)
        made.append(found)
    return made


def enhanced(voxels: Voxels | None = None, spacing_mm: float = 3.0) -> Dataset:
    """All slices in one object (Enhanced MR Image Storage), axial."""
    values = head_like() if voxels is None else voxels
    found = _object(values[:, :, 0].T)
    found.SOPClassUID = EnhancedMRImageStorage
    found.StudyInstanceUID, found.SeriesInstanceUID = generate_uid(), generate_uid()
    found.SOPInstanceUID, found.FrameOfReferenceUID = generate_uid(), generate_uid()
    found.SeriesNumber, found.InstanceNumber = 3, 1
    found.NumberOfFrames = values.shape[2]
    found.MRAcquisitionType = "3D"
    found.PixelData = np.ascontiguousarray(values.transpose(2, 1, 0), "<i2").tobytes()
    shared = Dataset()
    shared.PixelMeasuresSequence = [
        _dataset(PixelSpacing=[spacing_mm] * 2, SliceThickness=spacing_mm)
    ]
    shared.PlaneOrientationSequence = [_dataset(ImageOrientationPatient=[-1, 0, 0, 0, -1, 0])]
    shared.MRTimingAndRelatedParametersSequence = [_dataset(RepetitionTime=2300, FlipAngle=9)]
    shared.MREchoSequence = [_dataset(EffectiveEchoTime=2.98)]
    shared.MRModifierSequence = [_dataset(InversionTimes=900)]
    found.SharedFunctionalGroupsSequence = [shared]
    found.PerFrameFunctionalGroupsSequence = [
        _dataset(
            PlanePositionSequence=[_dataset(ImagePositionPatient=[0, 0, spacing_mm * place])],
            FrameContentSequence=[
                _dataset(
                    StackID="1",
                    InStackPositionNumber=place + 1,
                    DimensionIndexValues=[1, place + 1],
                )
            ],
        )
        for place in range(values.shape[2])
    ]
    return found


def image_series(image: nib.Nifti1Image, **options: Any) -> list[Dataset]:
    """A NIfTI image as a series of slices."""
    voxels = np.asarray(image.dataobj).astype(np.int16)
    return series(voxels, affine=np.asarray(image.affine, np.float64), **options)


def written(found: Dataset) -> bytes:
    """The object as a file."""
    buffer = io.BytesIO()
    found.file_meta.MediaStorageSOPInstanceUID = found.SOPInstanceUID
    found.file_meta.MediaStorageSOPClassUID = found.SOPClassUID
    found.save_as(buffer, enforce_file_format=True)
    return buffer.getvalue()


def archive(files: Mapping[str, bytes] | Iterable[Dataset]) -> bytes:
    """A zip archive of named files, or of objects in a nested folder."""
    if not isinstance(files, Mapping):
        files = {f"DICOM/S{n // 50}/I{n:05}": written(one) for n, one in enumerate(files)}
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as packed:
        for name, content in files.items():
            packed.writestr(zipfile.ZipInfo(name), content, zipfile.ZIP_DEFLATED, 1)
    return buffer.getvalue()


def _dataset(**attributes: Any) -> Dataset:
    found = Dataset()
    for name, value in attributes.items():
        setattr(found, name, value)
    return found


def _object(voxels: Voxels) -> Dataset:
    found = Dataset()
    found.file_meta = FileMetaDataset()
    found.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    found.SOPClassUID = MRImageStorage
    found.Modality = "MR"
    found.ImageType = ["ORIGINAL", "PRIMARY", "M", "ND"]
    found.PatientID = "A1"
    found.PatientName = "Example^Person"
    found.PatientAge = "042Y"
    found.PatientSex = "F"
    found.Manufacturer = "SIEMENS"
    found.MagneticFieldStrength = 3
    found.SamplesPerPixel = 1
    found.PhotometricInterpretation = "MONOCHROME2"
    found.Rows, found.Columns = voxels.shape
    found.BitsAllocated, found.BitsStored, found.HighBit = 16, 16, 15
    found.PixelRepresentation = 1
    found.PixelData = np.ascontiguousarray(voxels, "<i2").tobytes()
    return found
