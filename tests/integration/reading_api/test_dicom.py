"""DICOM uploads through the API and the whole chain: measured as the NIfTI image of the same brain,
the series chosen by a person where the rules cannot, and nothing kept of who lay in the scanner.
"""

from typing import Any

import nibabel as nib
import numpy as np
import pytest
import requests
from pydicom.dataset import Dataset
from sqlalchemy import create_engine, text

from local_stack.stack import LocalStack
from mri_analysis.contracts.job import JobStatus
from mri_analysis.keys import StudyKeys
from tests.integration.reading_api.conftest import Client
from tests.support.brains import as_upload, small_brain
from tests.support.chain import Chain
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
