"""Which adapter fills which port, from the settings. Built on first use and kept for the
environment.

Adapters are imported where they are built: a function pays only for what it uses, and SQLAlchemy
alone costs a quarter of a second of cold start.
"""

from functools import cache
from typing import TYPE_CHECKING

import boto3

from mri_analysis.adapters.aws_errors import CLIENT_CONFIG
from mri_analysis.settings import settings

if TYPE_CHECKING:
    from mri_analysis.adapters.dynamodb_callbacks import DynamoDbCallbackStore
    from mri_analysis.adapters.s3_object_store import S3ObjectStore
    from mri_analysis.adapters.sagemaker_endpoint import SageMakerSegmentationEndpoint
    from mri_analysis.adapters.sns_notifier import SnsNotifier
    from mri_analysis.adapters.sql_job_repository import SqlJobRepository
    from mri_analysis.adapters.sqlite_knowledge import SqliteKnowledge
    from mri_analysis.adapters.step_functions import StepFunctionsTaskTokens, StepFunctionsWorkflow


@cache
def images() -> "S3ObjectStore":
    """The bucket of uploads."""
    from mri_analysis.adapters.s3_object_store import S3ObjectStore

    return S3ObjectStore(boto3.client("s3", config=CLIENT_CONFIG), settings().images_bucket)


@cache
def results() -> "S3ObjectStore":
    """The bucket of prepared images and results."""
    from mri_analysis.adapters.s3_object_store import S3ObjectStore

    return S3ObjectStore(boto3.client("s3", config=CLIENT_CONFIG), settings().results_bucket)


@cache
def jobs() -> "SqlJobRepository":
    """The database."""
    from mri_analysis.adapters.sql_job_repository import SqlJobRepository, connect

    return SqlJobRepository(connect(settings().database_url))


@cache
def workflow() -> "StepFunctionsWorkflow":
    """The state machine."""
    from mri_analysis.adapters.step_functions import StepFunctionsWorkflow

    client = boto3.client("stepfunctions", config=CLIENT_CONFIG)
    return StepFunctionsWorkflow(client, settings().state_machine_arn)


@cache
def task_tokens() -> "StepFunctionsTaskTokens":
    """States that wait for an answer."""
    from mri_analysis.adapters.step_functions import StepFunctionsTaskTokens

    return StepFunctionsTaskTokens(boto3.client("stepfunctions", config=CLIENT_CONFIG))


@cache
def callbacks() -> "DynamoDbCallbackStore":
    """Task tokens by inference id."""
    from mri_analysis.adapters.dynamodb_callbacks import DynamoDbCallbackStore

    client = boto3.client("dynamodb", config=CLIENT_CONFIG)
    return DynamoDbCallbackStore(client, settings().callback_table)


@cache
def segmentation_endpoint() -> "SageMakerSegmentationEndpoint":
    """The segmentation endpoint behind its circuit breaker."""
    from aws_lambda_powertools.utilities.circuit_breaker.persistence import (
        CircuitBreakerDynamoDBPersistence,
    )

    from mri_analysis.adapters.sagemaker_endpoint import SageMakerSegmentationEndpoint

    return SageMakerSegmentationEndpoint(
        boto3.client("sagemaker-runtime", config=CLIENT_CONFIG),
        settings().segmentation_endpoint_name,
        settings().segmentation_timeout_seconds,
        CircuitBreakerDynamoDBPersistence(
            table_name=settings().circuit_breaker_table, boto_config=CLIENT_CONFIG
        ),
    )


@cache
def knowledge() -> "SqliteKnowledge":
    """The snapshot of the knowledge base."""
    from mri_analysis.adapters.sqlite_knowledge import SqliteKnowledge

    return SqliteKnowledge(settings().knowledge_snapshot_path)


@cache
def notifier() -> "SnsNotifier":
    """The notification topic."""
    from mri_analysis.adapters.sns_notifier import SnsNotifier

    return SnsNotifier(boto3.client("sns", config=CLIENT_CONFIG), settings().notification_topic_arn)
