"""A state that does not try again after an error of the platform is found, and named."""

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from scripts.template_checks import tools
from scripts.template_checks.state_machine import (
    PLATFORM_ERRORS,
    STATE_MACHINE,
    state_machine_findings,
)

ASL = json.loads(Path(STATE_MACHINE).read_text())
TASKS = [name for name, state in ASL["States"].items() if state["Type"] == "Task"]


def findings(folder: Path, breaks: Callable[[dict[str, Any]], None]) -> list[str]:
    """What is said of a copy of the state machine after ``breaks`` has been at its states."""
    definition = copy.deepcopy(ASL)
    breaks(definition["States"])
    file = folder / STATE_MACHINE
    file.parent.mkdir()
    file.write_text(json.dumps(definition))
    return [str(finding) for finding in state_machine_findings(folder)]


def test_every_state_tries_again_after_each_error_of_the_platform() -> None:
    assert [str(finding) for finding in state_machine_findings(Path.cwd())] == []


@pytest.mark.parametrize("state", TASKS)
@pytest.mark.parametrize("error", PLATFORM_ERRORS)
def test_platform_error_taken_out_of_a_retry_is_found(
    state: str, error: str, tmp_path: Path
) -> None:
    def take(states: dict[str, Any]) -> None:
        for retry in states[state]["Retry"]:
            retry["ErrorEquals"] = [name for name in retry["ErrorEquals"] if name != error]

    found = findings(tmp_path, take)

    assert found == [f"{STATE_MACHINE}:{state}: does not try again after {error}"]


def test_retry_that_is_never_tried_is_found(tmp_path: Path) -> None:
    def never(states: dict[str, Any]) -> None:
        for retry in states["StoreResults"]["Retry"]:
            retry["MaxAttempts"] = 0

    assert len(findings(tmp_path, never)) == len(PLATFORM_ERRORS)


def test_promise_that_is_broken_names_the_state_and_what_is_wrong(tmp_path: Path) -> None:
    (tmp_path / "test_states.py").write_text(
        "import pytest\n"
        "@pytest.mark.parametrize('name', ['SegmentImage', 'StoreResults'])\n"
        "def test_task_has_a_time_limit(name):\n"
        "    assert name != 'StoreResults', 'none is set'\n"
    )

    (finding,) = tools.promise_tests(tmp_path, "test_states.py")

    assert str(finding).startswith("test_states.py:StoreResults: task has a time limit: ")
    assert "none is set" in str(finding)
