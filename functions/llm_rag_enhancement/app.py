"""Writes the cited draft report (state ``EnhanceWithLLM``)."""

import time
from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from mri_analysis import wiring
from mri_analysis.contracts.tasks import ReportReference, ReportTask
from mri_analysis.keys import StudyKeys
from mri_analysis.observability import logger, metrics, study_context, tracer
from mri_analysis.use_cases.write_report import write_report


@logger.inject_lambda_context(log_event=False)
@tracer.capture_lambda_handler(capture_response=False)
@metrics.log_metrics(capture_cold_start_metric=True)
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Write ``report.json`` and ``report.md``; answer their keys."""
    started = time.perf_counter()
    task = ReportTask.model_validate(event)
    study_context(task)
    write_report(task, results=wiring.results(), jobs=wiring.jobs(), knowledge=wiring.knowledge())
    keys = StudyKeys(task.organization_id, task.job_id)
    return ReportReference(
        report_key=keys.report,
        report_markdown_key=keys.report_markdown,
        seconds=round(time.perf_counter() - started, 3),
    ).model_dump()
