"""What the state machine hands to each stage and what the stage hands back: ids and keys, no
content.
"""

from typing import Any, Literal

from pydantic import BaseModel, Field

from mri_analysis.contracts.api import ExportFile
from mri_analysis.contracts.base import Contract, Identifier, S3Key
from mri_analysis.contracts.segmentation import SegmentationResponse


class StudyTask(Contract):
    """The part every stage shares."""

    schema_version: Literal[1] = 1
    organization_id: Identifier
    job_id: Identifier


class UploadedObject(Contract):
    """One version of one object in the images bucket."""

    bucket: str
    key: S3Key
    version_id: str | None = None
    series: int | None = Field(
        default=None, ge=1, description="of a DICOM upload, the one to analyse if a person chose it"
    )


class AnalysisInput(StudyTask):
    """Input of an execution, and of ``PrepareStudy``."""

    source: UploadedObject


class PreparedReference(Contract):
    """What ``PrepareStudy`` answers."""

    study_key: S3Key
    image_key: S3Key
    seconds: float


class SegmentTask(StudyTask):
    """Input of ``SegmentImage``."""

    task_token: str
    image_key: S3Key


class DescribeTask(StudyTask):
    """Input of ``ImageToText``.

    Version 2 added the task token and the pictures a vision-language model looks at.
    """

    schema_version: Literal[2] = 2  # type: ignore[assignment]
    task_token: str
    measurements_key: S3Key
    montage_key: S3Key
    slices_key: S3Key | None = Field(
        default=None, description="None for a segmentation container that draws no plain slices"
    )


class DescribeTaskWithoutToken(StudyTask):
    """Input of ``ImageToText`` in executions that a release before version 2 started.

    They keep their state machine, whose state takes the function's own answer.
    """

    measurements_key: S3Key


class DescriptionReference(Contract):
    """What ``ImageToText`` ends with."""

    description_key: S3Key
    seconds: float = Field(description="until the description was there, the model's time included")


class ReportTask(StudyTask):
    """Input of ``EnhanceWithLLM``."""

    study_key: S3Key
    measurements_key: S3Key
    description_key: S3Key


class ReportReference(Contract):
    """What ``EnhanceWithLLM`` answers."""

    report_key: S3Key
    report_markdown_key: S3Key
    seconds: float


class StoreTask(StudyTask):
    """Input of ``StoreResults``."""

    study_key: S3Key
    description_key: S3Key
    report_key: S3Key
    report_markdown_key: S3Key
    segmentation: SegmentationResponse
    stage_seconds: dict[str, float]
    execution_started_at: str


class StoredReference(Contract):
    """What ``StoreResults`` answers."""

    result_id: str
    seconds: float


class NotifyTask(StudyTask):
    """Input of ``NotifyUser``."""

    result_id: str


class FailureTask(StudyTask):
    """Input of ``HandleError``: the study and what the state machine caught."""

    error: dict[str, Any] = Field(description="'Error' and 'Cause' as the service gives them")


class StoppedExecution(BaseModel):
    """The part that matters of EventBridge's "Step Functions Execution Status Change"."""

    name: str
    status: Literal["ABORTED", "TIMED_OUT"]
    input: str = Field(description="the execution's input, as JSON")


class ExportOrder(StudyTask):
    """A message in the queue of exports: a file that somebody asked for."""

    file: ExportFile
    version: int = Field(ge=0, description="of the report that they look at")


class FailureReference(Contract):
    """What ``HandleError`` answers; ``Fail`` shows both."""

    code: str
    message: str
