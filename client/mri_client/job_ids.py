"""Ids of jobs as a person types them: the reading room shows how an id begins."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from mri_analysis.errors import JobNotFound
from mri_client.errors import CommandError

SHORTEST = 8
"""Characters that the reading room shows of an id"""
MOST_CANDIDATES = 5
"""Ids that are named where a beginning fits several"""

_WHOLE = 36
_BEGINNING = re.compile(r"[0-9a-f-]+")


class JobIdTooShort(CommandError):
    """Fewer characters than name one study among thousands."""

    next_step = f"Give at least the first {SHORTEST} characters; `mri status` shows whole ids."


class JobIdAmbiguous(CommandError):
    """Several jobs have ids that begin like this."""

    next_step = "Give more characters of the id that you mean."


def whole_job_id(given: str, beginning_with: Callable[[str, int], Sequence[str]]) -> str:
    """The id that ``given`` is, or is the beginning of.

    Parameters
    ----------
    given
        As it was typed.
    beginning_with
        Ids of the organization that begin like this, at most so many.

    Raises
    ------
    JobIdTooShort, JobIdAmbiguous, JobNotFound
    """
    typed = given.strip().lower()
    if len(typed) >= _WHOLE or not _BEGINNING.fullmatch(typed):
        return typed  # whether there is such a job is told by who looks for it
    if len(typed) < SHORTEST:
        raise JobIdTooShort(f"{given} has {len(typed)} of the 36 characters of a job id.")
    found = beginning_with(typed, MOST_CANDIDATES + 1)
    if not found:
        raise JobNotFound(f"There is no job {given}.")
    if len(found) > 1:
        more = " and others" if len(found) > MOST_CANDIDATES else ""
        named = ", ".join(found[:MOST_CANDIDATES])
        raise JobIdAmbiguous(f"Several jobs begin with {given}: {named}{more}.")
    return found[0]
