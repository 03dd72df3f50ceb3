"""Live updates: a ticket opens a socket, and a changed study is told to those who watch."""

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from mri_analysis.contracts.live_updates import StudyChange, StudyEvent
from mri_analysis.errors import ServiceUnavailable, TicketInvalid
from mri_analysis.ports.live_updates import Connections, Push, Tickets, Watcher

TICKET_SECONDS = 60

# API Gateway closes every connection after two hours.
_CONNECTION_LIFE = timedelta(hours=2)

Clock = Callable[[], datetime]


@dataclass(frozen=True)
class Announced:
    """What became of one event."""

    delivered: int
    gone: int


def _utc_now() -> datetime:
    return datetime.now(UTC)


def issue_ticket(watcher: Watcher, *, tickets: Tickets, now: Clock = _utc_now) -> str:
    """A ticket that opens one socket within a minute.

    A browser cannot send a header with a WebSocket, and the address of one may be logged on its
    way: an ID token must not stand there, a ticket that is used up may.
    """
    ticket = secrets.token_urlsafe(32)
    tickets.save(ticket, watcher, now() + timedelta(seconds=TICKET_SECONDS))
    return ticket


def open_connection(
    connection_id: str,
    ticket: str,
    *,
    tickets: Tickets,
    connections: Connections,
    now: Clock = _utc_now,
) -> Watcher:
    """Take the ticket and remember the socket.

    Raises
    ------
    TicketInvalid
        The ticket is unknown, used or expired.
    """
    moment = now()
    watcher = tickets.redeem(ticket, moment) if ticket else None
    if watcher is None:
        raise TicketInvalid("The ticket is unknown, used or older than a minute.")
    connections.add(connection_id, watcher, moment + _CONNECTION_LIFE)
    return watcher


def announce(
    event: StudyEvent, *, connections: Connections, push: Push, now: Clock = _utc_now
) -> Announced:
    """Tell every socket of the organization; forget those that are gone.

    Raises
    ------
    ServiceUnavailable
        Some sockets could not be reached, after all others were told. The event may be announced
        again: it only makes a browser read the job.
    """
    change = StudyChange(job_id=event.job_id, event=event.event).model_dump_json()
    delivered = gone = failed = 0
    for connection_id in connections.watching(event.organization_id, now()):
        try:
            if push.send(connection_id, change):
                delivered += 1
            else:
                connections.remove(connection_id)
                gone += 1
        except ServiceUnavailable:
            failed += 1
    if failed:
        raise ServiceUnavailable(f"{failed} of {failed + gone + delivered} sockets did not answer.")
    return Announced(delivered, gone)
