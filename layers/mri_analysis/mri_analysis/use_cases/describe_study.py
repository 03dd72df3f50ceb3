"""Put a segmented study into words, from its measurements alone."""

from mri_analysis.contracts.job import JobStatus
from mri_analysis.contracts.segmentation import Measurements
from mri_analysis.contracts.tasks import DescribeTask
from mri_analysis.keys import StudyKeys
from mri_analysis.ports.jobs import JobRepository
from mri_analysis.ports.knowledge import KnowledgeBase
from mri_analysis.ports.storage import ObjectStore
from mri_analysis.reporting.describe import describe


def describe_study(
    task: DescribeTask, *, results: ObjectStore, jobs: JobRepository, knowledge: KnowledgeBase
) -> str:
    """Write ``description.json`` and answer its key."""
    jobs.advance(task.organization_id, task.job_id, JobStatus.CONVERTING)
    measurements = Measurements.model_validate_json(results.get(task.measurements_key))
    description = describe(measurements, knowledge.references())
    key = StudyKeys(task.organization_id, task.job_id).description
    results.put(key, description.model_dump_json(indent=1).encode(), "application/json")
    return key
