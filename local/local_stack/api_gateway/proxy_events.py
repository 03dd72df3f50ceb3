"""Requests as Lambda gets them from API Gateway, and its answers as a client gets them."""

from __future__ import annotations

import base64
import json
import time
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from local_stack.account import ACCOUNT_ID

STAGE = "dev"


@dataclass(frozen=True)
class Request:
    """An HTTP request that a route answers."""

    method: str
    path: str
    headers: Sequence[tuple[str, str]]
    query: Sequence[tuple[str, str]]
    body: bytes
    source_ip: str


@dataclass(frozen=True)
class ProxyAnswer:
    """A function's answer."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes


class MalformedAnswer(Exception):
    """The function failed, or its answer is none of the form that API Gateway takes."""


def proxy_event(
    request: Request,
    resource: str,
    parameters: Mapping[str, str],
    claims: Mapping[str, str] | None,
) -> dict[str, Any]:
    """The event of a REST API with Lambda proxy integration, version 1.0."""
    headers: dict[str, list[str]] = {}
    for name, value in request.headers:
        headers.setdefault(name.title(), []).append(value)
    query: dict[str, list[str]] = {}
    for name, value in request.query:
        query.setdefault(name, []).append(value)
    context: dict[str, Any] = {
        "accountId": ACCOUNT_ID,
        "apiId": "local",
        "httpMethod": request.method,
        "identity": {
            "sourceIp": request.source_ip,
            "userAgent": (headers.get("User-Agent") or [""])[-1],
        },
        "path": f"/{STAGE}{request.path}",
        "protocol": "HTTP/1.1",
        "requestId": str(uuid.uuid4()),
        "requestTimeEpoch": int(time.time() * 1000),
        "resourcePath": resource,
        "stage": STAGE,
    }
    if claims is not None:
        context["authorizer"] = {"claims": dict(claims)}
    return {
        "resource": resource,
        "path": request.path,
        "httpMethod": request.method,
        "headers": {name: values[-1] for name, values in headers.items()} or None,
        "multiValueHeaders": headers or None,
        "queryStringParameters": {name: values[-1] for name, values in query.items()} or None,
        "multiValueQueryStringParameters": query or None,
        "pathParameters": dict(parameters) or None,
        "stageVariables": None,
        "requestContext": context,
        "body": request.body.decode("utf-8", "replace") if request.body else None,
        "isBase64Encoded": False,
    }


def proxy_answer(payload: bytes) -> ProxyAnswer:
    """What the function wants to be sent.

    Raises
    ------
    MalformedAnswer
        Not a document with a status code.
    """
    try:
        document = json.loads(payload)
        status = int(document["statusCode"])
        body = document.get("body") or ""
        if document.get("isBase64Encoded"):
            content = base64.b64decode(body)
        else:
            content = (body if isinstance(body, str) else json.dumps(body)).encode()
        headers = [(name, str(value)) for name, value in (document.get("headers") or {}).items()]
        headers += [
            (name, str(value))
            for name, values in (document.get("multiValueHeaders") or {}).items()
            for value in values
        ]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise MalformedAnswer("the function gave no proxy answer") from error
    return ProxyAnswer(status, headers, content)


def socket_event(
    route: str,
    connection_id: str,
    connected_at: float,
    *,
    query: Sequence[tuple[str, str]] = (),
    body: str | None = None,
    source_ip: str = "127.0.0.1",
) -> dict[str, Any]:
    """The event of a route of a WebSocket API."""
    kind = {"$connect": "CONNECT", "$disconnect": "DISCONNECT"}.get(route, "MESSAGE")
    event: dict[str, Any] = {
        "requestContext": {
            "routeKey": route,
            "eventType": kind,
            "connectionId": connection_id,
            "connectedAt": int(connected_at * 1000),
            "requestTimeEpoch": int(time.time() * 1000),
            "requestId": str(uuid.uuid4()),
            "extendedRequestId": str(uuid.uuid4()),
            "messageDirection": "IN",
            "domainName": "local",
            "apiId": "local",
            "stage": STAGE,
            "identity": {"sourceIp": source_ip},
        },
        "isBase64Encoded": False,
    }
    if kind == "CONNECT":
        event["queryStringParameters"] = dict(query) or None
    if body is not None:
        event["body"] = body
    return event
