"""What an administrator gets from the REST API about many studies. Versioned by its ``/v1``."""

from datetime import datetime
from enum import StrEnum

from pydantic import Field

from mri_analysis.contracts.base import Contract, Identifier
from mri_analysis.contracts.job import JobError, JobStatus
from mri_analysis.contracts.report import DraftOutcome


class StageTime(Contract):
    """How long studies stayed in one state of the analysis, in seconds of the clock."""

    stage: JobStatus = Field(description="The state they were in")
    ended: int = Field(description="Stays that the next state ended; the seconds are of these")
    failed: int = Field(description="Stays that a failure ended")
    median_seconds: float | None = Field(description="Null where none ended")
    p90_seconds: float | None = Field(
        description="90th percentile, the value of nearest rank; null for fewer than ten"
    )
    longest_seconds: float | None = Field(description="Null where none ended")


class WholeTime(Contract):
    """From the arrival of the scan, or its retry, to the draft report, in seconds."""

    ended: int
    median_seconds: float | None
    p90_seconds: float | None = Field(description="Null for fewer than ten")
    longest_seconds: float | None


class StateCount(Contract):
    """How many studies are in a state now."""

    status: JobStatus
    studies: int


class StageTimes(Contract):
    """Stage times of an organization, and where its studies are."""

    since: datetime = Field(description="Begin of the days that were asked for")
    complete: bool = Field(
        description="False where there were more than are read: then the newest are counted"
    )
    stages: list[StageTime]
    whole: WholeTime
    states: list[StateCount] = Field(description="Of the studies that were uploaded since then")


class QueueName(StrEnum):
    """A queue of the deployment. Messages in dead letters could not be delivered."""

    UPLOADS = "uploads"
    UPLOAD_DEAD_LETTERS = "upload_dead_letters"
    CALLBACK_DEAD_LETTERS = "callback_dead_letters"
    EVENT_DEAD_LETTERS = "event_dead_letters"
    EXPORTS = "exports"
    EXPORT_DEAD_LETTERS = "export_dead_letters"


class QueueDepth(Contract):
    """How many messages lie in a queue, as the service counts them: approximately."""

    queue: QueueName
    waiting: int = Field(description="Nobody has taken them yet")
    in_flight: int = Field(description="Taken, and not done")


class QueueDepths(Contract):
    """Queues of the whole deployment: of all its organizations together, without a word of them."""

    at: datetime
    queues: list[QueueDepth]


class FailedStudy(Contract):
    """A study that has no report, and why."""

    job_id: Identifier
    created_at: datetime
    failed_at: datetime
    error: JobError
    retry_may_help: bool = Field(
        description="False where the scan itself is the reason: another analysis ends as this one"
    )


class FailedStudies(Contract):
    """One page of failed studies, those that were uploaded last first."""

    studies: list[FailedStudy]
    next_cursor: str | None = Field(description="Asks for the next page; null on the last one")


class StudyCost(Contract):
    """What is known of the cost of one study. Null is not known, and not nothing."""

    job_id: Identifier
    created_at: datetime
    language_model_asked: bool | None = Field(description="False where none is configured")
    language_model_outcome: DraftOutcome | None
    language_model_usd: float | None = Field(
        description="US dollars by the prices that are set; 0 where no model was asked, null where "
        "tokens or prices are not known"
    )
    input_tokens: int | None
    cached_input_tokens: int | None
    output_tokens: int | None
    language_model_seconds: float | None
    segmentation_seconds: float | None = Field(description="Of the clock, without waiting")
    segmentation_cpu_seconds: float | None


class Total(Contract):
    """A sum over the studies of which the figure is known."""

    value: float | None = Field(description="Null where it is known of none")
    known: int = Field(description="Studies that it is a sum of")
    unknown: int = Field(description="Studies of which it is not known; they are not in the sum")


class StudyCosts(Contract):
    """What studies cost, as far as it is known by study.

    Start and idle time of an endpoint, storage, database and network are paid by the month and
    belong to no study: docs/costs.md estimates them.
    """

    since: datetime
    complete: bool = Field(description="False where there were more studies than are read")
    language_model_usd: Total
    segmentation_seconds: Total
    studies: list[StudyCost] = Field(description="The newest of them, as many as were asked for")


class ModelKind(StrEnum):
    """What takes part in an analysis."""

    SEGMENTATION = "segmentation"
    LANGUAGE_MODEL = "language_model"
    VISION_LANGUAGE_MODEL = "vision_language_model"
    KNOWLEDGE = "knowledge"


class ModelUse(Contract):
    """A model, or the knowledge base, in one version, and the studies that it took part in."""

    kind: ModelKind
    known: bool = Field(description="False for studies of an earlier release that did not keep it")
    name: str | None = Field(description="Null where no such model was asked, or is not known")
    version: str | None = Field(description="Of the engine or the knowledge base")
    weights_sha256: str | None
    contrast: str | None = Field(description="Of the scans, as the engine saw it")
    prompt_version: str | None
    studies: int
    first_used: datetime
    last_used: datetime


class ModelsInUse(Contract):
    """Everything that took part in the analyses of the organization's newest studies."""

    since: datetime
    complete: bool = Field(description="False where there were more studies than are read")
    studies: int = Field(description="Studies that were read")
    models: list[ModelUse]
