"""Records why a study failed (state ``HandleError``)."""

from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from mri_analysis import wiring
from mri_analysis.contracts.tasks import FailureTask
from mri_analysis.observability import logger, metrics, study_context, tracer
from mri_analysis.use_cases.record_failure import record_failure


@logger.inject_lambda_context(log_event=False)
@tracer.capture_lambda_handler(capture_response=False)
@metrics.log_metrics(capture_cold_start_metric=True)
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, str]:
    """Set the job to failed; answer code and sentence for the ``Fail`` state."""
    task = FailureTask.model_validate(event)
    study_context(task)
    failure = record_failure(task, jobs=wiring.jobs())
    logger.error("study failed", code=failure.code, reason=failure.message)
    metrics.add_metric(name="StudyFailed", unit="Count", value=1)
    return failure.model_dump()
