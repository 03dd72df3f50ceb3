"""What validators of syntax do not see in a state machine."""

import json
from pathlib import Path
from typing import Any

import pytest

import mri_analysis.errors
from mri_analysis.adapters.sagemaker_endpoint import (
    OBSERVATION_STATE_TIMEOUT_SECONDS,
    RECOVERY_TIMEOUT_SECONDS,
    STATE_TIMEOUT_SECONDS,
)
from mri_analysis.contracts.tasks import (
    AnalysisInput,
    DescribeTask,
    DescriptionReference,
    FailureTask,
    NotifyTask,
    ReportTask,
    SegmentTask,
    StoreTask,
    StudyTask,
)
from mri_analysis.errors import (
    AnalysisError,
    EmbedderUnavailable,
    LanguageModelUnavailable,
    TransientError,
    UploadError,
)
from mri_analysis.keys import StudyKeys
from mri_analysis.settings import Settings

ASL = json.loads(Path("statemachine/mri_analysis.asl.json").read_text())
STATES: dict[str, dict[str, Any]] = ASL["States"]
TASKS = [name for name, state in STATES.items() if state["Type"] == "Task"]

CONTRACTS: dict[str, type[StudyTask]] = {
    "PrepareStudy": AnalysisInput,
    "SegmentImage": SegmentTask,
    "ImageToText": DescribeTask,
    "EnhanceWithLLM": ReportTask,
    "StoreResults": StoreTask,
    "NotifyUser": NotifyTask,
    "HandleError": FailureTask,
}

# Answered inside a stage: searches go on by words alone, the report is composed.
_GONE_WITHOUT = {EmbedderUnavailable.__name__, LanguageModelUnavailable.__name__}

# Errors of Lambda and Step Functions themselves; everything else must be a class of ours.
_PLATFORM = ("Lambda.", "States.", "Sandbox.", "Runtime.")


def next_states(name: str) -> set[str]:
    state = STATES[name]
    following = {state[key] for key in ("Next", "Default") if key in state}
    following |= {choice["Next"] for choice in state.get("Choices", [])}
    return following | {catch["Next"] for catch in state.get("Catch", [])}


def after_failure(name: str) -> set[str]:
    """All states that can follow when ``name`` fails, other than by its time running out."""
    reached, waiting = set(), [STATES[name]["Catch"][-1]["Next"]]
    while waiting:
        following = waiting.pop()
        if following not in reached:
            reached.add(following)
            waiting += next_states(following)
    return reached


@pytest.mark.parametrize("name", TASKS)
def test_task_passes_a_payload_with_the_study_ids(name: str) -> None:
    payload = STATES[name]["Parameters"]["Payload"]

    assert payload["organization_id.$"] == "$.organization_id"
    assert payload["job_id.$"] == "$.job_id"
    assert payload["schema_version"] == CONTRACTS[name].model_fields["schema_version"].default


@pytest.mark.parametrize("name", TASKS)
def test_task_passes_what_its_contract_takes(name: str) -> None:
    payload = {key.removesuffix(".$") for key in STATES[name]["Parameters"]["Payload"]}

    assert payload == set(CONTRACTS[name].model_fields)


@pytest.mark.parametrize("name", TASKS)
def test_task_has_a_time_limit_and_keeps_its_input(name: str) -> None:
    assert STATES[name]["TimeoutSeconds"] > 0
    assert STATES[name]["ResultPath"].startswith("$.")


@pytest.mark.parametrize("name", TASKS)
def test_task_is_tried_again_by_error_class_with_jitter(name: str) -> None:
    retries = STATES[name]["Retry"]

    assert retries
    for retry in retries:
        assert retry["JitterStrategy"] == "FULL"
        assert retry["MaxDelaySeconds"] <= 60
        for error in retry["ErrorEquals"]:
            if not error.startswith(_PLATFORM):
                assert issubclass(getattr(mri_analysis.errors, error), AnalysisError)
            assert error not in ("States.ALL", "States.TaskFailed")


@pytest.mark.parametrize("name", TASKS)
def test_bad_input_is_never_tried_again(name: str) -> None:
    retried = {error for retry in STATES[name]["Retry"] for error in retry["ErrorEquals"]}

    assert not retried & {error.__name__ for error in UploadError.__subclasses__()}


@pytest.mark.parametrize("name", TASKS)
def test_every_failure_is_caught_beside_the_input(name: str) -> None:
    *others, last = STATES[name]["Catch"]

    assert last["ErrorEquals"] == ["States.ALL"]
    assert last["ResultPath"].startswith("$.")
    assert bool(others) == (name == "ImageToText")


@pytest.mark.parametrize("name", [name for name in TASKS if name != "NotifyUser"])
def test_every_failure_ends_in_fail(name: str) -> None:
    ends = {state for state in after_failure(name) if not next_states(state)}

    assert ends
    assert {STATES[end]["Type"] for end in ends} == {"Fail"}


def test_a_notification_that_fails_does_not_fail_the_study() -> None:
    assert after_failure("NotifyUser") == {"AnalysisCompleted"}


def test_every_state_can_be_reached() -> None:
    reached, waiting = set(), [ASL["StartAt"]]
    while waiting:
        name = waiting.pop()
        if name not in reached:
            reached.add(name)
            waiting += next_states(name)

    assert reached == set(STATES)


def test_refused_scan_takes_the_way_of_a_failure() -> None:
    (choice,) = STATES["CheckQuality"]["Choices"]

    assert (choice["StringEquals"], choice["Next"]) == ("fail", "RefuseStudy")
    assert STATES["RefuseStudy"]["Next"] == "HandleError"


def test_a_request_to_the_endpoint_lives_no_longer_than_its_state_waits() -> None:
    assert STATES["SegmentImage"]["TimeoutSeconds"] == STATE_TIMEOUT_SECONDS


def test_a_model_that_does_not_answer_in_time_fails_no_study() -> None:
    state = STATES["ImageToText"]
    kept = STATES["KeepMeasuredDescription"]

    assert state["Catch"][0]["ErrorEquals"] == ["States.Timeout"]
    assert state["Catch"][0]["Next"] == "KeepMeasuredDescription"
    assert kept["Next"] == state["Next"]
    assert kept["ResultPath"] == state["ResultPath"]
    assert {key.removesuffix(".$") for key in kept["Parameters"]} == set(
        DescriptionReference.model_fields
    )
    assert kept["Parameters"]["seconds"] == state["TimeoutSeconds"]


def test_the_description_that_is_kept_is_the_one_that_was_written() -> None:
    call = STATES["KeepMeasuredDescription"]["Parameters"]["description_key.$"]
    text, *arguments = call.removeprefix("States.Format(").removesuffix(")").split(", ")

    assert arguments == ["$.organization_id", "$.job_id"]
    assert text.strip("'").format("demo", "job") == StudyKeys("demo", "job").description


def test_a_question_to_the_model_lives_no_longer_than_its_state_waits() -> None:
    assert STATES["ImageToText"]["TimeoutSeconds"] == OBSERVATION_STATE_TIMEOUT_SECONDS
    assert Settings().vision_language_timeout_seconds <= OBSERVATION_STATE_TIMEOUT_SECONDS


def test_an_open_circuit_is_waited_out() -> None:
    (retry,) = (
        retry
        for retry in STATES["SegmentImage"]["Retry"]
        if retry["ErrorEquals"] == ["ModelEndpointResting"]
    )

    # Full jitter halves the waits on average.
    waits = (min(30 * 2**n, retry["MaxDelaySeconds"]) for n in range(retry["MaxAttempts"]))
    assert sum(waits) / 2 > RECOVERY_TIMEOUT_SECONDS


def test_every_transient_error_is_tried_again_somewhere() -> None:
    retried = {
        error for name in TASKS for retry in STATES[name]["Retry"] for error in retry["ErrorEquals"]
    }

    transient = {error.__name__ for error in TransientError.__subclasses__()}
    assert transient - _GONE_WITHOUT <= retried
