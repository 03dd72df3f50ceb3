"""Record why a study failed, in words for the person who waits for it."""

import json
from typing import Any

from mri_analysis.contracts.job import JobError, JobStatus
from mri_analysis.contracts.tasks import (
    AnalysisInput,
    FailureReference,
    FailureTask,
    StoppedExecution,
)
from mri_analysis.errors import (
    AnalysisStopped,
    AnalysisTimedOut,
    IllegalTransition,
    InternalError,
    error_type,
)
from mri_analysis.ports.jobs import JobRepository


def record_failure(task: FailureTask, *, jobs: JobRepository) -> FailureReference:
    """Set the job to failed with a code, a sentence and a next step."""
    error = explain(task.error)
    jobs.advance(task.organization_id, task.job_id, JobStatus.FAILED, error)
    return FailureReference(code=error.code, message=error.message)


def record_stopped_execution(
    stopped: StoppedExecution, *, jobs: JobRepository
) -> FailureReference | None:
    """Set the job of an execution that ended without ``HandleError``: stopped, or out of time.

    None where the job went on without it: completed or failed before, or retried since.
    """
    study = AnalysisInput.model_validate_json(stopped.input)
    job = jobs.find(study.organization_id, study.job_id)
    if job is None or job.execution_name != stopped.name or job.status is JobStatus.FAILED:
        return None
    caught = {"Error": "States.Timeout" if stopped.status == "TIMED_OUT" else "AnalysisStopped"}
    task = FailureTask(organization_id=study.organization_id, job_id=study.job_id, error=caught)
    try:
        return record_failure(task, jobs=jobs)
    except IllegalTransition:
        return None


def explain(caught: dict[str, Any]) -> JobError:
    """Code, sentence and next step for what the state machine caught.

    ``Cause`` is Lambda's error document for an exception, plain text for a callback or a refusal.
    The sentence of an error that is not ours stays in the logs: it may hold anything.
    """
    kind = error_type(str(caught.get("Error", "")))
    message = _sentence(caught.get("Cause"))
    if kind is AnalysisTimedOut:
        message = "A stage of the analysis took longer than its limit."
    elif kind is AnalysisStopped:
        message = "The analysis was stopped by an operator."
    elif kind is InternalError or not message:
        message = "The analysis stopped for a reason that is not the scan's."
    return JobError(code=kind.__name__, message=message, next_step=kind.next_step)


def _sentence(cause: object) -> str:
    if not isinstance(cause, str):
        return ""
    try:
        document = json.loads(cause)
    except ValueError:
        return cause
    if isinstance(document, dict):
        return str(document.get("errorMessage", ""))
    if isinstance(document, list):  # the quality reasons of a refused study
        return " ".join(str(reason) for reason in document)
    return cause
