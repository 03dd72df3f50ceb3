"""AWS's own command line: ``sam build`` and ``sam deploy``."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from local_stack.account import CREDENTIALS, REGION

_LIMIT_S = 300.0


class SamFailed(Exception):
    """A command of the SAM command line failed; the message holds the end of its output."""


@dataclass(frozen=True)
class Sam:
    """The command line.

    Parameters
    ----------
    program
        Path of ``sam``.
    log_path
        File that its output is appended to.
    """

    program: Path
    log_path: Path

    def build(
        self,
        template: Path,
        target: Path,
        *,
        python: str | None = None,
        knowledge_snapshot: Path | None = None,
    ) -> Path:
        """Build into ``target`` and return the built template.

        Parameters
        ----------
        template, target
            The template, and the folder that the build replaces.
        python
            ``here`` for the interpreter that runs this; without it Lambda's.
        knowledge_snapshot
            What goes into the layer, in place of ``out/knowledge.sqlite``.
        """
        variables = {"PYTHON": sys.executable}
        if python is not None:
            variables["LAMBDA_PYTHON"] = python
        if knowledge_snapshot is not None:
            variables["KNOWLEDGE_SNAPSHOT"] = str(knowledge_snapshot)
        self._run(
            ["build", "--template", str(template), "--build-dir", str(target)],
            variables,
        )
        return target / "template.yaml"

    def deploy(
        self,
        built_template: Path,
        *,
        stack_name: str,
        bucket: str,
        endpoint_url: str,
        parameters: Mapping[str, str],
    ) -> None:
        """Package into ``bucket`` and deploy, through the AWS services at ``endpoint_url``."""
        self._run(
            [
                "deploy",
                *("--template-file", str(built_template)),
                *("--stack-name", stack_name),
                *("--s3-bucket", bucket),
                *("--region", REGION),
                *("--capabilities", "CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"),
                "--no-fail-on-empty-changeset",
                "--no-progressbar",
                "--parameter-overrides",
                *(f"{name}={value}" for name, value in parameters.items()),
            ],
            {"AWS_ENDPOINT_URL": endpoint_url, **CREDENTIALS},
        )

    def _run(self, arguments: list[str], variables: Mapping[str, str]) -> None:
        # Not the samconfig.toml of the repository: it is about real accounts.
        config = self.log_path.with_name("samconfig.toml")
        config.parent.mkdir(parents=True, exist_ok=True)
        config.write_text("version = 0.1\n")
        inherited = {
            n: v for n, v in os.environ.items() if not n.startswith("AWS_") or n == "AWS_CA_BUNDLE"
        }
        with self.log_path.open("a+") as log:
            start = log.tell()
            try:
                subprocess.run(
                    [str(self.program), *arguments, "--config-file", str(config)],
                    env={**inherited, "SAM_CLI_TELEMETRY": "0", **variables},
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    check=True,
                    timeout=_LIMIT_S,
                )
            except (subprocess.CalledProcessError, subprocess.TimeoutExpired) as error:
                log.seek(start)
                lines = log.read().splitlines()
                # A rollback that failed nothing more fills the end of the output.
                failed = [i for i, line in enumerate(lines) if line.startswith("CREATE_FAILED")]
                told = lines[failed[0] : failed[0] + 10] if failed else []
                tail = "\n".join([*told, *lines[-10:]])
                raise SamFailed(
                    f"sam {arguments[0]} failed ({self.log_path}):\n{tail}\n{_reason(error)}"
                ) from error


def _reason(error: subprocess.CalledProcessError | subprocess.TimeoutExpired) -> str:
    if isinstance(error, subprocess.TimeoutExpired):
        return f"It did not end within {error.timeout:g} seconds."
    return f"It ended with status {error.returncode}."
