"""What an administrator looks at: many studies of one organization at once, in few columns.

Every method reads a bounded number of rows from an index, the newest first: an organization with
years of studies waits no longer than a new one.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from mri_analysis.contracts.job import JobStatus


@dataclass(frozen=True)
class StatusStep:
    """A study came into a state."""

    job_id: str
    status: JobStatus
    at: datetime


class Operations(Protocol):
    """Studies of one database. Every method raises ``DatabaseUnavailable``."""

    def status_steps(self, organization_id: str, since: datetime, limit: int) -> list[StatusStep]:
        """The newest changes of a status since then, the oldest of them first."""
        ...

    def count_states(
        self, organization_id: str, since: datetime, limit: int
    ) -> dict[JobStatus, int]:
        """How many of the newest studies since then are in each state; at most ``limit`` count."""
        ...
