"""What a resource module gets, and what it gives back."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from local_stack.account import AwsClients
from local_stack.api_gateway.definitions import RestApi, WebSocketApi
from local_stack.lambda_runtime import FunctionSpec
from local_stack.sqs_poller import EventSourceMapping
from local_stack.template import LocalArtefacts


@dataclass(frozen=True)
class Created:
    """A resource that exists: what ``Ref`` gives and what ``Fn::GetAtt`` gives."""

    physical_id: str
    attributes: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class DeclaredEndpoint:
    """A SageMaker endpoint of the template; the stack puts a model server behind it."""

    name: str
    output_location: str | None
    failure_location: str | None
    success_topic_arn: str | None
    error_topic_arn: str | None
    max_concurrency: int


@dataclass
class Plan:
    """What moto cannot hold and the stack itself must run."""

    functions: list[FunctionSpec] = field(default_factory=list)
    event_source_mappings: list[EventSourceMapping] = field(default_factory=list)
    endpoints: list[DeclaredEndpoint] = field(default_factory=list)
    rest_api: RestApi | None = None
    websocket_api: WebSocketApi | None = None
    requests_per_second: float | None = None


@dataclass(frozen=True)
class Deploying:
    """One resource in the making.

    Parameters
    ----------
    logical_id, type, properties
        The resource; its properties are resolved.
    stack_name
        Prefix of names that the template leaves open.
    clients
        Clients of the moto server.
    artefacts
        Leads from the translated template to the code on disk.
    plan
        Collects what the stack must run.
    created
        The resources that exist, by physical id: for a resource that needs more of another one
        than its name.
    environment
        Variables that every function gets, after its own.
    """

    logical_id: str
    type: str
    properties: Mapping[str, Any]
    stack_name: str
    clients: AwsClients
    artefacts: LocalArtefacts
    plan: Plan
    created: Mapping[str, Mapping[str, Any]]
    environment: Mapping[str, str]

    def name(self, property_name: str) -> str:
        """Return the name the template gives, or one made of stack and logical id."""
        return str(self.properties.get(property_name) or f"{self.stack_name}-{self.logical_id}")


Creator = Callable[[Deploying], Created]


def text(value: Any) -> str:
    """Write a template value as an API's string.

    >>> text(True), text(5)
    ('true', '5')
    """
    return str(value).lower() if isinstance(value, bool) else str(value)


def integer(value: Any) -> int:
    """Read a number that the template may hold as a string."""
    return int(str(value))
