"""What a template says about its APIs, in the form that the gateway serves."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

_FUNCTION = re.compile(r":function:([A-Za-z0-9_-]+)")


@dataclass(frozen=True)
class Route:
    """One method of one address of a REST API."""

    method: str
    path: str
    """as the template has it: ``/v1/jobs/{job_id}``"""
    function: str
    """name of the function that answers"""
    signed_in: bool
    """whether the authorizer must have let the request pass"""
    body_schema: Mapping[str, Any] | None = None
    """JSON schema that a body is checked against first"""

    @property
    def pattern(self) -> re.Pattern[str]:
        """What addresses the route answers, with its parameters as groups."""
        parts = re.split(r"\{(\w+)\}", self.path)
        literals = [
            f"(?P<{part}>[^/]+)" if at % 2 else re.escape(part) for at, part in enumerate(parts)
        ]
        return re.compile("".join(literals))


@dataclass(frozen=True)
class Refusal:
    """What API Gateway answers itself."""

    status: int
    body: str
    """with ``$context.error.messageString`` where the reason goes"""
    headers: Mapping[str, str]

    def text(self, message: str) -> str:
        """The body with a reason in it."""
        return self.body.replace("$context.error.messageString", json.dumps(message))


_DEFAULT_STATUS = {
    "ACCESS_DENIED": 403,
    "BAD_REQUEST_BODY": 400,
    "EXPIRED_TOKEN": 403,
    "INTEGRATION_FAILURE": 504,
    "INTEGRATION_TIMEOUT": 504,
    "MISSING_AUTHENTICATION_TOKEN": 403,
    "REQUEST_TOO_LARGE": 413,
    "THROTTLED": 429,
    "UNAUTHORIZED": 401,
}
"""Of each kind of answer (API Gateway developer guide, gateway response types)."""


@dataclass(frozen=True)
class RestApi:
    """A REST API of the template."""

    routes: tuple[Route, ...]
    cors: Mapping[str, Mapping[str, str]]
    """headers of the answer to a preflight, by path"""
    responses: Mapping[str, Any]
    requests_per_second: float | None = None

    @classmethod
    def of(cls, body: Mapping[str, Any]) -> RestApi:
        """Read the (resolved) OpenAPI body of ``AWS::ApiGateway::RestApi``."""
        schemas = (body.get("components") or {}).get("schemas") or {}
        routes: list[Route] = []
        cors: dict[str, Mapping[str, str]] = {}
        for path, methods in body["paths"].items():
            for method, operation in methods.items():
                integration = operation["x-amazon-apigateway-integration"]
                if method == "options":
                    cors[path] = _preflight(integration)
                else:
                    routes.append(_route(path, method, operation, integration, schemas))
        responses = body.get("x-amazon-apigateway-gateway-responses") or {}
        return cls(tuple(routes), cors, responses)

    def refusal(self, kind: str) -> Refusal:
        """What the template wants to be answered, else what API Gateway does by itself."""
        status = _DEFAULT_STATUS[kind]
        general = "DEFAULT_5XX" if status >= 500 else "DEFAULT_4XX"
        found = self.responses.get(kind) or self.responses.get(general) or {}
        templates = found.get("responseTemplates") or {}
        headers = {
            name.removeprefix("gatewayresponse.header."): str(value).strip("'")
            for name, value in (found.get("responseParameters") or {}).items()
        }
        return Refusal(
            status=int(found.get("statusCode") or status),
            body=templates.get(
                "application/json", '{"message":$context.error.messageString}'
            ).strip(),
            headers={"Content-Type": "application/json", **headers},
        )


@dataclass(frozen=True)
class WebSocketApi:
    """A WebSocket API of the template: function by route key."""

    routes: Mapping[str, str] = field(default_factory=dict)


def function_of(uri: str) -> str:
    """The function that an integration calls.

    >>> function_of("arn:aws:apigateway:r:lambda:path/x/functions/arn:aws:lambda:r:1:function:f")
    'f'
    """
    names = _FUNCTION.findall(uri)
    if not names:
        raise ValueError(f"{uri} calls no function.")
    return str(names[-1])


def _route(
    path: str,
    method: str,
    operation: Mapping[str, Any],
    integration: Mapping[str, Any],
    schemas: Mapping[str, Any],
) -> Route:
    guards = [name for entry in operation.get("security") or [] for name in entry]
    content = (operation.get("requestBody") or {}).get("content") or {}
    reference = (content.get("application/json") or {}).get("schema", {}).get("$ref", "")
    return Route(
        method=method.upper(),
        path=path,
        function=function_of(integration["uri"]),
        signed_in=bool(guards) and guards != ["NONE"],
        body_schema=schemas.get(reference.rpartition("/")[2]),
    )


def _preflight(integration: Mapping[str, Any]) -> dict[str, str]:
    parameters = integration["responses"]["default"]["responseParameters"]
    return {
        name.removeprefix("method.response.header."): str(value).strip("'")
        for name, value in parameters.items()
    }
