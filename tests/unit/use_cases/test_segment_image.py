"""Asking the endpoint, and passing its answer on."""

import uuid

import pytest

from mri_analysis.contracts.job import Job, JobStatus
from mri_analysis.contracts.segmentation import (
    SegmentationRefused,
    SegmentationRequest,
    SegmentationResponse,
    Verdict,
)
from mri_analysis.contracts.tasks import SegmentTask
from mri_analysis.errors import ModelEndpointUnavailable
from mri_analysis.use_cases.segment_image import (
    InferenceNotification,
    answer_callback,
    is_for_challenger,
    request_segmentation,
)
from tests.support.memory_ports import (
    MemoryCallbacks,
    MemoryEndpoint,
    MemoryJobs,
    MemoryObjects,
    MemoryTaskTokens,
)

JOB = "1f0c6a7e-2f57-4c0e-9a37-b1a1de3a4c11"
TASK = SegmentTask(
    organization_id="demo", job_id=JOB, task_token="token", image_key="prepared/demo/x"
)
ANSWER = SegmentationResponse(
    labels_key="l", measurements_key="m", montage_key="p", verdict=Verdict.PASS, reasons=[]
)


@pytest.fixture
def jobs() -> MemoryJobs:
    moment = "2026-01-01T00:00:00Z"
    job = Job(
        organization_id="demo",
        job_id=JOB,
        original_image_key="k",
        status=JobStatus.UPLOADED,
        created_at=moment,
        updated_at=moment,
    )
    return MemoryJobs({JOB: job})


def request(
    jobs: MemoryJobs, endpoint: MemoryEndpoint, callbacks: MemoryCallbacks
) -> MemoryObjects:
    results = MemoryObjects()
    request_segmentation(TASK, results=results, jobs=jobs, callbacks=callbacks, endpoint=endpoint)
    return results


def test_endpoint_gets_a_request_it_can_read(jobs: MemoryJobs) -> None:
    endpoint, callbacks = MemoryEndpoint(), MemoryCallbacks()

    results = request(jobs, endpoint, callbacks)

    ((uri, inference_id),) = endpoint.started
    body = results.get(uri.removeprefix("s3://memory/"))
    assert SegmentationRequest.model_validate_json(body).image_s3_key == TASK.image_key
    assert callbacks.kept[inference_id].task_token == "token"
    assert jobs.jobs[JOB].status is JobStatus.SEGMENTING


def test_token_is_kept_before_the_endpoint_can_answer(jobs: MemoryJobs) -> None:
    callbacks = MemoryCallbacks()

    class QuickEndpoint(MemoryEndpoint):
        def start(self, input_uri: str, inference_id: str) -> None:
            assert callbacks.find(inference_id) is not None
            super().start(input_uri, inference_id)

    endpoint = QuickEndpoint()
    request(jobs, endpoint, callbacks)

    assert endpoint.started


def test_endpoint_that_is_down_is_an_error_with_a_code(jobs: MemoryJobs) -> None:
    with pytest.raises(ModelEndpointUnavailable):
        request(jobs, MemoryEndpoint(down=True), MemoryCallbacks())


@pytest.fixture
def waiting(jobs: MemoryJobs) -> tuple[str, MemoryCallbacks]:
    endpoint, callbacks = MemoryEndpoint(), MemoryCallbacks()
    request(jobs, endpoint, callbacks)
    return endpoint.started[0][1], callbacks


def answer(
    callbacks: MemoryCallbacks, notification: InferenceNotification, output: bytes = b""
) -> MemoryTaskTokens:
    tokens = MemoryTaskTokens()
    results = MemoryObjects({"out": output})
    answer_callback(notification, results=results, callbacks=callbacks, task_tokens=tokens)
    return tokens


def test_success_lets_the_state_go_on(waiting) -> None:
    inference_id, callbacks = waiting

    tokens = answer(
        callbacks,
        InferenceNotification(inference_id, True, "out"),
        ANSWER.model_dump_json().encode(),
    )

    assert tokens.succeeded == {"token": ANSWER}


@pytest.mark.parametrize("output", [b"", b"not json", b"{}", b'{"labels_key": "x"}'])
def test_answer_that_is_no_segmentation_fails_the_state(waiting, output: bytes) -> None:
    inference_id, callbacks = waiting

    tokens = answer(callbacks, InferenceNotification(inference_id, True, "out"), output)

    assert tokens.failed["token"][0] == "ModelFailed"


def test_image_the_container_cannot_read_keeps_its_code(waiting) -> None:
    inference_id, callbacks = waiting
    output = SegmentationRefused(code="NonFiniteVoxels", message="3 voxels are NaN.")

    tokens = answer(
        callbacks,
        InferenceNotification(inference_id, True, "out"),
        output.model_dump_json().encode(),
    )

    assert tokens.failed["token"] == ("NonFiniteVoxels", "3 voxels are NaN.")


def test_container_that_died_can_be_tried_again(waiting) -> None:
    inference_id, callbacks = waiting

    tokens = answer(callbacks, InferenceNotification(inference_id, False, None))

    assert tokens.failed["token"][0] == "ModelEndpointUnavailable"


def test_answer_nobody_waits_for_is_ignored() -> None:
    tokens = answer(MemoryCallbacks(), InferenceNotification("unknown", True, "out"))

    assert not tokens.succeeded
    assert not tokens.failed


def test_a_study_meets_the_same_model_again() -> None:
    jobs = [str(uuid.UUID(int=n)) for n in range(2000)]
    chosen = [job for job in jobs if is_for_challenger(job, 20)]

    assert chosen == [job for job in jobs if is_for_challenger(job, 20)]
    assert 0.17 < len(chosen) / len(jobs) < 0.23
    assert not any(is_for_challenger(job, 0) for job in jobs)
    assert all(is_for_challenger(job, 100) for job in jobs)
