"""Who calls, from what API Gateway verified."""

from typing import Annotated

from aws_lambda_powertools.event_handler.api_gateway import Router
from aws_lambda_powertools.event_handler.openapi.params import Path

from mri_analysis import wiring
from mri_analysis.access import Caller, Role, caller_of
from mri_analysis.contracts.base import Identifier
from mri_analysis.observability import logger
from mri_analysis.use_cases.read_study import Reader

JobId = Annotated[Identifier, Path(description="Id of a job of the caller's organization")]


def caller(router: Router, *roles: Role) -> Caller:
    """Who calls, if one of ``roles`` is theirs; an administrator has all."""
    authorizer = router.current_event.raw_event["requestContext"].get("authorizer") or {}
    found = caller_of(authorizer.get("claims") or {})
    logger.append_keys(organization_id=found.organization_id, user_id=found.user_id)
    found.require(*roles)
    return found


def reader(router: Router) -> Reader:
    """Who looks at a study."""
    found = caller(router, Role.CLINICIAN, Role.REVIEWER)
    return Reader(found.organization_id, found.user_id, wiring.studies())
