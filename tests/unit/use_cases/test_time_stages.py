"""Seconds of stages, from the changes of a status."""

from datetime import UTC, datetime, timedelta

import pytest

from mri_analysis.contracts.job import JobStatus
from mri_analysis.contracts.operations import StageTime
from mri_analysis.ports.operations import AnalysedStudy, StatusStep
from mri_analysis.use_cases import time_stages as module
from mri_analysis.use_cases.time_stages import measure, time_stages

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
S = JobStatus


def story(job_id: str, *steps: tuple[JobStatus, float]) -> list[StatusStep]:
    """States and the seconds at which the study came into each."""
    return [StatusStep(job_id, status, NOW + timedelta(seconds=at)) for status, at in steps]


def stage(stages: list[StageTime], name: JobStatus) -> StageTime:
    (found,) = [one for one in stages if one.stage is name]
    return found


def test_each_stage_is_timed_to_the_next_state() -> None:
    stages, whole = measure(
        story(
            "a",
            (S.AWAITING_UPLOAD, 0),
            (S.UPLOADED, 60),
            (S.SEGMENTING, 61),
            (S.CONVERTING, 65),
            (S.ENHANCING, 65.5),
            (S.COMPLETED, 66.25),
        )
    )

    assert [(one.stage, one.ended, one.failed, one.median_seconds) for one in stages] == [
        (S.AWAITING_UPLOAD, 1, 0, 60),
        (S.UPLOADED, 1, 0, 1),
        (S.SEGMENTING, 1, 0, 4),
        (S.CONVERTING, 1, 0, 0.5),
        (S.ENHANCING, 1, 0, 0.75),
    ]
    # A person's time until the upload is none of the analysis.
    assert (whole.ended, whole.median_seconds) == (1, 6.25)


def test_studies_that_ran_beside_each_other_are_told_apart() -> None:
    both = story("a", (S.UPLOADED, 0), (S.SEGMENTING, 2)) + story(
        "b", (S.UPLOADED, 1), (S.SEGMENTING, 5)
    )

    stages, _ = measure(sorted(both, key=lambda step: step.at))

    found = stage(stages, S.UPLOADED)
    assert (found.ended, found.median_seconds, found.longest_seconds) == (2, 3, 4)


def test_stage_that_failed_or_runs_has_no_seconds() -> None:
    stages, whole = measure(
        story("a", (S.UPLOADED, 0), (S.SEGMENTING, 1), (S.FAILED, 900))
        + story("b", (S.UPLOADED, 0), (S.SEGMENTING, 3))
    )

    found = stage(stages, S.SEGMENTING)
    assert (found.ended, found.failed) == (0, 1)
    assert (found.median_seconds, found.p90_seconds, found.longest_seconds) == (None, None, None)
    assert (whole.ended, whole.median_seconds) == (0, None)


@pytest.mark.parametrize("again", [S.UPLOADED, S.SEGMENTING])
def test_retried_study_is_timed_from_its_retry(again: JobStatus) -> None:
    stages, whole = measure(
        story("a", (S.UPLOADED, 0), (S.FAILED, 10), (again, 1000), (S.COMPLETED, 1008))
    )

    assert (whole.ended, whole.longest_seconds) == (1, 8)
    assert stage(stages, S.UPLOADED).failed == 1


def test_study_whose_begin_is_not_known_is_no_whole() -> None:
    _, whole = measure(story("a", (S.SEGMENTING, 0), (S.CONVERTING, 4), (S.COMPLETED, 6)))

    assert whole.ended == 0


@pytest.mark.parametrize(("number", "expected"), [(9, None), (10, 9.0), (11, 10.0), (20, 18.0)])
def test_ninetieth_percentile_is_a_value_that_was_measured(
    number: int, expected: float | None
) -> None:
    steps = [
        step
        for n in range(1, number + 1)
        for step in story(str(n), (S.UPLOADED, 0), (S.SEGMENTING, n))
    ]

    assert stage(measure(steps)[0], S.UPLOADED).p90_seconds == expected


class Remembered:
    """Steps in memory, and what was asked for."""

    def __init__(self, steps: list[StatusStep]) -> None:
        self.steps = steps
        self.asked: list[tuple[str, datetime]] = []

    def status_steps(self, organization_id: str, since: datetime, limit: int) -> list[StatusStep]:
        self.asked.append((organization_id, since))
        return self.steps[-limit:]

    def count_states(
        self, organization_id: str, since: datetime, limit: int
    ) -> dict[JobStatus, int]:
        return {S.FAILED: 2, S.UPLOADED: 1}

    def analysed(self, organization_id: str, since: datetime, limit: int) -> list[AnalysedStudy]:
        raise AssertionError("not asked for")


def test_last_days_of_one_organization_are_asked_for() -> None:
    operations = Remembered(story("a", (S.UPLOADED, 0), (S.SEGMENTING, 1)))

    found = time_stages("demo", 7, operations=operations, now=lambda: NOW)

    assert operations.asked == [("demo", NOW - timedelta(days=7))]
    assert found.complete
    assert [(one.status, one.studies) for one in found.states] == [(S.UPLOADED, 1), (S.FAILED, 2)]


def test_more_than_is_read_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_STEPS", 2)
    steps = story("a", (S.UPLOADED, 0), (S.SEGMENTING, 1), (S.CONVERTING, 5))

    found = time_stages("demo", 7, operations=Remembered(steps), now=lambda: NOW)

    assert not found.complete
    assert stage(found.stages, S.UPLOADED).ended == 0
    assert stage(found.stages, S.SEGMENTING).longest_seconds == 4
