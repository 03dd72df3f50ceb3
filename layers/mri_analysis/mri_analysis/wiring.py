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
    from sqlalchemy import Engine

    from mri_analysis.adapters.dynamodb_callbacks import DynamoDbCallbackStore
    from mri_analysis.adapters.dynamodb_connections import DynamoDbConnections
    from mri_analysis.adapters.dynamodb_releases import DeployedReleases
    from mri_analysis.adapters.dynamodb_tickets import DynamoDbTickets
    from mri_analysis.adapters.s3_object_store import S3ObjectStore
    from mri_analysis.adapters.s3_upload_forms import S3UploadForms
    from mri_analysis.adapters.sagemaker_endpoint import SageMakerSegmentationEndpoint
    from mri_analysis.adapters.sns_notifier import SnsNotifier
    from mri_analysis.adapters.sql_job_repository import SqlJobRepository
    from mri_analysis.adapters.sqlite_knowledge import SqliteKnowledge
    from mri_analysis.adapters.step_functions import StepFunctionsTaskTokens, StepFunctionsWorkflow
    from mri_analysis.adapters.websocket_push import WebSocketPush
    from mri_analysis.ports.components import Component


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
    from mri_analysis.adapters.sql_job_repository import SqlJobRepository

    return SqlJobRepository(_database())


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
def segmentation_endpoint(*, challenger: bool = False) -> "SageMakerSegmentationEndpoint":
    """The segmentation endpoint, or the one it is compared with, behind its own circuit breaker."""
    from aws_lambda_powertools.utilities.circuit_breaker.persistence import (
        CircuitBreakerDynamoDBPersistence,
    )

    from mri_analysis.adapters.sagemaker_endpoint import SageMakerSegmentationEndpoint

    return SageMakerSegmentationEndpoint(
        boto3.client("sagemaker-runtime", config=CLIENT_CONFIG),
        settings().segmentation_challenger_endpoint_name
        if challenger
        else settings().segmentation_endpoint_name,
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


@cache
def upload_forms() -> "S3UploadForms":
    """Forms with which a browser puts an upload."""
    from mri_analysis.adapters.s3_upload_forms import S3UploadForms, regional_client

    return S3UploadForms(regional_client(), settings().images_bucket, settings().upload_key_arn)


@cache
def tickets() -> "DynamoDbTickets":
    """Tickets that open a socket for live updates."""
    from mri_analysis.adapters.dynamodb_tickets import DynamoDbTickets

    client = boto3.client("dynamodb", config=CLIENT_CONFIG)
    return DynamoDbTickets(client, settings().ticket_table)


@cache
def connections() -> "DynamoDbConnections":
    """Open sockets by organization."""
    from mri_analysis.adapters.dynamodb_connections import DynamoDbConnections

    client = boto3.client("dynamodb", config=CLIENT_CONFIG)
    return DynamoDbConnections(client, settings().connection_table)


@cache
def push() -> "WebSocketPush":
    """Messages to open sockets."""
    from mri_analysis.adapters.websocket_push import WebSocketPush, management_client

    return WebSocketPush(management_client(settings().websocket_management_url))


@cache
def database_owner() -> "Engine":
    """The database, signed in as who may change its schema."""
    from mri_analysis.adapters.database_connection import connect, stored_secret

    chosen = settings()
    secret_arn = chosen.database_owner_secret_arn or chosen.database_secret_arn
    credentials = None
    if secret_arn:
        client = boto3.client("secretsmanager", config=CLIENT_CONFIG)
        credentials = stored_secret(client, secret_arn)
    # A migration may rewrite a large table; the function itself ends after ten minutes.
    return connect(
        chosen.database_url, credentials, chosen.database_ca_file, statement_timeout_s=540
    )


def application_user() -> str | None:
    """Who the functions sign in as, where the owner is somebody else."""
    from sqlalchemy import make_url

    if settings().database_sign_in != "iam":
        return None
    return make_url(settings().database_url).username


def deployed_releases(step: str) -> "DeployedReleases":
    """How earlier releases fared in one step of a deployment."""
    from mri_analysis.adapters.dynamodb_releases import DeployedReleases

    client = boto3.client("dynamodb", config=CLIENT_CONFIG)
    return DeployedReleases(client, settings().idempotency_table, step)


def components() -> "list[Component]":
    """Everything this deployment rests on, as it is configured."""
    from mri_analysis.adapters import component_probes as probes
    from mri_analysis.adapters.sql_tables import SCHEMA_REVISION

    chosen = settings()
    found: list[Component] = [
        probes.DatabaseProbe(_database(), SCHEMA_REVISION),
        probes.KnowledgeSnapshotProbe(chosen.knowledge_snapshot_path),
    ]
    sagemaker = boto3.client("sagemaker", config=CLIENT_CONFIG)
    for name, purpose in (
        (chosen.segmentation_endpoint_name, "segmentation"),
        (chosen.segmentation_challenger_endpoint_name, "challenger segmentation"),
        (chosen.vision_language_endpoint_name, "vision-language"),
    ):
        if name:
            found.append(probes.EndpointProbe(sagemaker, name, purpose))
    if chosen.bedrock_model_id:
        bedrock = boto3.client("bedrock", config=CLIENT_CONFIG)
        found.append(probes.BedrockModelProbe(bedrock, chosen.bedrock_model_id))
        if chosen.bedrock_guardrail_id:
            found.append(
                probes.GuardrailProbe(
                    bedrock, chosen.bedrock_guardrail_id, chosen.bedrock_guardrail_version
                )
            )
    if chosen.knowledge_search_url:
        found.append(
            probes.KnowledgeIndexProbe(
                chosen.knowledge_search_url,
                chosen.knowledge_index,
                chosen.knowledge_search_service,
                sagemaker.meta.region_name,
                chosen.require_knowledge_index,
            )
        )
    return found


@cache
def _database() -> "Engine":
    from mri_analysis.adapters.database_connection import connect, iam_token, stored_secret

    chosen = settings()
    if chosen.database_sign_in == "iam":
        token = iam_token(boto3.client("rds", config=CLIENT_CONFIG))
        return connect(chosen.database_url, token, chosen.database_ca_file)
    if chosen.database_sign_in == "secret":
        client = boto3.client("secretsmanager", config=CLIENT_CONFIG)
        credentials = stored_secret(client, chosen.database_secret_arn)
        return connect(chosen.database_url, credentials, chosen.database_ca_file)
    return connect(chosen.database_url)
