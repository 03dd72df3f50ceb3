"""Segmentation, structured report and PDF as objects of the original DICOM study."""

import gzip
import io
import shutil
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import highdicom as hd
import nibabel as nib
import numpy as np
import pydicom
import pytest
from numpy.typing import NDArray
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset
from pydicom.tag import Tag

from mri_analysis.contracts.job import ReviewStatus
from mri_analysis.contracts.review import Decision
from mri_analysis.contracts.segmentation import Measurements, Structure, Verdict
from mri_analysis.errors import OriginalUnreadable
from mri_analysis.exporting.dicom.encapsulated_report import write_encapsulated_report
from mri_analysis.exporting.dicom.segmentation_object import segments_of, write_segmentation
from mri_analysis.exporting.dicom.structured_report import write_structured_report
from mri_analysis.exporting.dicom.study import OriginalStudy, Writing
from mri_analysis.imaging.dicom.originals import pack_original, unpack_original
from mri_analysis.imaging.nifti import compressed
from mri_analysis.imaging.uploads import read_scan
from mri_analysis.reporting.label_table import LABELS
from tests.support import dicom_series
from tests.support.measurements import some_measurements
from tests.unit.exporting.conftest import AT

STEP = 10
"""A voxel of a test series is its label times this: what is converted tells what it was."""
AFFINES = {
    "axial": np.diag([2.0, 2.5, 3.0, 1.0]),
    "sagittal": np.array([[0, 0, 3.0, -80], [2.0, 0, 0, -60], [0, 2.5, 0, -70], [0, 0, 0, 1]]),
    "coronal": np.array([[-2.0, 0, 0, 70], [0, 0, -3.0, 60], [0, 2.5, 0, -70], [0, 0, 0, 1]]),
}


def oblique(affine: NDArray[np.float64]) -> NDArray[np.float64]:
    """Turned by 20 degrees about an axis that is none of the patient's."""
    axis, angle = np.array([0.36, 0.48, 0.8]), np.radians(20)
    cross = np.cross(np.eye(3), axis)
    turn = np.eye(3) + np.sin(angle) * cross + (1 - np.cos(angle)) * cross @ cross
    turned = np.eye(4)
    turned[:3, :3] = turn
    found: NDArray[np.float64] = turned @ affine
    return found


AFFINES["oblique"] = oblique(AFFINES["sagittal"])


def labelled(shape: tuple[int, int, int] = (52, 56, 48)) -> NDArray[np.uint8]:
    """Boxes of every label, none like another, and a corner that tells each direction."""
    labels = np.zeros(shape, np.uint8)
    for place, label in enumerate(sorted(LABELS)):
        row, column = divmod(place, 4)
        start = 4 + 11 * row, 5 + 12 * column
        labels[start[0] : start[0] + 6, start[1] : start[1] + 7, 6 + place : 20 + 2 * place] = label
    labels[1:4, 1:3, 1:2] = 16
    return labels


@dataclass
class Case:
    """A series whose voxels are labels, and what became of it."""

    objects: list[Dataset]
    labels: NDArray[np.uint8]
    affine: NDArray[np.float64]

    @cached_property
    def study(self) -> OriginalStudy:
        """As it comes out of the kept bytes."""
        return OriginalStudy.of(unpack_original(packed(self.objects)))

    @cached_property
    def segmentation(self) -> hd.seg.Segmentation:
        """Of a draft."""
        return segmentation(self)


@pytest.fixture(scope="module", params=[*AFFINES, "enhanced"])
def case(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Case:
    """A series of each kind, for what hangs on its geometry."""
    return case_of(request.param, tmp_path_factory.mktemp("case"))


@pytest.fixture(scope="module")
def axial(tmp_path_factory: pytest.TempPathFactory) -> Case:
    """One series, for what does not."""
    return case_of("axial", tmp_path_factory.mktemp("case"))


def case_of(kind: str, folder: Path) -> Case:
    voxels = (labelled().astype(np.int16)) * STEP
    if kind == "enhanced":
        objects = [dicom_series.enhanced(voxels)]
    else:
        objects = dicom_series.series(voxels, affine=AFFINES[kind])
    for one in objects:
        one.FrameOfReferenceUID = "1.2.826.0.1.3680043.8.498.77"
        one.PatientBirthDate, one.StudyDate, one.StudyTime = "19700101", "20200102", "101112"
        one.AccessionNumber, one.StudyID = "ACC7", "S7"
        one.ImageComments = "planted free text"
    path = folder / "upload.zip"
    path.write_bytes(dicom_series.archive(objects))
    work = folder / "work"
    work.mkdir()
    scan = read_scan(path, work, max_voxels=10**7, tell=lambda offer: None)
    image = nib.Nifti1Image.from_bytes(gzip.decompress(compressed(scan.image)))
    labels = np.rint(np.asarray(image.dataobj) / STEP).astype(np.uint8)
    return Case(objects, labels, np.asarray(image.affine, np.float64))


def packed(objects: list[Dataset]) -> bytes:
    content = pack_original(objects)
    assert content is not None
    return content


def writing(status: ReviewStatus = ReviewStatus.DRAFT) -> Writing:
    return Writing("job-1", 3, status, "mri-segmentation", "1.1.0", AT)


def segmentation(case: Case) -> hd.seg.Segmentation:
    return write_segmentation(case.study, case.labels, case.affine, some_measurements(), writing())


def report(
    case: Case, measurements: Measurements, status: ReviewStatus = ReviewStatus.DRAFT
) -> hd.sr.Comprehensive3DSR:
    decision = Decision(
        review_status=ReviewStatus.SIGNED,
        reviewer_id="r1",
        reviewer_name="Dr. Reviewer",
        at=AT,
        content_sha256="0" * 64,
    )
    return write_structured_report(
        case.study,
        case.segmentation,
        segments_of(case.labels),
        measurements,
        None if status is ReviewStatus.DRAFT else decision,
        "clinic-a",
        writing(status),
    )


def saved(made: Dataset, folder: Path) -> Path:
    path = folder / "made.dcm"
    made.save_as(path, enforce_file_format=True)
    return path


# ---- what is kept of the original ----------------------------------------------------------------


def test_original_keeps_ids_and_places_and_nothing_else(case: Case) -> None:
    kept = unpack_original(packed(case.objects))

    assert len(kept) == len(case.objects)
    for before, after in zip(case.objects, kept, strict=True):
        for name in ("PatientName", "PatientID", "StudyInstanceUID", "SOPInstanceUID", "StudyDate"):
            assert after[name].value == before[name].value
        assert "PixelData" not in after
        assert "ImageComments" not in after
        assert "SeriesDescription" not in after
    assert b"planted" not in b"".join(dicom_series.written(one) for one in kept)


def test_damaged_original_is_told() -> None:
    for content in (b"", b"PK nonsense", packed([])):
        with pytest.raises(OriginalUnreadable):
            unpack_original(content)


# ---- segmentation --------------------------------------------------------------------------------


def test_segmentation_lies_where_the_images_lie(case: Case, tmp_path: Path) -> None:
    """Each frame against the voxels of the image that it stands on, found by its position."""
    path = saved(case.segmentation, tmp_path)
    read = hd.seg.segread(path)
    segments = {segment.number: segment.label for segment in segments_of(case.labels)}

    expected = frames_of(case.objects)
    found: dict[tuple[float, ...], NDArray[np.uint8]] = {
        place: np.zeros_like(image) for place, image in expected.items()
    }
    pixels = read.pixel_array
    for index, group in enumerate(read.PerFrameFunctionalGroupsSequence):
        position = np.array(group.PlanePositionSequence[0].ImagePositionPatient, float)
        place = min(expected, key=lambda known: float(np.abs(np.array(known) - position).max()))
        assert np.abs(np.array(place) - position).max() < 0.01  # mm
        number = group.SegmentIdentificationSequence[0].ReferencedSegmentNumber
        found[place][pixels[index] > 0] = segments[number]
    shared = read.SharedFunctionalGroupsSequence[0]
    orientation = np.array(shared.PlaneOrientationSequence[0].ImageOrientationPatient, float)
    assert np.allclose(orientation, orientation_of(case.objects[0]), atol=1e-5)
    spacing = np.array(shared.PixelMeasuresSequence[0].PixelSpacing, float)
    assert np.allclose(spacing, spacing_of(case.objects[0]), atol=1e-4)
    for place, image in expected.items():
        assert np.array_equal(found[place], image), place


def test_every_label_is_a_segment_with_code_side_and_colour(axial: Case) -> None:
    made = axial.segmentation

    named = {segment.SegmentLabel: segment for segment in made.SegmentSequence}
    assert len(named) == len(LABELS)
    hippocampus = named["Hippocampi, left"]
    kind = hippocampus.SegmentedPropertyTypeCodeSequence[0]
    assert (kind.CodingSchemeDesignator, kind.CodeValue) == ("SCT", "5366008")
    (side,) = kind.SegmentedPropertyTypeModifierCodeSequence
    assert (side.CodingSchemeDesignator, side.CodeValue) == ("SCT", "7771000")
    assert len(hippocampus.RecommendedDisplayCIELabValue) == 3
    assert (
        "SegmentedPropertyTypeModifierCodeSequence"
        not in (named["Brainstem"].SegmentedPropertyTypeCodeSequence[0])
    )
    deep = named["Deep grey matter, right"].SegmentedPropertyTypeCodeSequence[0]
    assert deep.CodingSchemeDesignator == "99MRIANALYSIS"
    assert made.SegmentationType == "BINARY"


def test_results_stand_in_the_original_study_under_their_own_uids(case: Case) -> None:
    first = case.objects[0]
    made = [
        case.segmentation,
        report(case, some_measurements()),
        write_encapsulated_report(case.study, b"%PDF-1.7", "Draft", writing()),
    ]

    for one in made:
        for name in ("StudyInstanceUID", "PatientID", "PatientName", "AccessionNumber", "StudyID"):
            assert one[name].value == first[name].value
        assert (one.StudyDate, one.StudyTime) == ("20200102", "101112")
        assert one.SeriesInstanceUID != first.SeriesInstanceUID
        assert one.SOPInstanceUID.startswith("2.25.")
        assert "DRAFT" in one.SeriesDescription
    assert made[0].FrameOfReferenceUID == first.FrameOfReferenceUID
    assert len({one.SOPInstanceUID for one in made}) == 3
    assert len({one.SeriesInstanceUID for one in made}) == 3


def test_same_report_gives_the_same_objects(axial: Case, tmp_path: Path) -> None:
    first = saved(segmentation(axial), tmp_path).read_bytes()

    assert saved(segmentation(axial), tmp_path).read_bytes() == first


@pytest.mark.parametrize(
    "spoil",
    [
        lambda affine: affine + np.diag([0.05, 0, 0, 0]),
        lambda affine: affine @ np.diag([1, 1, 1.01, 1]),
        lambda affine: affine + np.array([[0, 0, 0, 1.0], *np.zeros((3, 4))]),
    ],
    ids=["voxels", "slices", "shift"],
)
def test_labels_on_another_grid_are_refused(case: Case, spoil: Callable[..., Any]) -> None:
    with pytest.raises(OriginalUnreadable):
        write_segmentation(
            case.study, case.labels, spoil(case.affine), some_measurements(), writing()
        )


def test_labels_of_a_smaller_image_are_refused(axial: Case) -> None:
    with pytest.raises(OriginalUnreadable):
        write_segmentation(
            axial.study, axial.labels[:-3], axial.affine, some_measurements(), writing()
        )


def small_case(**attributes: Any) -> Case:
    """An axial series whose headers say what is given; None leaves an attribute out."""
    objects = dicom_series.series(labelled().astype(np.int16) * STEP, affine=AFFINES["axial"])
    for one in objects:
        one.FrameOfReferenceUID = "1.2.826.0.1.3680043.8.498.77"
        for name, value in attributes.items():
            if value is None:
                one.pop(name, None)
            else:
                with pydicom.config.disable_value_validation():
                    setattr(one, name, value)
    return Case(objects, labelled(), AFFINES["axial"])


@pytest.mark.parametrize(
    "attributes",
    [
        {"PatientSex": None, "PatientName": None, "PatientID": None, "PatientAge": None},
        {"PatientBirthDate": "unknown", "StudyDate": "2020-13-77", "StudyTime": "noon"},
        {"PatientSex": "X", "PatientAge": "42"},
    ],
    ids=["missing", "invalid dates", "invalid sex"],
)
def test_headers_that_scanners_spoil_are_written_as_empty(
    attributes: dict[str, Any], tmp_path: Path
) -> None:
    case = small_case(**attributes)

    made = [
        case.segmentation,
        report(case, some_measurements()),
        write_encapsulated_report(case.study, b"%PDF-1.7", "Draft", writing()),
    ]

    for one in made:
        read = pydicom.dcmread(saved(one, tmp_path))
        assert read.PatientSex in ("", "F")
        assert read.get("PatientAge", "042Y") == "042Y"
        assert str(read.get("StudyDate") or "") == ""


@pytest.mark.parametrize(
    ("charset", "name"),
    [
        ("ISO_IR 192", "山田^太郎"),
        (["", "ISO 2022 IR 87"], "Yamada^Tarou=山田^太郎=やまだ^たろう"),
        ("ISO_IR 100", "Müller^Jörg"),
        ("ISO_IR 144", "Лидия^Жм"),
    ],
)
def test_names_of_any_script_arrive(charset: Any, name: str, tmp_path: Path) -> None:
    case = small_case(SpecificCharacterSet=charset, PatientName=name)
    case.objects = [pydicom.dcmread(io.BytesIO(dicom_series.written(one))) for one in case.objects]

    for one in (
        case.segmentation,
        report(case, some_measurements()),
        write_encapsulated_report(case.study, b"%PDF-1.7", "Draft", writing()),
    ):
        assert str(pydicom.dcmread(saved(one, tmp_path)).PatientName) == name


@pytest.mark.parametrize(
    "name", ["FrameOfReferenceUID", "SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID"]
)
def test_objects_that_do_not_say_what_they_are_are_not_kept(name: str) -> None:
    case = small_case()
    del case.objects[3][name]
    taken: list[Dataset] = []

    def objects() -> Iterator[Dataset]:
        for one in case.objects:
            taken.append(one)
            yield one

    assert pack_original(objects()) is None
    assert len(taken) == len(case.objects)


@pytest.mark.parametrize(
    ("tag", "vr", "value"),
    [
        (0x00101030, "DS", b"heavy "),
        (0x00200013, "IS", b"one "),
        (0x00100010, "PN", b"\xff\xfe\xfa^x"),
        (0x00100030, "DA", b"yesterday "),
        (0x00281050, "DS", b"\\\\"),
    ],
    ids=["weight", "instance number", "name", "birth date", "window"],
)
def test_values_that_cannot_be_read_spoil_nothing(tag: int, vr: str, value: bytes) -> None:
    case = small_case()
    read = []
    for one in case.objects:
        found = pydicom.dcmread(io.BytesIO(dicom_series.written(one)))
        found[tag] = RawDataElement(Tag(tag), vr, len(value), value, 0, False, True)
        read.append(found)
    case.objects = read

    assert segmentation(case).StudyInstanceUID == case.objects[0].StudyInstanceUID


def test_images_that_are_no_stack_are_refused() -> None:
    case = small_case()
    case.objects = [*case.objects[:10], *case.objects[12:]]

    with pytest.raises(OriginalUnreadable):
        segmentation(case)


# ---- structured report ---------------------------------------------------------------------------


def numbers(made: hd.sr.Comprehensive3DSR) -> dict[tuple[str, str], tuple[float, str]]:
    """Tracking identifier and name of each measurement, with value and unit."""
    found: dict[tuple[str, str], tuple[float, str]] = {}
    content = hd.sr.MeasurementReport.from_sequence([made], is_root=True)
    groups = [
        *content.get_volumetric_roi_measurement_groups(),
        *content.get_image_measurement_groups(),
    ]
    for group in groups:
        for one in group.get_measurements():
            code = one.unit
            found[group.tracking_identifier, one.name.meaning] = (one.value, code.value)
    return found


def test_numbers_are_those_of_the_measurements(axial: Case) -> None:
    measurements = some_measurements(missing=frozenset({Structure.THALAMUS}))

    found = numbers(report(axial, measurements))

    for volume in measurements.volumes:
        name = next(
            key.removesuffix(", whole")
            for key, _ in found
            if key.endswith(", whole") and found[key, "Volume"] == (volume.total_ml, "mL")
        )
        if volume.percent_of_icv is not None:
            share = found[f"{name}, whole", "Share of intracranial volume"]
            assert share == (volume.percent_of_icv, "%")
        if volume.left_ml is not None and volume.structure is not Structure.CSF:
            left = found[f"{name[0].upper()}{name[1:]}, left", "Volume"]
            assert left == (volume.left_ml, "mL")
    assert found["Brain", "Brain parenchymal fraction"][0] == measurements.ratios[0].value
    assert not any("halam" in key for key, _ in found)


def test_draft_is_preliminary_and_a_signed_report_names_its_signer(axial: Case) -> None:
    draft = report(axial, some_measurements())
    signed = report(axial, some_measurements(), ReviewStatus.SIGNED)

    assert (draft.VerificationFlag, draft.PreliminaryFlag) == ("UNVERIFIED", "PRELIMINARY")
    assert "VerifyingObserverSequence" not in draft
    assert (signed.VerificationFlag, signed.PreliminaryFlag) == ("VERIFIED", "FINAL")
    (observer,) = signed.VerifyingObserverSequence
    assert "Reviewer" in str(observer.VerifyingObserverName)
    assert observer.VerificationDateTime == "20261124093000"


def test_quality_is_told(axial: Case) -> None:
    made = report(axial, some_measurements(verdict=Verdict.WARN))

    assert "warn" in str(made.ContentSequence)


# ---- PDF -----------------------------------------------------------------------------------------


def test_pdf_comes_out_as_it_went_in(axial: Case, tmp_path: Path) -> None:
    made = write_encapsulated_report(axial.study, b"%PDF-1.7 odd", "Signed report", writing())

    read = pydicom.dcmread(saved(made, tmp_path))

    assert read.EncapsulatedDocument[: read.EncapsulatedDocumentLength] == b"%PDF-1.7 odd"
    assert len(read.EncapsulatedDocument) % 2 == 0
    assert read.MIMETypeOfEncapsulatedDocument == "application/pdf"


# ---- the standard --------------------------------------------------------------------------------


def errors_of(path: Path) -> set[str]:
    said = subprocess.run(
        ["dciodvfy", str(path)], capture_output=True, text=True, check=False, timeout=120
    )
    lines = (said.stdout + said.stderr).splitlines()
    return {line for line in lines if line.startswith("Error")}


@pytest.mark.skipif(shutil.which("dciodvfy") is None, reason="dicom3tools is not installed")
@pytest.mark.parametrize("status", [ReviewStatus.DRAFT, ReviewStatus.SIGNED])
def test_dciodvfy_finds_no_error_that_the_source_had_not(
    case: Case, tmp_path: Path, status: ReviewStatus
) -> None:
    source = tmp_path / "source.dcm"
    source.write_bytes(dicom_series.written(case.objects[0]))
    known = errors_of(source)
    pdf = write_encapsulated_report(case.study, b"%PDF-1.7", "Report", writing(status))

    for made in (case.segmentation, report(case, some_measurements(), status), pdf):
        assert errors_of(saved(made, tmp_path)) <= known, made.Modality


# ---- the series as it was sent -------------------------------------------------------------------


def frames_of(objects: list[Dataset]) -> dict[tuple[float, ...], NDArray[np.uint8]]:
    """The labels of each image by its position."""
    found: dict[tuple[float, ...], NDArray[np.uint8]] = {}
    for one in objects:
        if "PerFrameFunctionalGroupsSequence" not in one:
            found[tuple(float(v) for v in one.ImagePositionPatient)] = pixels_of(one)
            continue
        for frame, group in zip(pixels_of(one), one.PerFrameFunctionalGroupsSequence, strict=True):
            position = group.PlanePositionSequence[0].ImagePositionPatient
            found[tuple(float(v) for v in position)] = frame
    return found


def pixels_of(one: Dataset) -> NDArray[np.uint8]:
    shape = (int(one.get("NumberOfFrames") or 1), one.Rows, one.Columns)
    voxels = np.frombuffer(one.PixelData, "<i2").reshape(shape)
    labels = (voxels // STEP).astype(np.uint8)
    return labels if "NumberOfFrames" in one else labels[0]


def orientation_of(one: Dataset) -> list[float]:
    if "SharedFunctionalGroupsSequence" in one:
        shared = one.SharedFunctionalGroupsSequence[0]
        return [float(v) for v in shared.PlaneOrientationSequence[0].ImageOrientationPatient]
    return [float(v) for v in one.ImageOrientationPatient]


def spacing_of(one: Dataset) -> list[float]:
    if "SharedFunctionalGroupsSequence" in one:
        shared = one.SharedFunctionalGroupsSequence[0]
        return [float(v) for v in shared.PixelMeasuresSequence[0].PixelSpacing]
    return [float(v) for v in one.PixelSpacing]
