"""Live updates: opens and closes sockets (WebSocket API), and tells them of changes (SNS)."""

from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from mri_analysis import wiring
from mri_analysis.contracts.live_updates import StudyEvent
from mri_analysis.errors import TicketInvalid
from mri_analysis.observability import logger, metrics, study_context, tracer
from mri_analysis.use_cases.watch_studies import announce, open_connection


@logger.inject_lambda_context(log_event=False, clear_state=True)
@tracer.capture_lambda_handler(capture_response=False)
@metrics.log_metrics(capture_cold_start_metric=True)
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, int]:
    """Announce the notifications of a topic, or answer one route of the WebSocket API."""
    for record in event.get("Records", ()):
        announce_notification(record["Sns"]["Message"])
    request = event.get("requestContext", {})
    connection_id = request.get("connectionId", "")
    if request.get("routeKey") == "$connect":
        return {"statusCode": connect(connection_id, event.get("queryStringParameters") or {})}
    if request.get("routeKey") == "$disconnect":
        wiring.connections().remove(connection_id)
    return {"statusCode": 200}  # also for what a client says to keep its socket open


def connect(connection_id: str, parameters: dict[str, str]) -> int:
    """Open a socket for a valid ticket; any other answer than 200 closes it."""
    try:
        watcher = open_connection(
            connection_id,
            parameters.get("ticket", ""),
            tickets=wiring.tickets(),
            connections=wiring.connections(),
        )
    except TicketInvalid as error:
        logger.warning("socket refused", code=error.code)
        metrics.add_metric(name="LiveTicketRefused", unit="Count", value=1)
        return 401
    logger.info("socket opened", organization_id=watcher.organization_id, user_id=watcher.user_id)
    return 200


def announce_notification(message: str) -> None:
    """Tell the sockets of the study's organization."""
    try:
        event = StudyEvent.model_validate_json(message)
    except ValueError:
        # Trying again would change nothing, and the error would quote the message.
        logger.error("notification not understood")
        metrics.add_metric(name="NotificationNotUnderstood", unit="Count", value=1)
        return
    study_context(event)
    announced = announce(event, connections=wiring.connections(), push=wiring.push())
    logger.info("announced", delivered=announced.delivered, gone=announced.gone)
    metrics.add_metric(name="LiveUpdateDelivered", unit="Count", value=announced.delivered)
