"""The REST API of the reading room and the command line (API Gateway REST API, version ``/v1``).

Who calls is told by the claims that API Gateway verified. Every query carries their organization;
no request can name another.
"""

import json
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any

from aws_lambda_powertools.event_handler import APIGatewayRestResolver, CORSConfig, Response
from aws_lambda_powertools.event_handler.exceptions import NotFoundError
from aws_lambda_powertools.event_handler.middlewares import NextMiddleware
from aws_lambda_powertools.event_handler.openapi.exceptions import (
    RequestUnsupportedContentType,
    RequestValidationError,
)
from aws_lambda_powertools.utilities.typing import LambdaContext

from mri_analysis import wiring
from mri_analysis.access import caller_of
from mri_analysis.contracts.api import HealthDocument
from mri_analysis.errors import (
    AnalysisError,
    InternalError,
    InvalidRequest,
    JobNotFound,
    RouteNotFound,
    TransientError,
)
from mri_analysis.observability import logger, metrics, tracer
from mri_analysis.ports.audit import AuditEvent
from mri_analysis.problems import problem
from mri_analysis.settings import settings
from reading_api import administration, exports, jobs, live_tickets, reviews, studies, uploads
from reading_api.answers import answers
from reading_api.description import openapi_document
from reading_api.swagger_page import swagger_page


def _json(text: str) -> Any:
    """The document in ``text``; what passes Python's limits is no document either."""
    try:
        return json.loads(text)
    except json.JSONDecodeError:
        raise
    except (ValueError, RecursionError) as error:  # too many digits, or nested too deeply
        raise json.JSONDecodeError("too large to read", "", 0) from error


app = APIGatewayRestResolver(
    cors=CORSConfig(
        allow_origin=settings().reading_room_origin,
        allow_headers=["Idempotency-Key", "If-Match", "If-None-Match"],
        expose_headers=["Content-Disposition", "ETag", "Location", "Retry-After"],
        max_age=600,
    ),
    enable_validation=True,
    json_body_deserializer=_json,
)


def _note_validation(app: APIGatewayRestResolver, next_middleware: NextMiddleware) -> Response[Any]:
    app.append_context(validated=True)
    return next_middleware(app)


app.use(middlewares=[_note_validation])

_HARDENING = {
    "Cache-Control": ["no-store"],
    "Strict-Transport-Security": ["max-age=63072000; includeSubDomains"],
    "X-Content-Type-Options": ["nosniff"],
}
_RETRY_AFTER_SECONDS = "5"


@logger.inject_lambda_context(log_event=False, clear_state=True)
@tracer.capture_lambda_handler(capture_response=False)
@metrics.log_metrics(capture_cold_start_metric=True)
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Answer one request."""
    answer = app.resolve(event, context)
    answer["multiValueHeaders"] |= _HARDENING
    return answer


def openapi_description() -> str:
    """The description of the API as OpenAPI 3.1."""
    return json.dumps(openapi_document(app))


# ---- routes --------------------------------------------------------------------------------------


@app.get(
    "/v1/health",
    summary="Whether the API answers; says nothing about data",
    tags=["health"],
    responses=answers(HTTPStatus.OK, HealthDocument, signed_in=False),
)
def health() -> HealthDocument:
    return HealthDocument()


@app.get("/v1/openapi.json", include_in_schema=False)
def openapi() -> Response[str]:
    return Response(HTTPStatus.OK, "application/vnd.oai.openapi+json", openapi_description())


@app.get("/v1/docs", include_in_schema=False)
def docs() -> Response[str]:
    """The description as a page, where the stage serves one."""
    if not settings().serve_api_docs:
        raise RouteNotFound("The API has no such address.")
    return swagger_page(openapi_description())


for routes in (jobs, uploads, studies, reviews, exports, live_tickets, administration):
    app.include_router(routes.router)


# ---- errors --------------------------------------------------------------------------------------


@app.exception_handler(AnalysisError)
def refused(error: AnalysisError) -> Response[str]:
    return _refusal(error)


@app.exception_handler(JobNotFound)
def unknown_job(error: JobNotFound) -> Response[str]:
    """Note who asked for a job that is not their organization's; they learn nothing from it."""
    event = app.current_event.raw_event
    job_id = app.current_event.path.removeprefix("/v1/jobs/").partition("/")[0]
    person = caller_of(event["requestContext"]["authorizer"]["claims"])
    attempt = AuditEvent(
        person.organization_id,
        job_id[:36],
        person.user_id,
        "access.refused",
        {"method": app.current_event.http_method},
        datetime.now(UTC),
    )
    try:
        wiring.studies().note(attempt)
    except TransientError:
        logger.exception("a refused access could not be noted")
    return _refusal(error)


@app.not_found
def unknown_route(error: NotFoundError) -> Response[str]:
    return _refusal(RouteNotFound("The API has no such address."))


@app.exception_handler(RequestValidationError)
def invalid(error: RequestValidationError) -> Response[str]:
    """Say which part of the request is wrong and why; never what it held."""
    found = error.errors()
    reasons = (f"{'.'.join(str(part) for part in e['loc'])}: {e['msg']}" for e in found)
    malformed = any(e["type"] == "json_invalid" for e in found)
    status = HTTPStatus.BAD_REQUEST if malformed else None
    return _refusal(InvalidRequest("; ".join(reasons)), status)


@app.exception_handler(RequestUnsupportedContentType)
def unsupported(error: RequestUnsupportedContentType) -> Response[str]:
    refusal = InvalidRequest("The body of a request is application/json.")
    return _refusal(refusal, HTTPStatus.UNSUPPORTED_MEDIA_TYPE)


@app.exception_handler(ValueError)
def unreadable(error: ValueError) -> Response[str]:
    """Refuse a multipart body that cannot be read, which Powertools tells by a bare error."""
    content_type = app.current_event.headers.get("content-type", "").strip()
    if app.context.get("validated") or not content_type.startswith("multipart/form-data"):
        return unforeseen(error)
    refusal = InvalidRequest(
        "The body is announced as multipart/form-data and cannot be read as such; "
        "the body of a request is application/json."
    )
    return _refusal(refusal, HTTPStatus.BAD_REQUEST)


@app.exception_handler(Exception)
def unforeseen(error: Exception) -> Response[str]:
    logger.exception("request failed")
    metrics.add_metric(name="ApiFault", unit="Count", value=1)
    return _refusal(InternalError("The request stopped for a reason that is not yours."))


def _refusal(error: AnalysisError, status: int | None = None) -> Response[str]:
    document = problem(error, status)
    logger.info("request refused", code=document.code, status=document.status)
    transient = isinstance(error, TransientError)
    return Response(
        document.status,
        "application/problem+json",
        document.model_dump_json(),
        {"Retry-After": _RETRY_AFTER_SECONDS} if transient else {},
    )
