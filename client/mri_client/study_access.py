"""One way to studies for the commands that follow them, whoever gives it.

An operator comes with the credentials of a stack (:mod:`mri_client.operator_access`), a person with
a sign-in at the REST API (:mod:`mri_client.signed_in_access`).
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol

from mri_analysis.contracts.job import JobError, JobStatus

Bytes = Callable[[int, int], None]
"""Called with the bytes sent and the size of the file."""
Pause = Callable[[], None]
"""Returns when a study may have changed."""


@dataclass(frozen=True)
class StudyState:
    """Where one study is."""

    job_id: str
    status: JobStatus
    error: JobError | None
    updated_at: datetime | None
    """UTC; None while the pipeline has not seen the upload"""

    @property
    def ended(self) -> bool:
        return self.status in (JobStatus.COMPLETED, JobStatus.FAILED)

    @property
    def failed(self) -> bool:
        return self.status is JobStatus.FAILED

    def document(self) -> dict[str, Any]:
        """As ``--json`` prints it."""
        return {
            "job_id": self.job_id,
            "status": self.status.value,
            "error": self.error.model_dump() if self.error else None,
            "updated_at": self.updated_at.isoformat() if self.updated_at else None,
        }


@dataclass(frozen=True)
class Sent:
    """What became of one scan that was to be sent."""

    job_id: str
    was_there: bool
    """The same content had arrived before; nothing was sent"""


class StudyAccess(Protocol):
    """Studies of one organization.

    What does not answer is an error of :mod:`mri_client.errors`; what is refused is an
    ``AnalysisError`` or an ``ApiProblem``.
    """

    def whole_id(self, given: str) -> str:
        """The id that ``given`` is, or is the beginning of."""
        ...

    def state(self, job_id: str) -> StudyState:
        """Where a study is; raises for one that is not there."""
        ...

    def newest(self, limit: int) -> list[StudyState]:
        """The newest studies, newest first."""
        ...

    def send(self, scan: Path, content: str, progress: Bytes) -> Sent:
        """Upload a scan as a study; its name is not sent.

        The same ``content``, which is a name for what is sent, is one study however often it is
        sent.
        """
        ...

    def changes(self) -> AbstractContextManager[Pause]:
        """Gives a pause that ends when a study may have changed."""
        ...
