"""SageMaker Runtime in front of a model server: synchronous and asynchronous endpoints.

The model server is the endpoint's container (``/ping``, ``/invocations``). What SageMaker adds is
here: the queue, the input and output objects, the time limits, and the notifications.
"""

from __future__ import annotations

import http.client
import json
import logging
import queue
import threading
import time
import urllib.parse
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from http import HTTPStatus

from local_stack.account import ACCOUNT_ID, REGION, AwsClients, arn
from local_stack.http_server import LoopbackServer, RequestHandler

logger = logging.getLogger(__name__)

SYNC_LIMIT_S = 60.0
"""Longest synchronous invocation (SageMaker endpoint quotas)."""
SYNC_BODY_LIMIT_BYTES = 6 * 1024 * 1024
"""Largest payload of a synchronous invocation (SageMaker endpoint quotas)."""
DEFAULT_INVOCATION_TIMEOUT_S = 900.0
DEFAULT_REQUEST_TTL_S = 21_600.0
_PREFIX = "X-Amzn-SageMaker-"
_PLAIN = http.client.HTTPConnection


@dataclass(frozen=True)
class EndpointConfig:
    """One endpoint.

    Parameters
    ----------
    name
        Endpoint name.
    model_server_url
        Address of its model server.
    output_location
        ``s3://bucket/prefix/`` of the results; ``None`` for an endpoint that is synchronous only.
    failure_location
        ``s3://bucket/prefix/`` of failed answers; ``None`` to keep none.
    success_topic_arn, error_topic_arn
        Where notifications go.
    max_concurrency
        Requests the model server works on at once.
    queue_limit
        Requests that may wait. SageMaker's own queue has no stated bound; this one refuses with
        503 rather than fill a laptop's memory.
    ready_limit_s
        How long a request waits for the model server to start before it fails.
    invocation_path
        What is posted to; a server that is no SageMaker container has a path of its own.
    ping_path
        What says that the server is ready; ``None`` for one that is not asked.
    """

    name: str
    model_server_url: str
    output_location: str | None = None
    failure_location: str | None = None
    success_topic_arn: str | None = None
    error_topic_arn: str | None = None
    max_concurrency: int = 1
    queue_limit: int = 1000
    ready_limit_s: float = 60.0
    invocation_path: str = "/invocations"
    ping_path: str | None = "/ping"


class ModelCallError(Exception):
    """The model server did not give a result.

    Parameters
    ----------
    reason
        Text for the notification.
    status, body
        Its answer, where it gave one.
    """

    def __init__(self, reason: str, status: int | None = None, body: bytes = b"") -> None:
        super().__init__(reason)
        self.reason = reason
        self.status = status
        self.body = body


@dataclass(frozen=True)
class _AsyncRequest:
    inference_id: str
    input_location: str
    output_location: str
    failure_location: str | None
    headers: Mapping[str, str]
    request_parameters: Mapping[str, str]
    timeout_s: float
    received_at: datetime
    expires_at: float


class SageMakerGateway:
    """An HTTP server that answers the SageMaker Runtime API for a set of endpoints."""

    def __init__(self, clients: AwsClients) -> None:
        self._clients = clients
        self._endpoints: dict[str, _Endpoint] = {}
        self._server = _GatewayServer(self)

    @property
    def url(self) -> str:
        """Value for ``AWS_ENDPOINT_URL_SAGEMAKER_RUNTIME``."""
        return f"http://{self._server.address}"

    @property
    def endpoints(self) -> dict[str, EndpointConfig]:
        """The endpoints by name."""
        return {name: endpoint.config for name, endpoint in self._endpoints.items()}

    def add(self, config: EndpointConfig) -> None:
        """Create an endpoint."""
        self._endpoints[config.name] = _Endpoint(config, self._clients)

    def find(self, name: str) -> _Endpoint | None:
        """Return the endpoint of that name."""
        return self._endpoints.get(name)

    def start(self) -> None:
        """Serve."""
        self._server.start()

    def stop(self) -> None:
        """Stop serving; requests that wait are dropped."""
        self._server.stop()
        for endpoint in self._endpoints.values():
            endpoint.stop()


class _Endpoint:
    def __init__(self, config: EndpointConfig, clients: AwsClients) -> None:
        self.config = config
        self._clients = clients
        self._stopping = threading.Event()
        self._requests: queue.Queue[_AsyncRequest | None] = queue.Queue(config.queue_limit)
        for number in range(config.max_concurrency if config.output_location else 0):
            threading.Thread(target=self._work, name=f"{config.name}-{number}", daemon=True).start()

    def submit(self, request: _AsyncRequest) -> bool:
        """Queue a request; ``False`` when the queue is full."""
        try:
            self._requests.put_nowait(request)
        except queue.Full:
            return False
        return True

    def stop(self) -> None:
        self._stopping.set()
        for _ in range(self.config.max_concurrency):
            try:
                self._requests.put_nowait(None)
            except queue.Full:
                return

    def call_model(
        self, body: bytes, headers: Mapping[str, str], timeout_s: float
    ) -> tuple[bytes, str, Mapping[str, str]]:
        """Post to the model server; return body, content type and the answer's headers.

        Raises
        ------
        ModelCallError
            No connection, a connection that broke, a time-out, or an error status.
        """
        address = urllib.parse.urlsplit(self.config.model_server_url)
        kind_of = http.client.HTTPSConnection if address.scheme == "https" else _PLAIN
        connection = kind_of(address.hostname or "127.0.0.1", address.port, timeout=timeout_s)
        path = address.path.rstrip("/") + self.config.invocation_path
        try:
            connection.request("POST", path, body=body, headers=dict(headers))
            answer = connection.getresponse()
            content = answer.read()
        except TimeoutError as error:
            raise ModelCallError(
                f"ClientError: Timed out waiting for a response from the model ({timeout_s:g} s)."
            ) from error
        except (OSError, http.client.HTTPException) as error:
            raise ModelCallError(
                "InternalServerError: The model container closed the connection or is not "
                f"running ({type(error).__name__})."
            ) from error
        finally:
            connection.close()
        if answer.status >= HTTPStatus.BAD_REQUEST:
            kind = "server" if answer.status >= HTTPStatus.INTERNAL_SERVER_ERROR else "client"
            raise ModelCallError(
                f"ClientError: Received {kind} error ({answer.status}) from model. "
                "See the SageMaker Endpoint logs in your account for more information.",
                answer.status,
                content,
            )
        content_type = answer.getheader("Content-Type", "application/octet-stream")
        return content, content_type, dict(answer.getheaders())

    def wait_until_ready(self, limit_s: float) -> bool:
        """Wait for ``/ping`` to answer 200."""
        if self.config.ping_path is None:
            return True
        address = urllib.parse.urlsplit(self.config.model_server_url)
        deadline = time.monotonic() + limit_s
        while not self._stopping.is_set():
            if ping(address.hostname or "127.0.0.1", address.port or 80, self.config.ping_path):
                return True
            if time.monotonic() > deadline:
                return False
            self._stopping.wait(0.1)
        return False

    def _work(self) -> None:
        while (request := self._requests.get()) is not None and not self._stopping.is_set():
            try:
                self._process(request)
            except Exception:
                if not self._stopping.is_set():
                    logger.exception("Inference %s could not be reported", request.inference_id)

    def _process(self, request: _AsyncRequest) -> None:
        try:
            content, content_type = self._infer(request)
        except ModelCallError as error:
            response: dict[str, str] | None = None
            if request.failure_location and error.body:
                self._put(request.failure_location, error.body, "application/json")
                response = {"outputLocation": request.failure_location}
            self._notify(
                request, self.config.error_topic_arn, "Failed", response, failure=error.reason
            )
            return
        self._put(request.output_location, content, content_type)
        response = {"contentType": content_type, "outputLocation": request.output_location}
        self._notify(request, self.config.success_topic_arn, "Completed", response)

    def _infer(self, request: _AsyncRequest) -> tuple[bytes, str]:
        if time.monotonic() > request.expires_at:
            raise ModelCallError("ClientError: The request expired in the queue.")
        try:
            bucket, key = parse_s3_uri(request.input_location)
            body = self._clients.client("s3").get_object(Bucket=bucket, Key=key)["Body"].read()
        except Exception as error:
            raise ModelCallError(
                f"ClientError: Cannot read the input {request.input_location}: {error}"
            ) from error
        if not self.wait_until_ready(self.config.ready_limit_s):
            raise ModelCallError("InternalServerError: The model container does not answer /ping.")
        content, content_type, _ = self.call_model(body, request.headers, request.timeout_s)
        return content, content_type

    def _put(self, location: str, body: bytes, content_type: str) -> None:
        bucket, key = parse_s3_uri(location)
        self._clients.client("s3").put_object(
            Bucket=bucket, Key=key, Body=body, ContentType=content_type
        )

    def _notify(
        self,
        request: _AsyncRequest,
        topic_arn: str | None,
        status: str,
        response: Mapping[str, str] | None,
        failure: str | None = None,
    ) -> None:
        if topic_arn is None:
            return
        message = {
            "awsRegion": REGION,
            "eventTime": timestamp(datetime.now(UTC)),
            "receivedTime": timestamp(request.received_at),
            "invocationStatus": status,
            **({"failureReason": failure} if failure else {}),
            "requestParameters": {
                **request.request_parameters,
                "endpointName": self.config.name,
                "inputLocation": request.input_location,
            },
            **({"responseParameters": response} if response else {}),
            "inferenceId": request.inference_id,
            "eventVersion": "1.0",
            "eventSource": "aws:sagemaker",
            "eventName": "InferenceResult",
        }
        self._clients.client("sns").publish(TopicArn=topic_arn, Message=json.dumps(message))


class _GatewayServer(LoopbackServer):
    def __init__(self, gateway: SageMakerGateway) -> None:
        super().__init__(_GatewayHandler)
        self.gateway = gateway


class _GatewayHandler(RequestHandler):
    server: _GatewayServer

    def do_POST(self) -> None:
        body = self.read_body()
        if self.headers.get("X-Amz-Target") == "SageMaker.DescribeEndpoint":
            self._describe(json.loads(body)["EndpointName"])
            return
        path = urllib.parse.unquote(urllib.parse.urlsplit(self.path).path)
        parts = path.strip("/").split("/")
        operations: dict[str, Callable[[_Endpoint, bytes], None]] = {
            "invocations": self._invoke,
            "async-invocations": self._invoke_async,
        }
        if len(parts) != 3 or parts[0] != "endpoints" or parts[2] not in operations:
            self._refuse(HTTPStatus.NOT_FOUND, "UnknownOperationException", f"No operation {path}.")
            return
        endpoint = self.server.gateway.find(parts[1])
        if endpoint is None:
            self._refuse(
                HTTPStatus.BAD_REQUEST,
                "ValidationError",
                f"Endpoint {parts[1]} of account {ACCOUNT_ID} not found.",
            )
            return
        operations[parts[2]](endpoint, body)

    def _describe(self, name: str) -> None:
        endpoint_arn = arn("sagemaker", f"endpoint/{name}")
        if self.server.gateway.find(name) is None:
            message = f'Could not find endpoint "{endpoint_arn}".'
            self.answer_json(
                HTTPStatus.BAD_REQUEST, {"__type": "ValidationException", "message": message}
            )
            return
        now = datetime.now(UTC).timestamp()
        self.answer_json(
            HTTPStatus.OK,
            {
                "EndpointName": name,
                "EndpointArn": endpoint_arn,
                "EndpointStatus": "InService",
                "CreationTime": now,
                "LastModifiedTime": now,
            },
        )

    def _invoke(self, endpoint: _Endpoint, body: bytes) -> None:
        if len(body) > SYNC_BODY_LIMIT_BYTES:
            self._refuse(
                HTTPStatus.BAD_REQUEST,
                "ValidationError",
                f"Payload exceeds the limit of {SYNC_BODY_LIMIT_BYTES} bytes.",
            )
            return
        headers = self._model_headers(self.headers.get("Content-Type"), self.headers.get("Accept"))
        try:
            content, content_type, answered = endpoint.call_model(body, headers, SYNC_LIMIT_S)
        except ModelCallError as error:
            self._refuse_model_error(endpoint, error)
            return
        custom = f"{_PREFIX}Custom-Attributes"
        self.answer(
            HTTPStatus.OK,
            content,
            {
                "Content-Type": content_type,
                "x-Amzn-Invoked-Production-Variant": "AllTraffic",
                **({custom: answered[custom]} if custom in answered else {}),
            },
        )

    def _refuse_model_error(self, endpoint: _Endpoint, error: ModelCallError) -> None:
        document = {
            "Message": error.reason,
            "OriginalMessage": error.body.decode("utf-8", "replace"),
            "OriginalStatusCode": error.status or HTTPStatus.INTERNAL_SERVER_ERROR,
            "LogStreamArn": f"arn:aws:logs:{REGION}:{ACCOUNT_ID}:log-group:"
            f"/aws/sagemaker/Endpoints/{endpoint.config.name}",
        }
        self.answer_json(HTTPStatus.FAILED_DEPENDENCY, document, {"x-amzn-ErrorType": "ModelError"})

    def _invoke_async(self, endpoint: _Endpoint, body: bytes) -> None:
        config = endpoint.config
        input_location = self.headers.get(f"{_PREFIX}InputLocation")
        if config.output_location is None:
            self._refuse(
                HTTPStatus.BAD_REQUEST,
                "ValidationError",
                f"Endpoint {config.name} is not configured for asynchronous inference.",
            )
            return
        if not input_location or not input_location.startswith("s3://"):
            self._refuse(
                HTTPStatus.BAD_REQUEST, "ValidationError", "InputLocation must be an s3:// URI."
            )
            return
        inference_id = self.headers.get(f"{_PREFIX}Inference-Id") or str(uuid.uuid4())
        content_type = self.headers.get(f"{_PREFIX}Content-Type")
        accept = self.headers.get(f"{_PREFIX}Accept")
        ttl_s = float(self.headers.get(f"{_PREFIX}RequestTTLSeconds") or DEFAULT_REQUEST_TTL_S)
        timeout_s = float(
            self.headers.get(f"{_PREFIX}InvocationTimeoutSeconds") or DEFAULT_INVOCATION_TIMEOUT_S
        )
        parameters = {"accept": accept, "contentType": content_type}
        request = _AsyncRequest(
            inference_id=inference_id,
            input_location=input_location,
            output_location=f"{config.output_location.rstrip('/')}/{inference_id}.out",
            failure_location=(
                f"{config.failure_location.rstrip('/')}/{inference_id}-error.out"
                if config.failure_location
                else None
            ),
            headers=self._model_headers(content_type, accept),
            request_parameters={name: value for name, value in parameters.items() if value},
            timeout_s=timeout_s,
            received_at=datetime.now(UTC),
            expires_at=time.monotonic() + ttl_s,
        )
        if not endpoint.submit(request):
            self._refuse(
                HTTPStatus.SERVICE_UNAVAILABLE,
                "ServiceUnavailable",
                f"The queue of endpoint {config.name} is full.",
            )
            return
        locations = {f"{_PREFIX}OutputLocation": request.output_location}
        if request.failure_location:
            locations[f"{_PREFIX}FailureLocation"] = request.failure_location
        self.answer_json(HTTPStatus.ACCEPTED, {"InferenceId": inference_id}, locations)

    def _model_headers(self, content_type: str | None, accept: str | None) -> dict[str, str]:
        headers = {"Content-Type": content_type or "application/octet-stream"}
        if accept:
            headers["Accept"] = accept
        for name in ("Custom-Attributes", "Inference-Id"):
            if value := self.headers.get(f"{_PREFIX}{name}"):
                headers[f"{_PREFIX}{name}"] = value
        return headers

    def _refuse(self, status: int, code: str, message: str) -> None:
        self.answer_json(status, {"Code": code, "Message": message}, {"x-amzn-ErrorType": code})


def ping(host: str, port: int, path: str = "/ping") -> bool:
    """Tell whether a model server answers ``/ping`` with 200."""
    connection = http.client.HTTPConnection(host, port, timeout=5)
    try:
        connection.request("GET", path)
        return connection.getresponse().status == HTTPStatus.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def parse_s3_uri(uri: str) -> tuple[str, str]:
    """Split an S3 address.

    >>> parse_s3_uri("s3://bucket/a/b.json")
    ('bucket', 'a/b.json')
    """
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    return bucket, key


def timestamp(moment: datetime) -> str:
    """Write a moment as SageMaker does.

    >>> timestamp(datetime(2026, 3, 1, 12, 0, 0, 5000, tzinfo=UTC))
    '2026-03-01T12:00:00.005Z'
    """
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
