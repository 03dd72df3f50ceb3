"""Who watches, and how a message reaches them."""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol


@dataclass(frozen=True)
class Watcher:
    """A signed-in person who wants to hear about the studies of the organization."""

    organization_id: str
    user_id: str


class Tickets(Protocol):
    """Tickets that open one socket each. Every method raises ``ServiceUnavailable``."""

    def save(self, ticket: str, watcher: Watcher, expires_at: datetime) -> None:
        """Keep a ticket until it is used or expires."""
        ...

    def redeem(self, ticket: str, now: datetime) -> Watcher | None:
        """Who the ticket was issued to, once; None for a used, expired or unknown one."""
        ...


class Connections(Protocol):
    """Open sockets. Every method raises ``ServiceUnavailable``."""

    def add(self, connection_id: str, watcher: Watcher, expires_at: datetime) -> None:
        """Remember an open socket."""
        ...

    def remove(self, connection_id: str) -> None:
        """Forget a socket; one that is unknown is no error."""
        ...

    def watching(self, organization_id: str, now: datetime) -> list[str]:
        """The sockets of an organization."""
        ...


class Push(Protocol):
    """Writes to open sockets."""

    def send(self, connection_id: str, message: str) -> bool:
        """Whether the socket took the message; False where it is gone.

        Raises ``ServiceUnavailable`` where nobody can say.
        """
        ...
