"""Makes files that somebody asked for (API -> SQS -> here -> images bucket)."""

from typing import Any

from aws_lambda_powertools.utilities.batch import (
    BatchProcessor,
    EventType,
    process_partial_response,
)
from aws_lambda_powertools.utilities.batch.types import PartialItemFailureResponse
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
from aws_lambda_powertools.utilities.typing import LambdaContext

from mri_analysis import wiring
from mri_analysis.contracts.tasks import ExportOrder
from mri_analysis.errors import AnalysisError, JobNotFound, ReportNotReady
from mri_analysis.observability import logger, metrics, study_context, tracer
from mri_analysis.use_cases.make_export import make_export

processor = BatchProcessor(event_type=EventType.SQS, raise_on_entire_batch_failure=False)


@logger.inject_lambda_context(log_event=False)
@tracer.capture_lambda_handler(capture_response=False)
@metrics.log_metrics(capture_cold_start_metric=True)
def handler(event: dict[str, Any], context: LambdaContext) -> PartialItemFailureResponse:
    """Make the file of each message; answer the messages that must come again."""
    return process_partial_response(event, make_from_message, processor, context)


def make_from_message(record: SQSRecord) -> None:
    """Handle one message; a study that was deleted meanwhile has nothing to be made of."""
    order = ExportOrder.model_validate_json(record.body)
    study_context(order)
    try:
        made = make_export(
            order,
            jobs=wiring.jobs(),
            results=wiring.results(),
            exports=wiring.images(),
            originals=wiring.originals(),
            reviews=wiring.reviews(),
        )
    except (JobNotFound, ReportNotReady) as error:
        logger.warning("nothing to export", code=error.code)
        return
    except Exception as error:
        code = error.code if isinstance(error, AnalysisError) else type(error).__name__
        logger.error("file not made; its message comes again", file=order.file.value, code=code)
        metrics.add_metric(name="ExportNotMade", unit="Count", value=1)
        raise
    logger.info("export", file=order.file.value, made=made)
    metrics.add_metric(name="ExportMade", unit="Count", value=int(made))
