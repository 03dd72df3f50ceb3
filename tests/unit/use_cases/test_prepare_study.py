"""Preparing an upload: what is kept of it, and what is not."""

import json

import pytest

from mri_analysis.contracts.study import PreparedStudy, SeriesOffer
from mri_analysis.contracts.tasks import AnalysisInput, UploadedObject
from mri_analysis.errors import SeriesAmbiguous, StorageUnavailable, UploadMissing
from mri_analysis.imaging.dicom.originals import unpack_original
from mri_analysis.keys import StudyKeys
from mri_analysis.use_cases.prepare_study import prepare_study
from tests.support.bad_uploads import packed, ramp_image
from tests.support.dicom_series import archive, series
from tests.support.memory_ports import MemoryObjects

KEYS = StudyKeys("demo", "1f0c6a7e-2f57-4c0e-9a37-b1a1de3a4c11")


def prepared(
    images: MemoryObjects,
    results: MemoryObjects,
    wanted: int | None = None,
    version_id: str = "v1",
    originals: MemoryObjects | None = None,
    *,
    quarantine: bool = False,
) -> PreparedStudy:
    task = AnalysisInput(
        organization_id=KEYS.organization_id,
        job_id=KEYS.job_id,
        source=UploadedObject(
            bucket="images", key=KEYS.upload, version_id=version_id, series=wanted
        ),
    )
    return prepare_study(
        task,
        images=images,
        results=results,
        originals=originals or MemoryObjects(),
        max_upload_bytes=1 << 30,
        max_voxels=512**3,
        quarantine=quarantine,
    )


@pytest.fixture
def results() -> MemoryObjects:
    return MemoryObjects()


@pytest.fixture
def dicom() -> MemoryObjects:
    return MemoryObjects({KEYS.upload: archive(series())})


@pytest.fixture
def two_series() -> MemoryObjects:
    return MemoryObjects({KEYS.upload: archive(series(number=4) + series(number=7))})


def test_dicom_upload_is_gone_once_its_image_is_prepared(
    dicom: MemoryObjects, results: MemoryObjects
) -> None:
    study = prepared(dicom, results)

    assert study.source_format == "dicom"
    assert dicom.objects == {}
    assert set(results.objects) == {KEYS.prepared_image, KEYS.study, KEYS.series}


def test_original_is_kept_apart_from_the_results(
    dicom: MemoryObjects, results: MemoryObjects
) -> None:
    originals = MemoryObjects()

    study = prepared(dicom, results, originals=originals)

    assert study.original_kept
    (kept,) = originals.objects.items()
    assert kept[0] == KEYS.original
    names = {str(one.PatientName) for one in unpack_original(kept[1])}
    assert names == {"Example^Person"}
    assert all(b"Example" not in body for body in results.objects.values())


def test_quarantine_keeps_the_upload_beside_its_original(results: MemoryObjects) -> None:
    upload = archive(series())
    bucket = MemoryObjects({KEYS.upload: upload})

    prepared(bucket, results, originals=bucket, quarantine=True)

    assert set(bucket.objects) == {KEYS.original, KEYS.quarantined}
    assert bucket.objects[KEYS.quarantined] == upload
    assert all(name.startswith(KEYS.originals) for name in bucket.objects)


def test_upload_stays_where_its_original_could_not_be_kept(
    dicom: MemoryObjects, results: MemoryObjects
) -> None:
    with pytest.raises(StorageUnavailable):
        prepared(dicom, results, originals=MemoryObjects(down=True))

    assert set(dicom.objects) == {KEYS.upload}


def test_nifti_upload_stays_and_offers_no_series(results: MemoryObjects) -> None:
    images = MemoryObjects({KEYS.upload: packed(ramp_image())})

    study = prepared(images, results)

    assert (study.source_format, study.series, study.acquisition) == ("nifti", None, None)
    assert set(images.objects) == {KEYS.upload}
    assert KEYS.series not in results.objects


def test_dicom_upload_stays_where_its_image_could_not_be_written(
    dicom: MemoryObjects, results: MemoryObjects
) -> None:
    results.down = True

    with pytest.raises(StorageUnavailable):
        prepared(dicom, results)

    assert set(dicom.objects) == {KEYS.upload}


def test_retry_goes_on_with_the_image_of_an_upload_that_is_gone(
    dicom: MemoryObjects, results: MemoryObjects
) -> None:
    first = prepared(dicom, results)

    assert prepared(dicom, results) == first
    assert prepared(dicom, results, wanted=1) == first


@pytest.mark.parametrize(("wanted", "version_id"), [(2, "v1"), (None, "v2")])
def test_image_of_another_series_or_upload_is_not_taken(
    dicom: MemoryObjects, results: MemoryObjects, wanted: int | None, version_id: str
) -> None:
    prepared(dicom, results)

    with pytest.raises(UploadMissing):
        prepared(dicom, results, wanted, version_id)


def test_person_chooses_where_the_rules_cannot(
    two_series: MemoryObjects, results: MemoryObjects
) -> None:
    with pytest.raises(SeriesAmbiguous):
        prepared(two_series, results)

    offer = SeriesOffer.model_validate_json(results.get(KEYS.series))
    assert [one.number for one in offer.series] == [1, 2]
    assert set(two_series.objects) == {KEYS.upload}
    study = prepared(two_series, results, wanted=2)
    assert study.series is not None
    assert "series 7" in study.series.description
    assert two_series.objects == {}


def test_what_is_kept_is_a_document_of_its_contract(
    dicom: MemoryObjects, results: MemoryObjects
) -> None:
    prepared(dicom, results)

    kept = json.loads(results.get(KEYS.study))
    assert kept["acquisition"] == {
        "vendor": "Siemens",
        "field_strength_tesla": 3.0,
        "weighting": "T1-weighted",
        "three_dimensional": True,
        "contrast_agent": None,
        "repetition_time_ms": 2300.0,
        "echo_time_ms": 2.98,
        "inversion_time_ms": 900.0,
        "flip_angle_degrees": 9.0,
        "age_years": 42,
        "sex": "female",
    }
