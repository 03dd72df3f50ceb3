"""Queues a study on the segmentation endpoint (state ``SegmentImage``, which waits for the
callback).
"""

from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from mri_analysis import wiring
from mri_analysis.contracts.tasks import SegmentTask
from mri_analysis.errors import ModelEndpointResting
from mri_analysis.observability import logger, metrics, study_context, tracer
from mri_analysis.settings import settings
from mri_analysis.use_cases.segment_image import is_for_challenger, request_segmentation


@logger.inject_lambda_context(log_event=False)
@tracer.capture_lambda_handler(capture_response=False)
@metrics.log_metrics(capture_cold_start_metric=True)
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, str]:
    """Queue the inference; its answer reaches the state through ``model_callback``."""
    task = SegmentTask.model_validate(event)
    study_context(task)
    there_is_one = bool(settings().segmentation_challenger_endpoint_name)
    challenger = there_is_one and is_for_challenger(
        task.job_id, settings().segmentation_challenger_weight
    )
    try:
        inference_id = request_segmentation(
            task,
            results=wiring.results(),
            jobs=wiring.jobs(),
            callbacks=wiring.callbacks(),
            endpoint=wiring.segmentation_endpoint(challenger=challenger),
        )
    except ModelEndpointResting:
        metrics.add_metric(name="SegmentationCircuitOpen", unit="Count", value=1)
        raise
    logger.info("segmentation queued", inference_id=inference_id, challenger=challenger)
    return {"inference_id": inference_id}
