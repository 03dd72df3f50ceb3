"""Files to take along: the report as it stands, and its measurements as a table."""

from http import HTTPStatus
from typing import Annotated, Any

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.api_gateway import Router
from aws_lambda_powertools.event_handler.openapi.params import Path

from mri_analysis import wiring
from mri_analysis.access import Role
from mri_analysis.contracts.api import ExportBeingMade, ExportFile, ExportReady
from mri_analysis.exporting.names import AT_ONCE
from mri_analysis.use_cases.export_study import Workshop, export_study, find_export
from mri_analysis.use_cases.read_study import LINK_SECONDS
from mri_analysis.use_cases.review_report import ReportDesk
from reading_api.answers import answers
from reading_api.callers import JobId, caller, reader

router = Router()

_AGAIN_S = 1
_TEXT: dict[str, Any] = {"schema": {"type": "string"}}
_FILE: dict[int, Any] = {
    **answers(HTTPStatus.ACCEPTED, ExportBeingMade, HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT),
    HTTPStatus.OK: {
        "description": "The file",
        "content": {
            "text/markdown": _TEXT,
            "text/csv": _TEXT,
            "application/fhir+json": {"schema": {"type": "object"}},
        },
    },
    HTTPStatus.SEE_OTHER: {
        "description": "The file lies at `Location` for five minutes; that address needs no token",
        "content": {"application/json": {"model": ExportReady}},
    },
}


@router.get(
    "/v1/jobs/<job_id>/exports/<file>",
    summary="The report as it stands, or its measurements, as a file; that it was taken is noted",
    description="A report says whether it is a draft, signed or rejected, and by whom. Text is "
    "answered at once (200). Other files are made when they are asked for: 202 until they are "
    "there, then 303 with their address.",
    tags=["studies"],
    responses=_FILE,
)
def get_export(
    job_id: JobId, file: Annotated[ExportFile, Path(description="Which file")]
) -> Response[str]:
    person = caller(router, Role.CLINICIAN, Role.REVIEWER)
    desk = ReportDesk(
        person, wiring.jobs(), wiring.results(), wiring.reviews(), wiring.knowledge_snapshot()
    )
    if file not in AT_ONCE:
        return _made(desk, job_id, file)
    found = export_study(reader(router), desk, job_id, file)
    named = {"Content-Disposition": f'attachment; filename="{found.file_name}"'}
    return Response(HTTPStatus.OK, found.content_type, found.text, named)


def _made(desk: ReportDesk, job_id: str, file: ExportFile) -> Response[str]:
    workshop = Workshop(wiring.images(), wiring.export_links(), wiring.export_orders())
    address = find_export(reader(router), desk, workshop, job_id, file)
    if address is None:
        told = ExportBeingMade(file=file, retry_after_seconds=_AGAIN_S).model_dump_json()
        wait = {"Retry-After": str(_AGAIN_S)}
        return Response(HTTPStatus.ACCEPTED, "application/json", told, wait)
    ready = ExportReady(file=file, url=address, expires_in_seconds=LINK_SECONDS)
    place = {"Location": address}
    return Response(HTTPStatus.SEE_OTHER, "application/json", ready.model_dump_json(), place)
