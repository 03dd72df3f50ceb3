"""DICOM uploads through the API and the whole chain: measured as the NIfTI image of the same brain,
the series chosen by a person where the rules cannot, and nothing kept of who lay in the scanner.
"""

import gzip
import io
import zipfile
from typing import Any

import nibabel as nib
import numpy as np
import pydicom
import pytest
import requests
from pydicom.dataset import Dataset
from pypdf import PdfReader
from sqlalchemy import create_engine, text

from local_stack.stack import LocalStack
from mri_analysis.contracts.job import JobStatus
from mri_analysis.imaging.dicom.originals import unpack_original
from mri_analysis.keys import StudyKeys
from tests.integration.reading_api.conftest import Client
from tests.support.brains import as_upload, small_brain
from tests.support.chain import Chain, wait_for
from tests.support.dicom_series import archive, image_series, written
from tests.support.kept import kept


def sent(clinician: Client, content: bytes) -> str:
    form = clinician.post("/v1/uploads", json={"size_bytes": len(content)}).json()
    answer = requests.post(form["url"], data=form["fields"], files={"file": content}, timeout=30)
    assert answer.status_code == 204, answer.text
    return str(form["job_id"])


def volumes(clinician: Client, job_id: str) -> dict[str, float]:
    document = clinician.get(f"/v1/jobs/{job_id}/measurements").json()
    return {one["id"]: one["total_ml"] for one in document["volumes"]}


def axial(image: nib.Nifti1Image) -> nib.Nifti1Image:
    """The image with slices along its last axis from foot to head, as scanners number them."""
    return nib.as_closest_canonical(image)


# ---- what names a person -------------------------------------------------------------------------

WORD = "Plantedsson"
NAMED = {
    name: f"{WORD}{number}"
    for number, name in enumerate(
        (
            *("PatientName", "PatientID", "OtherPatientNames", "PatientBirthName"),
            *("PatientMotherBirthName", "PatientAddress", "PatientComments", "EthnicGroup"),
            *("Occupation", "AdditionalPatientHistory", "PatientReligiousPreference"),
            *("CountryOfResidence", "RegionOfResidence", "MedicalRecordLocator"),
            *("MilitaryRank", "BranchOfService", "ReferringPhysicianName"),
            *("PerformingPhysicianName", "OperatorsName", "PhysiciansOfRecord"),
            *("NameOfPhysiciansReadingStudy", "RequestingPhysician", "InstitutionName"),
            *("InstitutionAddress", "InstitutionalDepartmentName", "StationName"),
            *("DeviceSerialNumber", "AccessionNumber", "StudyID", "StudyDescription"),
            *("SeriesDescription", "ProtocolName", "ImageComments", "DerivationDescription"),
            *("RequestedProcedureDescription", "PerformedProcedureStepDescription"),
            *("ManufacturerModelName", "SoftwareVersions", "DetectorID", "ReceiveCoilName"),
            *("ContrastBolusAgent", "PatientInsurancePlanCodeSequence"),
        )
    )
    if name != "PatientInsurancePlanCodeSequence"
}
DATES = {"PatientBirthDate": "19510317", "StudyDate": "20190823", "AcquisitionDate": "20190823"}
UID = "1.2.826.0.1.3680043.8.498.47114711"


def planted(_: int, found: Dataset) -> None:
    for name, value in {**NAMED, **DATES}.items():
        setattr(found, name, value[:16] if name in ("AccessionNumber", "StationName") else value)
    found.Manufacturer = f"Siemens {WORD}"
    found.PatientAge = "093Y"
    private = found.private_block(0x0029, f"{WORD} PRIVATE", create=True)
    private.add_new(0x01, "LO", WORD)
    private.add_new(0x02, "OB", WORD.encode() * 900)
    step, inner = Dataset(), Dataset()
    inner.CodeMeaning = WORD
    step.ScheduledProcedureStepDescription = WORD
    step.ScheduledProtocolCodeSequence = [inner]
    found.RequestAttributesSequence = [step]
    found.add_new(0x60000022, "LO", WORD)  # description of an overlay
    found.StudyInstanceUID = UID


@pytest.fixture(scope="module")
def study(stack: LocalStack, clinician: Client) -> str:
    """A brain with a name in forty places, in files that carry the name, too."""
    objects = image_series(axial(small_brain()), change=planted)
    files = {f"{WORD}/{WORD}_{n:03}.dcm": written(one) for n, one in enumerate(objects)}
    files[f"{WORD}.txt"] = f"{WORD} was here, {WORD} again and again.".encode() * 5
    job_id = sent(clinician, archive(files))
    job = Chain.of(stack).ended(StudyKeys("demo", job_id))
    assert job.status is JobStatus.COMPLETED, job.error
    return job_id


def test_brain_is_measured_as_its_nifti_image(
    stack: LocalStack, clinician: Client, study: str
) -> None:
    other = sent(clinician, as_upload(small_brain()))
    Chain.of(stack).ended(StudyKeys("demo", other))

    theirs = volumes(clinician, other)
    for name, value in volumes(clinician, study).items():
        assert value == pytest.approx(theirs[name], rel=0.001), name


def test_upload_is_gone_and_its_image_has_no_word(
    stack: LocalStack, clinician: Client, study: str
) -> None:
    s3, keys = stack.client("s3"), StudyKeys("demo", study)
    versions = s3.list_object_versions(Bucket=stack.resource("ImagesBucket"), Prefix=keys.uploads)

    assert not versions.get("Versions")
    assert not versions.get("DeleteMarkers")


def found_words(content: bytes) -> list[str]:
    words = [WORD, UID, *DATES.values(), "093Y"]
    return [word for word in words if word.encode() in content]


def test_nothing_that_names_the_person_is_kept_anywhere(stack: LocalStack, study: str) -> None:
    names = []
    for name, content in kept(stack):
        if f"originals/demo/{study}/" in name:
            continue  # see the next test
        names.append(name)
        assert not found_words(content), name
        assert WORD not in name

    assert len(NAMED) >= 40
    assert any(name.endswith("study.json") for name in names)
    assert any("prepare-study" in name and name.endswith(".log") for name in names)
    database = next(stack.state_dir.glob("mri_analysis.db"))
    with create_engine(f"sqlite:///{database}").connect() as connection:
        for (table,) in connection.execute(
            text("SELECT name FROM sqlite_master WHERE type = 'table'")
        ).all():
            rows = connection.execute(text(f'SELECT * FROM "{table}"')).all()
            assert not found_words(repr(rows).encode()), table


def test_original_is_under_its_own_key_and_says_what_its_study_needs(
    stack: LocalStack, study: str
) -> None:
    s3, keys = stack.client("s3"), StudyKeys("demo", study)
    found = s3.get_object(Bucket=stack.resource("ImagesBucket"), Key=keys.original)

    assert found["ServerSideEncryption"] == "aws:kms"
    assert found["SSEKMSKeyId"].endswith(stack.resource("OriginalsKey"))
    original = unpack_original(found["Body"].read())
    naming = {element.keyword for one in original for element in one if WORD in str(element.value)}
    assert naming == {
        *("PatientName", "PatientID", "ReferringPhysicianName", "AccessionNumber", "StudyID"),
    }


# ---- back into the original study ----------------------------------------------------------------


def exported(reviewer: Client, job_id: str, file: str) -> requests.Response:
    return wait_for(lambda: _there(reviewer.get(f"/v1/jobs/{job_id}/exports/{file}")), file)


def _there(answer: requests.Response) -> requests.Response | None:
    assert answer.status_code in (200, 202), answer.text
    return answer if answer.status_code == 200 else None


def test_results_stand_in_the_study_that_was_uploaded(
    stack: LocalStack, reviewer: Client, study: str
) -> None:
    measured = volumes(reviewer, study)
    objects = {
        file: pydicom.dcmread(io.BytesIO(exported(reviewer, study, file).content))
        for file in ("segmentation.dcm", "measurements.dcm", "report.dcm")
    }

    for one in objects.values():
        assert one.StudyInstanceUID == UID
        assert WORD in str(one.PatientName)
        assert "DRAFT" in one.SeriesDescription
    s3, keys = stack.client("s3"), StudyKeys("demo", study)
    body = s3.get_object(
        Bucket=stack.resource("ResultsBucket"), Key=keys.results + "labels.nii.gz"
    )["Body"].read()
    labels = np.asarray(nib.Nifti1Image.from_bytes(gzip.decompress(body)).dataobj)
    assert np.count_nonzero(objects["segmentation.dcm"].pixel_array) == np.count_nonzero(labels)
    assert f"{measured['volume.brain']:.3f}"[:6] in str(objects["measurements.dcm"])
    pdf = objects["report.dcm"].EncapsulatedDocument
    assert not found_words(pdf)
    assert "draft report" in PdfReader(io.BytesIO(pdf)).pages[0].extract_text()


def test_files_that_name_nobody_name_nobody(reviewer: Client, study: str) -> None:
    for file in ("report.md", "report.pdf", "fhir.json", "measurements.csv"):
        content = exported(reviewer, study, file).content
        if file.endswith(".pdf"):
            pages = PdfReader(io.BytesIO(content)).pages
            content = " ".join(page.extract_text() for page in pages).encode()
        assert len(content) > 500
        assert not found_words(content), file


def test_everything_comes_in_one_file(reviewer: Client, study: str) -> None:
    with zipfile.ZipFile(io.BytesIO(exported(reviewer, study, "study.zip").content)) as archive:
        names = {name.removeprefix(f"{study}-") for name in archive.namelist()}

    assert names == {
        *("report-draft.md", "report-draft.pdf", "report-draft.dcm", "report-draft.fhir.json"),
        *("measurements.csv", "measurements-draft.dcm", "segmentation-draft.dcm"),
        "measurements.json",
    }


def test_scan_that_came_as_nifti_has_no_study_to_go_back_to(
    reviewer: Client, finished: str
) -> None:
    refused = reviewer.get(f"/v1/jobs/{finished}/exports/segmentation.dcm")

    assert (refused.status_code, refused.json()["code"]) == (409, "NoOriginalStudy")
    assert "upload the DICOM series" in refused.json()["next_step"]


# ---- choice --------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def ambiguous(stack: LocalStack, clinician: Client) -> str:
    brain = axial(small_brain())
    weaker = nib.Nifti1Image(np.asarray(brain.dataobj) // 2, brain.affine)
    both = image_series(brain, number=4) + image_series(weaker, number=7)
    job_id = sent(clinician, archive(both))
    Chain.of(stack).ended(StudyKeys("demo", job_id))
    return job_id


def test_person_chooses_a_series_without_a_new_upload(
    stack: LocalStack, clinician: Client, stranger: Client, ambiguous: str
) -> None:
    failed: dict[str, Any] = clinician.get(f"/v1/jobs/{ambiguous}").json()
    assert failed["error"]["code"] == "SeriesAmbiguous"
    assert "series 4" in failed["error"]["message"]
    offer = clinician.get(f"/v1/jobs/{ambiguous}/series").json()
    assert [one["number"] for one in offer["series"]] == [1, 2]
    assert stranger.get(f"/v1/jobs/{ambiguous}/series").status_code == 404
    assert clinician.post(f"/v1/jobs/{ambiguous}/retry", params={"series": 0}).status_code == 422

    assert clinician.post(f"/v1/jobs/{ambiguous}/retry", params={"series": 2}).status_code == 202

    job = Chain.of(stack).ended(StudyKeys("demo", ambiguous))
    assert job.status is JobStatus.COMPLETED, job.error


def test_nifti_upload_offers_no_series(clinician: Client, finished: str) -> None:
    offer = clinician.get(f"/v1/jobs/{finished}/series").json()

    assert (offer["series"], offer["left_out"]) == ([], [])
