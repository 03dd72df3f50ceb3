"""Ask the segmentation endpoint for a study, and pass answers on to the states that wait."""

import hashlib
import uuid
from dataclasses import dataclass

from pydantic import ValidationError

from mri_analysis.contracts.job import JobStatus
from mri_analysis.contracts.segmentation import (
    Measurements,
    SegmentationRefused,
    SegmentationResponse,
)
from mri_analysis.contracts.segmentation_archive import (
    CONTENT_TYPES,
    LABELS,
    MEASUREMENTS,
    MONTAGE,
    SLICES,
    InvalidArchive,
    is_archive,
    unpack,
)
from mri_analysis.contracts.tasks import SegmentTask
from mri_analysis.errors import ModelEndpointUnavailable, ModelFailed, UploadMissing
from mri_analysis.keys import StudyKeys
from mri_analysis.ports.jobs import JobRepository
from mri_analysis.ports.segmentation import (
    CallbackStore,
    PendingCallback,
    Purpose,
    SegmentationEndpoint,
    TaskTokens,
)
from mri_analysis.ports.storage import ObjectStore
from mri_analysis.use_cases.observe_study import Observed, answer_observation


def is_for_challenger(job_id: str, weight: int) -> bool:
    """Whether a study belongs to the ``weight`` in a hundred that a challenger segments.

    By a hash of the job, not by chance: a study that is tried again meets the same model.
    """
    draw = int(hashlib.sha256(job_id.encode()).hexdigest()[:8], 16) % 100
    return draw < weight


def request_segmentation(
    task: SegmentTask,
    *,
    results: ObjectStore,
    jobs: JobRepository,
    callbacks: CallbackStore,
    endpoint: SegmentationEndpoint,
) -> str:
    """Queue the inference and answer its id.

    The task token is stored before the endpoint is called: an answer can be quick, and must find
    it.
    """
    jobs.advance(task.organization_id, task.job_id, JobStatus.SEGMENTING)
    inference_id = str(uuid.uuid4())
    callbacks.save(
        PendingCallback(inference_id, task.organization_id, task.job_id, task.task_token)
    )
    endpoint.start(results.uri(task.image_key), inference_id)
    return inference_id


@dataclass(frozen=True)
class InferenceNotification:
    """What SageMaker tells about a finished asynchronous inference."""

    inference_id: str
    completed: bool
    output_key: str | None


@dataclass(frozen=True)
class Answered:
    """Who was answered; ``observed`` only where it was a vision-language model's answer."""

    callback: PendingCallback
    observed: Observed | None = None


def answer_callback(
    notification: InferenceNotification,
    *,
    results: ObjectStore,
    callbacks: CallbackStore,
    task_tokens: TaskTokens,
) -> Answered | None:
    """Answer the state that waits for this inference; None where nobody waits for it."""
    callback = callbacks.find(notification.inference_id)
    if callback is None:
        return None
    if callback.purpose is Purpose.OBSERVATION:
        output_key = notification.output_key if notification.completed else None
        return Answered(
            callback,
            answer_observation(callback, output_key, results=results, task_tokens=task_tokens),
        )
    _answer_segmentation(notification, callback, results, task_tokens)
    return Answered(callback)


def _answer_segmentation(
    notification: InferenceNotification,
    callback: PendingCallback,
    results: ObjectStore,
    task_tokens: TaskTokens,
) -> None:
    if not notification.completed or notification.output_key is None:
        # Its reason only says that the container answered with an error or not at all.
        task_tokens.fail(
            callback.task_token,
            ModelEndpointUnavailable.__name__,
            "The segmentation endpoint stopped before it finished the study.",
        )
        return
    try:
        output = _output(results.get(notification.output_key), callback, results)
    except (InvalidArchive, ValidationError, UploadMissing):
        task_tokens.fail(
            callback.task_token,
            ModelFailed.__name__,
            "The segmentation endpoint answered with something that is no segmentation.",
        )
        return
    if isinstance(output, SegmentationRefused):
        task_tokens.fail(callback.task_token, output.code, output.message)
    else:
        task_tokens.succeed(callback.task_token, output)


def _output(
    answer: bytes, callback: PendingCallback, results: ObjectStore
) -> SegmentationResponse | SegmentationRefused:
    """Store what the container answered; the container itself reaches no bucket."""
    if not is_archive(answer):
        return SegmentationRefused.model_validate_json(answer)
    files = unpack(answer)
    # Before anything is stored: an answer that is no segmentation leaves no files behind.
    quality = Measurements.model_validate_json(files[MEASUREMENTS]).quality
    prefix = StudyKeys(callback.organization_id, callback.job_id).results
    for name, content in files.items():
        results.put(prefix + name, content, CONTENT_TYPES[name])
    return SegmentationResponse(
        labels_key=prefix + LABELS,
        measurements_key=prefix + MEASUREMENTS,
        montage_key=prefix + MONTAGE,
        slices_key=prefix + SLICES if SLICES in files else None,
        verdict=quality.verdict,
        refusal=quality.refusal,
        reasons=quality.reasons(),
    )
