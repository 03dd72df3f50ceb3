"""From archives of DICOM objects to one image: geometry, choice, completeness."""

import io
import zipfile
from collections.abc import Callable
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from pydicom.dataset import Dataset
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    RLELossless,
)

from mri_analysis import errors
from mri_analysis.contracts.study import SeriesOffer
from mri_analysis.errors import UploadError
from mri_analysis.imaging.dicom import archive as dicom_archive
from mri_analysis.imaging.uploads import Scan, read_scan
from tests.support.bad_archives import BAD_ARCHIVES, LOCALIZER, bomb
from tests.support.brains import small_brain
from tests.support.dicom_series import (
    FLAIR,
    archive,
    enhanced,
    head_like,
    image_series,
    series,
    written,
)


def read(
    folder: Path,
    content: bytes,
    wanted: int | None = None,
    tell: Callable[[SeriesOffer], None] = lambda _: None,
) -> Scan:
    upload, work = folder / "upload", folder / "work"
    upload.write_bytes(content)
    work.mkdir(exist_ok=True)
    return read_scan(upload, work, max_voxels=512**3, wanted=wanted, tell=tell)


def image_of(scan: Scan) -> nib.Nifti1Image:
    return nib.Nifti1Image.from_bytes(scan.image.content)


def refused(folder: Path, content: bytes) -> UploadError:
    with pytest.raises(UploadError) as caught:
        read(folder, content)
    assert str(caught.value).endswith(".")
    assert caught.value.next_step
    return caught.value


# ---- geometry ----------------------------------------------------------------------------------


def in_patient_space(image: nib.Nifti1Image) -> nib.Nifti1Image:
    return nib.as_closest_canonical(image)


ANGLE = np.deg2rad(17)
TURN = np.array(
    [
        [np.cos(ANGLE), -np.sin(ANGLE), 0, 4.0],
        [np.sin(ANGLE), np.cos(ANGLE), 0, -9.0],
        [0, 0, 1, 31.0],
        [0, 0, 0, 1],
    ]
)
AXIAL = np.diag([3.0, 3.0, 3.0, 1.0])
SAGITTAL = np.array([[0, 0, 3.0, 0], [3.0, 0, 0, 0], [0, 3.0, 0, 0], [0, 0, 0, 1]])
CORONAL = np.array([[3.0, 0, 0, 0], [0, 0, 3.0, 0], [0, 3.0, 0, 0], [0, 0, 0, 1]])


@pytest.mark.parametrize("affine", [AXIAL, SAGITTAL, CORONAL], ids=["axial", "sagittal", "coronal"])
@pytest.mark.parametrize("turned", [False, True], ids=["straight", "turned"])
def test_every_voxel_stays_where_it_was(tmp_path: Path, affine: np.ndarray, turned: bool) -> None:
    affine = TURN @ affine if turned else affine
    expected = nib.Nifti1Image(head_like((64, 48, 40)), affine)

    found = image_of(read(tmp_path, archive(image_series(expected))))

    theirs, ours = in_patient_space(expected), in_patient_space(found)
    assert np.allclose(theirs.affine, ours.affine, atol=0.01)
    assert np.array_equal(np.asarray(theirs.dataobj), np.asarray(ours.dataobj))


def test_order_and_names_of_the_files_do_not_matter(tmp_path: Path) -> None:
    objects = series()
    rng = np.random.default_rng(3)
    files = {f"x/{n}": written(objects[n]) for n in rng.permutation(len(objects))}

    found = image_of(read(tmp_path, archive(files | {"readme.txt": b"hello " * 100})))

    (tmp_path / "again").mkdir()
    plain = image_of(read(tmp_path / "again", archive(objects)))
    assert np.array_equal(np.asarray(found.dataobj), np.asarray(plain.dataobj))


def test_rescale_slope_is_kept_apart_from_the_voxels(tmp_path: Path) -> None:
    scan = read(tmp_path, archive(series(RescaleSlope="2.5", RescaleIntercept="-20")))

    values = image_of(scan).get_fdata()
    assert values.min() == pytest.approx(-20)
    assert values.max() == pytest.approx(head_like().max() * 2.5 - 20)


@pytest.mark.parametrize(
    "syntax",
    [ImplicitVRLittleEndian, ExplicitVRBigEndian, DeflatedExplicitVRLittleEndian],
)
def test_other_ways_of_writing_give_the_same_image(tmp_path: Path, syntax: str) -> None:
    def rewritten(_: int, found: Dataset) -> None:
        found.file_meta.TransferSyntaxUID = syntax
        if syntax == ExplicitVRBigEndian:
            found.PixelData = np.frombuffer(found.PixelData, "<i2").astype(">i2").tobytes()

    found = image_of(read(tmp_path, archive(series(change=rewritten))))

    assert sorted(np.unique(found.dataobj)) == sorted(np.unique(head_like()))


@pytest.mark.parametrize("syntax", [RLELossless, JPEG2000Lossless])
def test_packed_voxels_give_the_same_image(tmp_path: Path, syntax: str) -> None:
    def compressed(_: int, found: Dataset) -> None:
        found.compress(syntax)

    found = image_of(read(tmp_path, archive(series(change=compressed))))

    assert sorted(np.unique(found.dataobj)) == sorted(np.unique(head_like()))


@pytest.mark.parametrize("packed", [False, True], ids=["alone", "in an archive"])
def test_one_object_with_all_slices_is_a_series(tmp_path: Path, packed: bool) -> None:
    found = enhanced()
    scan = read(tmp_path, archive([found]) if packed else written(found))

    assert scan.image.shape == (64, 64, 64)
    assert sorted(np.unique(image_of(scan).dataobj)) == sorted(np.unique(head_like()))
    assert scan.acquisition is not None
    assert (scan.acquisition.weighting, scan.acquisition.echo_time_ms) == ("T1-weighted", 2.98)


# ---- choice ------------------------------------------------------------------------------------


def test_single_series_is_taken(tmp_path: Path) -> None:
    scan = read(tmp_path, archive(series()))

    assert scan.series is not None
    assert scan.series.reason == "no other series can be analysed"
    assert scan.image.shape == (64, 64, 64)


def test_t1_is_taken_before_flair_and_the_rest_is_told(tmp_path: Path) -> None:
    localizer = series(head_like((64, 64, 3)), number=1, ImageType=LOCALIZER)
    told: list[SeriesOffer] = []
    both = series(number=2, **FLAIR) + series(number=3)
    scan = read(tmp_path, archive(localizer + both), tell=told.append)

    assert scan.series is not None
    assert "series 3, T1-weighted" in scan.series.description
    assert scan.series.reason == "it is T1-weighted"
    (offer,) = told
    assert [one.number for one in offer.series] == [2, 3]
    assert "FLAIR" in offer.series[0].description
    assert offer.left_out == ["Series 1 is a localizer."]


@pytest.mark.parametrize(
    ("worse", "reason"),
    [
        ({"ContrastBolusAgent": "Gadovist"}, "no contrast agent was given"),
        (
            {"ImageType": ["DERIVED", "PRIMARY", "M", "ND"]},
            "it was measured, and not derived from other images",
        ),
    ],
)
def test_better_of_two_t1_is_taken(tmp_path: Path, worse: dict[str, object], reason: str) -> None:
    scan = read(tmp_path, archive(series(number=1, **worse) + series(number=2)))

    assert scan.series is not None
    assert "series 2" in scan.series.description
    assert scan.series.reason == reason


def test_two_alike_are_for_a_person_to_choose(tmp_path: Path) -> None:
    both = archive(series(number=4) + series(number=7))

    error = refused(tmp_path, both)
    assert error.code == "SeriesAmbiguous"
    assert "1: series 4, T1-weighted, 64 slices" in str(error)
    assert "2: series 7" in str(error)
    (tmp_path / "second").mkdir()
    chosen = read(tmp_path / "second", both, wanted=2).series
    assert chosen is not None
    assert (chosen.number, chosen.reason) == (2, "a person chose it")


def test_series_that_is_not_there_cannot_be_chosen(tmp_path: Path) -> None:
    with pytest.raises(errors.NoMrSeries, match="no series 9"):
        read(tmp_path, archive(series()), wanted=9)


def test_words_of_the_header_leave_with_nothing(tmp_path: Path) -> None:
    planted = "Mustermann"
    scan = read(
        tmp_path,
        archive(
            series(
                SeriesDescription=f"t1 {planted}",
                ProtocolName=planted,
                Manufacturer=f"Siemens {planted}",
                ManufacturerModelName=planted,
                PatientName=planted,
                ImageComments=planted,
                ContrastBolusAgent=planted,
            )
        ),
    )

    assert scan.series is not None
    assert scan.acquisition is not None
    kept = scan.series.model_dump_json() + scan.acquisition.model_dump_json()
    assert planted not in kept
    assert planted.encode() not in scan.image.content
    assert scan.acquisition.vendor == "Siemens"
    assert scan.acquisition.contrast_agent is True


@pytest.mark.parametrize(
    ("said", "age"),
    [
        ("042Y", 42),
        ("42", 42),
        ("093Y", 90),
        ("000Y", None),
        ("006M", None),
        ("x", None),
        ("", None),
    ],
)
def test_age_is_whole_years_and_one_bin_from_ninety(
    tmp_path: Path, said: str, age: int | None
) -> None:
    acquisition = read(tmp_path, archive(series(PatientAge=said))).acquisition

    assert acquisition is not None
    assert acquisition.age_years == age


# ---- what is refused ---------------------------------------------------------------------------


@pytest.mark.parametrize("name", BAD_ARCHIVES)
def test_bad_archive_is_refused_with_its_reason(tmp_path: Path, name: str) -> None:
    make, code, says = BAD_ARCHIVES[name]

    error = refused(tmp_path, make())

    assert (error.code, says in str(error)) == (code, True), str(error)


def test_copies_of_an_object_are_taken_once(tmp_path: Path) -> None:
    objects = series()

    assert read(tmp_path, archive(objects + objects[10:20])).image.shape == (64, 64, 64)


def test_name_in_the_archive_is_no_path(tmp_path: Path) -> None:
    files = {f"../../../{tmp_path}/escaped{n}": written(one) for n, one in enumerate(series())}

    read(tmp_path, archive(files))

    assert not list(tmp_path.rglob("escaped*"))


def test_directory_that_lies_about_sizes_is_not_believed(tmp_path: Path) -> None:
    """The bomb's sizes are written as 1,000 bytes each."""
    body = bytearray(bomb())
    at = body.find(b"PK\x01\x02")
    while at >= 0:
        body[at + 24 : at + 28] = (1000).to_bytes(4, "little")
        at = body.find(b"PK\x01\x02", at + 1)

    assert refused(tmp_path, bytes(body)).code == "CorruptFile"


def test_small_brain_comes_out_as_it_went_in(tmp_path: Path) -> None:
    brain = small_brain()

    found = image_of(read(tmp_path, archive(image_series(brain))))

    theirs, ours = in_patient_space(brain), in_patient_space(found)
    assert np.array_equal(np.asarray(theirs.dataobj), np.asarray(ours.dataobj))
    assert np.allclose(theirs.affine, ours.affine, atol=0.01)


# ---- what is beside the series, and damage ----------------------------------------------------


def test_examination_is_read_twice_and_counted_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = archive(series())
    monkeypatch.setattr(dicom_archive, "MAX_UNPACKED_BYTES", sum(unpacked_sizes(content)) + 1000)

    assert read(tmp_path, content).image.shape == (64, 64, 64)


def unpacked_sizes(content: bytes) -> list[int]:
    with zipfile.ZipFile(io.BytesIO(content)) as packed:
        return [member.file_size for member in packed.infolist()]


def test_truncated_object_of_another_series_keeps_nobody_from_theirs(tmp_path: Path) -> None:
    def short_voxels(_: int, found: Dataset) -> None:
        found.PixelData = found.PixelData[:2000]

    other = series(number=2, change=short_voxels, **FLAIR)

    scan = read(tmp_path, archive(other + series(number=3)))

    assert scan.series is not None
    assert "series 3" in scan.series.description


@pytest.mark.parametrize(
    ("description", "reason"),
    [
        ("t1 mprage post", "no contrast agent was given"),
        ("t1_mprage+C", "no contrast agent was given"),
        ("t1 posterior fossa", None),
        ("t1 gdc", None),
    ],
)
def test_description_tells_of_a_contrast_agent_by_whole_words(
    tmp_path: Path, description: str, reason: str | None
) -> None:
    both = archive(series(number=1, SeriesDescription=description) + series(number=2))
    if reason is None:
        assert refused(tmp_path, both).code == "SeriesAmbiguous"
    else:
        chosen = read(tmp_path, both).series
        assert chosen is not None
        assert ("series 2" in chosen.description, chosen.reason) == (True, reason)


SMALL = archive(series(head_like((24, 24, 20)), spacing_mm=(6.0, 6.0, 6.0)))


@given(position=st.integers(0, len(SMALL) - 1), value=st.integers(0, 255))
@example(position=len(SMALL) - 22 + 10, value=0xFF)
@settings(max_examples=150, deadline=None)
def test_any_damaged_byte_is_read_or_refused_with_a_code(
    tmp_path_factory: pytest.TempPathFactory, position: int, value: int
) -> None:
    raw = bytearray(SMALL)
    raw[position] = value
    try:
        read(tmp_path_factory.mktemp("damaged"), bytes(raw))
    except UploadError:
        return  # any other exception fails the test


@given(length=st.integers(2, len(SMALL) - 1))
@settings(max_examples=60, deadline=None)
def test_archive_cut_anywhere_is_refused_with_a_code(
    tmp_path_factory: pytest.TempPathFactory, length: int
) -> None:
    with pytest.raises(UploadError):
        read(tmp_path_factory.mktemp("cut"), SMALL[:length])


OBJECTS = series(head_like((24, 24, 20)), spacing_mm=(6.0, 6.0, 6.0))
FIRST = written(OBJECTS[0])


@given(position=st.integers(0, len(FIRST) - 1), value=st.integers(0, 255))
@settings(max_examples=150, deadline=None)
def test_any_damaged_byte_of_an_object_is_read_or_refused_with_a_code(
    tmp_path_factory: pytest.TempPathFactory, position: int, value: int
) -> None:
    raw = bytearray(FIRST)
    raw[position] = value
    files = {"0": bytes(raw)} | {f"{n}": written(one) for n, one in enumerate(OBJECTS[1:], 1)}
    try:
        read(tmp_path_factory.mktemp("damaged"), archive(files))
    except UploadError:
        return
