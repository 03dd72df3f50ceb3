"""Words, signs and plain text: nothing that came from outside is read as markup."""

from __future__ import annotations

import difflib
import re
from datetime import UTC, datetime

STATUS = {
    "awaiting_upload": "○ awaiting upload",
    "uploaded": "◔ uploaded",
    "segmenting": "◑ segmenting",
    "converting": "◑ describing",
    "enhancing": "◕ writing",
    "completed": "● completed",
    "failed": "✕ failed",
}
REVIEW = {
    "draft": "✎ draft",
    "signed": "✔ signed",
    "amended": "✔ amended",
    "rejected": "✕ rejected",
}
QUALITY = {"pass": "✔ pass", "warn": "⚠ warn", "fail": "✕ fail"}
RUNNING = frozenset({"awaiting_upload", "uploaded", "segmenting", "converting", "enhancing"})

ACTIONS = {
    "access.refused": "asked for a study that the organization does not have, and got nothing",
    "artefacts.linked": "opened the images and files",
    "description.viewed": "looked at the findings",
    "measurements.viewed": "looked at the measurements",
    "prior_studies.listed": "was shown which prior studies the subject has",
    "report.viewed": "read the report",
    "report.revised": "changed the report",
    "report.signed": "signed the report",
    "report.rejected": "rejected the draft",
    "report.amended": "added to the signed report",
    "study.exported": "downloaded the report or its measurements",
    "retry.requested": "asked for another analysis",
    "cancel.requested": "stopped the analysis",
    "study.deleted": "deleted the study",
}
"""Entries of the audit trail that people make."""

_MARKUP = re.compile(r"([\\`*_{}\[\]()<>#+\-.!|~$:])")


def plain(text: str) -> str:
    """Text for a place that reads Markdown: every sign of it escaped.

    >>> plain("a *b* [c](d)")
    'a \\\\*b\\\\* \\\\[c\\\\]\\\\(d\\\\)'
    """
    return _MARKUP.sub(r"\\\1", text).replace("\n", "  \n")


def action(name: str) -> str:
    """An entry of the audit trail in words; one that has none here stays as it is.

    >>> action("status.completed"), action("report.viewed"), action("x.y")
    ('the analysis: completed', 'read the report', 'x.y')
    """
    status = name.removeprefix("status.")
    if status in STATUS and status != name:
        return f"the analysis: {STATUS[status][2:]}"
    return ACTIONS.get(name, name)


def age(moment: datetime, now: datetime | None = None) -> str:
    """How long ago, roughly."""
    seconds = max(0, int(((now or datetime.now(UTC)) - moment).total_seconds()))
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds // size} {unit}"
    return f"{seconds} s"


def changes(before: str, after: str) -> str:
    """Word by word what was struck out and what came in, as Markdown.

    >>> changes("a b", "a c")
    'a ~~b~~ **c**'
    """
    old, new = before.split(), after.split()
    pieces: list[str] = []
    for kind, a, b, c, d in difflib.SequenceMatcher(None, old, new).get_opcodes():
        if kind == "equal":
            pieces.append(plain(" ".join(old[a:b])))
            continue
        if b > a:
            pieces.append(f"~~{plain(' '.join(old[a:b]))}~~")
        if d > c:
            pieces.append(f"**{plain(' '.join(new[c:d]))}**")
    return " ".join(pieces)
