"""Starting an analysis from an upload event."""

import pytest

from mri_analysis.contracts.job import JobError, JobStatus
from mri_analysis.contracts.tasks import UploadedObject
from mri_analysis.errors import DatabaseUnavailable, ForeignUpload, StorageUnavailable
from mri_analysis.use_cases.start_analysis import StartOutcome, start_analysis
from tests.support.memory_ports import MemoryJobs, MemoryObjects, MemoryWorkflow

JOB = "1f0c6a7e-2f57-4c0e-9a37-b1a1de3a4c11"
KEY = f"incoming/demo/{JOB}/upload"


@pytest.fixture
def images() -> MemoryObjects:
    return MemoryObjects({KEY: b"scan"})


@pytest.fixture
def jobs() -> MemoryJobs:
    return MemoryJobs()


@pytest.fixture
def workflow() -> MemoryWorkflow:
    return MemoryWorkflow()


def start(images: MemoryObjects, jobs: MemoryJobs, workflow: MemoryWorkflow, **changes: str):
    uploaded = UploadedObject(**{"bucket": "images", "key": KEY} | changes)
    return start_analysis(uploaded, images=images, jobs=jobs, workflow=workflow)


def test_upload_makes_the_job_row_and_starts_one_execution(images, jobs, workflow) -> None:
    job, outcome = start(images, jobs, workflow)

    assert outcome is StartOutcome.STARTED
    assert jobs.jobs[JOB].status is JobStatus.UPLOADED
    assert list(workflow.started) == [job.execution_name]
    assert workflow.started[job.execution_name].source.version_id == "v1"


def test_same_event_twice_starts_nothing_more(images, jobs, workflow) -> None:
    start(images, jobs, workflow)

    _, outcome = start(images, jobs, workflow)

    assert outcome is StartOutcome.DUPLICATE
    assert len(workflow.started) == 1


def test_event_after_a_crash_between_row_and_execution_starts_it(images, jobs, workflow) -> None:
    start(images, jobs, MemoryWorkflow())  # the row was written, the execution lost

    _, outcome = start(images, jobs, workflow)

    assert outcome is StartOutcome.STARTED


def test_new_version_for_a_job_at_work_is_not_analysed(images, jobs, workflow) -> None:
    start(images, jobs, workflow, version_id="v1")

    _, outcome = start(images, jobs, workflow, version_id="v2")

    assert outcome is StartOutcome.ALREADY_ANALYSED


def test_new_version_for_a_failed_job_starts_it_again(images, jobs, workflow) -> None:
    start(images, jobs, workflow, version_id="v1")
    jobs.advance("demo", JOB, JobStatus.FAILED, JobError(code="x", message="x", next_step="x"))

    _, outcome = start(images, jobs, workflow, version_id="v2")

    assert outcome is StartOutcome.STARTED
    assert len(workflow.started) == 2


def test_deleted_object_fails_the_job_with_a_reason(images, jobs, workflow) -> None:
    images.objects.clear()

    job, outcome = start(images, jobs, workflow)

    assert outcome is StartOutcome.UPLOAD_MISSING
    assert job.status is JobStatus.FAILED
    assert job.error is not None
    assert job.error.code == "UploadMissing"
    assert not workflow.started


def test_key_of_nobody_is_refused(images, jobs, workflow) -> None:
    images.objects["elsewhere/x"] = b"scan"

    with pytest.raises(ForeignUpload):
        start(images, jobs, workflow, key="elsewhere/x")


def test_nothing_starts_while_storage_or_database_is_down(images, jobs, workflow) -> None:
    jobs.down = True
    with pytest.raises(DatabaseUnavailable):
        start(images, jobs, workflow)
    images.down = True
    with pytest.raises(StorageUnavailable):
        start(images, jobs, workflow)

    assert not workflow.started
