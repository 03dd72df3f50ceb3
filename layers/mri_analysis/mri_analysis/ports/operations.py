"""What an administrator looks at: many studies of one organization at once, in few columns.

Every method reads a bounded number of rows from an index, the newest first: an organization with
years of studies waits no longer than a new one.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from mri_analysis.contracts.job import JobStatus


@dataclass(frozen=True)
class StatusStep:
    """A study came into a state."""

    job_id: str
    status: JobStatus
    at: datetime


@dataclass(frozen=True)
class AnalysedStudy:
    """A study with a report, and what its analysis took."""

    job_id: str
    created_at: datetime
    """when it was uploaded"""
    stored_at: datetime
    metrics: Mapping[str, Any]
    """``processing_metrics`` as ``use_cases.store_results`` writes them; earlier releases wrote
    fewer of them
    """


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

    def analysed(self, organization_id: str, since: datetime, limit: int) -> list[AnalysedStudy]:
        """Of the newest studies since then, those that have a report, the newest first."""
        ...
