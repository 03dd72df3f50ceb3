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
            processing_metrics=_processing_metrics(task, measurements, description, report),
        )
    )


def _processing_metrics(
    task: StoreTask, measurements: Measurements, description: Description, report: Report
) -> dict[str, Any]:
    """What the analysis took and which models took part, for those who run it.

    A model that nobody asked is null; rows of earlier releases lack the names of models.
    """
    started = datetime.fromisoformat(task.execution_started_at)
    engine, reading = measurements.engine, description.reading
    return {
        "stage_seconds": task.stage_seconds,
        "segmentation_seconds": engine.seconds,
        "segmentation_cpu_seconds": engine.cpu_seconds,
        "seconds_until_stored": round((datetime.now(UTC) - started).total_seconds(), 3),
        "engine": engine.name,
        "engine_version": engine.version,
        "weights_sha256": engine.weights_sha256,
        "contrast": measurements.contrast.value,
        "quality_verdict": measurements.quality.verdict.value,
        "knowledge_version": report.provenance.get("knowledge", {}).get("version"),
        "language_model": None
        if report.language_model is None
        else report.language_model.model_dump(mode="json", exclude={"reason", "broken_rules"}),
        "vision_language_model": None
        if reading is None
        else reading.model_dump(mode="json", include={"model", "prompt_version", "kind", "status"}),
    }
