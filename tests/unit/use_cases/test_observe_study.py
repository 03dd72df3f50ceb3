"""Asking a vision-language model about a study, and merging its answer: it can fail no study."""

import json

import pytest

from mri_analysis.contracts.job import Job, JobStatus
from mri_analysis.contracts.knowledge import KnowledgeEntry
from mri_analysis.contracts.observations import ReadingKind, ReadingStatus
from mri_analysis.contracts.report import Description
from mri_analysis.contracts.tasks import DescribeTask, DescriptionReference
from mri_analysis.errors import (
    ModelEndpointResting,
    ModelEndpointUnavailable,
    ServiceUnavailable,
    StorageUnavailable,
)
from mri_analysis.keys import StudyKeys
from mri_analysis.observing import chat, zero_shot
from mri_analysis.observing.answer import MAX_BYTES, Fault
from mri_analysis.ports.segmentation import PendingCallback, Purpose
from mri_analysis.use_cases import observe_study
from mri_analysis.use_cases.describe_study import describe_study
from mri_analysis.use_cases.observe_study import Observer
from mri_analysis.use_cases.segment_image import InferenceNotification, answer_callback
from tests.support.memory_ports import (
    MemoryCallbacks,
    MemoryJobs,
    MemoryObjects,
    MemoryTaskTokens,
    MemoryVisionLanguageEndpoint,
)
from tests.support.scripted_vision_language import observation, observations
from tests.unit.use_cases.test_segment_image import JOB, MEASURED

KEYS = StudyKeys("demo", JOB)
TASK = DescribeTask(
    organization_id="demo",
    job_id=JOB,
    task_token="token",
    measurements_key=KEYS.results + "measurements.json",
    montage_key=KEYS.results + "montage.png",
    slices_key=KEYS.results + "slices.png",
)


class NoKnowledge:
    """A knowledge base without references: findings get no verdict."""

    def references(self) -> list[KnowledgeEntry]:
        return []


class Study:
    """One described study and everything around it."""

    def __init__(self, endpoint: MemoryVisionLanguageEndpoint | None = None) -> None:
        moment = "2026-01-01T00:00:00Z"
        job = Job(
            organization_id="demo",
            job_id=JOB,
            original_image_key="k",
            status=JobStatus.SEGMENTING,
            created_at=moment,
            updated_at=moment,
        )
        self.jobs = MemoryJobs({JOB: job})
        self.results = MemoryObjects(
            {
                TASK.measurements_key: MEASURED.model_dump_json().encode(),
                TASK.montage_key: b"montage",
                KEYS.results + "slices.png": b"slices",
            }
        )
        self.callbacks = MemoryCallbacks()
        self.tokens = MemoryTaskTokens()
        self.endpoint = endpoint

    def describe(
        self, kind: ReadingKind = ReadingKind.GENERATIVE, task: DescribeTask = TASK
    ) -> ReadingStatus | None:
        observer = None
        if self.endpoint is not None:
            observer = Observer(self.endpoint, self.callbacks, kind, "a-model")
        clock = iter((100.0, 100.5))
        return describe_study(
            task,
            results=self.results,
            jobs=self.jobs,
            knowledge=NoKnowledge(),  # type: ignore[arg-type]
            task_tokens=self.tokens,
            observer=observer,
            now=lambda: next(clock),
        )

    def description(self, key: str = KEYS.description) -> Description:
        return Description.model_validate_json(self.results.get(key))

    def answer(self, body: bytes | None, *, completed: bool = True) -> Fault | None:
        ((_, inference_id),) = self.endpoint.started if self.endpoint else ()
        key = None
        if body is not None:
            key = "inference/answer.out"
            self.results.objects[key] = body
        answered = answer_callback(
            InferenceNotification(inference_id, completed, key),
            results=self.results,
            callbacks=self.callbacks,
            task_tokens=self.tokens,
        )
        assert answered is not None
        assert answered.observed is not None
        return answered.observed.fault

    def outcome(self) -> Description:
        """The description that the state went on with."""
        reference = self.tokens.succeeded["token"]
        assert isinstance(reference, DescriptionReference)
        assert reference.seconds >= 0
        return self.description(reference.description_key)


def test_without_a_model_the_state_goes_on_at_once() -> None:
    study = Study()
    before = set(study.results.objects)

    assert study.describe() is None

    assert study.tokens.succeeded["token"] == DescriptionReference(
        description_key=KEYS.description, seconds=0.5
    )
    assert study.outcome().reading is None
    assert set(study.results.objects) - before == {KEYS.description}
    assert not study.callbacks.kept


def test_a_question_is_queued_where_the_endpoint_may_read_it() -> None:
    endpoint = MemoryVisionLanguageEndpoint()
    study = Study(endpoint)

    assert study.describe() is ReadingStatus.PENDING

    ((uri, inference_id),) = endpoint.started
    key = uri.removeprefix("s3://memory/")
    assert key == f"inference/requests/{inference_id}.json"
    assert json.loads(study.results.get(key))["model"] == "a-model"
    assert study.callbacks.kept[inference_id] == PendingCallback(
        inference_id, "demo", JOB, "token", Purpose.OBSERVATION, 100.0
    )
    assert not study.tokens.succeeded
    reading = study.description().reading
    assert reading is not None
    assert reading.status is ReadingStatus.PENDING
    assert reading.model == "mri-vision-language: a-model"
    assert reading.prompt_version == chat.PROMPT_VERSION


def test_token_and_description_are_there_before_the_endpoint_can_answer() -> None:
    class Quick(MemoryVisionLanguageEndpoint):
        def start(self, request_uri: str, inference_id: str) -> None:
            super().start(request_uri, inference_id)
            study.answer(observations())

    study = Study(Quick())

    study.describe()

    reading = study.outcome().reading
    assert reading is not None
    assert reading.status is ReadingStatus.ANSWERED


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (ModelEndpointResting("rests"), ReadingStatus.RESTING),
        (ModelEndpointUnavailable("down"), ReadingStatus.UNAVAILABLE),
    ],
)
def test_an_endpoint_that_takes_no_question_keeps_nobody_waiting(
    error: Exception, status: ReadingStatus
) -> None:
    study = Study(MemoryVisionLanguageEndpoint(error=error))

    assert study.describe() is status

    reading = study.outcome().reading
    assert reading is not None
    assert reading.status is status


def test_a_table_of_callbacks_that_is_down_keeps_nobody_waiting() -> None:
    study = Study(MemoryVisionLanguageEndpoint())
    study.callbacks.error = ServiceUnavailable("down")

    assert study.describe() is ReadingStatus.UNAVAILABLE
    assert study.tokens.succeeded


def test_pictures_that_are_gone_or_too_large_keep_nobody_waiting(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    gone = Study(MemoryVisionLanguageEndpoint())
    del gone.results.objects[TASK.montage_key]
    assert gone.describe() is ReadingStatus.UNAVAILABLE

    monkeypatch.setattr(observe_study, "MAX_REQUEST_BYTES", 100)
    large = Study(MemoryVisionLanguageEndpoint())
    assert large.describe() is ReadingStatus.UNAVAILABLE
    assert large.tokens.succeeded


def test_storage_that_is_down_is_the_state_machines_to_try_again() -> None:
    study = Study(MemoryVisionLanguageEndpoint())
    study.results.down = True

    with pytest.raises(StorageUnavailable):
        study.describe()


def test_an_older_container_without_plain_slices_is_asked_about_all_the_same() -> None:
    study = Study(MemoryVisionLanguageEndpoint())

    assert study.describe(task=TASK.model_copy(update={"slices_key": None})) is (
        ReadingStatus.PENDING
    )


@pytest.fixture
def asked() -> Study:
    study = Study(MemoryVisionLanguageEndpoint())
    study.describe()
    return study


def test_an_answer_is_merged_beside_what_was_measured(asked: Study) -> None:
    asked.answer(observations(observation("focal_lesion", "frontal", "left")))

    merged, measured = asked.outcome(), asked.description()
    assert merged.findings == measured.findings
    assert merged.reading is not None
    assert merged.reading.status is ReadingStatus.ANSWERED
    assert [w.observation.kind.value for w in merged.reading.observations] == ["focal_lesion"]
    # What lay there before still lies there.
    assert measured.reading is not None
    assert measured.reading.status is ReadingStatus.PENDING


def test_two_answers_for_one_study_do_not_touch_each_other() -> None:
    keys = {KEYS.observed_description("one"), KEYS.observed_description("two"), KEYS.description}

    assert len(keys) == 3
    assert all(key.startswith(KEYS.results) for key in keys)


@pytest.mark.parametrize(
    ("body", "fault"),
    [
        (b"no json", Fault.NOT_JSON),
        (b"x" * (MAX_BYTES + 1), Fault.TOO_LONG),
        (b"{}", Fault.OTHER_FORM),
    ],
)
def test_an_unusable_answer_leaves_the_measurements_alone(
    asked: Study, body: bytes, fault: Fault
) -> None:
    assert asked.answer(body) is fault

    reading = asked.outcome().reading
    assert reading is not None
    assert reading.status is ReadingStatus.UNUSABLE
    assert not asked.tokens.failed


def test_a_large_answer_is_not_even_read(asked: Study, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[str] = []
    original = asked.results.get
    monkeypatch.setattr(
        asked.results,
        "get",
        lambda key: read.append(key) or original(key),  # type: ignore[func-returns-value]
    )

    asked.answer(b"x" * (MAX_BYTES + 1))

    assert "inference/answer.out" not in read


@pytest.mark.parametrize("body", [None, b"an error page"])
def test_an_inference_that_failed_leaves_the_measurements_alone(
    asked: Study, body: bytes | None
) -> None:
    asked.answer(body, completed=False)

    reading = asked.outcome().reading
    assert reading is not None
    assert reading.status is ReadingStatus.UNAVAILABLE
    assert not asked.tokens.failed


def test_scores_are_read_as_scores() -> None:
    study = Study(MemoryVisionLanguageEndpoint())
    study.describe(ReadingKind.ZERO_SHOT)
    shares = dict.fromkeys(zero_shot.CAPTIONS, 0.0) | {"focal_lesion": 1.0}

    study.answer(json.dumps({"labels": list(shares), "scores": list(shares.values())}).encode())

    reading = study.outcome().reading
    assert reading is not None
    assert (reading.kind, reading.status) == (ReadingKind.ZERO_SHOT, ReadingStatus.ANSWERED)
    assert reading.prompt_version == zero_shot.PROMPT_VERSION
    assert [w.observation.kind.value for w in reading.observations] == ["focal_lesion"]
