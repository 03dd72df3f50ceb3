"""Each bad input through the real chain: a code, a sentence, a next step, and the stack goes on."""

import json

import nibabel as nib
import numpy as np
import pytest

from mri_analysis.contracts.job import JobStatus
from mri_analysis.contracts.segmentation import Measurements, Structure
from mri_analysis.keys import StudyKeys, study_of_upload
from tests.support.bad_archives import BAD_ARCHIVES
from tests.support.bad_uploads import BAD_UPLOADS
from tests.support.brains import as_upload, phantom, small_brain, stored_as
from tests.support.chain import Chain, wait_for


def measurements(chain: Chain, study: StudyKeys) -> Measurements:
    return Measurements.model_validate_json(chain.result(study, "measurements.json"))


def volumes(chain: Chain, study: StudyKeys) -> dict[str, float]:
    return {v.id: v.total_ml for v in measurements(chain, study).volumes}


@pytest.fixture(scope="module")
def reference(chain: Chain) -> StudyKeys:
    """The small brain as it is."""
    study = chain.put(as_upload(small_brain()))
    assert chain.ended(study).status is JobStatus.COMPLETED
    return study


BAD = BAD_UPLOADS | {
    f"DICOM, {name}": (make, code) for name, (make, code, _) in BAD_ARCHIVES.items()
}


@pytest.mark.parametrize("name", BAD)
def test_bad_upload_fails_its_job_with_a_reason(chain: Chain, name: str) -> None:
    make, code = BAD[name]

    job = chain.ended(chain.put(make()))

    assert job.status is JobStatus.FAILED
    assert job.error is not None
    assert job.error.code == code
    assert job.error.message.endswith(".")
    assert job.error.next_step
    execution = chain.execution(job)
    assert execution is not None
    assert (execution.status, execution.error) == ("FAILED", code)
    # Bad input is not tried again.
    assert [s.attempts for s in execution.stages if s.name == "PrepareStudy"] == [1]


def test_phantom_is_refused_with_the_quality_reasons(chain: Chain) -> None:
    study = chain.put(as_upload(phantom()))

    job = chain.ended(study)

    assert job.error is not None
    assert job.error.code == "NotABrain"
    refused = measurements(chain, study).quality
    assert refused.reasons()
    assert refused.reasons()[0] in job.error.message


@pytest.mark.parametrize("data_type", ["int8", "uint16", "float64"])
def test_other_voxel_types_give_the_same_volumes(
    chain: Chain, reference: StudyKeys, data_type: str
) -> None:
    image = small_brain()
    values = np.asarray(image.dataobj)
    values = values // 2 if data_type == "int8" else values.astype(np.float64) * 3
    study = chain.put(as_upload(stored_as(values.astype(data_type), image.affine)))

    assert chain.ended(study).status is JobStatus.COMPLETED
    for name, expected in volumes(chain, reference).items():
        # Halving the grey levels (int8) rounds; the other types keep them all.
        tolerance = 0.03 if data_type == "int8" else 0.001
        assert volumes(chain, study)[name] == pytest.approx(expected, rel=tolerance)


def test_scaled_voxels_give_the_same_volumes(chain: Chain, reference: StudyKeys) -> None:
    image = small_brain()
    raw = bytearray(stored_as(np.asarray(image.dataobj), image.affine).to_bytes())
    header = nib.Nifti1Header(bytes(raw[:348]), check=False)
    header["scl_slope"], header["scl_inter"] = 0.25, 12.0
    raw[:348] = header.binaryblock
    study = chain.put(bytes(raw))

    assert chain.ended(study).status is JobStatus.COMPLETED
    for name, expected in volumes(chain, reference).items():
        assert volumes(chain, study)[name] == pytest.approx(expected, rel=0.001)


@pytest.mark.parametrize("codes", ["PSR", "RAI"])
def test_odd_orientation_keeps_left_and_right(
    chain: Chain, reference: StudyKeys, codes: str
) -> None:
    image = small_brain()
    turn = nib.orientations.ornt_transform(
        nib.orientations.io_orientation(image.affine),
        nib.orientations.axcodes2ornt(tuple(codes)),
    )
    study = chain.put(as_upload(image.as_reoriented(turn)))

    assert chain.ended(study).status is JobStatus.COMPLETED
    for structure in (Structure.CORTEX, Structure.VENTRICLES, Structure.THALAMUS):
        expected = measurements(chain, reference).volume(structure)
        found = measurements(chain, study).volume(structure)
        assert expected is not None
        assert found is not None
        assert found.left_ml == pytest.approx(expected.left_ml, rel=0.02)
        assert found.right_ml == pytest.approx(expected.right_ml, rel=0.02)


def test_key_with_spaces_and_unicode_is_analysed_and_its_name_told_to_nobody(
    chain: Chain,
) -> None:
    study = chain.put(as_upload(small_brain()), "incoming/demo/Jürgen Müller (T1) +1%.nii.gz")

    assert chain.ended(study).status is JobStatus.COMPLETED

    job = chain.job(study)
    assert job is not None
    execution = chain.execution(job)
    assert execution is not None
    described = chain.stack.client("stepfunctions").describe_execution(executionArn=execution.arn)
    versions = chain.stack.client("s3").list_object_versions(Bucket=chain.images_bucket)
    logs = chain.stack.state_dir / "logs"
    told = "".join(path.read_text() for path in logs.iterdir() if path.name != "model-server.log")
    told += (chain.stack.state_dir / "traces.jsonl").read_text()
    told += "".join(chain.result(study, name).decode() for name in ("report.json", "report.md"))
    told += job.model_dump_json() + described["input"] + described["output"]
    told += "".join(version["Key"] for version in versions["Versions"])
    assert "ller (T1)" not in told
    assert "M%C3%BCller" not in told
    assert "DeleteMarkers" not in versions


def test_same_event_twice_starts_one_analysis(chain: Chain) -> None:
    make, _ = BAD_UPLOADS["all zero"]
    study = chain.put(make())
    job = chain.ended(study)

    chain.send(chain.event_for(study.upload))
    wait_for(chain.queue_is_empty, "the second event")

    again = chain.job(study)
    assert again == job
    client = chain.stack.client("stepfunctions")
    arn = chain.stack.resource("MriAnalysisStateMachine")
    executions = client.list_executions(stateMachineArn=arn)["executions"]
    assert [e["name"] for e in executions].count(job.execution_name) == 1


def test_upload_replaced_after_success_keeps_the_first_result(
    chain: Chain, reference: StudyKeys
) -> None:
    before = chain.job(reference)
    make, _ = BAD_UPLOADS["all zero"]

    chain.put(make(), reference.upload)
    wait_for(chain.queue_is_empty, "the second upload")

    assert chain.job(reference) == before


def test_failed_upload_can_be_replaced_by_a_good_one(chain: Chain) -> None:
    make, _ = BAD_UPLOADS["truncated gzip"]
    study = chain.put(make())
    assert chain.ended(study).status is JobStatus.FAILED

    chain.put(as_upload(small_brain()), study.upload)

    def completed() -> bool:
        job = chain.job(study)
        return job is not None and job.status is JobStatus.COMPLETED

    wait_for(completed, "the second upload to be analysed")


def test_event_for_a_deleted_object_fails_its_job(chain: Chain) -> None:
    key = "incoming/demo/5b0c8f61-3b2e-4b5e-8d8f-0a4a5b1f9d11/upload"
    study = study_of_upload(chain.images_bucket, key, None)

    chain.send(chain.event_for(key))

    def failed() -> bool:
        job = chain.job(study)
        return job is not None and job.status is JobStatus.FAILED

    wait_for(failed, "the job of a deleted object")
    job = chain.job(study)
    assert job is not None
    assert job.error is not None
    assert job.error.code == "UploadMissing"


def test_test_event_of_the_bucket_is_skipped(chain: Chain) -> None:
    event = {"Service": "Amazon S3", "Event": "s3:TestEvent", "Bucket": chain.images_bucket}

    chain.send(json.dumps(event))

    wait_for(chain.queue_is_empty, "the test event to be taken")
    assert not chain.dead_letters()


def test_messages_nobody_can_handle_become_dead_letters_and_harm_no_other(chain: Chain) -> None:
    poison = ["no json", "{}", chain.event_for("incoming/NOBODY/x")]
    make, code = BAD_UPLOADS["all zero"]

    for body in poison:
        chain.send(body)
    good = chain.put(make())

    job = chain.ended(good)
    assert job.error is not None
    assert job.error.code == code
    kept: list[str] = []

    def all_kept() -> bool:
        kept.extend(chain.dead_letters())
        return len(kept) >= len(poison)

    wait_for(all_kept, "the dead letters", 60)
    assert sorted(kept) == sorted(poison)
