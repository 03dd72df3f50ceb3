"""Jobs: the worklist, one job, its events, and what may be done with it."""

import hashlib
from http import HTTPStatus
from typing import Annotated

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.api_gateway import Router
from aws_lambda_powertools.event_handler.openapi.params import Header, Query

from mri_analysis import wiring
from mri_analysis.access import Role
from mri_analysis.contracts.api import EventDocument, EventList, JobDocument, JobList
from mri_analysis.contracts.job import JobStatus, ReviewStatus
from mri_analysis.errors import JobNotFound
from mri_analysis.observability import logger
from mri_analysis.ports.studies import Study, StudyFilter
from mri_analysis.settings import settings
from mri_analysis.use_cases.cancel_analysis import cancel_analysis
from mri_analysis.use_cases.delete_study import delete_study
from mri_analysis.use_cases.list_studies import list_studies
from mri_analysis.use_cases.start_analysis import retry_analysis
from reading_api.answers import answers
from reading_api.callers import JobId, caller

router = Router()


@router.get(
    "/v1/jobs",
    summary="Jobs of the organization, newest first",
    tags=["jobs"],
    responses=answers(HTTPStatus.OK, JobList),
)
def get_jobs(
    limit: Annotated[int, Query(ge=1, le=100, description="Jobs on a page")] = 20,
    cursor: Annotated[str | None, Query(max_length=200, description="Of the page before")] = None,
    status: Annotated[JobStatus | None, Query(description="Only jobs in this state")] = None,
    review_status: Annotated[
        ReviewStatus | None, Query(description="Only jobs whose report is in this state")
    ] = None,
    job_id: Annotated[
        str | None,
        Query(pattern="^[0-9a-f-]{1,36}$", description="Only jobs whose id begins like this"),
    ] = None,
) -> JobList:
    person = caller(router, Role.CLINICIAN, Role.REVIEWER)
    wanted = StudyFilter(status, review_status, job_id)
    page = list_studies(person.organization_id, limit, cursor, wanted, studies=wiring.studies())
    return JobList(jobs=[_document(study) for study in page.studies], next_cursor=page.next_cursor)


@router.get(
    "/v1/jobs/<job_id>",
    summary="One job",
    description="With If-None-Match the answer is 304 while the job has not changed.",
    tags=["jobs"],
    responses=answers(HTTPStatus.OK, JobDocument, HTTPStatus.NOT_FOUND)
    | {HTTPStatus.NOT_MODIFIED: {"description": HTTPStatus.NOT_MODIFIED.phrase}},
)
def get_job(
    job_id: JobId,
    if_none_match: Annotated[str | None, Header(description="ETag of an earlier answer")] = None,
) -> Response[JobDocument | None]:
    person = caller(router, Role.CLINICIAN, Role.REVIEWER)
    study = wiring.studies().find(person.organization_id, job_id)
    if study is None:
        raise JobNotFound(f"There is no job {job_id}.")
    document = _document(study)
    tag = f'"{hashlib.sha256(document.model_dump_json().encode()).hexdigest()[:32]}"'
    # Some proxies mark a tag as weak when they compress what it stands for.
    known = {known.strip().removeprefix("W/") for known in (if_none_match or "").split(",")}
    if tag in known:
        return Response(HTTPStatus.NOT_MODIFIED, headers={"ETag": tag})
    return Response(HTTPStatus.OK, "application/json", document, {"ETag": tag})


@router.post(
    "/v1/jobs/<job_id>/retry",
    summary="Analyse the upload of a failed job again",
    tags=["jobs"],
    status_code=HTTPStatus.ACCEPTED,
    responses=answers(HTTPStatus.ACCEPTED, JobDocument, HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT),
)
def retry_job(
    job_id: JobId,
    series: Annotated[
        int | None,
        Query(ge=1, le=9999, description="Of a DICOM upload: the number of the series to analyse"),
    ] = None,
) -> JobDocument:
    person = caller(router, Role.CLINICIAN)
    job = retry_analysis(
        person.organization_id,
        job_id,
        images_bucket=settings().images_bucket,
        actor=person.user_id,
        jobs=wiring.jobs(),
        workflow=wiring.workflow(),
        series=series,
    )
    logger.info("job retried", job_id=job_id)
    return JobDocument.of(job)


@router.post(
    "/v1/jobs/<job_id>/cancel",
    summary="Stop the analysis of a job that has not ended; it can be retried",
    tags=["jobs"],
    status_code=HTTPStatus.OK,
    responses=answers(HTTPStatus.OK, JobDocument, HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT),
)
def cancel_job(job_id: JobId) -> JobDocument:
    person = caller(router, Role.CLINICIAN)
    job = cancel_analysis(
        person.organization_id,
        job_id,
        actor=person.user_id,
        jobs=wiring.jobs(),
        studies=wiring.studies(),
        workflow=wiring.workflow(),
    )
    logger.info("job cancelled", job_id=job_id)
    return JobDocument.of(job)


@router.delete(
    "/v1/jobs/<job_id>",
    summary="Delete a study for good, scan and results; not one whose report was signed",
    tags=["jobs"],
    status_code=HTTPStatus.NO_CONTENT,
    responses=answers(HTTPStatus.NO_CONTENT, None, HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT),
)
def delete_job(job_id: JobId) -> Response[None]:
    person = caller(router, Role.ADMIN)
    delete_study(
        person.organization_id,
        job_id,
        actor=person.user_id,
        studies=wiring.studies(),
        images=wiring.images(),
        results=wiring.results(),
    )
    logger.info("study deleted", job_id=job_id)
    return Response(HTTPStatus.NO_CONTENT)


@router.get(
    "/v1/jobs/<job_id>/events",
    summary="What happened to a job, oldest first: changes of its status, looks, and reviews",
    tags=["jobs"],
    responses=answers(HTTPStatus.OK, EventList, HTTPStatus.NOT_FOUND),
)
def get_events(job_id: JobId) -> EventList:
    person = caller(router, Role.CLINICIAN, Role.REVIEWER)
    if wiring.jobs().find(person.organization_id, job_id) is None:
        raise JobNotFound(f"There is no job {job_id}.")
    events = wiring.studies().events(person.organization_id, job_id)
    return EventList(events=[EventDocument.of(event) for event in events])


def _document(study: Study) -> JobDocument:
    return JobDocument.of(study.job, study.review_status, study.quality)
