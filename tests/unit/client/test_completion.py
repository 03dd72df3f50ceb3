"""Shells complete the commands: what bash offers, and what the others are given."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from mri_client.cli import app

BIN = Path(sys.executable).parent
IN_BASH = """
source <(mri completion bash)
COMP_WORDS=(mri {words}) COMP_CWORD={place}
_mri_completion mri
printf '%s\\n' "${{COMPREPLY[@]}}"
"""


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        (["sta"], ["status"]),
        (["knowledge", "re"], ["remove", "reindex"]),
        (["submit", "--si"], ["--signed-in"]),
        (["completion", ""], ["bash", "zsh", "fish"]),
    ],
)
def test_bash_completes(words: list[str], offered: list[str]) -> None:
    quoted = " ".join(f"'{word}'" for word in words)
    done = subprocess.run(
        ["bash", "--norc", "-c", IN_BASH.format(words=quoted, place=len(words))],
        env=os.environ | {"PATH": f"{BIN}:{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        timeout=60,
    )

    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == offered


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_each_shell_is_given_a_script_that_asks_the_command(shell: str) -> None:
    done = CliRunner().invoke(app, ["completion", shell])

    assert done.exit_code == 0
    assert f"_MRI_COMPLETE=complete_{shell}" in done.stdout
    asked = subprocess.run(
        [BIN / "mri"],
        env=os.environ
        | {
            "_MRI_COMPLETE": f"complete_{shell}",
            "_TYPER_COMPLETE_FISH_ACTION": "get-args",
            "_TYPER_COMPLETE_ARGS": "mri sta",
            "COMP_WORDS": "mri sta",
            "COMP_CWORD": "1",
        },
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert "status" in asked.stdout
    assert "retry" not in asked.stdout


def test_a_shell_that_is_not_known_is_refused() -> None:
    assert CliRunner().invoke(app, ["completion", "cmd"]).exit_code == 2
