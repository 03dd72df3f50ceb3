"""Puts the measured study into words (state ``ImageToText``)."""

import time
from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from mri_analysis import wiring
from mri_analysis.contracts.tasks import DescribeTask, DescriptionReference
from mri_analysis.observability import logger, metrics, study_context, tracer
from mri_analysis.use_cases.describe_study import describe_study


@logger.inject_lambda_context(log_event=False)
@tracer.capture_lambda_handler(capture_response=False)
@metrics.log_metrics(capture_cold_start_metric=True)
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Write ``description.json``; answer its key."""
    started = time.perf_counter()
    task = DescribeTask.model_validate(event)
    study_context(task)
    key = describe_study(
        task, results=wiring.results(), jobs=wiring.jobs(), knowledge=wiring.knowledge()
    )
    return DescriptionReference(
        description_key=key, seconds=round(time.perf_counter() - started, 3)
    ).model_dump()
