"""CloudFormation's intrinsic functions, conditions, parameters and dynamic references.

The resolver knows nothing about services: what ``Ref`` and ``Fn::GetAtt`` of a resource give is
asked of the ``resources`` it was made with, which may create that resource at that moment.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

from local_stack.account import ACCOUNT_ID, PARTITION, REGION, arn

NO_VALUE = object()
"""What ``AWS::NoValue`` resolves to: the key or item that holds it is dropped."""

_SUB_VARIABLE = re.compile(r"\$\{([^{}]+)\}")
_DYNAMIC_REFERENCE = re.compile(r"\{\{resolve:([^{}]+)\}\}")
_PASSWORD = re.compile(r"://[^/]*@")
"""Who signs in, in an address: a refusal that shows it would end in a log."""
_LIST_PARAMETER_TYPES = re.compile(
    r"^(CommaDelimitedList|List<.+>|AWS::SSM::Parameter::Value<.*List.*>)$"
)


class TemplateError(Exception):
    """The template asks for something that cannot be resolved on one machine."""


class Resources(Protocol):
    """What the resolver needs to know about the resources of the template."""

    def has(self, logical_id: str) -> bool:
        """Tell whether the template defines the resource."""

    def ref(self, logical_id: str) -> Any:
        """Return what ``Ref`` gives: the physical id."""

    def get_att(self, logical_id: str, attribute: str) -> Any:
        """Return what ``Fn::GetAtt`` gives."""


def parameter_values(
    declared: Mapping[str, Any], given: Mapping[str, str], ssm: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """Merge the given parameter values with the template's defaults, as CloudFormation checks them.

    Raises
    ------
    TemplateError
        A value is missing, unknown, or refused by a constraint; with the declaration's
        ``ConstraintDescription`` where it has one, as CloudFormation answers.
    """
    if unknown := sorted(set(given) - set(declared)):
        raise TemplateError(
            f"The template has no parameter {', '.join(unknown)}; it has "
            f"{', '.join(sorted(declared)) or 'none'}."
        )
    values: dict[str, Any] = {}
    for name, declaration in declared.items():
        value = given.get(name, declaration.get("Default"))
        if value is None:
            raise TemplateError(f"Parameter {name} has no default: pass a value for it.")
        value = str(value).lower() if isinstance(value, bool) else str(value)
        if reason := _refusal(declaration, value):
            shown = _PASSWORD.sub("://***@", value)
            raise TemplateError(f"Parameter {name} is {shown!r}: {reason}")
        kind = declaration.get("Type", "String")
        if kind.startswith("AWS::SSM::Parameter::Value"):
            value = (ssm or {}).get(value, value)
        values[name] = value.split(",") if _LIST_PARAMETER_TYPES.match(kind) else value
    return values


def _refusal(declaration: Mapping[str, Any], value: str) -> str | None:
    """Why a declaration refuses a value, in its own words where it has some."""
    own = declaration.get("ConstraintDescription")
    allowed = [str(item) for item in declaration.get("AllowedValues", [])]
    if allowed and value not in allowed:
        return str(own or f"allowed are {', '.join(allowed)}.")
    pattern = declaration.get("AllowedPattern")
    if pattern and not re.fullmatch(pattern, value):
        return str(own or f"it must match {pattern}.")
    if declaration.get("Type") == "Number":
        try:
            number = float(value)
        except ValueError:
            return str(own or "it must be a number.")
        least, most = declaration.get("MinValue", number), declaration.get("MaxValue", number)
        if not float(least) <= number <= float(most):
            return str(own or f"it must be from {least} to {most}.")
    return None


class Resolver:
    """Resolve the values of one template.

    Parameters
    ----------
    template
        The translated template (no ``Transform`` left).
    parameters
        Parameter values, complete (see :func:`parameter_values`).
    resources
        Where ``Ref`` and ``Fn::GetAtt`` of resources are looked up.
    stack_name
        Value of ``AWS::StackName``.
    dynamic_references
        What ``{{resolve:...}}`` stands for, keyed by the text after ``resolve:``, for example
        ``"ssm:/mri/db-url"``. A reference that is not in the table stays as it is and is listed in
        ``unresolved_references``: most stand in properties that nothing local reads.
    """

    def __init__(
        self,
        template: Mapping[str, Any],
        parameters: Mapping[str, Any],
        resources: Resources,
        stack_name: str,
        dynamic_references: Mapping[str, str] | None = None,
    ) -> None:
        self._conditions = template.get("Conditions") or {}
        self._rules = template.get("Rules") or {}
        self._mappings = template.get("Mappings") or {}
        self._parameters = parameters
        self._resources = resources
        self._dynamic_references = dynamic_references or {}
        self.unresolved_references: set[str] = set()
        self._pseudo_parameters: dict[str, Any] = {
            "AWS::AccountId": ACCOUNT_ID,
            "AWS::NoValue": NO_VALUE,
            "AWS::NotificationARNs": [],
            "AWS::Partition": PARTITION,
            "AWS::Region": REGION,
            "AWS::StackId": arn("cloudformation", f"stack/{stack_name}/local"),
            "AWS::StackName": stack_name,
            "AWS::URLSuffix": "amazonaws.com",
        }
        self._functions: dict[str, Callable[[Any], Any]] = {
            "Ref": self._ref,
            "Condition": self.condition,
            "Fn::And": lambda items: all(map(self._boolean, items)),
            "Fn::Base64": lambda text: base64.b64encode(str(self.value(text)).encode()).decode(),
            "Fn::Contains": lambda pair: self.value(pair[1]) in self.value(pair[0]),
            "Fn::Equals": lambda pair: str(self.value(pair[0])) == str(self.value(pair[1])),
            "Fn::FindInMap": self._find_in_map,
            "Fn::GetAZs": lambda _: [f"{REGION}{zone}" for zone in "abc"],
            "Fn::GetAtt": self._get_att,
            "Fn::If": self._if,
            "Fn::Join": self._join,
            "Fn::Not": lambda items: not self._boolean(items[0]),
            "Fn::Or": lambda items: any(map(self._boolean, items)),
            "Fn::Select": self._select,
            "Fn::Split": lambda pair: str(self.value(pair[1])).split(self.value(pair[0])),
            "Fn::Sub": self._sub,
        }

    def value(self, node: Any) -> Any:
        """Resolve a node of the template, with everything below it.

        Raises
        ------
        TemplateError
            The node uses an unknown function, name, map key or a cross-stack import.
        """
        if isinstance(node, str):
            return self._dynamic(node)
        if isinstance(node, Mapping):
            if len(node) == 1:
                ((name, argument),) = node.items()
                if name in self._functions and not (
                    name == "Condition" and not isinstance(argument, str)
                ):
                    return self._functions[name](argument)
                if name.startswith("Fn::"):
                    raise TemplateError(
                        f"{name} is not supported by the local stack: {argument!r}."
                    )
            resolved = {key: self.value(item) for key, item in node.items()}
            return {key: item for key, item in resolved.items() if item is not NO_VALUE}
        if isinstance(node, Sequence):
            return [item for item in map(self.value, node) if item is not NO_VALUE]
        return node

    def condition(self, name: str) -> bool:
        """Evaluate a named condition."""
        if name not in self._conditions:
            raise TemplateError(f"The template has no condition {name}.")
        return self._boolean(self._conditions[name])

    def check_rules(self) -> None:
        """Check the template's ``Rules``, as CloudFormation does before it creates anything.

        Raises
        ------
        TemplateError
            The sentences of all assertions that do not hold.
        """
        broken = []
        for rule in self._rules.values():
            if "RuleCondition" in rule and not self._boolean(rule["RuleCondition"]):
                continue
            broken += [
                str(assertion.get("AssertDescription", "A rule of the template does not hold."))
                for assertion in rule["Assertions"]
                if not self._boolean(assertion["Assert"])
            ]
        if broken:
            raise TemplateError(" ".join(broken))

    def _boolean(self, node: Any) -> bool:
        value = self.value(node)
        return value.lower() == "true" if isinstance(value, str) else bool(value)

    def _ref(self, name: str) -> Any:
        if name in self._pseudo_parameters:
            return self._pseudo_parameters[name]
        if name in self._parameters:
            return self._parameters[name]
        if self._resources.has(name):
            return self._resources.ref(name)
        raise TemplateError(f"Ref {name}: neither a parameter nor a resource of the template.")

    def _get_att(self, argument: Any) -> Any:
        logical_id, attribute = (
            argument.split(".", 1) if isinstance(argument, str) else (argument[0], argument[1])
        )
        if not self._resources.has(logical_id):
            raise TemplateError(f"Fn::GetAtt {logical_id}.{attribute}: no such resource.")
        return self._resources.get_att(logical_id, str(self.value(attribute)))

    def _sub(self, argument: Any) -> str:
        text, variables = (argument, {}) if isinstance(argument, str) else argument

        def replacement(match: re.Match[str]) -> str:
            name = match.group(1).strip()
            if name.startswith("!"):
                return f"${{{name[1:]}}}"
            if name in variables:
                return str(self.value(variables[name]))
            if "." in name and "::" not in name:
                return str(self._get_att(name))
            return str(self._ref(name))

        return str(self._dynamic(_SUB_VARIABLE.sub(replacement, text)))

    def _join(self, argument: Any) -> str:
        separator, items = argument
        return str(self._dynamic(separator.join(str(item) for item in self.value(items))))

    def _select(self, argument: Any) -> Any:
        index, items = int(self.value(argument[0])), self.value(argument[1])
        if not 0 <= index < len(items):
            raise TemplateError(f"Fn::Select {index} is outside a list of {len(items)} items.")
        return items[index]

    def _if(self, argument: Any) -> Any:
        name, when_true, when_false = argument
        return self.value(when_true if self.condition(name) else when_false)

    def _find_in_map(self, argument: Any) -> Any:
        keys = [str(self.value(key)) for key in argument[:3]]
        node: Any = self._mappings
        for key in keys:
            if not isinstance(node, Mapping) or key not in node:
                if len(argument) > 3 and "DefaultValue" in argument[3]:
                    return self.value(argument[3]["DefaultValue"])
                raise TemplateError(f"Fn::FindInMap {'.'.join(keys)}: no such entry.")
            node = node[key]
        return self.value(node)

    def _dynamic(self, text: str) -> str:
        def replacement(match: re.Match[str]) -> str:
            reference = match.group(1)
            if reference in self._dynamic_references:
                return self._dynamic_references[reference]
            self.unresolved_references.add(reference)
            return match.group(0)

        return _DYNAMIC_REFERENCE.sub(replacement, text)
