"""Starts one analysis for each uploaded object (S3 -> SQS -> here -> Step Functions)."""

import json
from typing import Any
from urllib.parse import unquote_plus

from aws_lambda_powertools.utilities.batch import (
    BatchProcessor,
    EventType,
    process_partial_response,
)
from aws_lambda_powertools.utilities.batch.types import PartialItemFailureResponse
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
from aws_lambda_powertools.utilities.idempotency import (
    DynamoDBPersistenceLayer,
    IdempotencyConfig,
    idempotent_function,
)
from aws_lambda_powertools.utilities.typing import LambdaContext

from mri_analysis import wiring
from mri_analysis.contracts.tasks import UploadedObject
from mri_analysis.errors import AnalysisError
from mri_analysis.observability import logger, metrics, tracer
from mri_analysis.settings import settings
from mri_analysis.use_cases.start_analysis import start_analysis

# A batch that fails whole is answered message by message too: the error raised instead would carry
# the text of every failure into the log.
processor = BatchProcessor(event_type=EventType.SQS, raise_on_entire_batch_failure=False)
idempotency = IdempotencyConfig(expires_after_seconds=24 * 3600)
persistence = DynamoDBPersistenceLayer(table_name=settings().idempotency_table)


@logger.inject_lambda_context(log_event=False)
@tracer.capture_lambda_handler(capture_response=False)
@metrics.log_metrics(capture_cold_start_metric=True)
def handler(event: dict[str, Any], context: LambdaContext) -> PartialItemFailureResponse:
    """Start an analysis for each message; answer the messages that must come again."""
    idempotency.register_lambda_context(context)
    return process_partial_response(event, start_from_message, processor, context)


def start_from_message(record: SQSRecord) -> None:
    """Handle one message; say why one could not be, by code and never by key: keys hold names."""
    try:
        _start_from_notification(record)
    except Exception as error:
        code = error.code if isinstance(error, AnalysisError) else type(error).__name__
        logger.error("message not handled; it comes again", message_id=record.message_id, code=code)
        metrics.add_metric(name="UploadNotStarted", unit="Count", value=1)
        raise


def _start_from_notification(record: SQSRecord) -> None:
    """One SQS message holds one S3 notification, which may hold several objects."""
    notification = json.loads(record.body)
    if notification.get("Event") == "s3:TestEvent":
        logger.info("test event of the bucket skipped")
        return
    for entry in notification["Records"]:
        start_from_upload(upload=_uploaded_object(entry))


@idempotent_function(
    data_keyword_argument="upload", config=idempotency, persistence_store=persistence
)
def start_from_upload(upload: dict[str, Any]) -> dict[str, str]:
    """Start the analysis of one object version; a duplicate of the event is answered from the
    table.
    """
    started = start_analysis(
        UploadedObject(bucket=upload["bucket"], key=upload["key"], version_id=upload["version_id"]),
        images=wiring.images(),
        jobs=wiring.jobs(),
        workflow=wiring.workflow(),
    )
    logger.info(
        "upload received",
        organization_id=started.study.organization_id,
        job_id=started.study.job_id,
        outcome=started.outcome,
    )
    name = started.outcome.title().replace("_", "")
    metrics.add_metric(name=f"Upload{name}", unit="Count", value=1)
    return {"job_id": started.study.job_id, "outcome": started.outcome}


def _uploaded_object(entry: dict[str, Any]) -> dict[str, Any]:
    """Bucket, key, version and entity tag. Keys in S3 events are URL-encoded."""
    stored = entry["s3"]["object"]
    return {
        "bucket": entry["s3"]["bucket"]["name"],
        "key": unquote_plus(stored["key"]),
        "version_id": stored.get("versionId"),
        # Two versions of equal content differ in the sequencer where there is no version id.
        "etag": stored.get("eTag"),
        "sequencer": stored.get("sequencer"),
    }
