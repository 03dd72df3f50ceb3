"""The REST API of the template is the one that the function answers."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from local_stack.template import translate
from mri_analysis.errors import error_type

RESOURCES: dict[str, Any] = translate(Path("template.yaml"), {"DatabaseUrl": "sqlite://"}).body[
    "Resources"
]
BODY: dict[str, Any] = RESOURCES["ReadingApi"]["Properties"]["Body"]
RESPONSES: dict[str, Any] = BODY["x-amazon-apigateway-gateway-responses"]


def test_every_route_of_the_function_is_a_route_of_the_template_and_no_other(
    load: Callable[[str], ModuleType],
) -> None:
    described = json.loads(load("api").openapi_description())["paths"]
    answered = {(path, method) for path, methods in described.items() for method in methods}
    offered = {
        (path, method)
        for path, methods in BODY["paths"].items()
        for method in methods
        if method != "options"
    }

    assert offered == answered | {("/v1/openapi.json", "get"), ("/v1/docs", "get")}


def test_every_route_with_data_needs_a_signed_in_person() -> None:
    for path, methods in BODY["paths"].items():
        for method, operation in methods.items():
            if method == "options":
                assert operation["x-amazon-apigateway-integration"]["type"] == "mock"
            else:
                guards = [name for entry in operation["security"] for name in entry]
                open_to_all = path in ("/v1/health", "/v1/docs")
                assert guards == (["NONE"] if open_to_all else ["SignedIn"])


@pytest.mark.parametrize("kind", RESPONSES)
def test_what_api_gateway_answers_itself_is_a_problem_of_ours(kind: str) -> None:
    template = RESPONSES[kind]["responseTemplates"]["application/json"]
    document = json.loads(template.replace("$context.error.messageString", '"why"'))
    code = document["code"]

    assert document["type"] == f"urn:mri-analysis:error:{code}"
    assert document["title"] == re.sub(r"(?<=[a-z])(?=[A-Z])", " ", code).capitalize()
    assert error_type(code).__name__ == code
    assert document["next_step"] == error_type(code).next_step
    assert str(document.get("status")) == str(RESPONSES[kind].get("statusCode"))
    headers = RESPONSES[kind]["responseParameters"]
    assert "gatewayresponse.header.Cache-Control" in headers


def test_accounts_cannot_write_their_organization() -> None:
    clients = [r for r in RESOURCES.values() if r["Type"] == "AWS::Cognito::UserPoolClient"]
    schema = {entry["Name"]: entry for entry in RESOURCES["UserPool"]["Properties"]["Schema"]}

    assert clients
    assert schema["organization"]["Mutable"] is False
    for client in clients:
        assert "custom:organization" in client["Properties"]["ReadAttributes"]
        assert "custom:organization" not in client["Properties"]["WriteAttributes"]
        assert client["Properties"]["AllowedOAuthFlows"] == ["code"]
