"""Create the resources of a translated template, in the order in which they need each other."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from local_stack.account import AwsClients
from local_stack.intrinsics import Resolver, TemplateError, parameter_values
from local_stack.resources import CREATORS, Created, Deploying, Plan
from local_stack.template import TranslatedTemplate


@dataclass(frozen=True)
class Skipped:
    """A resource that was not created."""

    type: str
    reason: str


@dataclass
class Deployment:
    """The result of a deployment.

    Parameters
    ----------
    resources
        Physical id by logical id, of what was created.
    types
        Resource type by logical id, of what was created.
    skipped
        What was not created, and why. ``Ref`` of such a resource gives its logical id, and
        ``Fn::GetAtt`` gives ``LogicalId.Attribute``.
    outputs
        The template's outputs.
    plan
        What the stack must run beside moto.
    unresolved_references
        Dynamic references that the table did not hold.
    resolver
        Resolves further nodes of the template against this deployment.
    """

    resources: dict[str, str] = field(default_factory=dict)
    types: dict[str, str] = field(default_factory=dict)
    skipped: dict[str, Skipped] = field(default_factory=dict)
    outputs: dict[str, str] = field(default_factory=dict)
    plan: Plan = field(default_factory=Plan)
    unresolved_references: list[str] = field(default_factory=list)
    resolver: Resolver | None = None


def deploy(
    template: TranslatedTemplate,
    clients: AwsClients,
    *,
    stack_name: str,
    parameters: Mapping[str, str],
    environment: Mapping[str, str] | None = None,
    dynamic_references: Mapping[str, str] | None = None,
) -> Deployment:
    """Create every resource of the template that can exist here.

    Parameters
    ----------
    template
        From :func:`local_stack.template.translate`.
    clients
        Clients of the moto server.
    stack_name
        Value of ``AWS::StackName`` and prefix of open names.
    parameters
        Overrides of the template's parameters.
    environment
        Variables that every function gets, after its own.
    dynamic_references
        What ``{{resolve:...}}`` stands for.

    Raises
    ------
    TemplateError
        The template cannot be resolved; the message names the resource.
    """
    return _Deployer(
        template, clients, stack_name, parameters, environment or {}, dynamic_references or {}
    ).run()


class _Deployer:
    def __init__(
        self,
        template: TranslatedTemplate,
        clients: AwsClients,
        stack_name: str,
        parameters: Mapping[str, str],
        environment: Mapping[str, str],
        dynamic_references: Mapping[str, str],
    ) -> None:
        self._template = template
        self._clients = clients
        self._stack_name = stack_name
        self._environment = environment
        self._definitions: dict[str, Any] = template.body.get("Resources") or {}
        self._created: dict[str, Created] = {}
        self._by_physical_id: dict[str, Mapping[str, Any]] = {}
        self._in_progress: list[str] = []
        self._result = Deployment()
        ssm = {
            name.removeprefix("ssm:"): value
            for name, value in dynamic_references.items()
            if name.startswith("ssm:")
        }
        self._resolver = Resolver(
            template.body,
            parameter_values(template.body.get("Parameters") or {}, parameters, ssm),
            self,
            stack_name,
            dynamic_references,
        )

    def run(self) -> Deployment:
        self._resolver.check_rules()
        for logical_id in self._definitions:
            self._create(logical_id)
        for name, output in (self._template.body.get("Outputs") or {}).items():
            condition = output.get("Condition")
            if condition is None or self._resolver.condition(condition):
                self._result.outputs[name] = str(self._resolver.value(output["Value"]))
        self._result.unresolved_references = sorted(self._resolver.unresolved_references)
        self._result.resolver = self._resolver
        return self._result

    def has(self, logical_id: str) -> bool:
        """Tell whether the template defines the resource (for the resolver)."""
        return logical_id in self._definitions

    def ref(self, logical_id: str) -> str:
        """Return a resource's physical id, creating it first (for the resolver)."""
        created = self._create(logical_id)
        return created.physical_id if created else logical_id

    def get_att(self, logical_id: str, attribute: str) -> Any:
        """Return a resource's attribute, creating it first (for the resolver)."""
        created = self._create(logical_id)
        if created is None:
            return f"{logical_id}.{attribute}"
        if attribute not in created.attributes:
            kind = self._definitions[logical_id]["Type"]
            raise TemplateError(f"Fn::GetAtt {logical_id}.{attribute}: {kind} has it not here.")
        return created.attributes[attribute]

    def _create(self, logical_id: str) -> Created | None:
        if logical_id in self._created:
            return self._created[logical_id]
        if logical_id in self._result.skipped:
            return None
        if logical_id in self._in_progress:
            circle = " -> ".join([*self._in_progress, logical_id])
            raise TemplateError(f"The resources depend on each other in a circle: {circle}.")
        definition = self._definitions[logical_id]
        kind = str(definition["Type"])
        if reason := self._reason_to_skip(definition, kind):
            self._result.skipped[logical_id] = Skipped(kind, reason)
            return None
        self._in_progress.append(logical_id)
        try:
            created = self._create_new(logical_id, kind, definition)
        finally:
            self._in_progress.pop()
        self._created[logical_id] = created
        self._by_physical_id[created.physical_id] = created.attributes
        self._result.resources[logical_id] = created.physical_id
        self._result.types[logical_id] = kind
        return created

    def _reason_to_skip(self, definition: Mapping[str, Any], kind: str) -> str | None:
        condition = definition.get("Condition")
        if condition is not None and not self._resolver.condition(condition):
            return f"condition {condition} is false"
        if kind not in CREATORS:
            return "the local stack does not create this type"
        return None

    def _create_new(self, logical_id: str, kind: str, definition: Mapping[str, Any]) -> Created:
        depends_on = definition.get("DependsOn") or []
        for other in [depends_on] if isinstance(depends_on, str) else depends_on:
            self._create(other)
        properties = self._resolver.value(definition.get("Properties") or {})
        new = Deploying(
            logical_id=logical_id,
            type=kind,
            properties=properties,
            stack_name=self._stack_name,
            clients=self._clients,
            artefacts=self._template.artefacts,
            plan=self._result.plan,
            created=self._by_physical_id,
            environment=self._environment,
        )
        try:
            return CREATORS[kind](new)
        except TemplateError:
            raise
        except Exception as error:
            raise TemplateError(f"{logical_id} ({kind}) could not be created: {error}") from error
