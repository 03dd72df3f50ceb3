"""People to try the product as."""

from __future__ import annotations

from dataclasses import dataclass

READING_ROOM_CLIENT = "reading-room-local"
COMMAND_LINE_CLIENT = "command-line-local"
CLIENTS = (READING_ROOM_CLIENT, COMMAND_LINE_CLIENT)
"""Whose tokens the API takes."""


@dataclass(frozen=True)
class Person:
    """Somebody who can sign in."""

    subject: str
    name: str
    organization: str
    groups: tuple[str, ...]


DEMO_PEOPLE = (
    Person("demo-clinician", "Dr. Clara Clinician", "demo", ("clinician",)),
    Person("demo-reviewer", "Dr. Rosa Reviewer", "demo", ("reviewer", "clinician")),
    Person("demo-admin", "Ada Admin", "demo", ("admin",)),
)
"""Nobody real."""
