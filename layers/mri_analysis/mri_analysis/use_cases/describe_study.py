"""Put a segmented study into words, from its measurements alone, and ask a vision-language model
about its pictures where there is one.
"""

import time
from collections.abc import Callable

from mri_analysis.contracts.job import JobStatus
from mri_analysis.contracts.observations import ReadingStatus
from mri_analysis.contracts.report import Description
from mri_analysis.contracts.segmentation import Measurements
from mri_analysis.contracts.tasks import (
    DescribeTask,
    DescribeTaskWithoutToken,
    DescriptionReference,
)
from mri_analysis.keys import StudyKeys
from mri_analysis.ports.jobs import JobRepository
from mri_analysis.ports.knowledge import KnowledgeBase
from mri_analysis.ports.segmentation import TaskTokens
from mri_analysis.ports.storage import ObjectStore
from mri_analysis.reporting.describe import describe
from mri_analysis.use_cases.observe_study import Observer, ask, store_description


def describe_study(
    task: DescribeTask,
    *,
    results: ObjectStore,
    jobs: JobRepository,
    knowledge: KnowledgeBase,
    task_tokens: TaskTokens,
    observer: Observer | None,
    now: Callable[[], float] = time.time,
) -> ReadingStatus | None:
    """Write ``description.json`` and let the state go on, at once or with the model's answer.

    Parameters
    ----------
    observer
        None where no vision-language model is configured.
    now
        Unix time.

    Returns
    -------
    ReadingStatus or None
        ``PENDING`` where the state waits for the model; None without one.
    """
    started = now()
    description = _measured(task, results, jobs, knowledge)
    key = StudyKeys(task.organization_id, task.job_id).description
    status = None
    if observer is None:
        store_description(results, key, description)
    else:
        status = _described_and_asked(task, description, results, observer, started)
    if status is not ReadingStatus.PENDING:
        seconds = round(now() - started, 3)
        task_tokens.succeed(
            task.task_token, DescriptionReference(description_key=key, seconds=seconds)
        )
    return status


def describe_without_token(
    task: DescribeTaskWithoutToken,
    *,
    results: ObjectStore,
    jobs: JobRepository,
    knowledge: KnowledgeBase,
    now: Callable[[], float] = time.time,
) -> DescriptionReference:
    """Write ``description.json`` for a state that waits for this answer, and so for no model."""
    started = now()
    key = StudyKeys(task.organization_id, task.job_id).description
    store_description(results, key, _measured(task, results, jobs, knowledge))
    return DescriptionReference(description_key=key, seconds=round(now() - started, 3))


def _measured(
    task: DescribeTask | DescribeTaskWithoutToken,
    results: ObjectStore,
    jobs: JobRepository,
    knowledge: KnowledgeBase,
) -> Description:
    jobs.advance(task.organization_id, task.job_id, JobStatus.CONVERTING)
    measurements = Measurements.model_validate_json(results.get(task.measurements_key))
    return describe(measurements, knowledge.references())


def _described_and_asked(
    task: DescribeTask,
    description: Description,
    results: ObjectStore,
    observer: Observer,
    asked_at: float,
) -> ReadingStatus:
    key = StudyKeys(task.organization_id, task.job_id).description
    # First: the answer can be quick, and is merged into what lies there.
    reading = observer.reading(ReadingStatus.PENDING)
    store_description(results, key, description.model_copy(update={"reading": reading}))
    status = ask(task, results=results, observer=observer, asked_at=asked_at)
    if status is not ReadingStatus.PENDING:
        reading = observer.reading(status)
        store_description(results, key, description.model_copy(update={"reading": reading}))
    return status
