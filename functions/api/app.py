"""The REST API of the reading room and the command line (API Gateway REST API, version ``/v1``).

Who calls is told by the claims that API Gateway verified. Every query carries their organization;
no request can name another.
"""

import hashlib
import json
from http import HTTPStatus
from typing import Annotated, Any

from aws_lambda_powertools.event_handler import APIGatewayRestResolver, CORSConfig, Response
from aws_lambda_powertools.event_handler.exceptions import NotFoundError
from aws_lambda_powertools.event_handler.middlewares import NextMiddleware
from aws_lambda_powertools.event_handler.openapi.exceptions import (
    RequestUnsupportedContentType,
    RequestValidationError,
)
from aws_lambda_powertools.event_handler.openapi.params import Body, Header, Path, Query
from aws_lambda_powertools.utilities.typing import LambdaContext
from pydantic import BaseModel

from mri_analysis import wiring
from mri_analysis.access import Caller, Role, caller_of
from mri_analysis.contracts.api import (
    HealthDocument,
    JobDocument,
    JobList,
    LiveTicketDocument,
    Problem,
    UploadDocument,
    UploadRequest,
)
from mri_analysis.contracts.base import Identifier
from mri_analysis.errors import (
    AnalysisError,
    InternalError,
    InvalidRequest,
    JobNotFound,
    RouteNotFound,
    TransientError,
)
from mri_analysis.observability import logger, metrics, tracer
from mri_analysis.ports.live_updates import Watcher
from mri_analysis.problems import problem
from mri_analysis.settings import settings
from mri_analysis.use_cases.create_upload import FORM_SECONDS, create_upload
from mri_analysis.use_cases.list_jobs import list_jobs
from mri_analysis.use_cases.start_analysis import retry_analysis
from mri_analysis.use_cases.watch_studies import TICKET_SECONDS, issue_ticket


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
        allow_headers=["Idempotency-Key", "If-None-Match"],
        expose_headers=["ETag", "Location", "Retry-After"],
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

JobId = Annotated[Identifier, Path(description="Id of a job of the caller's organization")]


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
    # Only the description needs these models; every other request would pay for their import.
    from aws_lambda_powertools.event_handler.openapi.models import HTTPBearer

    return app.get_openapi_json_schema(
        title="MRI Analysis",
        version="1",
        openapi_version="3.1.0",
        description=__doc__ or "",
        security_schemes={"id_token": HTTPBearer(bearerFormat="JWT")},
        security=[{"id_token": []}],
    )


def _answers(status: HTTPStatus, model: type[BaseModel], *problems: HTTPStatus) -> dict[int, Any]:
    """The answers of a route for its description."""
    refusal = {"application/problem+json": {"model": Problem}}
    described: dict[int, Any] = {
        status: {"description": status.phrase, "content": {"application/json": {"model": model}}}
    }
    for refused in (
        *problems,
        HTTPStatus.UNAUTHORIZED,
        HTTPStatus.FORBIDDEN,
        HTTPStatus.UNPROCESSABLE_ENTITY,
        HTTPStatus.SERVICE_UNAVAILABLE,
    ):
        described[refused] = {"description": refused.phrase, "content": refusal}
    return described


# ---- routes --------------------------------------------------------------------------------------


@app.get("/v1/health", summary="Whether the API answers; says nothing about data", tags=["health"])
def health() -> HealthDocument:
    return HealthDocument()


@app.get("/v1/openapi.json", include_in_schema=False)
def openapi() -> Response[str]:
    return Response(HTTPStatus.OK, "application/vnd.oai.openapi+json", openapi_description())


@app.get(
    "/v1/jobs",
    summary="Jobs of the organization, newest first",
    tags=["jobs"],
    responses=_answers(HTTPStatus.OK, JobList),
)
def get_jobs(
    limit: Annotated[int, Query(ge=1, le=100, description="Jobs on a page")] = 20,
    cursor: Annotated[str | None, Query(max_length=200, description="Of the page before")] = None,
) -> JobList:
    caller = _caller(Role.CLINICIAN, Role.REVIEWER)
    page = list_jobs(caller.organization_id, limit, cursor, jobs=wiring.jobs())
    return JobList(jobs=[JobDocument.of(job) for job in page.jobs], next_cursor=page.next_cursor)


@app.get(
    "/v1/jobs/<job_id>",
    summary="One job",
    description="With If-None-Match the answer is 304 while the job has not changed.",
    tags=["jobs"],
    responses=_answers(HTTPStatus.OK, JobDocument, HTTPStatus.NOT_FOUND)
    | {HTTPStatus.NOT_MODIFIED: {"description": HTTPStatus.NOT_MODIFIED.phrase}},
)
def get_job(
    job_id: JobId,
    if_none_match: Annotated[str | None, Header(description="ETag of an earlier answer")] = None,
) -> Response[JobDocument | None]:
    caller = _caller(Role.CLINICIAN, Role.REVIEWER)
    job = wiring.jobs().find(caller.organization_id, job_id)
    if job is None:
        raise JobNotFound(f"There is no job {job_id}.")
    document = JobDocument.of(job)
    tag = f'"{hashlib.sha256(document.model_dump_json().encode()).hexdigest()[:32]}"'
    # Some proxies mark a tag as weak when they compress what it stands for.
    known = {known.strip().removeprefix("W/") for known in (if_none_match or "").split(",")}
    if tag in known:
        return Response(HTTPStatus.NOT_MODIFIED, headers={"ETag": tag})
    return Response(HTTPStatus.OK, "application/json", document, {"ETag": tag})


@app.post(
    "/v1/jobs/<job_id>/retry",
    summary="Analyse the upload of a failed job again",
    tags=["jobs"],
    status_code=HTTPStatus.ACCEPTED,
    responses=_answers(HTTPStatus.ACCEPTED, JobDocument, HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT),
)
def retry_job(job_id: JobId) -> JobDocument:
    caller = _caller(Role.CLINICIAN)
    job = retry_analysis(
        caller.organization_id,
        job_id,
        images_bucket=settings().images_bucket,
        actor=caller.user_id,
        jobs=wiring.jobs(),
        workflow=wiring.workflow(),
    )
    logger.info("job retried", job_id=job_id)
    return JobDocument.of(job)


@app.post(
    "/v1/uploads",
    summary="Prepare the upload of one scan",
    description="Post a multipart form to `url`: first the `fields`, then the scan as `file`. The "
    "same Idempotency-Key gets the same job and a fresh form until the scan has arrived.",
    tags=["uploads"],
    status_code=HTTPStatus.CREATED,
    responses=_answers(
        HTTPStatus.CREATED,
        UploadDocument,
        HTTPStatus.CONFLICT,
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    ),
)
def post_upload(
    upload: Annotated[UploadRequest, Body()],
    idempotency_key: Annotated[
        str | None, Header(min_length=1, max_length=128, description="Chosen by the client")
    ] = None,
) -> Response[UploadDocument]:
    caller = _caller(Role.CLINICIAN)
    prepared = create_upload(
        caller.organization_id,
        caller.user_id,
        upload.size_bytes,
        idempotency_key=idempotency_key,
        max_bytes=settings().max_upload_bytes,
        jobs=wiring.jobs(),
        forms=wiring.upload_forms(),
    )
    logger.info("upload prepared", job_id=prepared.job.job_id)
    document = UploadDocument(
        job_id=prepared.job.job_id,
        url=prepared.form.url,
        fields=prepared.form.fields,
        max_bytes=settings().max_upload_bytes,
        expires_in_seconds=FORM_SECONDS,
    )
    location = {"Location": f"/v1/jobs/{prepared.job.job_id}"}
    return Response(HTTPStatus.CREATED, "application/json", document, location)


@app.post(
    "/v1/live-tickets",
    summary="A ticket that opens one socket for live updates, within a minute",
    tags=["live updates"],
    status_code=HTTPStatus.CREATED,
    responses=_answers(HTTPStatus.CREATED, LiveTicketDocument),
)
def post_live_ticket() -> LiveTicketDocument:
    caller = _caller(Role.CLINICIAN, Role.REVIEWER)
    watcher = Watcher(caller.organization_id, caller.user_id)
    return LiveTicketDocument(
        ticket=issue_ticket(watcher, tickets=wiring.tickets()),
        url=settings().websocket_url,
        expires_in_seconds=TICKET_SECONDS,
    )


def _caller(*roles: Role) -> Caller:
    """Who calls, if one of ``roles`` is theirs; an administrator has all."""
    authorizer = app.current_event.raw_event["requestContext"].get("authorizer") or {}
    caller = caller_of(authorizer.get("claims") or {})
    logger.append_keys(organization_id=caller.organization_id, user_id=caller.user_id)
    caller.require(*roles)
    return caller


# ---- errors --------------------------------------------------------------------------------------


@app.exception_handler(AnalysisError)
def refused(error: AnalysisError) -> Response[str]:
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
