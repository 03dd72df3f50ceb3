"""Uploads: a form with which a browser puts a scan into the bucket."""

from http import HTTPStatus
from typing import Annotated

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.api_gateway import Router
from aws_lambda_powertools.event_handler.openapi.params import Body, Header

from mri_analysis import wiring
from mri_analysis.access import Role
from mri_analysis.contracts.api import UploadDocument, UploadRequest
from mri_analysis.observability import logger
from mri_analysis.settings import settings
from mri_analysis.subjects import subject_hash
from mri_analysis.use_cases.create_upload import FORM_SECONDS, create_upload
from reading_api.answers import answers
from reading_api.callers import caller

router = Router()


@router.post(
    "/v1/uploads",
    summary="Prepare the upload of one scan",
    description="Post a multipart form to `url`: first the `fields`, then the scan as `file`. The "
    "same Idempotency-Key gets the same job and a fresh form until the scan has arrived.",
    tags=["uploads"],
    status_code=HTTPStatus.CREATED,
    responses=answers(
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
    person = caller(router, Role.CLINICIAN)
    subject = upload.subject and upload.subject.get_secret_value()
    prepared = create_upload(
        person.organization_id,
        person.user_id,
        upload.size_bytes,
        subject_hash=subject
        and subject_hash(person.organization_id, subject, wiring.subject_key()),
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
