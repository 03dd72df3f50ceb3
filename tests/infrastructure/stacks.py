"""Nested stacks, read and resolved for a choice of parameters."""

from pathlib import Path
from typing import Any

from samtranslator.yaml_helper import yaml_parse

from local_stack.intrinsics import Resolver, parameter_values
from scripts.deployed_resources import Placeholders

FOLDER = Path("infrastructure")


def read(name: str) -> dict[str, Any]:
    """The nested template of that name."""
    template: dict[str, Any] = yaml_parse((FOLDER / f"{name}.yaml").read_text(encoding="utf-8"))
    return template


def resolve(template: dict[str, Any], parameters: dict[str, str]) -> dict[str, dict[str, Any]]:
    """The resources that these parameters make, without a function left in them."""
    values = parameter_values(template["Parameters"], parameters)
    resolver = Resolver(template, values, Placeholders(set(template["Resources"])), "stack")
    return {
        name: resolver.value({key: part for key, part in resource.items() if key != "Condition"})
        for name, resource in template["Resources"].items()
        if "Condition" not in resource or resolver.condition(resource["Condition"])
    }


def of_type(resources: dict[str, dict[str, Any]], kind: str) -> dict[str, dict[str, Any]]:
    """Properties of the resources of one type by logical id."""
    return {name: r["Properties"] for name, r in resources.items() if r["Type"] == kind}


def check_rules(template: dict[str, Any], parameters: dict[str, str]) -> None:
    """Check parameters as CloudFormation does before it creates anything."""
    values = parameter_values(template["Parameters"], parameters)
    Resolver(template, values, Placeholders(set()), "stack").check_rules()
