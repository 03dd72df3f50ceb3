"""Changes of a status are announced after they are kept, and an announcement can harm nothing."""

from datetime import UTC, datetime

import pytest
from botocore.exceptions import ClientError, ConnectTimeoutError

from mri_analysis.adapters.announced_jobs import AnnouncedJobs
from mri_analysis.contracts.job import Job, JobError, JobStatus
from mri_analysis.errors import IllegalTransition, ServiceUnavailable
from mri_analysis.ports.jobs import AnalysisResult
from tests.support.memory_ports import MemoryJobs

MOMENT = datetime(2026, 3, 1, tzinfo=UTC)
JOB = Job(
    organization_id="demo",
    job_id="0b3d9c58-6f9e-4b7a-9f0e-3a5a1c2d4e6f",
    original_image_key="incoming/demo/scan.nii.gz",
    status=JobStatus.UPLOADED,
    created_at=MOMENT,
    updated_at=MOMENT,
)
RESULT = AnalysisResult(
    organization_id="demo",
    job_id=JOB.job_id,
    segmentation_result_key="labels",
    measurements_key="measurements",
    montage_key="montage",
    report_key="report",
    image_description="",
    enhanced_report="",
    confidence_scores={},
    processing_metrics={},
)


class Topic:
    """Takes events together with what the repository held when each came; or fails."""

    def __init__(self, jobs: MemoryJobs, error: Exception | None = None) -> None:
        self.jobs, self.error = jobs, error
        self.told: list[tuple[str, str, str, JobStatus]] = []

    def notify(self, organization_id: str, job_id: str, event: str) -> None:
        if self.error:
            raise self.error
        kept = self.jobs.jobs[job_id].status
        self.told.append((organization_id, job_id, event, kept))


def test_each_change_is_announced_once_it_is_kept() -> None:
    kept = MemoryJobs()
    topic = Topic(kept)
    jobs = AnnouncedJobs(kept, topic)

    jobs.register(JOB)
    for status in (JobStatus.SEGMENTING, JobStatus.CONVERTING, JobStatus.ENHANCING):
        jobs.advance("demo", JOB.job_id, status)
    jobs.complete(RESULT)

    expected = ["uploaded", "segmenting", "converting", "enhancing", "completed"]
    assert topic.told == [("demo", JOB.job_id, f"status.{name}", name) for name in expected]


def test_failure_and_another_upload_are_changes_too() -> None:
    kept = MemoryJobs({JOB.job_id: JOB})
    topic = Topic(kept)
    jobs = AnnouncedJobs(kept, topic)

    error = JobError(code="CorruptFile", message="The file is cut short.", next_step="Send it.")
    jobs.advance("demo", JOB.job_id, JobStatus.FAILED, error)
    jobs.restart(JOB)

    assert [event for _, _, event, _ in topic.told] == ["status.failed", "status.uploaded"]


def test_what_is_not_kept_is_not_announced() -> None:
    kept = MemoryJobs({JOB.job_id: JOB.model_copy(update={"status": JobStatus.COMPLETED})})
    topic = Topic(kept)

    with pytest.raises(IllegalTransition):
        AnnouncedJobs(kept, topic).advance("demo", JOB.job_id, JobStatus.SEGMENTING)

    assert topic.told == []


@pytest.mark.parametrize(
    "error",
    [
        ServiceUnavailable("down"),
        ClientError({"Error": {"Code": "AuthorizationError"}}, "Publish"),
        ConnectTimeoutError(endpoint_url="sns"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_announcement_that_fails_leaves_the_change(error: Exception) -> None:
    kept = MemoryJobs({JOB.job_id: JOB})

    AnnouncedJobs(kept, Topic(kept, error)).advance("demo", JOB.job_id, JobStatus.SEGMENTING)

    assert kept.jobs[JOB.job_id].status is JobStatus.SEGMENTING


def test_reading_announces_nothing() -> None:
    kept = MemoryJobs({JOB.job_id: JOB}, results={JOB.job_id: RESULT})
    topic = Topic(kept)
    jobs = AnnouncedJobs(kept, topic)

    assert jobs.find("demo", JOB.job_id) == JOB
    assert jobs.recent("demo", 10) == [JOB]
    assert jobs.result("demo", JOB.job_id) == RESULT
    jobs.note_retry("demo", JOB.job_id, "e2", "user-1")

    assert topic.told == []
