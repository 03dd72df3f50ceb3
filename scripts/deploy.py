"""Deploy one stage by hand: ``python -m scripts.deploy dev AlarmEmail=somebody@example.org``.

Two things that ``sam deploy`` does not do on its own:

* It checks the parameters here, with the template's own patterns and rules, so that a wrong one
  stops with its sentence before anything is sent to AWS.
* It names the release. SAM publishes a new version of a function when the template's text changes,
  not when a parameter's value does: without another ``ReleaseId`` a changed value would stay behind
  the alias. The id is a digest of what was built and of all values, so the same deployment twice
  has the same id, and publishes nothing.

Every parameter is passed with a value. What is given neither here nor in ``samconfig.toml`` goes
back to the template's default; SAM alone would keep the value of the deployment before, which no
file shows.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from local_stack.intrinsics import Resolver, TemplateError, parameter_values
from local_stack.template import translate

CONFIGURATION = Path("samconfig.toml")
SOURCE = Path("template.yaml")
BUILD = Path(".aws-sam/build")
SAM = Path(".venv-sam/bin/sam")
RELEASE_PARAMETER = "ReleaseId"

_DIGITS = 40
_PAIR = re.compile(r"([A-Za-z0-9]+)=(.*)", re.DOTALL)


class NotDeployable(Exception):
    """The deployment was not started; the message says why and what to do."""


def configured(configuration: Mapping[str, Any], stage: str) -> dict[str, str]:
    """The parameter values of a stage in ``samconfig.toml``.

    Raises
    ------
    NotDeployable
        There is no such stage, or a value is not written as ``Name=value``.
    """
    stages = sorted(name for name in configuration if _overrides(configuration, name) is not None)
    given = _overrides(configuration, stage)
    if given is None:
        raise NotDeployable(
            f"{CONFIGURATION} has no stage {stage!r}; it has {', '.join(stages) or 'none'}."
        )
    return pairs(shlex.split(given) if isinstance(given, str) else given)


def _overrides(configuration: Mapping[str, Any], stage: str) -> Any:
    section = configuration.get(stage)
    if not isinstance(section, Mapping):
        return None
    return section.get("deploy", {}).get("parameters", {}).get("parameter_overrides")


def pairs(given: Sequence[str]) -> dict[str, str]:
    """``["Name=value", ...]`` as a dictionary; a later value replaces an earlier one.

    Raises
    ------
    NotDeployable
        An entry is not written like that.
    """
    found = {}
    for entry in given:
        match = _PAIR.fullmatch(entry)
        if match is None:
            raise NotDeployable(f"{entry!r} is no parameter; write Name=value.")
        found[match[1]] = match[2]
    return found


def complete(template: Mapping[str, Any], given: Mapping[str, str]) -> dict[str, str]:
    """Every parameter of the template with its value, checked as CloudFormation checks it.

    Raises
    ------
    NotDeployable
        With the sentence of the constraint or rule that does not hold.
    """
    declared = template.get("Parameters", {})
    try:
        values = parameter_values(declared, given)
        Resolver(template, values, _NothingYet(), "stack").check_rules()
    except TemplateError as error:
        raise NotDeployable(str(error)) from error
    return {
        name: ",".join(value) if isinstance(value, list) else str(value)
        for name, value in values.items()
    }


def check_nested(template_path: Path, template: Mapping[str, Any], values: dict[str, Any]) -> None:
    """Check what the root hands to its nested stacks, which CloudFormation does half-way through.

    A value that only AWS knows stays unchecked.

    Raises
    ------
    NotDeployable
        With the stack, and the sentence of its constraint or rule.
    """
    resolver = Resolver(template, values, _Unknown(set(template["Resources"])), "stack")
    for name, stack in template["Resources"].items():
        path = template_path.parent / str(stack.get("Properties", {}).get("TemplateURL", ""))
        exists = "Condition" not in stack or resolver.condition(stack["Condition"])
        if stack["Type"] != "AWS::CloudFormation::Stack" or not exists or not path.is_file():
            continue
        nested = _translated(path, {})
        declared = nested.get("Parameters", {})
        given = resolver.value(stack["Properties"].get("Parameters", {}))
        known = {key: str(value) for key, value in given.items() if _UNKNOWN not in str(value)}
        required = {key for key, declaration in declared.items() if "Default" not in declaration}
        try:
            if missing := sorted(required - set(given)):
                raise TemplateError(f"It needs {', '.join(missing)}.")
            if strange := sorted(set(given) - set(declared)):
                raise TemplateError(f"It has no parameter {', '.join(strange)}.")
            checked = {key: declared[key] for key in declared if key in known or key not in given}
            inner = {key: str(value) for key, value in given.items()}
            inner |= parameter_values(checked, known)
            Resolver(nested, inner, _NothingYet(), name).check_rules()
        except TemplateError as error:
            raise NotDeployable(f"Nested stack {name}: {error}") from error


_UNKNOWN = "\N{WHITE QUESTION MARK ORNAMENT}"


class _Unknown:
    """Stands for resources whose values only AWS knows."""

    def __init__(self, logical_ids: set[str]) -> None:
        self._logical_ids = logical_ids

    def has(self, logical_id: str) -> bool:
        return logical_id in self._logical_ids

    def ref(self, logical_id: str) -> Any:
        return f"{_UNKNOWN}{logical_id}"

    def get_att(self, logical_id: str, attribute: str) -> Any:
        return f"{_UNKNOWN}{logical_id}.{attribute}"


class _NothingYet:
    """No resource exists when parameters are checked, and rules refer to none."""

    def has(self, logical_id: str) -> bool:
        return False

    def ref(self, logical_id: str) -> Any:
        raise TemplateError(
            f"A rule refers to the resource {logical_id}, which does not exist yet."
        )

    def get_att(self, logical_id: str, attribute: str) -> Any:
        raise TemplateError(
            f"A rule refers to the resource {logical_id}, which does not exist yet."
        )


def release_id(build: Path, values: Mapping[str, str]) -> str:
    """Digest of the built files and of all values but the id itself."""
    digest = hashlib.sha256()
    for path in sorted(build.rglob("*")):
        if path.is_file() and "__pycache__" not in path.parts:
            digest.update(path.relative_to(build).as_posix().encode() + b"\0")
            digest.update(hashlib.sha256(path.read_bytes()).digest())
    others = {name: value for name, value in values.items() if name != RELEASE_PARAMETER}
    digest.update(json.dumps(others, sort_keys=True).encode())
    return digest.hexdigest()[:_DIGITS]


def command(stage: str, values: Mapping[str, str], disable_rollback: bool = False) -> list[str]:
    """The ``sam deploy`` that this comes to.

    Raises
    ------
    NotDeployable
        The SAM command line is not installed, or a value cannot be written for it.
    """
    sam = str(SAM) if SAM.is_file() else shutil.which("sam")
    if sam is None:
        raise NotDeployable("The SAM command line is missing; `make build` installs it.")
    return [
        sam,
        "deploy",
        "--config-file",
        str(CONFIGURATION.resolve()),
        "--config-env",
        stage,
        "--template-file",
        str(BUILD / "template.yaml"),
        *(["--disable-rollback"] if disable_rollback else []),
        "--parameter-overrides",
        *(f"{name}={_quoted(name, value)}" for name, value in sorted(values.items())),
    ]


def _quoted(name: str, value: str) -> str:
    """SAM reads a value up to the next blank and drops an empty one, unless it is in quotes."""
    if re.search(r'["\\\n]', value):
        raise NotDeployable(f"Parameter {name} holds a quote, a backslash or a line break.")
    return value if re.fullmatch(r"\S+", value) else f'"{value}"'


def main(arguments: Sequence[str] | None = None) -> int:
    """Check, name and start one deployment; return the exit status of ``sam``."""
    parser = argparse.ArgumentParser(
        prog="python -m scripts.deploy", description="Deploy one stage by hand."
    )
    parser.add_argument("stage", help="a stage of samconfig.toml")
    parser.add_argument(
        "parameters",
        nargs="*",
        metavar="Name=value",
        help="values beside those of samconfig.toml; they win",
    )
    parser.add_argument("--dry-run", action="store_true", help="print the command and stop")
    parser.add_argument(
        "--disable-rollback",
        action="store_true",
        help="keep what was made when a deployment fails, to go on from there",
    )
    options = parser.parse_intermixed_args(arguments)
    try:
        given = configured(_read(CONFIGURATION), options.stage) | pairs(options.parameters)
        if RELEASE_PARAMETER in given:
            raise NotDeployable(f"{RELEASE_PARAMETER} is made here; leave it out.")
        built = BUILD / "template.yaml"
        if not built.is_file():
            raise NotDeployable(f"{built} is missing; run `make build` first.")
        if SOURCE.is_file() and SOURCE.stat().st_mtime > built.stat().st_mtime:
            raise NotDeployable(f"{built} is older than {SOURCE}; run `make build` first.")
        template = _translated(built, given)
        values = complete(template, given)
        check_nested(built, template, values)
        values[RELEASE_PARAMETER] = release_id(BUILD, values)
        to_run = command(options.stage, values, options.disable_rollback)
    except NotDeployable as error:
        print(f"Not deployed. {error}", file=sys.stderr)
        return 2
    print(shlex.join(to_run), flush=True)
    if options.dry_run:
        return 0
    return subprocess.run(to_run, check=False).returncode


def _translated(path: Path, given: Mapping[str, str]) -> dict[str, Any]:
    """The built template; a sentence where it cannot be read with these parameters."""
    try:
        return translate(path, dict(given)).body
    except TemplateError as error:
        raise NotDeployable(str(error)) from error


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise NotDeployable(f"{path} is missing; run this in the root of the checkout.") from error
    except tomllib.TOMLDecodeError as error:
        raise NotDeployable(f"{path} cannot be read: {error}.") from error


if __name__ == "__main__":
    sys.exit(main())
