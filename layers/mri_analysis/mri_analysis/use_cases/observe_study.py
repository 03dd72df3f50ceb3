"""Ask a vision-language model about a study's pictures, and merge its answer under the measured
facts.

Nothing in here fails a study: whatever goes wrong between us and the model becomes a status that
the report tells.
"""

import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass

from mri_analysis.contracts.observations import (
    ReadingKind,
    ReadingStatus,
    VisionLanguageReading,
)
from mri_analysis.contracts.report import Description
from mri_analysis.contracts.tasks import DescribeTask, DescriptionReference
from mri_analysis.errors import (
    ModelEndpointResting,
    ModelEndpointUnavailable,
    ServiceUnavailable,
    UploadMissing,
)
from mri_analysis.keys import StudyKeys, inference_request
from mri_analysis.observing import chat, zero_shot
from mri_analysis.observing.answer import MAX_BYTES, Answer, Fault, Pictures, UnusableAnswer
from mri_analysis.ports.segmentation import CallbackStore, PendingCallback, Purpose, TaskTokens
from mri_analysis.ports.storage import ObjectStore
from mri_analysis.ports.vision_language import VisionLanguageEndpoint
from mri_analysis.reporting.observations import weigh

MAX_REQUEST_BYTES = 6_000_000
"""What servers behind SageMaker take in one piece; the sample's two pictures make half of it."""


@dataclass(frozen=True)
class Observer:
    """The model that is configured, and how it is asked."""

    endpoint: VisionLanguageEndpoint
    callbacks: CallbackStore
    kind: ReadingKind = ReadingKind.GENERATIVE
    model: str = ""
    """what the request names; empty for a server with one model"""

    def reading(self, status: ReadingStatus) -> VisionLanguageReading:
        """A reading without observations."""
        return VisionLanguageReading(
            status=status,
            model=f"{self.endpoint.name}: {self.model}" if self.model else self.endpoint.name,
            prompt_version=(
                chat.PROMPT_VERSION
                if self.kind is ReadingKind.GENERATIVE
                else zero_shot.PROMPT_VERSION
            ),
            kind=self.kind,
        )


def ask(
    task: DescribeTask, *, results: ObjectStore, observer: Observer, asked_at: float
) -> ReadingStatus:
    """Queue the question; ``PENDING`` where the endpoint has it.

    ``asked_at`` is Unix time: from then on the state's seconds count.
    """
    inference_id = str(uuid.uuid4())
    key = inference_request(inference_id)
    try:
        question = _question(task, results, observer)
        if len(question) > MAX_REQUEST_BYTES:
            return ReadingStatus.UNAVAILABLE
        results.put(key, question, "application/json")
        # Before the endpoint is called: an answer can be quick, and must find it.
        observer.callbacks.save(
            PendingCallback(
                inference_id,
                task.organization_id,
                task.job_id,
                task.task_token,
                Purpose.OBSERVATION,
                asked_at,
            )
        )
        observer.endpoint.start(results.uri(key), inference_id)
    except ModelEndpointResting:
        return ReadingStatus.RESTING
    except (ModelEndpointUnavailable, ServiceUnavailable, UploadMissing):
        return ReadingStatus.UNAVAILABLE
    return ReadingStatus.PENDING


def _question(task: DescribeTask, results: ObjectStore, observer: Observer) -> bytes:
    pictures = Pictures(
        montage=results.get(task.montage_key),
        slices=None if task.slices_key is None else results.get(task.slices_key),
    )
    if observer.kind is ReadingKind.ZERO_SHOT:
        return zero_shot.question(pictures, observer.model)
    return chat.question(pictures, observer.model)


@dataclass(frozen=True)
class Observed:
    """What became of an answer."""

    status: ReadingStatus
    fault: Fault | None = None


def answer_observation(
    callback: PendingCallback,
    output_key: str | None,
    *,
    results: ObjectStore,
    task_tokens: TaskTokens,
    now: Callable[[], float] = time.time,
) -> Observed:
    """Let the state that waits go on, with the model's observations or without them.

    ``output_key`` is None where the endpoint failed. The merged description has a key of its own:
    an answer that comes too late changes nothing that a report was written from.
    """
    keys = StudyKeys(callback.organization_id, callback.job_id)
    description = Description.model_validate_json(results.get(keys.description))
    observed, reading = _merged(description, output_key, results)
    key = keys.observed_description(callback.inference_id)
    store_description(results, key, description.model_copy(update={"reading": reading}))
    seconds = 0.0 if callback.asked_at is None else round(max(0.0, now() - callback.asked_at), 3)
    task_tokens.succeed(
        callback.task_token, DescriptionReference(description_key=key, seconds=seconds)
    )
    return observed


def store_description(results: ObjectStore, key: str, description: Description) -> None:
    """Write a description."""
    results.put(key, description.model_dump_json(indent=1).encode(), "application/json")


def _merged(
    description: Description, output_key: str | None, results: ObjectStore
) -> tuple[Observed, VisionLanguageReading | None]:
    reading = description.reading
    if reading is None:
        # The study was described anew, without a model: this answer belongs to nobody.
        return Observed(ReadingStatus.UNAVAILABLE), None
    if output_key is None:
        status = ReadingStatus.UNAVAILABLE
        return Observed(status), reading.model_copy(update={"status": status})
    try:
        answer = _read(output_key, reading.kind, results)
    except UnusableAnswer as error:
        status = ReadingStatus.UNUSABLE
        return Observed(status, error.fault), reading.model_copy(update={"status": status})
    status = ReadingStatus.ANSWERED
    found = {
        "status": status,
        "observations": weigh(answer.observations, description.findings),
        "input_tokens": answer.input_tokens,
        "output_tokens": answer.output_tokens,
    }
    return Observed(status), reading.model_copy(update=found)


def _read(output_key: str, kind: ReadingKind, results: ObjectStore) -> Answer:
    stored = results.head(output_key)
    if stored is None:
        raise UnusableAnswer(Fault.NOT_JSON)
    if stored.size > MAX_BYTES:
        raise UnusableAnswer(Fault.TOO_LONG)  # unread: an answer may have a gigabyte
    body = results.get(output_key)
    return zero_shot.read(body) if kind is ReadingKind.ZERO_SHOT else chat.read(body)
