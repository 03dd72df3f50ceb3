"""The only logger and metrics of the functions. They carry ids, never content or file names."""

from aws_lambda_powertools import Logger, Metrics

from mri_analysis.contracts.tasks import StudyTask
from mri_analysis.tracing import tracer

logger = Logger(utc=True)
metrics = Metrics()


def study_context(task: StudyTask) -> None:
    """Put the study's ids on every log line and trace of this invocation."""
    logger.append_keys(organization_id=task.organization_id, job_id=task.job_id)
    tracer.put_annotation("job_id", task.job_id)
