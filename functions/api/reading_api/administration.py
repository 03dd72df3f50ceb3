"""What an administrator looks at: who saw, changed, signed, and how the analysis runs."""

from datetime import UTC, datetime
from http import HTTPStatus
from typing import Annotated

from aws_lambda_powertools.event_handler.api_gateway import Router
from aws_lambda_powertools.event_handler.openapi.params import Query

from mri_analysis import wiring
from mri_analysis.access import Role
from mri_analysis.contracts.api import AuditEventDocument, AuditTrail
from mri_analysis.contracts.base import Identifier
from mri_analysis.contracts.operations import (
    FailedStudies,
    ModelsInUse,
    QueueDepths,
    StageTimes,
    StudyCosts,
)
from mri_analysis.ports.studies import TrailFilter
from mri_analysis.use_cases.account_costs import account_costs
from mri_analysis.use_cases.list_failures import list_failures
from mri_analysis.use_cases.list_models import list_models
from mri_analysis.use_cases.time_stages import time_stages
from reading_api.answers import answers
from reading_api.callers import caller

router = Router()

Days = Annotated[int, Query(ge=1, le=90, description="The last so many days")]


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
    job_id: Annotated[Identifier | None, Query(description="Only entries of this study")] = None,
    action: Annotated[
        str | None,
        Query(
            pattern="^[a-z_]{1,32}[.][a-z_]{1,31}$",
            description="Only entries of this name, for example `report.signed`. A page may then "
            "be short, or empty, although another follows",
        ),
    ] = None,
) -> AuditTrail:
    person = caller(router, Role.ADMIN)
    before = None if cursor is None else int(cursor)
    found = wiring.studies().trail(
        person.organization_id, limit, TrailFilter(job_id, action), before
    )
    events = [
        AuditEventDocument(
            job_id=event.job_id,
            at=event.at,
            actor=event.actor,
            action=event.action,
            detail=event.detail,
        )
        for event in found.events
    ]
    following = found.next_place
    return AuditTrail(events=events, next_cursor=None if following is None else str(following))


@router.get(
    "/v1/operations/stage-times",
    summary="How long each stage of the analysis took, and how many studies are in each state",
    tags=["administration"],
    responses=answers(HTTPStatus.OK, StageTimes),
)
def get_stage_times(days: Days = 7) -> StageTimes:
    person = caller(router, Role.ADMIN)
    return time_stages(person.organization_id, days, operations=wiring.operations())


@router.get(
    "/v1/operations/queues",
    summary="How many messages lie in the queues of the deployment, dead letters among them",
    tags=["administration"],
    responses=answers(HTTPStatus.OK, QueueDepths),
)
def get_queues() -> QueueDepths:
    caller(router, Role.ADMIN)
    return QueueDepths(at=datetime.now(UTC), queues=wiring.queues().depths())


@router.get(
    "/v1/operations/failed-studies",
    summary="Failed studies with their next step, those uploaded last first",
    tags=["administration"],
    responses=answers(HTTPStatus.OK, FailedStudies),
)
def get_failed_studies(
    limit: Annotated[int, Query(ge=1, le=100, description="Studies on a page")] = 50,
    cursor: Annotated[str | None, Query(max_length=200, description="Of the page before")] = None,
) -> FailedStudies:
    person = caller(router, Role.ADMIN)
    return list_failures(person.organization_id, limit, cursor, studies=wiring.studies())


@router.get(
    "/v1/operations/costs",
    summary="What studies cost, as far as it is known by study",
    tags=["administration"],
    responses=answers(HTTPStatus.OK, StudyCosts),
)
def get_costs(
    days: Days = 30,
    limit: Annotated[int, Query(ge=1, le=200, description="Studies to list one by one")] = 50,
) -> StudyCosts:
    person = caller(router, Role.ADMIN)
    return account_costs(person.organization_id, days, limit, operations=wiring.operations())


@router.get(
    "/v1/operations/models",
    summary="Models and knowledge that took part in the analyses of recent studies",
    tags=["administration"],
    responses=answers(HTTPStatus.OK, ModelsInUse),
)
def get_models(days: Days = 30) -> ModelsInUse:
    person = caller(router, Role.ADMIN)
    return list_models(person.organization_id, days, operations=wiring.operations())
