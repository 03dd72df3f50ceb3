"""What each state that calls a function must try again, whatever the function does.

What a state owes to the code (its payload, its time limit, errors of ours) is asked in
``tests/infrastructure/test_state_machine.py``, which ``make check-template`` runs too.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from .templates import Finding

STATE_MACHINE = "statemachine/mri_analysis.asl.json"

# Failures of the platform while it calls a function, which a second call does not meet: "Handle
# transient Lambda service exceptions" (Step Functions developer guide), and the two names under
# which a runtime that ended without an answer is reported.
PLATFORM_ERRORS = (
    "Lambda.ClientExecutionTimeoutException",
    "Lambda.ServiceException",
    "Lambda.AWSLambdaException",
    "Lambda.SdkClientException",
    "Lambda.TooManyRequestsException",
    "Sandbox.Timedout",
    "Runtime.ExitError",
)
# Where a retrier does not say how often (Amazon States Language, "Errors").
_DEFAULT_ATTEMPTS = 3


def state_machine_findings(base: Path) -> list[Finding]:
    """Platform errors that end a state at once, in the state machine below ``base``."""
    definition = json.loads((base / STATE_MACHINE).read_text(encoding="utf-8"))
    return [
        Finding(STATE_MACHINE, name, f"does not try again after {error}")
        for name, state in _tasks(definition)
        for error in PLATFORM_ERRORS
        if error not in _repeated(state)
    ]


def _tasks(definition: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """All states that call a function, those inside of ``Map`` and ``Parallel`` too."""
    for name, state in definition["States"].items():
        if state["Type"] == "Task":
            yield name, state
        inner = [state.get(key) for key in ("Iterator", "ItemProcessor")]
        for part in [*inner, *state.get("Branches", [])]:
            if part is not None:
                yield from _tasks(part)


def _repeated(state: dict[str, Any]) -> set[str]:
    return {
        error
        for retry in state.get("Retry", [])
        if retry.get("MaxAttempts", _DEFAULT_ATTEMPTS) > 0
        for error in retry["ErrorEquals"]
    }
