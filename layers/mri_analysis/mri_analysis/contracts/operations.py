"""What an administrator gets from the REST API about many studies. Versioned by its ``/v1``."""

from datetime import datetime

from pydantic import Field

from mri_analysis.contracts.base import Contract
from mri_analysis.contracts.job import JobStatus


class StageTime(Contract):
    """How long studies stayed in one state of the analysis, in seconds of the clock."""

    stage: JobStatus = Field(description="The state they were in")
    ended: int = Field(description="Stays that the next state ended; the seconds are of these")
    failed: int = Field(description="Stays that a failure ended")
    median_seconds: float | None = Field(description="Null where none ended")
    p90_seconds: float | None = Field(
        description="90th percentile, the value of nearest rank; null for fewer than ten"
    )
    longest_seconds: float | None = Field(description="Null where none ended")


class WholeTime(Contract):
    """From the arrival of the scan, or its retry, to the draft report, in seconds."""

    ended: int
    median_seconds: float | None
    p90_seconds: float | None = Field(description="Null for fewer than ten")
    longest_seconds: float | None


class StateCount(Contract):
    """How many studies are in a state now."""

    status: JobStatus
    studies: int


class StageTimes(Contract):
    """Stage times of an organization, and where its studies are."""

    since: datetime = Field(description="Begin of the days that were asked for")
    complete: bool = Field(
        description="False where there were more than are read: then the newest are counted"
    )
    stages: list[StageTime]
    whole: WholeTime
    states: list[StateCount] = Field(description="Of the studies that were uploaded since then")
