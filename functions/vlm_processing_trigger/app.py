"""Puts the measured study into words (state ``ImageToText``) and asks a vision-language model about
its pictures, where one is configured.

The state waits for its task token: answered here at once, or by ``model_callback`` with the model's
answer.
"""

from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from mri_analysis import wiring
from mri_analysis.contracts.observations import ReadingStatus
from mri_analysis.contracts.tasks import DescribeTask, DescribeTaskWithoutToken
from mri_analysis.observability import logger, metrics, study_context, tracer
from mri_analysis.use_cases.describe_study import describe_study, describe_without_token


@logger.inject_lambda_context(log_event=False)
@tracer.capture_lambda_handler(capture_response=False)
@metrics.log_metrics(capture_cold_start_metric=True)
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Write ``description.json``; what the state ends with goes to its task token."""
    if event.get("schema_version") == 1:
        return _describe_without_token(event)
    task = DescribeTask.model_validate(event)
    study_context(task)
    reading = describe_study(
        task,
        results=wiring.results(),
        jobs=wiring.jobs(),
        knowledge=wiring.knowledge(),
        task_tokens=wiring.task_tokens(),
        observer=wiring.observer(),
    )
    if reading is ReadingStatus.RESTING:
        metrics.add_metric(name="VisionLanguageCircuitOpen", unit="Count", value=1)
    elif reading is ReadingStatus.UNAVAILABLE:
        metrics.add_metric(name="VisionLanguageNotUsed", unit="Count", value=1)
    logger.info("study described", reading=reading)
    return {"reading": reading}


def _describe_without_token(event: dict[str, Any]) -> dict[str, Any]:
    """Answer an execution that the release before started, in its own way."""
    task = DescribeTaskWithoutToken.model_validate(event)
    study_context(task)
    reference = describe_without_token(
        task, results=wiring.results(), jobs=wiring.jobs(), knowledge=wiring.knowledge()
    )
    logger.info("study described for an execution of the release before")
    return reference.model_dump()
