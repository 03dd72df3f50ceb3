"""Stores a finished analysis in the database (state ``StoreResults``)."""

import time
from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from mri_analysis import wiring
from mri_analysis.contracts.tasks import StoredReference, StoreTask
from mri_analysis.observability import logger, metrics, study_context, tracer
from mri_analysis.use_cases.store_results import store_results


@logger.inject_lambda_context(log_event=False)
@tracer.capture_lambda_handler(capture_response=False)
@metrics.log_metrics(capture_cold_start_metric=True)
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Write the result in one transaction; answer its id."""
    started = time.perf_counter()
    task = StoreTask.model_validate(event)
    study_context(task)
    result_id = store_results(task, results=wiring.results(), jobs=wiring.jobs())
    metrics.add_metric(name="StudyCompleted", unit="Count", value=1)
    return StoredReference(
        result_id=result_id, seconds=round(time.perf_counter() - started, 3)
    ).model_dump()
