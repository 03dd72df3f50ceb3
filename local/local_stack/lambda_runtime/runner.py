"""Choose an execution environment for each invocation, and retry the asynchronous ones."""

from __future__ import annotations

import json
import logging
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from local_stack.lambda_runtime.environment import (
    ExecutionEnvironment,
    FunctionSpec,
    Invocation,
)
from local_stack.traces import TraceCollector, TraceHeader

logger = logging.getLogger(__name__)

FailedEventSink = Callable[[FunctionSpec, bytes, Invocation], None]


class FunctionNotFoundError(KeyError):
    """No function of that name is deployed."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.message = f"Function not found: {name}"


class TooManyRequestsError(Exception):
    """The function's reserved concurrency is in use (HTTP 429 on AWS)."""

    code = "TooManyRequestsException"


class RunnerClosedError(RuntimeError):
    """The stack is stopping."""


class LambdaRunner:
    """Runs functions in their execution environments.

    Parameters
    ----------
    log_directory
        Where each function's log goes: ``<function name>.log``.
    scratch_directory
        Where each process gets a folder for its ``HOME`` and ``TMPDIR``.
    stack_environment
        Variables of every function: endpoints of the stack.
    traces
        Receives a segment for each invocation, as the Lambda service sends one.
    max_environments
        Processes of all functions together. Beyond it, idle processes of other functions end
        first, then callers wait. (An AWS account has 1,000 and refuses instead.)
    async_retry_delays_s
        Pause before each retry of an asynchronous invocation; AWS waits 60 s, then 120 s.
    on_failed_event
        Told of asynchronous events whose retries are used up.
    """

    def __init__(
        self,
        log_directory: Path,
        scratch_directory: Path,
        *,
        stack_environment: Mapping[str, str],
        traces: TraceCollector | None = None,
        max_environments: int = 32,
        async_retry_delays_s: Sequence[float] = (1.0, 2.0),
        on_failed_event: FailedEventSink | None = None,
    ) -> None:
        self.on_failed_event = on_failed_event
        self._log_directory = log_directory
        self._scratch_directory = scratch_directory
        self._stack_environment = dict(stack_environment)
        self._traces = traces
        self._max_environments = max_environments
        self._async_retry_delays_s = tuple(async_retry_delays_s)
        self._specs: dict[str, FunctionSpec] = {}
        self._idle: dict[str, list[ExecutionEnvironment]] = {}
        self._busy: dict[str, set[ExecutionEnvironment]] = {}
        self._changed = threading.Condition()
        self._closed = threading.Event()
        self._async_pool = ThreadPoolExecutor(max_workers=16, thread_name_prefix="async-invoke")

    @property
    def functions(self) -> dict[str, FunctionSpec]:
        """The deployed functions by name."""
        return dict(self._specs)

    def add(self, spec: FunctionSpec) -> None:
        """Deploy a function."""
        with self._changed:
            self._specs[spec.name] = spec
            self._idle.setdefault(spec.name, [])
            self._busy.setdefault(spec.name, set())
        self._log_directory.mkdir(parents=True, exist_ok=True)
        self.log_path(spec.name).touch()

    def log_path(self, name: str) -> Path:
        """Return the file that a function's output goes to."""
        return self._log_directory / f"{name}.log"

    def spec(self, name: str) -> FunctionSpec:
        """Find a function by name, ARN, or either with a qualifier."""
        bare = name.split(":function:")[-1].split(":")[0]
        try:
            return self._specs[bare]
        except KeyError:
            raise FunctionNotFoundError(name) from None

    def invoke(self, name: str, event: bytes, trace: TraceHeader | None = None) -> Invocation:
        """Run a function and wait for its answer.

        Raises
        ------
        FunctionNotFoundError
            No such function.
        TooManyRequestsError
            Its reserved concurrency is in use.
        """
        spec = self.spec(name)
        trace = trace or TraceHeader.new()
        started_at = time.time()
        environment = self._acquire(spec)
        try:
            invocation = environment.invoke(event or b"{}", trace)
        finally:
            self._release(environment)
        self._record(spec, trace, invocation, started_at)
        return invocation

    def invoke_async(self, name: str, event: bytes, trace: TraceHeader | None = None) -> None:
        """Run a function later, with the retries of an asynchronous invocation."""
        spec = self.spec(name)
        if not self._closed.is_set():
            self._async_pool.submit(self._invoke_with_retries, spec, event, trace)

    def close(self) -> None:
        """End every process; invocations that wait or run fail."""
        self._closed.set()
        with self._changed:
            environments = [e for pool in self._idle.values() for e in pool]
            environments += [e for busy in self._busy.values() for e in busy]
            self._changed.notify_all()
        for environment in environments:
            environment.close()
        self._async_pool.shutdown(wait=False, cancel_futures=True)

    def _acquire(self, spec: FunctionSpec) -> ExecutionEnvironment:
        evicted: ExecutionEnvironment | None = None
        with self._changed:
            while True:
                if self._closed.is_set():
                    raise RunnerClosedError("The local stack is stopping.")
                busy = self._busy[spec.name]
                if spec.reserved_concurrency is not None and (
                    len(busy) >= spec.reserved_concurrency
                ):
                    raise TooManyRequestsError("Rate Exceeded.")
                while self._idle[spec.name]:
                    environment = self._idle[spec.name].pop()
                    if environment.alive:
                        busy.add(environment)
                        return environment
                    environment.close()
                if self._count() < self._max_environments:
                    break
                evicted = next((pool.pop(0) for pool in self._idle.values() if pool), None)
                if evicted is not None:
                    break
                self._changed.wait()
            # Starting a process under the lock is cheap: its imports run in the process.
            environment = ExecutionEnvironment(
                spec,
                stack_environment=self._stack_environment,
                log_path=self.log_path(spec.name),
                scratch_directory=self._scratch_directory,
            )
            busy.add(environment)
        if evicted is not None:
            evicted.close()
        return environment

    def _count(self) -> int:
        return sum(map(len, self._idle.values())) + sum(map(len, self._busy.values()))

    def _release(self, environment: ExecutionEnvironment) -> None:
        name = environment.spec.name
        with self._changed:
            self._busy[name].discard(environment)
            reusable = environment.alive and not self._closed.is_set()
            if reusable:
                self._idle[name].append(environment)
            self._changed.notify_all()
        if not reusable:
            environment.close()

    def _invoke_with_retries(
        self, spec: FunctionSpec, event: bytes, trace: TraceHeader | None
    ) -> None:
        for attempt in range(spec.async_retries + 1):
            try:
                invocation = self._invoke_when_free(spec, event, trace)
            except RunnerClosedError:
                return
            except Exception:
                logger.exception("Asynchronous invocation of %s failed to run", spec.name)
                return
            if invocation.function_error is None:
                return
            if attempt < spec.async_retries and self._async_retry_delays_s:
                delay_s = self._async_retry_delays_s[
                    min(attempt, len(self._async_retry_delays_s) - 1)
                ]
                if self._closed.wait(delay_s):
                    return
        logger.warning(
            "%s failed %d times: %s",
            spec.name,
            spec.async_retries + 1,
            invocation.payload.decode("utf-8", "replace")[:500],
        )
        if self.on_failed_event is not None:
            self.on_failed_event(spec, event, invocation)

    def _invoke_when_free(
        self, spec: FunctionSpec, event: bytes, trace: TraceHeader | None
    ) -> Invocation:
        # A throttled asynchronous event stays in Lambda's own queue; it does not use up a retry.
        while True:
            try:
                return self.invoke(spec.name, event, trace)
            except TooManyRequestsError:
                with self._changed:
                    self._changed.wait(1.0)

    def _record(
        self, spec: FunctionSpec, trace: TraceHeader, invocation: Invocation, started_at: float
    ) -> None:
        if self._traces is None:
            return
        self._traces.record(
            {
                "trace_id": trace.root,
                "id": trace.parent,
                "name": spec.name,
                "start_time": started_at,
                "end_time": time.time(),
                "origin": "AWS::Lambda::Function",
                "fault": invocation.function_error is not None,
                "aws": {
                    "request_id": invocation.request_id,
                    "function_arn": spec.arn,
                    "cold_start": invocation.cold,
                },
                **_exception(invocation),
            }
        )


def _exception(invocation: Invocation) -> dict[str, object]:
    if invocation.function_error is None:
        return {}
    try:
        document = json.loads(invocation.payload)
    except ValueError:
        return {}
    return {"cause": {"type": document.get("errorType"), "message": document.get("errorMessage")}}
