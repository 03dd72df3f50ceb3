"""What the state machine of the product relies on, run by moto's interpreter."""

from __future__ import annotations

import hashlib
import json
import re
import uuid
from typing import Any

import pytest
from botocore.exceptions import ClientError

from local_stack import LocalStack
from tests.integration.local_stack.waiting import eventually


def start(stack: LocalStack, machine: str, name: str | None = None, **data: Any) -> str:
    answer = stack.client("stepfunctions").start_execution(
        stateMachineArn=stack.resource(machine),
        name=name or f"run-{uuid.uuid4()}",
        input=json.dumps(data),
    )
    return str(answer["executionArn"])


def finish(stack: LocalStack, execution: str) -> dict[str, Any]:
    def ended() -> dict[str, Any] | None:
        state: dict[str, Any] = stack.client("stepfunctions").describe_execution(
            executionArn=execution
        )
        return None if state["status"] == "RUNNING" else state

    return eventually(ended, "the end of the execution")


def tokens(stack: LocalStack, execution: str) -> list[str]:
    history = stack.client("stepfunctions").get_execution_history(
        executionArn=execution, maxResults=1000
    )["events"]
    return [
        json.loads(event["taskScheduledEventDetails"]["parameters"])["Payload"]["token"]
        for event in history
        if event["type"] == "TaskScheduled"
    ]


def waiting_token(stack: LocalStack, execution: str, number: int = 1) -> str:
    def nth() -> str | None:
        found = tokens(stack, execution)
        return found[number - 1] if len(found) >= number else None

    token = eventually(nth, f"task token {number}")
    eventually(lambda: token in stack.log("probe"), "the function that gets the token")
    return token


def test_own_exception_class_reaches_retry(stack: LocalStack) -> None:
    execution = start(stack, "RetryStateMachine", mode="transient", id="one", failures=2)

    state = finish(stack, execution)

    assert state["status"] == "SUCCEEDED"
    history = stack.client("stepfunctions").get_execution_history(executionArn=execution)["events"]
    errors = [e["taskFailedEventDetails"]["error"] for e in history if e["type"] == "TaskFailed"]
    assert errors == ["TransientModelError"] * 2


def test_states_of_an_execution_share_a_trace(stack: LocalStack) -> None:
    output = json.loads(finish(stack, start(stack, "RetryStateMachine", mode="echo"))["output"])

    roots = {
        trace.split("Root=")[1].split(";")[0]
        for trace in (output["result"]["trace"], output["second"]["trace"])
    }
    assert len(roots) == 1


def test_own_exception_class_reaches_catch(stack: LocalStack) -> None:
    state = finish(stack, start(stack, "RetryStateMachine", mode="raise"))

    refused = json.loads(state["output"])["refused"]
    assert refused["Error"] == "BadImage"
    assert json.loads(refused["Cause"])["errorMessage"] == "not a NIfTI"


def test_time_limit_reaches_catch(stack: LocalStack) -> None:
    state = finish(stack, start(stack, "RetryStateMachine", mode="hang"))

    assert (state["status"], state["error"]) == ("FAILED", "Sandbox.Timedout")


def test_name_of_an_ended_execution_is_refused(stack: LocalStack) -> None:
    # Given an execution that has ended
    name = f"object-{uuid.uuid4()}"
    finish(stack, start(stack, "RetryStateMachine", name, mode="echo"))

    # When its name is used again, even with the same input
    with pytest.raises(ClientError) as refused:
        start(stack, "RetryStateMachine", name, mode="echo")

    # Then the duplicate is refused
    assert refused.value.response["Error"]["Code"] == "ExecutionAlreadyExists"


def test_task_token_succeeds_and_intrinsics_compute(stack: LocalStack) -> None:
    execution = start(stack, "CallbackStateMachine", timeout=20)
    token = waiting_token(stack, execution)
    answer = {
        "organization": "org",
        "items": ["a", "b"],
        "text": '{"x": 1}',
        "number": 40,
        "objects": [{"key": "k"}],
    }

    stack.client("stepfunctions").send_task_success(taskToken=token, output=json.dumps(answer))

    state = finish(stack, execution)
    assert state["status"] == "SUCCEEDED", state.get("cause")
    output = json.loads(state["output"])
    assert output["name"] == execution.split(":")[-1]
    assert output["key"] == f"results/org/{output['name']}/x"
    assert output["first"] == "a"
    assert output["count"] == 2
    assert output["parsed"] == {"x": 1}
    assert json.loads(output["text"]) == ["a", "b"]
    assert output["merged"]["extra"] == 1
    assert output["sum"] == 42
    assert output["parts"] == ["a", "b", "c"]
    assert output["hash"] == hashlib.sha256(b"abc").hexdigest()
    assert output["encoded"] == "YWJj"


def test_context_object_reaches_the_function(stack: LocalStack) -> None:
    execution = start(stack, "CallbackStateMachine", timeout=20)
    token = waiting_token(stack, execution)
    stack.client("stepfunctions").send_task_failure(taskToken=token, error="Done", cause="x")

    history = stack.client("stepfunctions").get_execution_history(executionArn=execution)["events"]
    scheduled = next(event for event in history if event["type"] == "TaskScheduled")
    payload = json.loads(scheduled["taskScheduledEventDetails"]["parameters"])["Payload"]
    assert payload["execution"] == execution.split(":")[-1]
    assert payload["state"] == "Wait"
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", payload["started"])
    finish(stack, execution)


def test_task_failure_is_retried_with_a_new_token(stack: LocalStack) -> None:
    # Given a task whose first answer is a failure that Retry names
    sfn = stack.client("stepfunctions")
    execution = start(stack, "CallbackStateMachine", timeout=20)
    first = waiting_token(stack, execution)
    sfn.send_task_failure(taskToken=first, error="ModelEndpointUnavailable", cause="no instance")

    # When it is tried again and fails again
    second = waiting_token(stack, execution, number=2)
    sfn.send_task_failure(taskToken=second, error="ModelEndpointUnavailable", cause="still none")

    # Then the retries are used up and Catch gets error and cause
    state = finish(stack, execution)
    assert second != first
    assert (state["status"], state["error"]) == ("FAILED", "ModelEndpointUnavailable")
    assert state["cause"] == "still none"


def test_task_that_is_never_answered_times_out(stack: LocalStack) -> None:
    state = finish(stack, start(stack, "CallbackStateMachine", timeout=1))

    assert json.loads(state["output"])["outcome"] == "timed out"


def test_fail_state_passes_on_an_error_of_step_functions(stack: LocalStack) -> None:
    # Given a task that fails inside the interpreter, whose Catch leads to Fail with ErrorPath
    execution = start(stack, "CallbackStateMachine", timeout="not a number")

    # When it ends
    state = finish(stack, execution)

    # Then error and cause are those that were caught
    assert (state["status"], state["error"]) == ("FAILED", "States.Runtime")
    assert state["cause"]


def test_answer_after_the_end_is_refused(stack: LocalStack) -> None:
    execution = start(stack, "CallbackStateMachine", timeout=1)
    token = waiting_token(stack, execution)
    finish(stack, execution)

    with pytest.raises(ClientError) as refused:
        stack.client("stepfunctions").send_task_success(taskToken=token, output="{}")
    assert refused.value.response["Error"]["Code"] in ("TaskTimedOut", "InvalidToken")
