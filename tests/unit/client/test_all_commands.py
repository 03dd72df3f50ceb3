"""What holds for every command, walked from the parser: none can be forgotten."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command
from typer.testing import CliRunner

from mri_client.cli import app


def commands(group: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from commands(command, (*path, name))
        else:
            yield (*path, name), command


ALL = dict(commands(get_command(app)))


def least_arguments(command: Any) -> list[str]:
    """What the command insists on."""
    given: list[str] = []
    for parameter in command.params:
        if parameter.required:
            value = "bash" if parameter.name == "shell" else "some-text"
            given += [parameter.opts[0], value] if parameter.opts[0].startswith("-") else [value]
    return given


@pytest.fixture(autouse=True)
def nothing_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No stack, nobody signed in, an empty folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MRI_STACK", str(tmp_path / "stack.json"))
    monkeypatch.setenv("MRI_SESSION", str(tmp_path / "session.json"))
    monkeypatch.delenv("KNOWLEDGE_SEARCH_URL", raising=False)
    monkeypatch.delenv("MRI_DEMO_INPUT", raising=False)


def test_the_walk_finds_commands_of_every_kind() -> None:
    assert {("submit",), ("report",), ("knowledge", "ingest")} <= set(ALL)


@pytest.mark.parametrize("path", ALL, ids=" ".join)
def test_every_command_answers_with_one_json_document(path: tuple[str, ...]) -> None:
    done = CliRunner().invoke(app, [*path, *least_arguments(ALL[path]), "--json"])

    document = json.loads(done.stdout)
    assert done.stderr == ""
    assert (done.exit_code != 0) == ("error" in document), document
    if done.exit_code:
        assert done.exit_code == 2
        assert set(document["error"]) == {"code", "message", "next_step"}
        assert all(document["error"].values())


@pytest.mark.parametrize("path", ALL, ids=" ".join)
def test_wrong_use_is_a_json_document_too(path: tuple[str, ...]) -> None:
    done = CliRunner().invoke(app, [*path, "--no-such-option", "--json"])

    assert done.exit_code == 2
    error = json.loads(done.stdout)["error"]
    assert error["code"] == "UsageError"
    assert "--no-such-option" in error["message"]
    assert " ".join(path) in error["next_step"]
    assert done.stderr == ""


@pytest.mark.parametrize("path", ALL, ids=" ".join)
def test_without_json_an_error_is_a_sentence_and_a_next_step(path: tuple[str, ...]) -> None:
    done = CliRunner().invoke(app, [*path, *least_arguments(ALL[path])])

    assert "Traceback" not in done.stderr
    if done.exit_code and "Usage:" not in done.stderr:
        assert "Next: " in done.stderr
        assert done.stdout == ""
