"""Tickets for live updates."""

from http import HTTPStatus

from aws_lambda_powertools.event_handler.api_gateway import Router

from mri_analysis import wiring
from mri_analysis.access import Role
from mri_analysis.contracts.api import LiveTicketDocument
from mri_analysis.ports.live_updates import Watcher
from mri_analysis.settings import settings
from mri_analysis.use_cases.watch_studies import TICKET_SECONDS, issue_ticket
from reading_api.answers import answers
from reading_api.callers import caller

router = Router()


@router.post(
    "/v1/live-tickets",
    summary="A ticket that opens one socket for live updates, within a minute",
    tags=["live updates"],
    status_code=HTTPStatus.CREATED,
    responses=answers(HTTPStatus.CREATED, LiveTicketDocument),
)
def post_live_ticket() -> LiveTicketDocument:
    person = caller(router, Role.CLINICIAN, Role.REVIEWER)
    watcher = Watcher(person.organization_id, person.user_id)
    return LiveTicketDocument(
        ticket=issue_ticket(watcher, tickets=wiring.tickets()),
        url=settings().websocket_url,
        expires_in_seconds=TICKET_SECONDS,
    )
