"""Following studies until each has ended."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence

from mri_analysis.errors import AnalysisError
from mri_client.errors import CommandError
from mri_client.passing import may_pass
from mri_client.reading_api import ApiProblem
from mri_client.studies import WaitedTooLong
from mri_client.study_access import StudyAccess, StudyState

_MOST_SILENCES = 5
"""Times in a row that a study could not be looked at"""


def follow_states(
    access: StudyAccess, job_ids: Sequence[str], timeout_s: float
) -> Iterator[StudyState]:
    """The state of each study, and each of its changes; ends when all studies have ended.

    Raises
    ------
    WaitedTooLong
        After ``timeout_s``; the studies go on.
    CommandError, AnalysisError
        A study could not be looked at: several times in a row where that may pass by itself; else,
        for example because somebody deleted it, when the others have ended.
    """
    deadline = time.monotonic() + timeout_s
    known: dict[str, StudyState] = {}
    silent = 0
    lost: AnalysisError | CommandError | ApiProblem | None = None
    open_ids = list(dict.fromkeys(job_ids))
    with access.changes() as pause:  # listens before it looks, so that no change falls between
        while open_ids:
            for job_id in list(open_ids):
                try:
                    now = access.state(job_id)
                except (AnalysisError, CommandError, ApiProblem) as error:
                    if not may_pass(error):
                        lost = lost or error
                        open_ids.remove(job_id)
                        continue
                    silent += 1
                    if silent == _MOST_SILENCES:
                        raise
                    break
                silent = 0
                before = known.get(job_id)
                if before is None or (before.status, before.error) != (now.status, now.error):
                    known[job_id] = now
                    yield now
                if now.ended:
                    open_ids.remove(job_id)
            if not open_ids:
                break
            if time.monotonic() > deadline:
                raise WaitedTooLong(
                    f"{len(open_ids)} of {len(known)} studies did not end within "
                    f"{timeout_s:g} s. They go on.",
                    "Follow them again with `mri watch`.",
                )
            pause()
    if lost is not None:
        raise lost
