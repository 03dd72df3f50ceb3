"""Starting an analysis from an upload event."""

import pytest

from mri_analysis.contracts.job import JobError, JobStatus
from mri_analysis.contracts.tasks import UploadedObject
from mri_analysis.errors import (
    DatabaseUnavailable,
    ForeignUpload,
    JobNotFound,
    RetryRefused,
    StorageUnavailable,
)
from mri_analysis.use_cases.start_analysis import StartOutcome, retry_analysis, start_analysis
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


def fail(jobs: MemoryJobs) -> None:
    jobs.advance("demo", JOB, JobStatus.FAILED, JobError(code="x", message="x", next_step="x"))


def retry(jobs: MemoryJobs, workflow: MemoryWorkflow):
    return retry_analysis(
        "demo", JOB, images_bucket="images", actor="somebody", jobs=jobs, workflow=workflow
    )


def test_upload_makes_the_job_row_and_starts_one_execution(images, jobs, workflow) -> None:
    started = start(images, jobs, workflow)

    job = jobs.jobs[JOB]
    assert started.outcome is StartOutcome.STARTED
    assert job.status is JobStatus.UPLOADED
    assert list(workflow.started) == [job.execution_name]
    assert workflow.started[job.execution_name].source.version_id == "v1"


def test_same_event_twice_starts_nothing_more(images, jobs, workflow) -> None:
    start(images, jobs, workflow)

    assert start(images, jobs, workflow).outcome is StartOutcome.DUPLICATE
    assert len(workflow.started) == 1


def test_event_that_comes_again_after_its_upload_was_removed_changes_nothing(
    images, jobs, workflow
) -> None:
    start(images, jobs, workflow, version_id="v1")
    jobs.advance("demo", JOB, JobStatus.SEGMENTING)
    images.objects.clear()  # DICOM is removed once its image is prepared

    again = start(images, jobs, workflow, version_id="v1")

    assert again.outcome is StartOutcome.DUPLICATE
    assert jobs.jobs[JOB].status is JobStatus.SEGMENTING


def test_event_after_a_crash_between_row_and_execution_starts_it(images, jobs, workflow) -> None:
    start(images, jobs, MemoryWorkflow())  # the row was written, the execution lost

    assert start(images, jobs, workflow).outcome is StartOutcome.STARTED


def test_new_version_for_a_job_at_work_is_not_analysed(images, jobs, workflow) -> None:
    start(images, jobs, workflow, version_id="v1")

    started = start(images, jobs, workflow, version_id="v2")

    assert started.outcome is StartOutcome.ALREADY_ANALYSED


def test_new_version_for_a_failed_job_starts_it_again(images, jobs, workflow) -> None:
    start(images, jobs, workflow, version_id="v1")
    fail(jobs)

    started = start(images, jobs, workflow, version_id="v2")

    assert started.outcome is StartOutcome.STARTED
    assert jobs.jobs[JOB].original_image_version == "v2"
    assert len(workflow.started) == 2


def test_late_event_of_an_older_version_does_not_wake_a_failed_job(images, jobs, workflow) -> None:
    start(images, jobs, workflow, version_id="v1")
    fail(jobs)
    start(images, jobs, workflow, version_id="v2")
    fail(jobs)
    before = jobs.jobs[JOB]

    started = start(images, jobs, workflow, version_id="v1")

    assert started.outcome is StartOutcome.DUPLICATE
    assert jobs.jobs[JOB] == before


def test_deleted_object_fails_the_job_with_a_reason(images, jobs, workflow) -> None:
    images.objects.clear()

    started = start(images, jobs, workflow)

    job = jobs.jobs[JOB]
    assert started.outcome is StartOutcome.UPLOAD_MISSING
    assert job.status is JobStatus.FAILED
    assert job.error is not None
    assert job.error.code == "UploadMissing"
    assert not workflow.started


def test_object_with_a_name_of_its_own_is_moved_to_its_studys_key(images, jobs, workflow) -> None:
    name = "incoming/demo/Jane Doe 1950.nii.gz"
    images.objects = {name: b"scan"}

    started = start(images, jobs, workflow, key=name)
    again = start(images, jobs, workflow, key=name, version_id="v1")

    assert started.outcome is again.outcome is StartOutcome.FILED
    assert images.objects == {started.study.upload: b"scan"}
    assert not workflow.started
    assert not jobs.jobs


def test_deleted_object_with_a_name_of_its_own_leaves_no_name(images, jobs, workflow) -> None:
    images.objects.clear()

    started = start(images, jobs, workflow, key="incoming/demo/Jane Doe 1950.nii.gz")

    job = jobs.jobs[started.study.job_id]
    assert started.outcome is StartOutcome.UPLOAD_MISSING
    assert "Jane" not in job.model_dump_json()


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


def test_failed_job_is_retried_in_executions_of_their_own(images, jobs, workflow) -> None:
    start(images, jobs, workflow)
    fail(jobs)
    first = retry(jobs, workflow)
    fail(jobs)
    second = retry(jobs, workflow)

    assert first.status is JobStatus.UPLOADED
    assert first.execution_name.endswith("-r1")
    assert second.execution_name.endswith("-r2")
    assert len(second.execution_name) <= 80
    sources = {task.source for task in workflow.started.values()}
    assert len(workflow.started) == 3
    assert len(sources) == 1


def test_only_a_failed_job_is_retried(images, jobs, workflow) -> None:
    with pytest.raises(JobNotFound):
        retry(jobs, workflow)
    start(images, jobs, workflow)

    with pytest.raises(RetryRefused):
        retry(jobs, workflow)
