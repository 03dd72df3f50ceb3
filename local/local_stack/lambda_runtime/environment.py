"""One execution environment: a process, its Runtime API, and one invocation at a time.

The process is ``awslambdaric``, the client that runs in AWS's own Python images, so a handler that
raises, exits, hangs or cannot be imported fails here with the payload it fails with on Lambda.
"""

from __future__ import annotations

import datetime
import json
import os
import queue
import shutil
import sys
import tempfile
import threading
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path
from typing import Literal

from local_stack.account import CREDENTIALS, REGION, arn
from local_stack.child_process import ChildProcess, describe_exit
from local_stack.http_server import LoopbackServer, RequestHandler
from local_stack.traces import TraceHeader

RESPONSE_LIMIT_BYTES = 6_291_556
"""Largest response of a synchronous invocation (AWS Lambda quotas)."""

INIT_LIMIT_S = 60.0
"""How long a process may take to ask for its first event.

Lambda gives 10 s. A laptop that starts a dozen processes at once is slower than that, and a slow
import is not what a local run is meant to find.
"""

OutcomeKind = Literal["ready", "response", "error", "init_error", "exited", "timeout"]


@dataclass(frozen=True)
class FunctionSpec:
    """What a function is made of.

    Parameters
    ----------
    name
        Physical name.
    handler
        ``module.attribute``.
    code
        Folder of the function's own code.
    layers
        Folders of its layers. A layer's modules lie in ``python/`` when it was built, and in the
        folder itself when it is a source folder.
    environment
        Variables of the template, then those of the caller.
    timeout_s, memory_mb
        Limits. The time limit is enforced, the memory limit is only told to the function.
    reserved_concurrency
        Invocations that may run at once; ``None`` for no limit of its own.
    async_retries
        How often a failed asynchronous invocation is tried again.
    failure_destination
        ARN of the queue or topic that receives events whose retries are used up.
    """

    name: str
    handler: str
    code: Path
    layers: tuple[Path, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    timeout_s: float = 3.0
    memory_mb: int = 128
    reserved_concurrency: int | None = None
    async_retries: int = 2
    failure_destination: str | None = None

    @property
    def arn(self) -> str:
        """ARN of the unqualified function."""
        return arn("lambda", f"function:{self.name}")

    @property
    def python_path(self) -> list[str]:
        """Folders that hold importable code, in Lambda's order."""
        layers = [
            layer / "python" if (layer / "python").is_dir() else layer for layer in self.layers
        ]
        return [str(path) for path in (self.code, *layers)]


@dataclass(frozen=True)
class Invocation:
    """What came of one invocation.

    Parameters
    ----------
    request_id
        Lambda's request id.
    payload
        The response or the error document, as JSON bytes.
    function_error
        ``None``, or ``"Unhandled"`` as in the ``X-Amz-Function-Error`` header.
    log
        What the function's log gained meanwhile. Invocations of the same function that ran at the
        same time appear in it too.
    cold
        Whether a process was started for it.
    duration_s
        From the event handed over to the answer, without the start of the process.
    """

    request_id: str
    payload: bytes
    function_error: str | None
    log: str
    cold: bool
    duration_s: float


@dataclass(frozen=True)
class _PendingEvent:
    request_id: str
    body: bytes
    deadline_ms: int
    trace: TraceHeader


@dataclass(frozen=True)
class _Outcome:
    kind: OutcomeKind
    body: bytes = b""


class _RuntimeApiServer(LoopbackServer):
    """The Runtime API of one environment."""

    def __init__(self, function_arn: str) -> None:
        super().__init__(_RuntimeApiHandler)
        self.function_arn = function_arn
        self.events: queue.Queue[_PendingEvent | None] = queue.Queue()
        self.outcomes: queue.Queue[_Outcome] = queue.Queue()


class _RuntimeApiHandler(RequestHandler):
    server: _RuntimeApiServer

    def do_GET(self) -> None:
        if not self.path.endswith("/runtime/invocation/next"):
            self.answer(HTTPStatus.NOT_FOUND)
            return
        self.server.outcomes.put(_Outcome("ready"))
        event = self.server.events.get()
        if event is None:
            self.answer(HTTPStatus.GONE)
            return
        self.answer(
            HTTPStatus.OK,
            event.body,
            {
                "Content-Type": "application/json",
                "Lambda-Runtime-Aws-Request-Id": event.request_id,
                "Lambda-Runtime-Deadline-Ms": str(event.deadline_ms),
                "Lambda-Runtime-Invoked-Function-Arn": self.server.function_arn,
                "Lambda-Runtime-Trace-Id": str(event.trace),
            },
        )

    def do_POST(self) -> None:
        body = self.read_body()
        kinds: dict[str, OutcomeKind] = {
            "init/error": "init_error",
            "/response": "response",
            "/error": "error",
        }
        kind = next((kind for end, kind in kinds.items() if self.path.endswith(end)), None)
        if kind is None:
            self.answer(HTTPStatus.NOT_FOUND)
            return
        self.answer_json(HTTPStatus.ACCEPTED, {"status": "OK"})
        self.server.outcomes.put(_Outcome(kind, body))


class ExecutionEnvironment:
    """A process that serves the invocations of one function, one after the other."""

    def __init__(
        self,
        spec: FunctionSpec,
        *,
        stack_environment: Mapping[str, str],
        log_path: Path,
        scratch_directory: Path,
    ) -> None:
        self.spec = spec
        self._log_path = log_path
        self._initialised = False
        scratch_directory.mkdir(parents=True, exist_ok=True)
        self._scratch = Path(tempfile.mkdtemp(prefix=f"{spec.name}-", dir=scratch_directory))
        self._server = _RuntimeApiServer(spec.arn)
        self._server.start()
        self._process = ChildProcess(
            "awslambdaric",
            [spec.handler],
            environment=self._variables(stack_environment),
            working_directory=spec.code,
            log_path=log_path,
        )
        threading.Thread(target=self._report_exit, daemon=True).start()

    @property
    def alive(self) -> bool:
        """Whether the process can serve a further invocation."""
        return self._process.alive

    def invoke(self, event: bytes, trace: TraceHeader) -> Invocation:
        """Run one invocation; the environment must be idle."""
        request_id = str(uuid.uuid4())
        cold = not self._initialised
        log_start = self._log_path.stat().st_size
        self._write_log(f"START RequestId: {request_id} Version: $LATEST")
        started = time.monotonic()
        outcome = self._wait_until_ready()
        if outcome.kind == "ready":
            started = time.monotonic()
            outcome = self._run(request_id, event, trace)
        duration_s = time.monotonic() - started
        payload, failed = self._payload(request_id, outcome)
        if outcome.kind in ("timeout", "exited", "init_error"):
            self.close()
        self._write_log(
            f"END RequestId: {request_id}\n"
            f"REPORT RequestId: {request_id} Duration: {duration_s * 1000:.2f} ms "
            f"Memory Size: {self.spec.memory_mb} MB{' Cold start' if cold else ''}"
        )
        return Invocation(
            request_id=request_id,
            payload=payload,
            function_error="Unhandled" if failed else None,
            log=self._log_since(log_start),
            cold=cold,
            duration_s=duration_s,
        )

    def close(self) -> None:
        """End the process and everything that belongs to it."""
        self._process.kill()
        self._server.events.put(None)
        self._server.stop()
        shutil.rmtree(self._scratch, ignore_errors=True)

    def _wait_until_ready(self) -> _Outcome:
        if self._initialised:
            # The process asks for its next event right after it has answered the one before.
            limit_s = self.spec.timeout_s
        else:
            limit_s = max(INIT_LIMIT_S, self.spec.timeout_s)
        outcome = self._next_outcome(limit_s)
        self._initialised = outcome.kind == "ready"
        return outcome

    def _run(self, request_id: str, event: bytes, trace: TraceHeader) -> _Outcome:
        deadline_ms = int((time.time() + self.spec.timeout_s) * 1000)
        self._server.events.put(_PendingEvent(request_id, event, deadline_ms, trace))
        return self._next_outcome(self.spec.timeout_s)

    def _next_outcome(self, limit_s: float) -> _Outcome:
        try:
            return self._server.outcomes.get(timeout=limit_s)
        except queue.Empty:
            return _Outcome("timeout")

    def _payload(self, request_id: str, outcome: _Outcome) -> tuple[bytes, bool]:
        if outcome.kind == "response":
            if len(outcome.body) <= RESPONSE_LIMIT_BYTES:
                return outcome.body, False
            return _error(
                "Function.ResponseSizeTooLarge",
                "Response payload size exceeded maximum allowed payload size "
                f"({RESPONSE_LIMIT_BYTES} bytes).",
            ), True
        if outcome.kind in ("error", "init_error"):
            return outcome.body, True
        if outcome.kind == "timeout":
            return _error(
                "Sandbox.Timedout",
                f"RequestId: {request_id} Error: Task timed out after "
                f"{self.spec.timeout_s:.2f} seconds",
            ), True
        status = self._process.wait()
        reason = (
            "Runtime exited without providing a reason"
            if status == 0
            else f"Runtime exited with error: {describe_exit(status)}"
        )
        return _error("Runtime.ExitError", f"RequestId: {request_id} Error: {reason}"), True

    def _report_exit(self) -> None:
        self._process.wait()
        self._server.outcomes.put(_Outcome("exited"))

    def _write_log(self, text: str) -> None:
        with self._log_path.open("ab") as log:
            log.write(text.encode() + b"\n")

    def _log_since(self, offset: int) -> str:
        with self._log_path.open("rb") as log:
            log.seek(offset)
            return log.read().decode("utf-8", "replace")

    def _variables(self, stack_environment: Mapping[str, str]) -> dict[str, str]:
        stream = f"{datetime.date.today():%Y/%m/%d}/[$LATEST]{uuid.uuid4().hex}"
        version = f"{sys.version_info.major}.{sys.version_info.minor}"
        return {
            "PATH": os.environ.get("PATH", os.defpath),
            "LANG": "en_US.UTF-8",
            "TZ": ":UTC",
            # A home of its own: no developer's ~/.aws must reach a handler.
            "HOME": str(self._scratch),
            "TMPDIR": str(self._scratch),
            "PYTHONPATH": os.pathsep.join(self.spec.python_path),
            "LAMBDA_TASK_ROOT": str(self.spec.code),
            "_HANDLER": self.spec.handler,
            "AWS_LAMBDA_RUNTIME_API": self._server.address,
            "AWS_LAMBDA_FUNCTION_NAME": self.spec.name,
            "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(self.spec.memory_mb),
            "AWS_LAMBDA_LOG_GROUP_NAME": f"/aws/lambda/{self.spec.name}",
            "AWS_LAMBDA_LOG_STREAM_NAME": stream,
            "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
            "AWS_EXECUTION_ENV": f"AWS_Lambda_python{version}",
            "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_EC2_METADATA_DISABLED": "true",
            **CREDENTIALS,
            **stack_environment,
            **self.spec.environment,
        }


def _error(error_type: str, message: str) -> bytes:
    return json.dumps({"errorType": error_type, "errorMessage": message}).encode()
