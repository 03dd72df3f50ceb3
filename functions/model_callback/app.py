"""Passes SageMaker's success and error notifications (SNS) to the state that waits for them."""

import json
from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from mri_analysis import wiring
from mri_analysis.contracts.observations import ReadingStatus
from mri_analysis.observability import logger, metrics, tracer
from mri_analysis.use_cases.segment_image import InferenceNotification, answer_callback


@logger.inject_lambda_context(log_event=False)
@tracer.capture_lambda_handler(capture_response=False)
@metrics.log_metrics(capture_cold_start_metric=True)
def handler(event: dict[str, Any], context: LambdaContext) -> None:
    """Answer the task token of each notified inference."""
    for record in event["Records"]:
        notification = _notification(json.loads(record["Sns"]["Message"]))
        answered = answer_callback(
            notification,
            results=wiring.results(),
            callbacks=wiring.callbacks(),
            task_tokens=wiring.task_tokens(),
        )
        callback = answered.callback if answered else None
        observed = answered.observed if answered else None
        logger.info(
            "inference answered" if callback else "nobody waits for this inference",
            inference_id=notification.inference_id,
            completed=notification.completed,
            organization_id=callback.organization_id if callback else None,
            job_id=callback.job_id if callback else None,
            reading=observed.status if observed else None,
            fault=observed.fault if observed else None,
        )
        if observed and observed.status is not ReadingStatus.ANSWERED:
            metrics.add_metric(name="VisionLanguageNotUsed", unit="Count", value=1)


def _notification(message: dict[str, Any]) -> InferenceNotification:
    output = (message.get("responseParameters") or {}).get("outputLocation")
    return InferenceNotification(
        inference_id=message["inferenceId"],
        completed=message["invocationStatus"] == "Completed",
        output_key=output.split("/", 3)[3] if output else None,
    )
