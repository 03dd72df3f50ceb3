"""The templates of the product, as the checks want to see them.

The root is translated from SAM to plain CloudFormation, because roles, permissions and aliases that
SAM makes are resources like any other. The entries of ``Metadata`` are read before the translation:
SAM does not carry those of a function over to the role it makes for it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from local_stack.template import translate

ROOT = "template.yaml"
FOLDERS = ("infrastructure", "pipeline")

_VARIABLE = re.compile(r"\$\{([^{}!]+)\}")

Resource = dict[str, Any]


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong, and where."""

    file: str
    resource: str
    reason: str

    def __str__(self) -> str:
        return ":".join(part for part in (self.file, self.resource) if part) + f": {self.reason}"


@dataclass
class Template:
    """One template without ``Transform``."""

    file: str
    body: dict[str, Any]
    metadata: dict[str, dict[str, Any]] = field(default_factory=dict)
    """``Metadata`` of each resource as it is written in the file"""
    nested: dict[str, Template] = field(default_factory=dict)
    """The templates of its nested stacks, where they are files beside it"""
    written: dict[str, Resource] = field(default_factory=dict)
    """The resources as they are written in the file"""

    @property
    def resources(self) -> dict[str, Resource]:
        """All resources by logical id."""
        resources: dict[str, Resource] = self.body.get("Resources", {})
        return resources

    def of_type(self, *kinds: str) -> dict[str, Resource]:
        """The resources of these types by logical id."""
        return {name: r for name, r in self.resources.items() if r["Type"] in kinds}

    def finding(self, resource: str, reason: str) -> Finding:
        """What is wrong with a resource of this template."""
        return Finding(self.file, resource, reason)

    def written_metadata(self, logical_id: str) -> dict[str, Any]:
        """``Metadata`` of a resource; a role or alias made by SAM has that of its maker."""
        makers = [name for name in self.metadata if logical_id.startswith(name)]
        return self.metadata[max(makers, key=len)] if makers else {}


def template_files(base: Path) -> list[Path]:
    """The root and all other templates below ``base``."""
    files = [base / ROOT]
    for folder in FOLDERS:
        files += sorted((base / folder).glob("*.yaml"))
    return [file for file in files if "\nResources:" in file.read_text(encoding="utf-8")]


def load(path: Path, base: Path) -> Template:
    """Read one template, translated where it is SAM's."""
    from samtranslator.yaml_helper import yaml_parse

    written = yaml_parse(path.read_text(encoding="utf-8"))
    required = {
        name: _any_value(declared)
        for name, declared in (written.get("Parameters") or {}).items()
        if "Default" not in declared
    }
    metadata = {
        name: resource.get("Metadata") or {} for name, resource in written["Resources"].items()
    }
    template = Template(
        str(path.relative_to(base)),
        translate(path, required).body,
        metadata,
        written=written["Resources"],
    )
    for logical_id, stack in template.of_type("AWS::CloudFormation::Stack").items():
        inner = path.parent / str(stack["Properties"]["TemplateURL"])
        if inner.is_file():
            template.nested[logical_id] = load(inner, base)
    return template


def load_all(base: Path) -> list[Template]:
    """Read all templates below ``base``, the root first."""
    return [load(path, base) for path in template_files(base)]


def _any_value(declared: dict[str, Any]) -> str:
    return str(declared.get("AllowedValues", ["1"])[0])


def without_conditions(value: Any) -> Any:
    """``value`` as if each ``Fn::If`` with one empty branch had taken the other.

    A protection that a parameter can switch off still counts as written; which stages switch it on
    is said in ``samconfig.toml``. An ``Fn::If`` between two values stays.
    """
    if isinstance(value, list):
        return [without_conditions(item) for item in value if not _is_no_value(item)]
    if not isinstance(value, dict):
        return value
    if set(value) == {"Fn::If"}:
        _, then, otherwise = value["Fn::If"]
        if _is_no_value(otherwise):
            return without_conditions(then)
        if _is_no_value(then):
            return without_conditions(otherwise)
    return {key: without_conditions(item) for key, item in value.items() if not _is_no_value(item)}


def _is_no_value(value: Any) -> bool:
    return bool(value == {"Ref": "AWS::NoValue"})


def as_list(value: Any) -> list[Any]:
    """``value`` itself where it is a list, else a list with it alone.

    Items under a condition count, with those of both branches.
    """
    if isinstance(value, dict) and set(value) == {"Fn::If"}:
        return [item for branch in value["Fn::If"][1:] for item in as_list(branch)]
    if not isinstance(value, list):
        return [] if value is None or _is_no_value(value) else [value]
    return [item for entry in value for item in as_list(entry)]


def texts(value: Any) -> Iterator[str]:
    """All texts in ``value``, keys left out."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        for item in value:
            yield from texts(item)
    elif isinstance(value, dict):
        for item in value.values():
            yield from texts(item)


def references(value: Any) -> set[str]:
    """Logical ids and parameters that ``value`` refers to, pseudo parameters left out."""
    found: set[str] = set()
    if isinstance(value, list):
        for item in value:
            found |= references(item)
    elif isinstance(value, dict):
        for key, item in value.items():
            if key == "Ref":
                found.add(item)
            elif key == "Fn::GetAtt":
                found.add(item.split(".")[0] if isinstance(item, str) else item[0])
            elif key == "Fn::If":
                found |= references(item[1:])
            elif key == "Fn::Sub":
                text, own = (item, {}) if isinstance(item, str) else (item[0], item[1])
                found |= {name.split(".")[0] for name in _VARIABLE.findall(text)} - set(own)
                found |= references(list(own.values()))
            else:
                found |= references(item)
    return {name for name in found if not name.startswith("AWS::")}
