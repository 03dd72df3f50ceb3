"""Why a study failed, in words."""

import json
from datetime import UTC, datetime

import pytest

from mri_analysis.contracts.job import Job, JobStatus
from mri_analysis.contracts.tasks import StoppedExecution
from mri_analysis.errors import is_the_scans_fault
from mri_analysis.use_cases.record_failure import explain, record_stopped_execution
from tests.support.memory_ports import MemoryJobs


def lambda_cause(kind: str, message: str) -> dict[str, str]:
    document = {"errorMessage": message, "errorType": kind, "stackTrace": ["secret path"]}
    return {"Error": kind, "Cause": json.dumps(document)}


def test_error_of_ours_keeps_code_sentence_and_next_step() -> None:
    error = explain(lambda_cause("EmptyFile", "The uploaded file is empty."))

    assert (error.code, error.message) == ("EmptyFile", "The uploaded file is empty.")
    assert "Upload" in error.next_step


def test_foreign_error_tells_nothing_of_its_inside() -> None:
    error = explain(lambda_cause("KeyError", "'Jane Doe'"))

    assert error.code == "InternalError"
    assert "Jane" not in error.message + error.next_step


@pytest.mark.parametrize("code", ["States.Timeout", "Sandbox.Timedout"])
def test_time_limits_have_a_code(code: str) -> None:
    assert explain({"Error": code, "Cause": "Task timed out"}).code == "AnalysisTimedOut"


def test_quality_reasons_become_sentences() -> None:
    cause = json.dumps(["No brainstem was found.", "The volume is implausible."])

    error = explain({"Error": "NotABrain", "Cause": cause})

    assert error.message == "No brainstem was found. The volume is implausible."


def test_callback_text_is_the_sentence() -> None:
    error = explain({"Error": "ModelFailed", "Cause": "No segmentation."})

    assert (error.code, error.message) == ("ModelFailed", "No segmentation.")


STUDY = {"organization_id": "demo", "job_id": "1f0c6a7e-2f57-4c0e-9a37-b1a1de3a4c11"}
SOURCE = {"bucket": "images", "key": f"incoming/demo/{STUDY['job_id']}/upload"}


def stopped(status: str, name: str = "first") -> StoppedExecution:
    """What EventBridge tells of an execution, shortened to what is read."""
    given = {"name": name, "status": status, "input": json.dumps(STUDY | {"source": SOURCE})}
    return StoppedExecution.model_validate(given | {"stateMachineArn": "arn", "output": None})


def running_job() -> MemoryJobs:
    jobs = MemoryJobs()
    jobs.register(
        Job(
            **STUDY,
            user_id=None,
            original_image_key=SOURCE["key"],
            original_image_version=None,
            execution_name="first",
            status=JobStatus.UPLOADED,
            error=None,
            created_at=datetime(2026, 11, 22, tzinfo=UTC),
            updated_at=datetime(2026, 11, 22, tzinfo=UTC),
        )
    )
    jobs.advance(**STUDY, status=JobStatus.SEGMENTING)
    return jobs


@pytest.mark.parametrize(
    ("status", "code"), [("ABORTED", "AnalysisStopped"), ("TIMED_OUT", "AnalysisTimedOut")]
)
def test_job_of_a_stopped_execution_fails(status: str, code: str) -> None:
    jobs = running_job()

    failure = record_stopped_execution(stopped(status), jobs=jobs)

    assert failure is not None
    job = jobs.find(**STUDY)
    assert job is not None
    assert job.error is not None
    assert (job.status, job.error.code, failure.code) == (JobStatus.FAILED, code, code)


def test_event_of_an_execution_that_was_retried_since_changes_nothing() -> None:
    jobs = running_job()

    assert record_stopped_execution(stopped("ABORTED", "before"), jobs=jobs) is None
    job = jobs.find(**STUDY)
    assert job is not None
    assert job.status is JobStatus.SEGMENTING


def test_scan_that_cannot_be_analysed_is_no_fault_of_the_service() -> None:
    assert is_the_scans_fault("NotABrain")
    assert is_the_scans_fault("TruncatedFile")
    assert not is_the_scans_fault("AnalysisTimedOut")
    assert not is_the_scans_fault("KeyError")
