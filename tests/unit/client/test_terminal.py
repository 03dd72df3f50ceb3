"""Errors of the operating system in the one form of all commands."""

import json
import os
from pathlib import Path

import pytest
import typer

from mri_client.terminal import reported


def test_a_reader_that_left_is_no_error_of_the_command() -> None:
    # Typer ends such a command quietly.
    with pytest.raises(BrokenPipeError), reported(as_json=False):
        raise BrokenPipeError(32, "Broken pipe")


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
