"""Checks and scrubs an upload (state ``PrepareStudy``)."""

import time
from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from mri_analysis import wiring
from mri_analysis.contracts.tasks import AnalysisInput, PreparedReference
from mri_analysis.keys import StudyKeys
from mri_analysis.observability import logger, metrics, study_context, tracer
from mri_analysis.settings import settings
from mri_analysis.use_cases.prepare_study import prepare_study


@logger.inject_lambda_context(log_event=False)
@tracer.capture_lambda_handler(capture_response=False)
@metrics.log_metrics(capture_cold_start_metric=True)
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Write the prepared image and ``study.json``; answer their keys."""
    started = time.perf_counter()
    task = AnalysisInput.model_validate(event)
    study_context(task)
    study = prepare_study(
        task,
        images=wiring.images(),
        results=wiring.results(),
        originals=wiring.originals(),
        max_upload_bytes=settings().max_upload_bytes,
        max_voxels=settings().max_voxels,
        quarantine=settings().quarantine_dicom_uploads,
    )
    return PreparedReference(
        study_key=StudyKeys(task.organization_id, task.job_id).study,
        image_key=study.image_key,
        seconds=round(time.perf_counter() - started, 3),
    ).model_dump()
