"""Which adapter fills which port, from the settings. Built on first use and kept for the
environment.

Adapters are imported where they are built: a function pays only for what it uses, and SQLAlchemy
alone costs a quarter of a second of cold start.
"""

from functools import cache
from typing import TYPE_CHECKING

import boto3

from mri_analysis.adapters.aws_errors import ANNOUNCEMENT_CONFIG, CLIENT_CONFIG, EMBEDDING_CONFIG
from mri_analysis.settings import settings

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.circuit_breaker.persistence import (
        CircuitBreakerDynamoDBPersistence,
    )
    from sqlalchemy import Engine

    from mri_analysis.adapters.bedrock_embedder import BedrockEmbedder
    from mri_analysis.adapters.dynamodb_callbacks import DynamoDbCallbackStore
    from mri_analysis.adapters.dynamodb_connections import DynamoDbConnections
    from mri_analysis.adapters.dynamodb_releases import DeployedReleases
    from mri_analysis.adapters.dynamodb_tickets import DynamoDbTickets
    from mri_analysis.adapters.opensearch_connection import OpenSearchConnection, Patience
    from mri_analysis.adapters.opensearch_index import OpenSearchIndex
    from mri_analysis.adapters.opensearch_knowledge import OpenSearchKnowledge
    from mri_analysis.adapters.s3_download_links import S3DownloadLinks
    from mri_analysis.adapters.s3_object_store import S3ObjectStore
    from mri_analysis.adapters.s3_upload_forms import S3UploadForms
    from mri_analysis.adapters.sagemaker_endpoint import SageMakerSegmentationEndpoint
    from mri_analysis.adapters.searched_knowledge import Breaker
    from mri_analysis.adapters.sns_notifier import SnsNotifier
    from mri_analysis.adapters.sql_operations import SqlOperations
    from mri_analysis.adapters.sql_review_repository import SqlReviewRepository
    from mri_analysis.adapters.sql_study_catalogue import SqlStudyCatalogue
    from mri_analysis.adapters.sqlite_knowledge import SqliteKnowledge
    from mri_analysis.adapters.sqs_export_orders import SqsExportOrders
    from mri_analysis.adapters.sqs_queues import SqsQueues
    from mri_analysis.adapters.step_functions import StepFunctionsTaskTokens, StepFunctionsWorkflow
    from mri_analysis.adapters.websocket_push import WebSocketPush
    from mri_analysis.ports.components import Component
    from mri_analysis.ports.jobs import JobRepository
    from mri_analysis.ports.knowledge import KnowledgeBase
    from mri_analysis.ports.language_model import LanguageModel, OutputGuardrail
    from mri_analysis.reporting.model_cost import TokenPrices
    from mri_analysis.use_cases.observe_study import Observer


@cache
def images() -> "S3ObjectStore":
    """The bucket of uploads."""
    from mri_analysis.adapters.s3_object_store import S3ObjectStore

    return S3ObjectStore(boto3.client("s3", config=CLIENT_CONFIG), settings().images_bucket)


@cache
def originals() -> "S3ObjectStore":
    """What is kept of original DICOM studies: the same bucket, under a key of their own."""
    from mri_analysis.adapters.s3_object_store import S3ObjectStore

    chosen = settings()
    client = boto3.client("s3", config=CLIENT_CONFIG)
    return S3ObjectStore(client, chosen.images_bucket, chosen.originals_key_arn)


@cache
def results() -> "S3ObjectStore":
    """The bucket of prepared images and results."""
    from mri_analysis.adapters.s3_object_store import S3ObjectStore

    return S3ObjectStore(boto3.client("s3", config=CLIENT_CONFIG), settings().results_bucket)


@cache
def jobs() -> "JobRepository":
    """The database; changes are announced to the browsers that watch."""
    from mri_analysis.adapters.announced_jobs import AnnouncedJobs
    from mri_analysis.adapters.sns_notifier import SnsNotifier
    from mri_analysis.adapters.sql_job_repository import SqlJobRepository

    kept = SqlJobRepository(_database())
    topic = settings().study_changes_topic_arn
    if not topic:
        return kept
    return AnnouncedJobs(kept, SnsNotifier(boto3.client("sns", config=ANNOUNCEMENT_CONFIG), topic))


@cache
def studies() -> "SqlStudyCatalogue":
    """The database, as the reading room looks at it."""
    from mri_analysis.adapters.sql_study_catalogue import SqlStudyCatalogue

    return SqlStudyCatalogue(_database())


@cache
def operations() -> "SqlOperations":
    """The same database, as an administrator looks at it."""
    from mri_analysis.adapters.sql_operations import SqlOperations

    return SqlOperations(_database())


@cache
def queues() -> "SqsQueues":
    """The queues of the deployment."""
    from mri_analysis.adapters.sqs_queues import SqsQueues
    from mri_analysis.contracts.operations import QueueName

    known = settings()
    urls = {
        QueueName.UPLOADS: known.upload_queue_url,
        QueueName.UPLOAD_DEAD_LETTERS: known.upload_dead_letter_queue_url,
        QueueName.CALLBACK_DEAD_LETTERS: known.callback_dead_letter_queue_url,
        QueueName.EVENT_DEAD_LETTERS: known.event_dead_letter_queue_url,
        QueueName.EXPORTS: known.export_queue_url,
        QueueName.EXPORT_DEAD_LETTERS: known.export_dead_letter_queue_url,
    }
    return SqsQueues(boto3.client("sqs", config=CLIENT_CONFIG), urls)


@cache
def export_orders() -> "SqsExportOrders":
    """The queue of files that somebody asked for."""
    from mri_analysis.adapters.sqs_export_orders import SqsExportOrders

    client = boto3.client("sqs", config=CLIENT_CONFIG)
    return SqsExportOrders(client, settings().export_queue_url)


@cache
def reviews() -> "SqlReviewRepository":
    """Reviews of reports, in the same database."""
    from mri_analysis.adapters.sql_review_repository import SqlReviewRepository

    return SqlReviewRepository(_database())


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


def observer() -> "Observer | None":
    """The vision-language model; None where no endpoint is configured."""
    if not settings().vision_language_endpoint_name:
        return None
    return _observer()


@cache
def _observer() -> "Observer":
    from aws_lambda_powertools.utilities.circuit_breaker.persistence import (
        CircuitBreakerDynamoDBPersistence,
    )

    from mri_analysis.adapters.sagemaker_endpoint import SageMakerVisionLanguageEndpoint
    from mri_analysis.contracts.observations import ReadingKind
    from mri_analysis.use_cases.observe_study import Observer

    chosen = settings()
    endpoint = SageMakerVisionLanguageEndpoint(
        boto3.client("sagemaker-runtime", config=CLIENT_CONFIG),
        chosen.vision_language_endpoint_name,
        chosen.vision_language_timeout_seconds,
        CircuitBreakerDynamoDBPersistence(
            table_name=chosen.circuit_breaker_table, boto_config=CLIENT_CONFIG
        ),
    )
    generative = chosen.vision_language_contract == "chat"
    return Observer(
        endpoint,
        callbacks(),
        ReadingKind.GENERATIVE if generative else ReadingKind.ZERO_SHOT,
        chosen.vision_language_model,
    )


def knowledge() -> "KnowledgeBase":
    """The knowledge base for one study: the snapshot, behind a search service where one is set."""
    if not settings().knowledge_search_url:
        return knowledge_snapshot()
    from mri_analysis.adapters.searched_knowledge import SearchedKnowledge

    return SearchedKnowledge(
        knowledge_snapshot(),
        passage_search(settings().knowledge_search_url),
        _search_breaker(),
        settings().knowledge_search_seconds,
    )


@cache
def knowledge_snapshot() -> "SqliteKnowledge":
    """The snapshot of the knowledge base."""
    from mri_analysis.adapters.sqlite_knowledge import SqliteKnowledge

    return SqliteKnowledge(settings().knowledge_snapshot_path)


@cache
def embedder() -> "BedrockEmbedder | None":
    """What turns texts into vectors; None where words must do."""
    from mri_analysis.adapters.bedrock_embedder import BedrockEmbedder

    chosen = settings()
    if not chosen.embedding_model_id:
        return None
    client = boto3.client("bedrock-runtime", config=EMBEDDING_CONFIG)
    return BedrockEmbedder(client, chosen.embedding_model_id, chosen.embedding_dimension)


def search_index(url: str) -> "OpenSearchIndex":
    """The search index at ``url``, to be written."""
    from mri_analysis.adapters.opensearch_connection import INDEXING
    from mri_analysis.adapters.opensearch_index import OpenSearchIndex

    connection = _search_connection(url, INDEXING)
    return OpenSearchIndex(connection, settings().knowledge_index, embedder())


@cache
def passage_search(url: str) -> "OpenSearchKnowledge":
    """The search index at ``url``, to be searched."""
    from mri_analysis.adapters.opensearch_connection import SEARCHING
    from mri_analysis.adapters.opensearch_knowledge import OpenSearchKnowledge

    connection = _search_connection(url, SEARCHING)
    return OpenSearchKnowledge(connection, settings().knowledge_index, embedder())


@cache
def language_model() -> "LanguageModel | None":
    """Who drafts reports; None where fixed rules compose them.

    Raises
    ------
    SettingInvalid
        Two models are set, or one without what it needs.
    """
    from mri_analysis.errors import SettingInvalid

    chosen = settings()
    if chosen.bedrock_model_id and chosen.llm_url:
        raise SettingInvalid("BedrockModelId and LlmUrl are both set: one model writes reports.")
    if chosen.bedrock_model_id:
        return _bedrock_language_model()
    if chosen.llm_url:
        return _openai_language_model()
    return None


@cache
def output_guardrail() -> "OutputGuardrail | None":
    """Who reads a drafted report before it is kept; None where nobody is set."""
    from mri_analysis.adapters.bedrock_guardrail import BedrockGuardrail
    from mri_analysis.adapters.bedrock_language_model import BEDROCK_CONFIG

    chosen = settings()
    if not chosen.bedrock_guardrail_id:
        return None
    return BedrockGuardrail(
        boto3.client("bedrock-runtime", config=BEDROCK_CONFIG),
        chosen.bedrock_guardrail_id,
        chosen.bedrock_guardrail_version,
    )


def token_prices() -> "TokenPrices":
    """What the language model's tokens cost, as far as somebody told."""
    from mri_analysis.reporting.model_cost import TokenPrices

    chosen = settings()
    return TokenPrices(
        chosen.language_model_input_price,
        chosen.language_model_output_price,
        chosen.language_model_cached_input_price,
    )


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
def download_links() -> "S3DownloadLinks":
    """Addresses with which a browser gets a file of a study."""
    from mri_analysis.adapters.s3_download_links import S3DownloadLinks
    from mri_analysis.adapters.s3_upload_forms import regional_client

    return S3DownloadLinks(regional_client(), settings().results_bucket)


@cache
def export_links() -> "S3DownloadLinks":
    """Addresses with which a browser gets a file that was made for it."""
    from mri_analysis.adapters.s3_download_links import S3DownloadLinks
    from mri_analysis.adapters.s3_upload_forms import regional_client

    return S3DownloadLinks(regional_client(), settings().images_bucket)


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


def _bedrock_language_model() -> "LanguageModel":
    from mri_analysis.adapters.bedrock_language_model import BEDROCK_CONFIG, BedrockLanguageModel

    chosen = settings()
    return BedrockLanguageModel(
        boto3.client("bedrock-runtime", config=BEDROCK_CONFIG),
        chosen.bedrock_model_id,
        _language_model_breaker(),
        prompt_cache=chosen.bedrock_prompt_cache,
        strict_tool=chosen.bedrock_strict_tool,
        temperature=chosen.bedrock_temperature,
        deadline_seconds=chosen.language_model_deadline_seconds,
    )


def _openai_language_model() -> "LanguageModel":
    from mri_analysis.adapters.openai_language_model import ChatServer, OpenAiLanguageModel
    from mri_analysis.errors import SettingInvalid

    chosen = settings()
    if not chosen.llm_model:
        raise SettingInvalid("LlmModel is missing: name the model of the server at LlmUrl.")
    return OpenAiLanguageModel(
        ChatServer.at(chosen.llm_url),
        chosen.llm_model,
        _language_model_breaker(),
        api_key=_llm_api_key(),
        ca_file=chosen.llm_ca_file,
        answer_form=chosen.llm_answer_form,
        deadline_seconds=chosen.language_model_deadline_seconds,
    )


def _language_model_breaker() -> "CircuitBreakerDynamoDBPersistence | None":
    from aws_lambda_powertools.utilities.circuit_breaker.persistence import (
        CircuitBreakerDynamoDBPersistence,
    )

    if not settings().circuit_breaker_table:
        return None
    return CircuitBreakerDynamoDBPersistence(
        table_name=settings().circuit_breaker_table, boto_config=CLIENT_CONFIG
    )


@cache
def subject_key() -> bytes:
    """What hashes of subjects are made with.

    Raises
    ------
    SettingInvalid
        No secret is named, or it is too short to be a key.
    """
    from mri_analysis.adapters.aws_errors import transient_as
    from mri_analysis.errors import ServiceUnavailable, SettingInvalid

    arn = settings().subject_key_secret_arn
    if not arn:
        raise SettingInvalid("SUBJECT_KEY_SECRET_ARN is missing: subjects need their key.")
    client = boto3.client("secretsmanager", config=CLIENT_CONFIG)
    with transient_as(ServiceUnavailable, "The key of the subjects could not be read."):
        found = client.get_secret_value(SecretId=arn)
    key = str(found.get("SecretString", "")).encode()
    if len(key) < 32:
        raise SettingInvalid("The secret of SUBJECT_KEY_SECRET_ARN is shorter than 32 signs.")
    return key


def _llm_api_key() -> str:
    from mri_analysis.adapters.aws_errors import transient_as
    from mri_analysis.errors import ServiceUnavailable, SettingInvalid

    chosen = settings()
    if not chosen.llm_api_key_secret_arn:
        return chosen.llm_api_key
    client = boto3.client("secretsmanager", config=CLIENT_CONFIG)
    with transient_as(ServiceUnavailable, "The language model's key could not be read."):
        found = client.get_secret_value(SecretId=chosen.llm_api_key_secret_arn)
    key = str(found.get("SecretString", "")).strip()
    if not key.isascii() or not key.isprintable() or " " in key:
        raise SettingInvalid("The secret of LlmApiKeySecretArn is no key: one line of plain signs.")
    return key


def _search_connection(url: str, patience: "Patience") -> "OpenSearchConnection":
    from mri_analysis.adapters.opensearch_connection import OpenSearchConnection

    chosen = settings()
    session = boto3.Session()
    return OpenSearchConnection(
        url,
        chosen.knowledge_search_service,
        session.region_name or "",
        session.get_credentials(),
        patience,
    )


@cache
def _search_breaker() -> "Breaker | None":
    from aws_lambda_powertools.utilities.circuit_breaker.persistence import (
        CircuitBreakerDynamoDBPersistence,
    )

    from mri_analysis.adapters.searched_knowledge import search_breaker

    chosen = settings()
    if not chosen.circuit_breaker_table:
        return None
    return search_breaker(
        chosen.knowledge_index,
        CircuitBreakerDynamoDBPersistence(
            table_name=chosen.circuit_breaker_table, boto_config=CLIENT_CONFIG
        ),
    )


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
    if chosen.llm_url:
        found.append(
            probes.LanguageServerProbe(
                chosen.llm_url, chosen.llm_model, _llm_api_key(), chosen.llm_ca_file
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
                chosen.embedding_model_id,
                chosen.embedding_dimension,
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
