"""The life of a job."""

import pytest

from mri_analysis.contracts.job import JobStatus, may_follow


@pytest.mark.parametrize("status", JobStatus)
def test_a_stage_tried_again_changes_nothing(status: JobStatus) -> None:
    assert may_follow(status, status)


@pytest.mark.parametrize("status", [s for s in JobStatus if s is not JobStatus.COMPLETED])
def test_a_completed_job_never_changes(status: JobStatus) -> None:
    assert not may_follow(JobStatus.COMPLETED, status)


def test_no_stage_is_skipped() -> None:
    assert may_follow(JobStatus.SEGMENTING, JobStatus.CONVERTING)
    assert not may_follow(JobStatus.SEGMENTING, JobStatus.ENHANCING)
    assert not may_follow(JobStatus.ENHANCING, JobStatus.SEGMENTING)


def test_a_redriven_job_resumes_where_it_failed() -> None:
    assert may_follow(JobStatus.FAILED, JobStatus.ENHANCING)
    assert not may_follow(JobStatus.FAILED, JobStatus.AWAITING_UPLOAD)
