"""Stages of an execution from its history."""

from datetime import UTC, datetime, timedelta
from typing import Any

from mri_client.executions import stages_of

START = datetime(2026, 1, 1, tzinfo=UTC)


def event(seconds: float, kind: str, **details: Any) -> dict[str, Any]:
    return {"timestamp": START + timedelta(seconds=seconds), "type": kind} | details


def entered(seconds: float, name: str) -> dict[str, Any]:
    return event(seconds, "TaskStateEntered", stateEnteredEventDetails={"name": name})


def failed(seconds: float, error: str) -> dict[str, Any]:
    return event(seconds, "TaskFailed", taskFailedEventDetails={"error": error})


def test_stage_that_runs_has_no_seconds_yet() -> None:
    (stage,) = stages_of([entered(0, "PrepareStudy"), event(0.1, "TaskScheduled")])

    assert (stage.status, stage.seconds, stage.attempts) == ("running", None, 1)


def test_retried_stage_is_done_when_the_last_attempt_was() -> None:
    history = [
        entered(0, "SegmentImage"),
        event(0.1, "TaskScheduled"),
        failed(1, "ModelEndpointUnavailable"),
        event(2, "TaskScheduled"),
        event(4, "TaskStateExited"),
    ]

    (stage,) = stages_of(history)

    assert (stage.status, stage.seconds, stage.attempts, stage.error) == ("done", 4.0, 2, None)


def test_caught_failure_is_a_failed_stage() -> None:
    history = [
        entered(0, "PrepareStudy"),
        event(0.1, "TaskScheduled"),
        failed(1, "EmptyFile"),
        event(1.1, "TaskStateExited"),
        entered(1.1, "HandleError"),
        event(1.2, "TaskScheduled"),
        event(1.5, "TaskStateExited"),
    ]

    first, second = stages_of(history)

    assert (first.status, first.error) == ("failed", "EmptyFile")
    assert second.status == "done"


def test_stage_at_work_when_the_execution_ended_failed() -> None:
    history = [entered(0, "SegmentImage"), event(9, "ExecutionTimedOut")]

    (stage,) = stages_of(history)

    assert (stage.status, stage.seconds) == ("failed", 9.0)
