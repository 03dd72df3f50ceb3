"""Sending many scans: which ones, what became of each, and going on where it stopped.

Nothing is kept on this machine. A scan is named by the hash of its content, and the side that takes
it knows whether that has arrived: the same command again sends what is missing.
"""

from __future__ import annotations

import hashlib
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Any

from mri_analysis.errors import AnalysisError
from mri_client.errors import CommandError
from mri_client.passing import may_pass
from mri_client.reading_api import ApiProblem
from mri_client.sign_in import SignInFailed
from mri_client.studies import check_file
from mri_client.study_access import Bytes, StudyAccess, StudyState

ENDINGS = (".nii", ".nii.gz", ".zip")
_ATTEMPTS = 3
_FIRST_PAUSE_S = 1.0
_NOT_ALLOWED = (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN)


@dataclass(frozen=True)
class Trouble:
    """Why a scan was not sent."""

    code: str
    message: str
    next_step: str
    stops: bool
    """It would be the same for every other scan"""


@dataclass(frozen=True)
class Outcome:
    """What became of one file."""

    file: Path
    job_id: str | None = None
    was_there: bool = False
    state: StudyState | None = None
    """of the study, where it was asked for"""
    trouble: Trouble | None = None

    @property
    def failed(self) -> bool:
        return self.trouble is not None or (self.state is not None and self.state.failed)

    @property
    def _status(self) -> str | None:
        if self.trouble is not None:
            return None
        return self.state.status.value if self.state is not None else "uploaded"

    def document(self) -> dict[str, Any]:
        """As ``--json`` prints it."""
        error = None
        if self.trouble is not None:
            told = self.trouble
            error = {"code": told.code, "message": told.message, "next_step": told.next_step}
        elif self.state is not None and self.state.error is not None:
            error = self.state.error.model_dump()
        return {
            "file": str(self.file),
            "job_id": self.job_id,
            "sent": self.trouble is None and not self.was_there,
            "status": self._status,
            "error": error,
        }


def scans_below(paths: Sequence[Path]) -> tuple[list[Path], list[dict[str, str]]]:
    """Scans that ``paths`` name, and what in their folders is passed over, with the reason.

    A file that is named is taken as it is; of a folder those with a known ending, in a fixed order.
    """
    scans: list[Path] = []
    passed_over: list[dict[str, str]] = []
    for path in paths:
        if path.is_dir():
            _collect(path, scans, passed_over)
        else:
            scans.append(path)
    return list(dict.fromkeys(scans)), passed_over


def content_name(scan: Path) -> str:
    """A name for the bytes of a file: the same for the same bytes."""
    with scan.open("rb") as file:
        return f"sha256:{hashlib.file_digest(file, 'sha256').hexdigest()}"


def new_name() -> str:
    """A name that stands for no other content: a new study, also if its upload is repeated."""
    return f"once:{uuid.uuid4()}"


def send_all(
    access: StudyAccess,
    scans: Sequence[Path],
    *,
    resume: bool,
    progress: Callable[[Path], Bytes],
    sleep: Callable[[float], None] = time.sleep,
) -> Iterator[Outcome]:
    """Send each scan; one that is refused stops no other, a service that does not answer does.

    Parameters
    ----------
    resume
        Content that has arrived before is not sent again.
    progress
        Gives what is called with the bytes of this file.
    """
    stopped: Trouble | None = None
    for scan in scans:
        if stopped is not None:
            told = f"Not tried: {stopped.message}"
            yield Outcome(scan, trouble=Trouble("NotTried", told, stopped.next_step, True))
            continue
        outcome = _send(access, scan, resume, progress(scan), sleep)
        if outcome.trouble is not None and outcome.trouble.stops:
            stopped = outcome.trouble
        yield outcome


def _send(
    access: StudyAccess, scan: Path, resume: bool, progress: Bytes, sleep: Callable[[float], None]
) -> Outcome:
    content = ""
    for attempt in range(_ATTEMPTS):
        try:
            check_file(scan)
            content = content or (content_name(scan) if resume else new_name())
            sent = access.send(scan, content, progress)
            # What was there may have failed: that is to be seen, and it can be retried.
            state = access.state(sent.job_id) if sent.was_there else None
            return Outcome(scan, sent.job_id, sent.was_there, state)
        except (CommandError, AnalysisError, ApiProblem, OSError) as error:
            if not may_pass(error) or attempt == _ATTEMPTS - 1:
                return Outcome(scan, trouble=_trouble(error))
        sleep(_FIRST_PAUSE_S * 2**attempt)
    raise AssertionError("unreachable")


def _trouble(error: CommandError | AnalysisError | ApiProblem | OSError) -> Trouble:
    if isinstance(error, OSError):
        reason = error.strerror or str(error)
        sentence = f"{error.filename}: {reason}" if error.filename else reason
        return Trouble(type(error).__name__, sentence, "Check the path.", stops=False)
    stops = may_pass(error) or isinstance(error, SignInFailed)
    if isinstance(error, ApiProblem):
        stops = stops or error.status in _NOT_ALLOWED
    return Trouble(error.code, str(error), error.next_step, stops)


def _collect(folder: Path, scans: list[Path], passed_over: list[dict[str, str]]) -> None:
    for path in sorted(folder.iterdir()):
        if path.is_symlink():
            reason = "a link"
        elif path.name.startswith("."):
            reason = "hidden"
        elif path.is_dir():
            _collect(path, scans, passed_over)
            continue
        elif not path.is_file():
            reason = "no file to read"
        elif path.name.lower().endswith(ENDINGS):
            scans.append(path)
            continue
        else:
            reason = f"none of {', '.join(ENDINGS)}"
        passed_over.append({"file": str(path), "reason": reason})
