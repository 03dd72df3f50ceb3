"""Store a finished analysis: one transaction, and the same row when it is tried again."""

from datetime import UTC, datetime
from typing import Any

from mri_analysis.contracts.report import Description, Report
from mri_analysis.contracts.segmentation import Measurements
from mri_analysis.contracts.tasks import StoreTask
from mri_analysis.ports.jobs import AnalysisResult, JobRepository
from mri_analysis.ports.storage import ObjectStore


def store_results(task: StoreTask, *, results: ObjectStore, jobs: JobRepository) -> str:
    """Write the result row, complete the job, answer the result id."""
    description = Description.model_validate_json(results.get(task.description_key))
    report = Report.model_validate_json(results.get(task.report_key))
    measurements = Measurements.model_validate_json(results.get(task.segmentation.measurements_key))
    return jobs.complete(
        AnalysisResult(
            organization_id=task.organization_id,
            job_id=task.job_id,
            segmentation_result_key=task.segmentation.labels_key,
            measurements_key=task.segmentation.measurements_key,
            montage_key=task.segmentation.montage_key,
            report_key=task.report_key,
            image_description=description.text,
            enhanced_report=results.get(task.report_markdown_key).decode(),
            confidence_scores=report.confidence_scores,
            processing_metrics=_processing_metrics(task, measurements),
        )
    )


def _processing_metrics(task: StoreTask, measurements: Measurements) -> dict[str, Any]:
    started = datetime.fromisoformat(task.execution_started_at)
    return {
        "stage_seconds": task.stage_seconds,
        "segmentation_seconds": measurements.engine.seconds,
        "segmentation_cpu_seconds": measurements.engine.cpu_seconds,
        "seconds_until_stored": round((datetime.now(UTC) - started).total_seconds(), 3),
        "engine": measurements.engine.name,
        "engine_version": measurements.engine.version,
        "weights_sha256": measurements.engine.weights_sha256,
        "quality_verdict": measurements.quality.verdict.value,
    }
