"""Records why a study failed (state ``HandleError``, and executions that ended without it)."""

from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from mri_analysis import wiring
from mri_analysis.contracts.tasks import FailureReference, FailureTask, StoppedExecution
from mri_analysis.errors import is_the_scans_fault
from mri_analysis.observability import logger, metrics, study_context, tracer
from mri_analysis.use_cases.record_failure import record_failure, record_stopped_execution


@logger.inject_lambda_context(log_event=False)
@tracer.capture_lambda_handler(capture_response=False)
@metrics.log_metrics(capture_cold_start_metric=True)
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, str]:
    """Set the job to failed; answer code and sentence for the ``Fail`` state.

    EventBridge calls it too, when an execution was stopped or ran out of its own time: the state
    machine then has no say any more.
    """
    if event.get("source") == "aws.states":
        stopped = StoppedExecution.model_validate(event["detail"])
        logger.append_keys(execution_name=stopped.name)
        failure = record_stopped_execution(stopped, jobs=wiring.jobs())
        if failure is None:
            logger.info("the job went on without the stopped execution")
            return {}
    else:
        task = FailureTask.model_validate(event)
        study_context(task)
        failure = record_failure(task, jobs=wiring.jobs())
    _report(failure)
    return failure.model_dump()


def _report(failure: FailureReference) -> None:
    """Log and count; a scan that cannot be analysed must wake nobody."""
    logger.error("study failed", code=failure.code, reason=failure.message)
    metrics.add_metric(name="StudyFailed", unit="Count", value=1)
    if not is_the_scans_fault(failure.code):
        metrics.add_metric(name="StudyFailedUnexpectedly", unit="Count", value=1)
