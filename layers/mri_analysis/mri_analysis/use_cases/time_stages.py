"""How long the stages of an organization's studies took, and where its studies are."""

import math
import statistics
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from mri_analysis.contracts.job import JobStatus
from mri_analysis.contracts.operations import StageTime, StageTimes, StateCount, WholeTime
from mri_analysis.ports.operations import Operations, StatusStep

MOST_STEPS = 30_000
"""Changes of a status that are read for one answer: about five thousand studies."""
MOST_STUDIES = 10_000
LEAST_FOR_P90 = 10
"""Below it the 90th percentile by nearest rank is the longest value under another name."""

_STAGES = (
    JobStatus.AWAITING_UPLOAD,
    JobStatus.UPLOADED,
    JobStatus.SEGMENTING,
    JobStatus.CONVERTING,
    JobStatus.ENHANCING,
)
_NOT_RUNNING = (JobStatus.AWAITING_UPLOAD, JobStatus.COMPLETED, JobStatus.FAILED)


@dataclass
class _Stays:
    """Seconds of the stays in one state that went on, and how many ended in a failure."""

    seconds: list[float] = field(default_factory=list)
    failed: int = 0


def time_stages(
    organization_id: str,
    days: int,
    *,
    operations: Operations,
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> StageTimes:
    """Stage times and states of the last ``days`` days.

    A stay that began before them is left out, and so is one that has not ended.
    """
    since = now() - timedelta(days=days)
    steps = operations.status_steps(organization_id, since, MOST_STEPS + 1)
    states = operations.count_states(organization_id, since, MOST_STUDIES + 1)
    stages, whole = measure(steps[-MOST_STEPS:])
    return StageTimes(
        since=since,
        complete=len(steps) <= MOST_STEPS and sum(states.values()) <= MOST_STUDIES,
        stages=stages,
        whole=whole,
        states=[
            StateCount(status=status, studies=states[status])
            for status in JobStatus
            if states.get(status)
        ],
    )


def measure(steps: Iterable[StatusStep]) -> tuple[list[StageTime], WholeTime]:
    """Each stage, and the whole way from upload to draft, of ``steps`` in the order of time."""
    stays: dict[JobStatus, _Stays] = defaultdict(_Stays)
    whole: list[float] = []
    by_job: dict[str, list[StatusStep]] = defaultdict(list)
    for step in steps:
        by_job[step.job_id].append(step)
    for story in by_job.values():
        started: datetime | None = None
        before: StatusStep | None = None
        for step in story:
            if before is not None and before.status in _STAGES:
                if step.status is JobStatus.FAILED:
                    stays[before.status].failed += 1
                else:
                    stays[before.status].seconds.append(_seconds(before.at, step.at))
            # A retry that its first stage overtook begins without the state "uploaded".
            again = before is not None and before.status is JobStatus.FAILED
            if step.status is JobStatus.UPLOADED or (again and step.status not in _NOT_RUNNING):
                started = step.at
            elif step.status is JobStatus.FAILED:
                started = None
            elif step.status is JobStatus.COMPLETED and started is not None:
                whole.append(_seconds(started, step.at))
            before = step
    stages = [
        StageTime(
            stage=stage,
            ended=len(stays[stage].seconds),
            failed=stays[stage].failed,
            median_seconds=_median(stays[stage].seconds),
            p90_seconds=_p90(stays[stage].seconds),
            longest_seconds=max(stays[stage].seconds, default=None),
        )
        for stage in _STAGES
    ]
    return stages, WholeTime(
        ended=len(whole),
        median_seconds=_median(whole),
        p90_seconds=_p90(whole),
        longest_seconds=max(whole, default=None),
    )


def _seconds(begin: datetime, end: datetime) -> float:
    return round((end - begin).total_seconds(), 3)


def _median(values: Sequence[float]) -> float | None:
    return round(statistics.median(values), 3) if values else None


def _p90(values: Sequence[float]) -> float | None:
    if len(values) < LEAST_FOR_P90:
        return None
    return sorted(values)[math.ceil(0.9 * len(values)) - 1]
