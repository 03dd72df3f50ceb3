"""The commands a person types; each runs in a process of its own."""

from __future__ import annotations

import json
import logging
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

import local_stack
from local_stack.cli import _summary
from local_stack.template import translate
from tests.integration.local_stack.conftest import FIXTURES
from tests.integration.local_stack.waiting import eventually

TEMPLATE = str(FIXTURES / "template.yaml")
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(Path(local_stack.__file__).parents[1])}


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "local_stack", *arguments],
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@contextmanager
def running(state_dir: Path) -> Iterator[tuple[subprocess.Popen[bytes], dict[str, Any]]]:
    process = subprocess.Popen(
        [
            *(sys.executable, "-m", "local_stack", "up", "--template", TEMPLATE),
            *("--state-dir", str(state_dir), "--env", "EXTRA=from the command line"),
        ],
        env=ENVIRONMENT,
        stdout=subprocess.DEVNULL,
    )
    try:
        stack_file = state_dir / "stack.json"
        eventually(stack_file.exists, "the stack file")
        yield process, json.loads(stack_file.read_text())
    finally:
        process.kill()
        process.wait()


def children(pid: int) -> list[int]:
    listing = subprocess.run(
        ["ps", "-A", "-o", "pid=,ppid="], capture_output=True, text=True, check=True
    ).stdout
    pairs = [tuple(map(int, line.split())) for line in listing.splitlines()]
    return [child for child, parent in pairs if parent == pid]


def gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    state = subprocess.run(
        ["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True, check=False
    ).stdout
    return state.strip().startswith("Z") or not state.strip()


@pytest.mark.parametrize(
    ("number", "times"),
    [(signal.SIGINT, 1), (signal.SIGTERM, 1), (signal.SIGTERM, 50), (signal.SIGKILL, 1)],
)
def test_no_process_is_left(tmp_path: Path, number: signal.Signals, times: int) -> None:
    # Given a running stack with a warm function
    with running(tmp_path) as (process, _):
        event = tmp_path / "event.json"
        event.write_text('{"mode": "echo"}')
        answer = run("invoke", "--state-dir", str(tmp_path), "ProbeFunction", str(event))
        assert json.loads(answer.stdout)["variables"]["EXTRA"] == "from the command line"
        functions = children(process.pid)
        assert functions

        # When it is ended
        for _ in range(times):
            process.send_signal(number)
        process.wait(15)

        # Then its functions end with it, and a clean end leaves no stack file
        eventually(lambda: all(map(gone, functions)), "the end of the functions", 10)
        assert (tmp_path / "stack.json").exists() == (number == signal.SIGKILL)


def test_invoke_without_a_running_stack(tmp_path: Path) -> None:
    event = tmp_path / "event.json"
    event.write_text('{"mode": "raise"}')

    answer = run(
        "invoke", "--template", TEMPLATE, "--state-dir", str(tmp_path), "probe", str(event)
    )

    assert answer.returncode == 1
    assert json.loads(answer.stdout)["errorType"] == "BadImage"
    assert "probe raise" in answer.stderr


def test_function_that_is_not_there_is_answered_with_those_that_are(tmp_path: Path) -> None:
    answer = run("invoke", "--state-dir", str(tmp_path), "nonsense", "events/nonsense.json")

    assert answer.returncode == 1
    assert "No function 'nonsense'; there are api," in answer.stderr
    assert "notify_user" in answer.stderr


def test_summary_counts_what_is_not_created_and_says_where_it_is_listed(tmp_path: Path) -> None:
    description = {
        **dict.fromkeys(("endpoint_url", "sagemaker_runtime_url", "model_server_url"), "x"),
        **dict.fromkeys(("state_machine_arn", "database_url"), "x"),
        "buckets": {},
        "functions": {},
        "skipped": {f"Alarm{n}": {"type": "T", "reason": "no alarms here"} for n in range(70)},
    }

    short = _summary(description, tmp_path)
    full = _summary(description, tmp_path, verbose=True)

    assert "70 of the template's resources" in short
    assert str(tmp_path / "stack.json") in short
    assert "Alarm1" not in short
    assert "Alarm69 (T): no alarms here" in full


def test_translator_is_quiet_about_switches_of_the_service(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(logging.getLogger("samtranslator"), "level", logging.NOTSET)

    translate(Path("template.yaml"), {})

    assert not [record for record in caplog.records if "samtranslator" in record.name]


def test_logs_of_one_study(tmp_path: Path) -> None:
    # Given a log of two studies, and a trace of one
    (tmp_path / "logs").mkdir()
    lines = [
        {"level": "INFO", "message": f"prepared {job}", "job_id": job} for job in ("j-1", "j-2")
    ]
    (tmp_path / "logs" / "prepare-study.log").write_text(
        "".join(f"{json.dumps(x)}\n" for x in lines)
    )
    segments = [
        {"trace_id": "t", "id": "a", "name": "prepare-study", "start_time": 1.0, "end_time": 1.5},
        {
            "trace_id": "t",
            "id": "b",
            "parent_id": "a",
            "name": "S3",
            "start_time": 1.1,
            "end_time": 1.2,
            "annotations": {"job_id": "j-1"},
            "fault": True,
        },
    ]
    (tmp_path / "traces.jsonl").write_text("".join(f"{json.dumps(x)}\n" for x in segments))

    # When the logs of that one are asked for
    answer = run("logs", "--state-dir", str(tmp_path), "--job", "j-1")

    # Then only its lines appear, and its trace as a tree
    assert "prepared j-1" in answer.stdout
    assert "j-2" not in answer.stdout
    assert "prepare-study  500 ms\n  S3  100 ms  FAILED" in answer.stdout
