"""Errors of the operating system in the one form of all commands."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import typer

from mri_client.terminal import reported


def test_a_reader_that_left_is_no_failed_study() -> None:
    command = "from mri_client.terminal import print_line, reported\n"
    command += "with reported(as_json=False):\n    for _ in range(100_000): print_line('x' * 80)\n"
    done = subprocess.run(
        ["bash", "-c", 'set -o pipefail; "$0" -c "$1" | head -1', sys.executable, command],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout.strip() == "x" * 80
    assert "Traceback" not in done.stderr


def test_the_exit_code_of_a_reader_that_left_is_none_of_the_others(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with (tmp_path / "out").open("w") as stream:
        monkeypatch.setattr("sys.stdout", stream)
        with pytest.raises(typer.Exit) as ended, reported(as_json=False):
            raise BrokenPipeError(32, "Broken pipe")
    assert ended.value.exit_code == 141


def test_a_file_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(typer.Exit) as ended, reported(as_json=True):
        (tmp_path / "missing").read_text()

    error = json.loads(capsys.readouterr().out)["error"]
    assert ended.value.exit_code == 2
    assert error["message"] == f"{tmp_path / 'missing'}: {os.strerror(2)}"
    assert "path" in error["next_step"]


def test_what_concerns_no_file_speaks_of_no_path(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(typer.Exit), reported(as_json=False):
        raise ConnectionResetError(104, "Connection reset by peer")

    told = capsys.readouterr().err
    assert "Connection reset by peer" in told
    assert "Next: " in told
    assert "path" not in told
