"""The description of the API (OpenAPI 3.1): what Powertools makes of the routes, completed.

Powertools knows the routes, parameters and models. It does not know what API Gateway answers by
itself, which headers come back, or what a good request looks like: that is added here, by rule and
not by route, so that a new route is described in full without a line of its own.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import cache
from http import HTTPStatus
from pathlib import Path
from typing import Any

from aws_lambda_powertools.event_handler import APIGatewayRestResolver

from mri_analysis import errors
from mri_analysis.problems import problem
from mri_analysis.settings import settings

Document = dict[str, Any]

SECURITY_SCHEME = "id_token"
EXAMPLES = Path(__file__).with_name("examples.json")
"""By model; made of an analysis of the sample scan, and shortened."""

INTRODUCTION = """\
Uploads, jobs, measurements, reports and their review.

**Sign in** with the user pool and send the ID token as `Authorization: Bearer ...`. The token says
which organization you belong to; no request can name another. Roles: a `clinician` uploads and
reads, a `reviewer` reads, changes and signs, an `admin` administers. A role that is missing is 403.

**Errors** are problem documents (RFC 9457) with a stable `code`, a sentence and a `next_step`.
Those that API Gateway answers itself (no valid token, too many requests) have the same members and
the content type `application/json`.

**Pages**: `next_cursor` of an answer is the `cursor` of the next request, with the same filters; it
is null on the last page. A cursor belongs to the API: do not make one.

**Changes of a report** name the version they were made for: send the `ETag` of the report that was
read as `If-Match`. 412 says that somebody else was quicker.

**A report is a draft until a reviewer signs it**, and a draft is not for clinical use.
"""

TAGS = {
    "jobs": "The worklist, one job, and what may be done with it",
    "uploads": "A form with which a scan goes straight into storage",
    "studies": "Measurements and files of an analysed study",
    "review": "The report: read, change, sign, reject, add to",
    "live updates": "Tickets for the socket that tells of changes",
    "administration": "What an administrator looks at",
    "health": "Whether the API answers",
}

_OF_POWERTOOLS = ("HTTPValidationError", "ValidationError", "ResponseValidationError")
"""Models of its own refusals, which this API answers as problems."""
_JSON, _PROBLEM = "application/json", "application/problem+json"
_REFERENCE = {"$ref": "#/components/schemas/Problem"}
_RETRY_AFTER = {
    "Retry-After": {"description": "Seconds to wait", "schema": {"type": "integer", "minimum": 1}}
}
_ETAG = {
    "ETag": {
        "description": "Of what was answered; for If-None-Match or If-Match",
        "schema": {"type": "string", "pattern": '^"[^"]+"$'},
    }
}
_LOCATION = {
    "Location": {
        "description": "The new job",
        "schema": {"type": "string", "format": "uri-reference"},
    }
}
_REFUSALS: dict[str, errors.AnalysisError] = {
    "400": errors.InvalidRequest("body: JSON decode error"),
    "401": errors.SignInRequired("The request carries no valid ID token."),
    "403": errors.RoleMissing("This needs the role reviewer itself."),
    "404": errors.JobNotFound("There is no job 0b3d9c58-6f9e-4b7a-9f0e-3a5a1c2d4e6f."),
    "409": errors.ReportNotReady("The study has no report yet: it is segmenting."),
    "412": errors.ReportChanged("The report changed since it was read."),
    "413": errors.FileTooLarge("The scan has 2000000000 bytes; at most 1073741824 are taken."),
    "415": errors.InvalidRequest("The body of a request is application/json."),
    "422": errors.InvalidRequest("query.limit: Input should be less than or equal to 100"),
    "429": errors.TooManyRequests("The API takes no more requests at the moment."),
    "500": errors.InternalError("The request stopped for a reason that is not yours."),
    "503": errors.DatabaseUnavailable("The database does not answer."),
}


def openapi_document(app: APIGatewayRestResolver) -> Document:
    """The description of all routes of ``app``."""
    # Only the description needs these models; every other request would pay for their import.
    from aws_lambda_powertools.event_handler.openapi.models import HTTPBearer, Server, Tag

    document: Document = json.loads(
        app.get_openapi_json_schema(
            title="MRI Analysis",
            version="1",
            openapi_version="3.1.0",
            description=INTRODUCTION,
            tags=[Tag(name=name, description=text) for name, text in TAGS.items()],
            # Relative to this document's own address, so that it holds below a stage's name too.
            servers=[Server(url="..")],
            security_schemes={
                SECURITY_SCHEME: HTTPBearer(bearerFormat="JWT", description="ID token of the pool")
            },
            security=[{SECURITY_SCHEME: []}],
        )
    )
    schemas = document["components"]["schemas"]
    for name in _OF_POWERTOOLS:
        schemas.pop(name, None)
    schemas["UploadRequest"]["properties"]["size_bytes"] |= {
        "minimum": 1,
        "maximum": settings().max_upload_bytes,
    }
    for name, example in examples().items():
        if name in schemas:
            schemas[name]["examples"] = [example]
    for operation in _operations(document):
        _complete(operation)
    return document


@cache
def examples() -> Document:
    """One good document of each model that a request or an answer is made of."""
    found: Document = json.loads(EXAMPLES.read_text(encoding="utf-8"))
    return found


def _operations(document: Document) -> Iterator[Document]:
    for methods in document["paths"].values():
        yield from methods.values()


def _complete(operation: Document) -> None:
    operation["operationId"] = operation["operationId"].partition("_v1_")[0]
    if "health" in operation["tags"]:
        operation["security"] = []
    answers = operation["responses"]
    for parameter in operation.get("parameters", ()):
        _complete_parameter(parameter)
    for status in _always(operation):
        answers.setdefault(status, {"description": HTTPStatus(int(status)).phrase})
    for status, answer in answers.items():
        _complete_answer(operation, status, answer)
    operation["responses"] = dict(sorted(answers.items()))


def _always(operation: Document) -> Iterator[str]:
    """What may be answered whatever a route does."""
    yield from ("429", "500")
    if "requestBody" in operation:
        yield from ("400", "415")


def _complete_parameter(parameter: Document) -> None:
    if parameter["in"] == "header":
        parameter["name"] = parameter["name"].title()
    # A parameter is there or not; nobody can send null.
    schema = parameter["schema"]
    given = [kind for kind in schema.pop("anyOf", ()) if kind != {"type": "null"}]
    for kind in given:
        schema |= kind
    if parameter["name"] == "If-Match":
        parameter["required"] = True
        schema["pattern"] = '^(W/)?"[0-9]{1,9}"$'
        schema["examples"] = ['"0"']


def _complete_answer(operation: Document, status: str, answer: Document) -> None:
    if status in ("204", "304"):
        answer.pop("content", None)
    if status in _REFUSALS:
        answer["content"] = _problems(operation, status)
    if status in ("429", "503"):
        answer["headers"] = _RETRY_AFTER
    elif status == "201" and "uploads" in operation["tags"]:
        answer["headers"] = _LOCATION
    elif status in ("200", "304") and _is_tagged(operation):
        answer["headers"] = _ETAG


def _problems(operation: Document, status: str) -> Document:
    example = problem(_REFUSALS[status], int(status)).model_dump(mode="json")
    content = {"schema": _REFERENCE, "example": example}
    # API Gateway's own answers: it checks token, rate, and the body of an upload.
    by_gateway = status in ("401", "429") or (status == "422" and "uploads" in operation["tags"])
    kinds = [_PROBLEM] if not by_gateway else [_JSON] if status == "429" else [_JSON, _PROBLEM]
    return dict.fromkeys(kinds, content)


def _is_tagged(operation: Document) -> bool:
    """Whether its answers carry an ETag: a job that is read, and every report."""
    names = {parameter["name"] for parameter in operation.get("parameters", ())}
    return "If-None-Match" in names or "review" in operation["tags"]
