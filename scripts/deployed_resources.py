"""Which resources a choice of parameters makes, in the root and in its nested stacks.

The templates are resolved as far as their conditions and chosen properties need it; what only AWS
knows (an id, an ARN) stays a placeholder.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from local_stack.intrinsics import Resolver, parameter_values
from local_stack.template import translate

_STACK = "AWS::CloudFormation::Stack"


class Placeholders:
    """Stands for resources: a reference gives ``<id>``, an attribute ``<id>.<attribute>``."""

    def __init__(self, logical_ids: set[str]) -> None:
        self._logical_ids = logical_ids

    def has(self, logical_id: str) -> bool:
        return logical_id in self._logical_ids

    def ref(self, logical_id: str) -> str:
        return f"<{logical_id}>"

    def get_att(self, logical_id: str, attribute: str) -> str:
        return f"<{logical_id}.{attribute}>"


@dataclass(frozen=True)
class DeployedResource:
    """One resource that exists with these parameters."""

    stack: str
    """Logical id of the nested stack; empty for the root"""
    logical_id: str
    kind: str
    properties: Mapping[str, Any]
    """As written in the template, with its functions"""
    resolver: Resolver

    def value(self, name: str, default: Any = None) -> Any:
        """One property, resolved."""
        return self.resolver.value(self.properties[name]) if name in self.properties else default


def deployed_resources(root: Path, given: Mapping[str, str]) -> list[DeployedResource]:
    """Every resource that ``given`` makes of the template ``root`` and its nested stacks."""
    body = translate(root, dict(given)).body
    resolver = _resolver(body, parameter_values(body["Parameters"], given))
    found = _existing("", body, resolver)
    for nested in [resource for resource in found if resource.kind == _STACK]:
        inner = translate(root.parent / str(nested.properties["TemplateURL"]), {}).body
        values = _nested_values(inner, resolver.value(nested.properties.get("Parameters", {})))
        found += _existing(nested.logical_id, inner, _resolver(inner, values))
    return found


def _nested_values(template: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """What a nested stack gets; not checked, because a placeholder is no ARN."""
    values: dict[str, Any] = {}
    for name, declared in template.get("Parameters", {}).items():
        value = str(given.get(name, declared.get("Default", "")))
        listed = "List" in declared.get("Type", "String")
        values[name] = value.split(",") if listed else value
    return values


def _resolver(template: Mapping[str, Any], values: Mapping[str, Any]) -> Resolver:
    return Resolver(template, values, Placeholders(set(template["Resources"])), "stack")


def _existing(
    stack: str, template: Mapping[str, Any], resolver: Resolver
) -> list[DeployedResource]:
    return [
        DeployedResource(
            stack, logical_id, resource["Type"], resource.get("Properties", {}), resolver
        )
        for logical_id, resource in template["Resources"].items()
        if "Condition" not in resource or resolver.condition(resource["Condition"])
    ]
