"""Secrets that a template shows: in a variable, in a parameter, or written out anywhere.

A template, the environment of a function and the values of parameters are read by many who may
not read a patient's data; a secret is passed as the ARN under which Secrets Manager keeps it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from .templates import Finding, Template, as_list, references, texts

_SECRET_NAME = re.compile(
    r"(PASSWORD|PASSWD|PASSPHRASE|SECRET|TOKEN|API_?KEY|PRIVATE_?KEY|ACCESS_?KEY(_?ID)?"
    r"|CREDENTIALS?)$"
)
# A parameter with such a word is a secret, unless its last word says that it is something about it.
_SECRET_WORD = re.compile(r"(?i)passw(or)?d|passphrase|secret|token|credential|(api|private)_?key")
_ABOUT_A_SECRET = re.compile(r"(Arns?|Names?|Ids?|Days|Hours|Minutes|Seconds|Length|Count|Kind)$")

_REFERENCE_TO_SECRET = re.compile(r"\{\{resolve:(secretsmanager|ssm-secure):")
_WRITTEN_OUT = {
    "a password": re.compile(
        r"://[^/\s:@]*:[^@\s/]+@|[?&;](password|passwd|pwd)=[^&;\s]", re.IGNORECASE
    ),
    # Prefixes of ids: IAM user guide, "Understanding unique ID prefixes".
    "an access key of AWS": re.compile(r"\b(AKIA|ASIA)[A-Z0-9]{16}\b"),
    "a private key": re.compile(r"-----BEGIN ([A-Z]+ )*PRIVATE KEY"),
    "a token": re.compile(
        r"\bgh[pousr]_\w{36}|\bxox[abprs]-[\w-]{10}|\beyJ[\w-]+\.eyJ[\w-]+\.[\w-]+"
    ),
}


def secrets_in_environments(template: Template) -> list[Finding]:
    """No secret in a variable: not by name, not by value, not through a parameter that hides it."""
    hidden = {
        name
        for name, declared in (template.body.get("Parameters") or {}).items()
        if _is_hidden(declared)
    }
    found = []
    for owner, variable, value in _variables(template):
        if _SECRET_NAME.search(variable.upper()):
            found.append(template.finding(owner, f"{variable} reads like a secret: pass its ARN"))
        for what in sorted(_secrets_of_variable(value)):
            found.append(template.finding(owner, f"{variable} holds {what}"))
        for name in sorted(references(value) & hidden):
            found.append(template.finding(owner, f"{variable} shows the hidden parameter {name}"))
    return found


def secrets_written_out(template: Template) -> list[Finding]:
    """No password, private key, token or access key stands in the template."""
    of_variables: dict[str, set[str]] = {}
    for owner, _, value in _variables(template):
        of_variables.setdefault(owner, set()).update(_spelt(value))
    found = []
    for section in ("Parameters", "Mappings", "Resources", "Outputs"):
        for name, declared in (template.body.get(section) or {}).items():
            known = of_variables.get(name, set()) if section == "Resources" else set()
            for what in sorted(_written_out(set(_spelt(declared)) - known)):
                found.append(template.finding(name, f"holds {what}"))
    return found


def parameters_that_show(template: Template) -> list[Finding]:
    """A parameter that takes a secret is hidden (``NoEcho``), brings none, and is no output."""
    parameters = template.body.get("Parameters") or {}
    found = []
    for name, declared in parameters.items():
        if _SECRET_WORD.search(name) and not _ABOUT_A_SECRET.search(name):
            if not _is_hidden(declared):
                found.append(template.finding(name, "takes a secret and shows it: no NoEcho"))
            if declared.get("Default", "") != "":
                found.append(template.finding(name, "takes a secret and brings one (Default)"))
    hidden = {name for name, declared in parameters.items() if _is_hidden(declared)}
    for name, output in (template.body.get("Outputs") or {}).items():
        for parameter in sorted(references(output.get("Value")) & hidden):
            found.append(template.finding(name, f"shows the hidden parameter {parameter}"))
    return found


def _is_hidden(declared: dict[str, Any]) -> bool:
    return str(declared.get("NoEcho", "")).lower() == "true"


def _secrets_of_variable(value: Any) -> set[str]:
    spelt = set(_spelt(value))
    found = _written_out(spelt)
    if any(_REFERENCE_TO_SECRET.search(text) for text in spelt):
        found.add("a password")
    if any(_SECRET_NAME.search(name.upper()) for name in _attributes(value)):
        found.add("the secret of another resource")
    return found


def _written_out(spelt: set[str]) -> set[str]:
    return {
        what
        for what, pattern in _WRITTEN_OUT.items()
        if any(pattern.search(text) for text in spelt)
    }


def _spelt(value: Any) -> Iterator[str]:
    """All texts of a value, and what ``Fn::Join`` makes of its parts."""
    yield from texts(value)
    if isinstance(value, list):
        for item in value:
            yield from _spelt(item)
    elif isinstance(value, dict):
        for key, item in value.items():
            if key == "Fn::Join":
                yield str(item[0]).join("".join(texts(part)) for part in as_list(item[1]))
            yield from _spelt(item)


def _attributes(value: Any) -> Iterator[str]:
    """The attributes of resources that a value shows: ``ClientSecret``."""
    if isinstance(value, list):
        for item in value:
            yield from _attributes(item)
    elif isinstance(value, dict):
        for key, item in value.items():
            if key == "Fn::GetAtt":
                yield str(item).rpartition(".")[2] if isinstance(item, str) else str(item[-1])
            elif key == "Fn::Sub":
                text = item if isinstance(item, str) else item[0]
                yield from re.findall(r"\$\{\w+\.([\w.]+)\}", text)
            yield from _attributes(item)


def _variables(template: Template) -> Iterator[tuple[str, str, Any]]:
    for name, resource in template.resources.items():
        properties = resource.get("Properties", {})
        match resource["Type"]:
            case "AWS::Lambda::Function":
                held = properties.get("Environment", {}).get("Variables", {}).items()
            case "AWS::SageMaker::Model":
                containers = [properties.get("PrimaryContainer", {})]
                held = [pair for c in containers for pair in c.get("Environment", {}).items()]
            case "AWS::ECS::TaskDefinition":
                held = [
                    (entry["Name"], entry["Value"])
                    for container in as_list(properties.get("ContainerDefinitions"))
                    for entry in as_list(container.get("Environment"))
                ]
            case "AWS::CodeBuild::Project":
                held = [
                    (entry["Name"], entry["Value"])
                    for entry in as_list(properties["Environment"].get("EnvironmentVariables"))
                    if entry.get("Type", "PLAINTEXT") == "PLAINTEXT"
                ]
            case _:
                continue
        for variable, value in held:
            yield name, variable, value
