"""What an administrator looks at: who saw, changed, signed."""

from http import HTTPStatus
from typing import Annotated

from aws_lambda_powertools.event_handler.api_gateway import Router
from aws_lambda_powertools.event_handler.openapi.params import Query

from mri_analysis import wiring
from mri_analysis.access import Role
from mri_analysis.contracts.api import AuditEventDocument, AuditTrail
from reading_api.answers import answers
from reading_api.callers import caller

router = Router()


@router.get(
    "/v1/audit-events",
    summary="The audit trail of the organization, newest first",
    tags=["administration"],
    responses=answers(HTTPStatus.OK, AuditTrail),
)
def get_audit_events(
    limit: Annotated[int, Query(ge=1, le=200, description="Entries on a page")] = 50,
    cursor: Annotated[
        str | None, Query(pattern="^[0-9]{1,18}$", description="Of the page before")
    ] = None,
) -> AuditTrail:
    person = caller(router, Role.ADMIN)
    before = None if cursor is None else int(cursor)
    found = wiring.studies().trail(person.organization_id, limit + 1, before)
    page = found[:limit]
    events = [
        AuditEventDocument(
            job_id=event.job_id,
            at=event.at,
            actor=event.actor,
            action=event.action,
            detail=event.detail,
        )
        for _, event in page
    ]
    return AuditTrail(events=events, next_cursor=str(page[-1][0]) if len(found) > limit else None)
