"""A handler succeeds and fails here as it does on Lambda."""

from __future__ import annotations

import json
import threading
import time
from typing import Any

import pytest
from botocore.exceptions import ClientError

from local_stack import LocalStack
from local_stack.lambda_runtime import Invocation, TooManyRequestsError
from local_stack.traces import read_segments


def invoke(stack: LocalStack, function: str, **event: Any) -> tuple[Invocation, Any]:
    invocation = stack.invoke(function, event)
    return invocation, json.loads(invocation.payload)


def test_function_gets_its_layer_and_variables(stack: LocalStack) -> None:
    invocation, answer = invoke(stack, "probe", mode="echo", value=1)

    assert invocation.function_error is None
    assert answer["echo"] == {"mode": "echo", "value": 1}
    assert answer["layer"] == "fixture layer"
    assert answer["variables"] == {
        "STAGE": "overridden",
        "TABLE": stack.resource("Table"),
        "SECRET": "open sesame",
        "NETWORK": "Network.CidrBlock",
        "EXTRA": "from the caller",
        "AWS_ENDPOINT_URL": stack.endpoint_url,
    }
    assert 0 < answer["remaining_ms"] <= 2000
    assert answer["arn"].endswith(":function:probe")
    assert not answer["stack_on_path"]
    assert "START RequestId: " + invocation.request_id in invocation.log
    assert "probe echo" in invocation.log


@pytest.mark.parametrize("name", ["ProbeFunction", "probe"])
def test_function_is_found_by_logical_id_and_name(stack: LocalStack, name: str) -> None:
    assert stack.function_name(name) == "probe"


def test_warm_environment_is_reused_and_fast(stack: LocalStack) -> None:
    # Given a warm environment
    _, first = invoke(stack, "probe")

    # When it is used again
    started = time.monotonic()
    again = [invoke(stack, "probe") for _ in range(20)]
    mean_s = (time.monotonic() - started) / 20

    # Then it is the same process, and no packet waits for an acknowledgement (40 ms each)
    assert {answer["pid"] for _, answer in again} == {first["pid"]}
    assert not any(invocation.cold for invocation, _ in again)
    assert mean_s < 0.03


def test_exception_keeps_the_name_of_its_class(stack: LocalStack) -> None:
    invocation, error = invoke(stack, "probe", mode="raise")

    assert invocation.function_error == "Unhandled"
    assert error["errorType"] == "BadImage"
    assert error["errorMessage"] == "not a NIfTI"
    assert any("app.py" in line for line in error["stackTrace"])
    # And the environment lives on
    assert invoke(stack, "probe")[0].cold is False


def test_time_limit_kills_the_process(stack: LocalStack) -> None:
    started = time.monotonic()
    invocation, error = invoke(stack, "probe", mode="hang")

    assert 2.0 <= time.monotonic() - started < 6.0
    assert error == {
        "errorType": "Sandbox.Timedout",
        "errorMessage": f"RequestId: {invocation.request_id} Error: Task timed out after "
        "2.00 seconds",
    }
    assert invoke(stack, "probe")[0].cold


def test_exit_is_reported(stack: LocalStack) -> None:
    invocation, error = invoke(stack, "probe", mode="exit")

    assert error == {
        "errorType": "Runtime.ExitError",
        "errorMessage": f"RequestId: {invocation.request_id} Error: Runtime exited with error: "
        "exit status 3",
    }


def test_import_error_is_reported(stack: LocalStack) -> None:
    invocation, error = invoke(stack, "broken")

    assert invocation.function_error == "Unhandled"
    assert error["errorType"] == "Runtime.ImportModuleError"
    assert "a_module_that_is_not_there" in error["errorMessage"]


def test_response_over_the_limit_is_refused(stack: LocalStack) -> None:
    assert invoke(stack, "probe", mode="large")[1]["errorType"] == "Function.ResponseSizeTooLarge"


def test_each_concurrent_invocation_has_its_own_process(stack: LocalStack) -> None:
    # Given three callers at the same time
    barrier = threading.Barrier(3)
    pids: list[int] = []

    def call() -> None:
        barrier.wait()
        pids.append(invoke(stack, "probe", mode="sleep", seconds=0.5)[1]["pid"])

    # When all call
    threads = [threading.Thread(target=call) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    # Then no process served two of them
    assert len(set(pids)) == 3


def test_reserved_concurrency_is_respected(stack: LocalStack) -> None:
    # Given the only environment that may run is busy
    invoke(stack, "limited")
    busy = threading.Thread(target=invoke, args=(stack, "limited"), kwargs={"seconds": 1.5})
    busy.start()
    name = stack.function_name("limited")
    while not stack._runner._busy[name]:
        time.sleep(0.01)

    # When a second caller comes, directly or through the API
    with pytest.raises(TooManyRequestsError):
        invoke(stack, "limited")
    with pytest.raises(ClientError) as refused:
        stack.client("lambda").invoke(FunctionName=name, Payload=b"{}")

    # Then it is refused as AWS refuses
    assert refused.value.response["Error"]["Code"] == "TooManyRequestsException"
    assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 429
    busy.join()


def test_invocation_leaves_a_segment(stack: LocalStack) -> None:
    invocation, answer = invoke(stack, "probe")
    root = answer["trace"].split("Root=")[1].split(";")[0]

    assert answer["trace"].endswith("Sampled=1")
    (segment,) = [
        s for s in read_segments(stack.state_dir / "traces.jsonl") if s["trace_id"] == root
    ]
    assert segment["name"] == "probe"
    assert segment["aws"]["request_id"] == invocation.request_id
