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

_MAY = {
    "clinician": "uploads scans and reads studies",
    "reviewer": "changes and signs reports",
    "admin": "looks after the system; reads the audit trail",
}


def may(person: Person) -> str:
    """What somebody may do, in words.

    >>> may(DEMO_PEOPLE[1])
    'Uploads scans and reads studies, changes and signs reports'
    """
    told = ", ".join(words for group, words in _MAY.items() if group in person.groups)
    return told[:1].upper() + told[1:]
