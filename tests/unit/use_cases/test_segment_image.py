"""Asking the endpoint, and passing its answer on."""

import io
import uuid
import warnings
import zipfile
from collections.abc import Iterable

import pytest

from mri_analysis.contracts import segmentation_archive
from mri_analysis.contracts.job import Job, JobStatus
from mri_analysis.contracts.segmentation import (
    Contrast,
    Engine,
    ImageGeometry,
    Measurements,
    Quality,
    QualityCheck,
    SegmentationRefused,
    Verdict,
)
from mri_analysis.contracts.segmentation_archive import LABELS, MEASUREMENTS, MONTAGE, SLICES, pack
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
MEASURED = Measurements(
    geometry=ImageGeometry(shape=(2, 2, 2), spacing_mm=(1.0, 1.0, 1.0), orientation="RAS"),
    contrast=Contrast.T1_LIKE,
    volumes=[],
    ratios=[],
    quality=Quality(
        verdict=Verdict.WARN,
        checks=[QualityCheck(code="noise", verdict=Verdict.WARN, message="It is noisy.")],
    ),
    not_assessed=[],
    label_names={},
    engine=Engine(
        name="test",
        version="0",
        weights_sha256="0" * 64,
        parameters={},
        libraries={},
        refined=False,
        seconds={},
        cpu_seconds=0,
    ),
)
FILES = {
    LABELS: b"labels",
    MEASUREMENTS: MEASURED.model_dump_json().encode(),
    MONTAGE: b"picture",
    SLICES: b"slices",
}
PREFIX = f"results/demo/{JOB}/"


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


def test_endpoint_gets_the_prepared_image(jobs: MemoryJobs) -> None:
    endpoint, callbacks = MemoryEndpoint(), MemoryCallbacks()

    results = request(jobs, endpoint, callbacks)

    ((uri, inference_id),) = endpoint.started
    assert uri == results.uri(TASK.image_key)
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
    return answer_with(MemoryObjects({"out": output}), callbacks, notification)


def answer_with(
    results: MemoryObjects, callbacks: MemoryCallbacks, notification: InferenceNotification
) -> MemoryTaskTokens:
    tokens = MemoryTaskTokens()
    answer_callback(notification, results=results, callbacks=callbacks, task_tokens=tokens)
    return tokens


def test_success_stores_the_files_and_lets_the_state_go_on(waiting) -> None:
    inference_id, callbacks = waiting
    results = MemoryObjects({"out": pack(FILES)})

    tokens = answer_with(results, callbacks, InferenceNotification(inference_id, True, "out"))

    response = tokens.succeeded["token"]
    assert response.verdict is MEASURED.quality.verdict
    assert response.reasons == MEASURED.quality.reasons()
    assert results.get(response.labels_key) == b"labels"
    assert results.get(response.measurements_key) == FILES[MEASUREMENTS]
    assert results.get(response.montage_key) == b"picture"
    assert response.labels_key == PREFIX + LABELS
    assert results.get(response.slices_key) == b"slices"


def test_archive_of_an_older_container_has_no_plain_slices(waiting) -> None:
    inference_id, callbacks = waiting
    older = {name: content for name, content in FILES.items() if name != SLICES}

    tokens = answer(callbacks, InferenceNotification(inference_id, True, "out"), pack(older))

    assert tokens.succeeded["token"].slices_key is None


def packed(names: Iterable[str], content: bytes = b"") -> bytes:
    """An archive as a container that went astray might answer."""
    buffer = io.BytesIO()
    with (
        warnings.catch_warnings(action="ignore"),
        zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive,
    ):
        for name in names:
            archive.writestr(name, FILES.get(name, content))
    return buffer.getvalue()


@pytest.mark.parametrize(
    "output",
    [
        b"",
        b"not json",
        b"{}",
        b'{"labels_key": "x"}',
        pack(FILES)[:200],
        pack(FILES | {MEASUREMENTS: b"{}"}),
        packed([LABELS, MEASUREMENTS]),
        packed([LABELS, MEASUREMENTS, MONTAGE]),
        packed([*FILES, "../../other/report.json"]),
        packed([*FILES, SLICES]),
        packed([LABELS, MEASUREMENTS, "montage.svg"]),
    ],
)
def test_answer_that_is_no_segmentation_fails_the_state(waiting, output: bytes) -> None:
    inference_id, callbacks = waiting
    results = MemoryObjects({"out": output})

    tokens = answer_with(results, callbacks, InferenceNotification(inference_id, True, "out"))

    assert tokens.failed["token"][0] == "ModelFailed"
    assert set(results.objects) == {"out"}


def test_archive_that_grows_too_large_is_not_unpacked(
    waiting, monkeypatch: pytest.MonkeyPatch
) -> None:
    inference_id, callbacks = waiting
    monkeypatch.setattr(segmentation_archive, "MAX_BYTES", 1_000)

    tokens = answer(
        callbacks,
        InferenceNotification(inference_id, True, "out"),
        pack(FILES | {LABELS: bytes(2_000)}),
    )

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
