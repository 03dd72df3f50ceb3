"""Tells whoever subscribed that a report is ready (state ``NotifyUser``)."""

from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from mri_analysis import wiring
from mri_analysis.contracts.tasks import NotifyTask
from mri_analysis.observability import logger, metrics, study_context, tracer
from mri_analysis.use_cases.notify_user import notify_user


@logger.inject_lambda_context(log_event=False)
@tracer.capture_lambda_handler(capture_response=False)
@metrics.log_metrics(capture_cold_start_metric=True)
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, str]:
    """Publish the event."""
    task = NotifyTask.model_validate(event)
    study_context(task)
    notify_user(task, notifier=wiring.notifier())
    return {"notified": task.job_id}
