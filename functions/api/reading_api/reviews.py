"""The report of a study and its review.

Every change names the version it was made for (``If-Match``): of two people who change the same
version, the second is told to look again.
"""

from http import HTTPStatus
from typing import Annotated

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.api_gateway import Router
from aws_lambda_powertools.event_handler.openapi.params import Body, Header

from mri_analysis import wiring
from mri_analysis.access import Role
from mri_analysis.contracts.api import AddendumRequest, RejectionRequest
from mri_analysis.contracts.review import ReportSections, ReviewedReport
from mri_analysis.errors import ReportChanged
from mri_analysis.observability import logger
from mri_analysis.use_cases.review_report import ReportDesk
from reading_api.answers import answers
from reading_api.callers import JobId, caller, reader

router = Router()

IfMatch = Annotated[
    str | None, Header(max_length=80, description="ETag of the report that was read")
]
_CHANGED = answers(
    HTTPStatus.OK,
    ReviewedReport,
    HTTPStatus.NOT_FOUND,
    HTTPStatus.CONFLICT,
    HTTPStatus.PRECONDITION_FAILED,
)


@router.get(
    "/v1/jobs/<job_id>/report",
    summary="The report with its review; who looked is noted",
    tags=["review"],
    responses=answers(HTTPStatus.OK, ReviewedReport, HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT),
)
def get_report(job_id: JobId) -> Response[ReviewedReport]:
    person = caller(router, Role.CLINICIAN, Role.REVIEWER)
    report = ReportDesk(
        person, wiring.jobs(), wiring.results(), wiring.reviews(), wiring.knowledge_snapshot()
    ).open(job_id)
    reader(router).note(job_id, "report.viewed", version=report.version)
    return _answer(report)


@router.put(
    "/v1/jobs/<job_id>/report/sections",
    summary="Keep other words for a draft",
    description="What the guard objects to comes back with the report; it forbids nothing.",
    tags=["review"],
    responses=_CHANGED,
)
def put_sections(
    job_id: JobId, sections: Annotated[ReportSections, Body()], if_match: IfMatch = None
) -> Response[ReviewedReport]:
    return _answer(_desk().revise(job_id, sections, version=_version(if_match)))


@router.post(
    "/v1/jobs/<job_id>/report/signature",
    summary="Sign the report as it stands; a signed report cannot change",
    tags=["review"],
    responses=_CHANGED,
)
def post_signature(job_id: JobId, if_match: IfMatch = None) -> Response[ReviewedReport]:
    report = _desk().sign(job_id, version=_version(if_match))
    logger.info("report signed", job_id=job_id)
    return _answer(report)


@router.post(
    "/v1/jobs/<job_id>/report/rejection",
    summary="Reject a draft, with a reason",
    tags=["review"],
    responses=_CHANGED,
)
def post_rejection(
    job_id: JobId, rejection: Annotated[RejectionRequest, Body()], if_match: IfMatch = None
) -> Response[ReviewedReport]:
    report = _desk().reject(job_id, rejection.reason, version=_version(if_match))
    logger.info("report rejected", job_id=job_id)
    return _answer(report)


@router.post(
    "/v1/jobs/<job_id>/report/addenda",
    summary="Add to a signed report",
    tags=["review"],
    responses=_CHANGED,
)
def post_addendum(
    job_id: JobId, addendum: Annotated[AddendumRequest, Body()], if_match: IfMatch = None
) -> Response[ReviewedReport]:
    report = _desk().amend(job_id, addendum.text, version=_version(if_match))
    logger.info("addendum written", job_id=job_id)
    return _answer(report)


def _desk() -> ReportDesk:
    """Of somebody who may review. An administrator who is no reviewer may not sign."""
    person = caller(router)
    person.require_own(Role.REVIEWER)
    return ReportDesk(
        person, wiring.jobs(), wiring.results(), wiring.reviews(), wiring.knowledge_snapshot()
    )


def _version(if_match: str | None) -> int:
    tag = (if_match or "").strip().removeprefix("W/").strip('"')
    if not tag.isascii() or not tag.isdigit() or len(tag) > 9:
        raise ReportChanged("The request names no version of the report (If-Match).")
    return int(tag)


def _answer(report: ReviewedReport) -> Response[ReviewedReport]:
    tag = f'"{report.version}"'
    return Response(HTTPStatus.OK, "application/json", report, {"ETag": tag})
