"""The description of the REST API says of every route what a client needs."""

import copy
import json
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

import pytest
from openapi_spec_validator import validate

from mri_analysis import wiring
from mri_analysis.adapters.sql_tables import metadata
from mri_analysis.contracts import api as contracts
from mri_analysis.contracts import operations as operations_contracts
from mri_analysis.contracts.report import Description
from mri_analysis.contracts.review import ReportSections, ReviewedReport
from mri_analysis.contracts.segmentation import Measurements
from mri_analysis.contracts.study import SeriesOffer
from mri_analysis.errors import error_type
from mri_analysis.settings import settings
from tests.unit.functions.calling import EVENT, Answer, Api, answered, assert_problem
from tests.unit.functions.conftest import MAX_UPLOAD_BYTES, Context

MODELS: dict[str, Any] = (
    vars(contracts)
    | vars(operations_contracts)
    | {
        model.__name__: model
        for model in (Description, Measurements, ReportSections, ReviewedReport, SeriesOffer)
    }
)
JSON = "application/json"
FILES = {"text/markdown": "string", "text/csv": "string", "application/fhir+json": "object"}
REFUSALS = ("application/problem+json", JSON)


@pytest.fixture
def api(load: Callable[[str], ModuleType]) -> Api:
    metadata.create_all(wiring.jobs()._engine)
    return Api(load("api"))


@pytest.fixture
def document(api: Api) -> Any:
    return api.get("/v1/openapi.json").document


def operations(document: Any) -> Iterator[tuple[str, dict[str, Any]]]:
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield f"{method} {path}", operation


def bodies(operation: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """What is sent, and what is answered if all is well; a file is no model of ours."""
    if "requestBody" in operation:
        yield operation["requestBody"]["content"][JSON]
    for status, answer in operation["responses"].items():
        if not status.startswith(("2", "303")) or "content" not in answer:
            continue
        if set(answer["content"]) <= set(FILES):
            for kind, one in answer["content"].items():
                assert one["schema"]["type"] == FILES[kind]
        else:
            yield answer["content"][JSON]


def test_every_route_has_a_summary_a_short_id_and_a_tag_that_is_explained(document: Any) -> None:
    validate(document)
    explained = {tag["name"] for tag in document["tags"]}
    ids = [operation["operationId"] for _, operation in operations(document)]

    assert len(set(ids)) == len(ids)
    assert all(name.isidentifier() and "v1" not in name for name in ids)
    for _, operation in operations(document):
        assert operation["summary"]
        assert set(operation["tags"]) <= explained


def test_every_body_is_a_model_with_an_example_that_fits(document: Any) -> None:
    for name, operation in operations(document):
        for body in bodies(operation):
            model = body["schema"]["$ref"].rpartition("/")[2]
            (example,) = document["components"]["schemas"][model].get("examples", [None])
            assert example is not None, f"{name}: {model} has no example (examples.json)"
            MODELS[model].model_validate_json(json.dumps(example))


def test_every_refusal_is_a_problem_with_an_example_of_its_status(document: Any) -> None:
    for name, operation in operations(document):
        refused = {s: a for s, a in operation["responses"].items() if s[0] in "45"}
        assert {"429", "500"} <= set(refused), name
        for status, answer in refused.items():
            assert answer["content"], (name, status)
            for kind, content in answer["content"].items():
                assert kind in REFUSALS
                assert content["schema"] == {"$ref": "#/components/schemas/Problem"}
                assert content["example"]["status"] == int(status)
                assert content["example"]["next_step"] == (
                    error_type(content["example"]["code"]).next_step
                )


def test_every_route_but_health_asks_for_the_token(document: Any) -> None:
    assert document["components"]["securitySchemes"]["id_token"]["scheme"] == "bearer"
    for name, operation in operations(document):
        if name == "get /v1/health":
            assert operation["security"] == []
            assert not {"401", "403"} & set(operation["responses"])
        else:
            assert "security" not in operation
            assert {"401", "403"} <= set(operation["responses"])


def test_headers_that_a_client_needs_are_described(document: Any) -> None:
    paths = document["paths"]

    assert "ETag" in paths["/v1/jobs/{job_id}"]["get"]["responses"]["304"]["headers"]
    assert "content" not in paths["/v1/jobs/{job_id}"]["get"]["responses"]["304"]
    assert "Location" in paths["/v1/uploads"]["post"]["responses"]["201"]["headers"]
    for path in ("sections", "signature", "rejection", "addenda"):
        (operation,) = paths[f"/v1/jobs/{{job_id}}/report/{path}"].values()
        (match,) = [p for p in operation["parameters"] if p["name"] == "If-Match"]
        assert match["required"]
        assert "ETag" in operation["responses"]["200"]["headers"]
        assert "412" in operation["responses"]


def test_description_states_what_an_upload_may_measure(document: Any) -> None:
    size = document["components"]["schemas"]["UploadRequest"]["properties"]["size_bytes"]

    assert (size["minimum"], size["maximum"]) == (1, MAX_UPLOAD_BYTES)


def test_description_holds_nothing_that_no_answer_has(document: Any) -> None:
    text = json.dumps(document)

    assert not {"HTTPValidationError", "ValidationError"} & set(document["components"]["schemas"])
    for model in document["components"]["schemas"]:
        assert f'"#/components/schemas/{model}"' in text, model


# ---- the page ------------------------------------------------------------------------------------


def page_of(api: Api) -> Answer:
    event = copy.deepcopy(EVENT) | {"httpMethod": "GET", "path": "/v1/docs", "body": None}
    del event["requestContext"]["authorizer"]
    return answered(api.module.handler(event, Context()))


def test_page_is_there_only_where_the_stage_serves_it(api: Api) -> None:
    assert_problem(page_of(api), 404, "RouteNotFound")


def test_page_loads_nothing_and_cannot_be_framed(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SERVE_API_DOCS", "true")
    settings.cache_clear()

    page = page_of(api)

    assert page.status == 200
    (policy,) = page.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "'unsafe-inline'" not in policy.partition("script-src")[2].partition(";")[0]
    for attribute in ("<script src", "<link"):
        assert attribute not in page.body
    assert len(page.body) < 6_000_000 / 2  # Lambda answers 6 MB at most


def test_no_text_of_the_description_can_leave_its_element() -> None:
    from reading_api.swagger_page import swagger_page

    page = swagger_page('{"info": "</script><script>alert(1)</script><!--"}').body

    assert page is not None
    assert "alert(1)" in page
    assert "<script>alert(1)" not in page
    assert "</script><script>alert" not in page
