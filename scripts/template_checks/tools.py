"""The tools that read templates, each as a function from a folder to findings."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from .exemptions import entries, fault, is_exempt, same_checks, unneeded
from .resource_policies import check_names
from .state_machine import STATE_MACHINE, state_machine_findings
from .templates import ROOT, Finding, Template, load_all, template_files, without_conditions

RULES = Path(__file__).parents[2] / "infrastructure" / "rules"
_TESTS = [f"tests/infrastructure/test_{name}.py" for name in ("state_machine", "template")]
_PROGRAMS = Path(__file__).parents[2]

_RULE = re.compile(r"^rule\s+(\w+)", re.MULTILINE)
_MESSAGE = re.compile(r"<<(.+?)>>", re.DOTALL)


class ToolMissing(Exception):
    """A tool is not installed; ``make check-template`` installs them."""


def cfn_lint(base: Path) -> list[Finding]:
    """Properties, types, references and limits, by CloudFormation's own schemas."""
    files = [str(path.relative_to(base)) for path in template_files(base)]
    # Beside the interpreter that runs this: both come from requirements/dev.txt.
    done = _run([_beside_python("cfn-lint"), "--format", "json", *files], base)
    if not done.stdout.strip():
        return _as_it_is("cfn-lint", done)
    return [
        Finding(
            match["Filename"],
            _resource_in(match["Location"].get("Path") or []),
            f"{match['Rule']['Id']} {match['Message']} "
            f"(line {match['Location']['Start']['LineNumber']})",
        )
        for match in json.loads(done.stdout)
    ]


def sam_validate(base: Path) -> list[Finding]:
    """What the SAM command line says of the root template, which it will build and deploy."""
    command = [_program(".venv-sam", "sam"), "validate", "--lint", "--template", ROOT]
    return _as_it_is(ROOT, _run([*command, "--region", "us-east-1"], base))


def statelint(base: Path) -> list[Finding]:
    """The state machine: a ``Next`` that leads nowhere, a state without an end."""
    return _as_it_is(STATE_MACHINE, _run([_beside_python("statelint"), STATE_MACHINE], base))


def state_machine(base: Path) -> list[Finding]:
    """What validators of syntax do not see: retries, catches, time limits, names."""
    return state_machine_findings(base) + promise_tests(base, *_TESTS)


def promise_tests(base: Path, *files: str) -> list[Finding]:
    """Tests that ask a template or the state machine something: what failed, of what, and why."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.xml"
        command = [sys.executable, "-m", "pytest", "-q", f"--junitxml={report}"]
        done = _run([*command, "-p", "no:cacheprovider", *files], base)
        if done.returncode == 0:
            return []
        cases = ElementTree.parse(report).iter("testcase") if report.exists() else ()
        found = [finding for case in cases for finding in _failed(case)]
    return found or _as_it_is("tests", done)


def _failed(case: ElementTree.Element) -> Iterator[Finding]:
    """A test that failed: its file, the resource or state it asked, its name and what it saw."""
    file = case.get("classname", "tests").replace(".", "/") + ".py"
    test, _, asked = case.get("name", "").removesuffix("]").partition("[")
    for failure in [*case.iter("failure"), *case.iter("error")]:
        said = " ".join(failure.get("message", "").split())
        yield Finding(file, asked, f"{test.removeprefix('test_').replace('_', ' ')}: {said}")


def checkov(base: Path) -> list[Finding]:
    """Checkov's rules for CloudFormation; a skip needs a reason and something to skip."""
    command = [_program(".venv-checks", "checkov"), "--framework", "cloudformation"]
    # Not --quiet: it leaves out what was skipped.
    command += ["--skip-download", "--compact", "--output", "json"]
    files = template_files(base)
    for path in files:
        command += ["--file", str(path)]
    done = _run(command, base)
    try:
        report = json.loads(done.stdout)
    except ValueError:
        return [Finding("checkov", "", _end_of(done.stdout + done.stderr) or "gave no report")]
    results = report.get("results", {})
    by_name = {f"/{path.name}": str(path.relative_to(base)) for path in files}
    found = [
        Finding(
            by_name.get("/" + Path(check["file_path"]).name, check["file_path"]),
            check["resource"].rpartition(".")[2],
            f"{check['check_id']} {check['check_name']}",
        )
        for check in results.get("failed_checks", [])
    ]
    found += [
        Finding(str(path), "", "checkov cannot read it")
        for path in results.get("parsing_errors", [])
    ]
    asked = {
        (check["resource"].rpartition(".")[2], check["check_id"])
        for check in results.get("skipped_checks", [])
    }
    ours = set().union(*rules_like_checkovs().values())
    for template in load_all(base):
        for name, metadata in template.metadata.items():
            for skip in entries(metadata, "checkov"):
                if (reason := fault(skip)) is not None:
                    found.append(template.finding(name, reason))
                elif (name, skip["id"]) not in asked and skip["id"] not in ours:
                    reason = f"skips {skip['id']}, which checkov does not ask of it"
                    found.append(template.finding(name, reason))
    return found


def cfn_guard(base: Path) -> list[Finding]:
    """Our own rules (``infrastructure/rules``) over the translated templates."""
    return guard_findings(load_all(base))


def guard_findings(templates: list[Template]) -> list[Finding]:
    """Our own rules over templates that are read already."""
    program = _program(".venv-checks", "cfn-guard")
    found: list[Finding] = []
    used: dict[str, set[tuple[str, str]]] = {template.file: set() for template in templates}
    like_checkovs = rules_like_checkovs()
    for template, name, rule, message in _broken_rules(program, templates):
        if is_exempt(template, name, rule, like_checkovs.get(rule, ())):
            used[template.file].add((name, rule))
        else:
            found.append(template.finding(name, f"{rule}: {message}"))
    known = {*rule_messages(), *check_names()}
    for template in templates:
        for name, metadata in template.metadata.items():
            for entry in entries(metadata, "guard"):
                if (reason := fault(entry)) is not None:
                    found.append(template.finding(name, reason))
                elif entry["id"] not in known:
                    reason = f"is exempt from {entry['id']}, which is no rule of ours"
                    found.append(template.finding(name, reason))
        found += unneeded(template, set(rule_messages()), used[template.file])
    return found


def _broken_rules(
    program: str, templates: list[Template]
) -> Iterator[tuple[Template, str, str, str]]:
    messages = rule_messages()
    with tempfile.TemporaryDirectory() as folder:
        # One file a resource: the program does not always say which resource broke a rule.
        where: dict[str, tuple[Template, str]] = {}
        for template in templates:
            for name, resource in template.resources.items():
                file = Path(folder) / f"{len(where):04}.json"
                alone = {"Resources": {name: without_conditions(resource)}}
                file.write_text(json.dumps(alone, default=str))
                where[file.name] = (template, name)
        command = [program, "validate", "--rules", str(RULES), "--data", folder]
        done = _run([*command, "--structured", "-o", "json", "--show-summary", "none"], RULES)
        if done.stderr.strip() or not done.stdout.strip():
            raise ToolMissing(f"cfn-guard cannot read the rules: {_end_of(done.stderr)}")
        for report in json.loads(done.stdout):
            template, name = where[Path(report["name"]).name]
            for broken in report["not_compliant"]:
                rule = broken["Rule"]["name"]
                said = sorted(set(_custom_messages(broken))) or messages[rule][:1]
                yield template, name, rule, "; ".join(said)


def rule_messages() -> dict[str, list[str]]:
    """The messages of each of our rules."""
    return {
        name: [" ".join(message.split()) for message in _MESSAGE.findall(text)]
        for name, text in _rule_texts()
    }


def _rule_texts() -> Iterator[tuple[str, str]]:
    for path in sorted(RULES.glob("*.guard")):
        source = path.read_text()
        starts = [*_RULE.finditer(source)]
        for start, following in zip(starts, [*starts[1:], None], strict=True):
            yield start.group(1), source[start.start() : following.start() if following else None]


def rules_like_checkovs() -> dict[str, set[str]]:
    """Which checks of checkov each of our rules repeats."""
    found = dict(check_names())
    for path in sorted(RULES.glob("*.guard")):
        comment = ""
        for line in path.read_text().splitlines():
            if line.startswith("#"):
                comment += line
            elif rule := _RULE.match(line):
                found[rule.group(1)] = same_checks(comment)
                comment = ""
            else:
                comment = ""
    return found


def _custom_messages(tree: Any) -> Iterator[str]:
    if isinstance(tree, dict):
        message = tree.get("custom_message")
        if message:
            yield " ".join(str(message).split())
        for value in tree.values():
            yield from _custom_messages(value)
    elif isinstance(tree, list):
        for value in tree:
            yield from _custom_messages(value)


# ---- running programs ------------------------------------------------------------------------


def _program(environment: str, name: str) -> str:
    path = _PROGRAMS / environment / "bin" / name
    if not path.exists():
        raise ToolMissing(
            f"{environment}/bin/{name} is missing: `make check-template` installs it."
        )
    return str(path)


def _beside_python(name: str) -> str:
    path = Path(sys.executable).parent / name
    if not path.exists():
        raise ToolMissing(f"{name} is missing: `make setup` installs it.")
    return str(path)


def _run(command: list[str], folder: Path) -> subprocess.CompletedProcess[str]:
    quiet = {"SAM_CLI_TELEMETRY": "0", "NO_COLOR": "1", "LOG_LEVEL": "ERROR"}
    return subprocess.run(
        command,
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, **quiet},
    )


def _as_it_is(file: str, done: subprocess.CompletedProcess[str]) -> list[Finding]:
    """The text of a tool that says in words what is wrong."""
    if done.returncode == 0:
        return []
    lines = [line.strip() for line in (done.stdout + "\n" + done.stderr).splitlines()]
    return [Finding(file, "", line) for line in lines if line] or [Finding(file, "", "refused")]


def _end_of(text: str) -> str:
    return " ".join(text.split())[-500:]


def _resource_in(path: list[Any]) -> str:
    return (
        str(path[1]) if len(path) > 1 and path[0] == "Resources" else "/".join(map(str, path[:2]))
    )
