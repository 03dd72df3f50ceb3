"""The whole application on one machine: moto, functions, pollers, model endpoint, traces."""

from __future__ import annotations

import contextlib
import json
import logging
import os
import shutil
import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

from local_stack.account import ACCOUNT_ID, REGION, AwsClients
from local_stack.deployer import Deployment, deploy
from local_stack.intrinsics import parameter_values
from local_stack.lambda_runtime import FunctionSpec, Invocation, LambdaRunner
from local_stack.model_server import ModelServer, ModelServerSpec
from local_stack.moto_server import MotoServer
from local_stack.people import COMMAND_LINE_CLIENT, DEMO_PEOPLE, Person
from local_stack.resources.deploying import DeclaredEndpoint
from local_stack.sagemaker_gateway import EndpointConfig, SageMakerGateway
from local_stack.sqs_poller import SqsPoller
from local_stack.template import TranslatedTemplate, translate
from local_stack.traces import TraceCollector

if TYPE_CHECKING:
    from local_stack.api_gateway.server import ApiGateway
    from local_stack.identity_provider import IdentityProvider

logger = logging.getLogger(__name__)

STACK_FILE = "stack.json"
TRACE_FILE = "traces.jsonl"
LOG_FOLDER = "logs"
SCRATCH_FOLDER = "scratch"


@dataclass(frozen=True)
class EndpointByName:
    """An asynchronous endpoint that the template knows by its name only.

    It is used where the template creates no ``AWS::SageMaker::Endpoint`` of that name. The other
    fields are logical ids of the template.
    """

    name_parameter: str = "SegmentationEndpointName"
    results_bucket: str = "ResultsBucket"
    output_prefix: str = "inference/"
    success_topic: str = "SegmentationSucceededTopic"
    error_topic: str = "SegmentationFailedTopic"


@dataclass(frozen=True)
class ForeignServer:
    """A model server that this stack neither starts nor stops, behind an asynchronous endpoint.

    Parameters
    ----------
    endpoint_name
        What the functions call it.
    url
        Address of the server.
    invocation_path
        What is posted to; nothing is asked for before.
    """

    endpoint_name: str
    url: str
    invocation_path: str


def segmentation_server(repository: Path) -> ModelServerSpec:
    """Return how to start the segmentation server of the repository."""
    return ModelServerSpec(
        module="mri_segmentation.server",
        python_path=(
            repository / "models" / "segmentation",
            repository / "layers" / "mri_analysis",
        ),
        working_directory=repository / "models" / "segmentation",
    )


@dataclass(frozen=True)
class GatewaySpec:
    """How the template's APIs are served.

    Parameters
    ----------
    people
        Who can sign in.
    port, identity_port
        Of the APIs and of the provider of OpenID Connect; None for free ones.
    """

    people: Sequence[Person] = DEMO_PEOPLE
    port: int | None = None
    identity_port: int | None = None


class LocalStack:
    """A running stack; use it as a context manager.

    Parameters
    ----------
    template
        A SAM template, or one built by ``sam build`` (its functions then come from the build).
    state_dir
        Folder for logs, traces and ``stack.json``.
    parameters
        Overrides of the template's parameters.
    environment
        Variables that every function gets; they win over the template's.
    model_server
        How to start the model server; ``None`` for none.
    model_server_url
        Address of a model server that already runs, in place of ``model_server``.
    endpoint
        The endpoint that the template knows by its name only.
    foreign_servers
        Model servers that run elsewhere; each gets an endpoint with the topics and the results
        bucket of ``endpoint``.
    dynamic_references
        What ``{{resolve:...}}`` stands for, by the text after ``resolve:``.
    port
        Port of the moto server; ``None`` for a free one.
    max_environments
        Function processes at once, over all functions.
    redelivery_s
        Seconds until a queue delivers a message again that its function failed on, in place of the
        template's.
    async_retry_delays_s
        Pauses before the retries of asynchronous invocations (AWS: 60 and 120 s).
    gateway
        What serves the template's APIs, and who can sign in to them; ``None`` for nothing.

    Examples
    --------
    >>> with LocalStack("template.yaml", state_dir=".local") as stack:  # doctest: +SKIP
    ...     stack.client("s3").upload_file("scan.nii.gz", stack.resource("ImagesBucket"), "k")
    """

    def __init__(
        self,
        template: str | Path,
        state_dir: str | Path,
        parameters: Mapping[str, str] | None = None,
        environment: Mapping[str, str] | None = None,
        *,
        model_server: ModelServerSpec | None = None,
        model_server_url: str | None = None,
        endpoint: EndpointByName | None = EndpointByName(),
        foreign_servers: Sequence[ForeignServer] = (),
        dynamic_references: Mapping[str, str] | None = None,
        stack_name: str = "mri-analysis",
        port: int | None = None,
        max_environments: int = 32,
        redelivery_s: int | None = None,
        async_retry_delays_s: Sequence[float] = (1.0, 2.0),
        gateway: GatewaySpec | None = None,
    ) -> None:
        self._gateway_spec = gateway
        self._api: ApiGateway | None = None
        self._people: IdentityProvider | None = None
        self.template = Path(template).resolve()
        self.state_dir = Path(state_dir).resolve()
        self.parameters = dict(parameters or {})
        self._environment = dict(environment or {})
        self._endpoint = endpoint
        self._foreign_servers = tuple(foreign_servers)
        self._dynamic_references = dict(dynamic_references or {})
        self._stack_name = stack_name
        self._port = port
        self._max_environments = max_environments
        self._redelivery_s = redelivery_s
        self._async_retry_delays_s = async_retry_delays_s
        self._model_server_spec = model_server
        self._external_model_server_url = model_server_url
        self._parameter_values: dict[str, Any] = {}
        self._closing = contextlib.ExitStack()
        self._model_server: ModelServer | None = None
        self._stop_lock = threading.Lock()
        self.deployment = Deployment()

    def __enter__(self) -> LocalStack:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def start(self) -> None:
        """Start everything; returns when the resources exist.

        The model server may need longer (see :meth:`wait_for_model_server`); requests to its
        endpoint wait for it.
        """
        try:
            self._start()
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """End every process and server of the stack; safe to call twice."""
        with self._stop_lock:
            self._closing.close()

    # ---- what a test or a tool asks for ----------------------------------------------------------

    @property
    def endpoint_url(self) -> str:
        """Address of the AWS services."""
        return self._moto.endpoint_url

    @property
    def outputs(self) -> dict[str, str]:
        """The template's outputs."""
        return self.deployment.outputs

    @property
    def functions(self) -> dict[str, FunctionSpec]:
        """Functions by logical id."""
        by_name = self._runner.functions
        return {
            logical_id: by_name[physical_id]
            for logical_id, physical_id in self.deployment.resources.items()
            if physical_id in by_name
        }

    @property
    def api_url(self) -> str:
        """Address of the REST API."""
        return self._served().url

    @property
    def websocket_url(self) -> str:
        """Address of the WebSocket API."""
        return self._served().websocket_url

    @property
    def issuer(self) -> str:
        """Address of the provider of OpenID Connect."""
        if self._people is None:
            raise RuntimeError("This stack serves no API: nobody can sign in.")
        return self._people.issuer

    def _served(self) -> ApiGateway:
        if self._api is None:
            raise RuntimeError("This stack serves no API.")
        return self._api

    def client(self, service: str) -> Any:
        """Return a boto3 client of the stack (``sagemaker-runtime`` goes to the gateway)."""
        return self._clients.client(service)

    def resource(self, logical_id: str) -> str:
        """Return a physical id.

        Raises
        ------
        KeyError
            No such resource, or it was skipped; the message says why.
        """
        if logical_id in self.deployment.skipped:
            skipped = self.deployment.skipped[logical_id]
            raise KeyError(f"{logical_id} ({skipped.type}) was skipped: {skipped.reason}")
        return self.deployment.resources[logical_id]

    def invoke(self, function: str, event: Any) -> Invocation:
        """Run a function, found by logical id, name, ARN or folder name."""
        return self._runner.invoke(self.function_name(function), json.dumps(event).encode())

    def function_name(self, function: str) -> str:
        """Return a function's name from its logical id, name, ARN or folder name."""
        for logical_id, spec in self.functions.items():
            if function in (logical_id, spec.name, spec.arn, spec.code.name):
                return spec.name
        raise KeyError(f"No function {function!r}; there are {', '.join(sorted(self.functions))}.")

    def log(self, function: str) -> str:
        """Return what a function has written so far."""
        path = self._runner.log_path(self.function_name(function))
        return path.read_text(encoding="utf-8", errors="replace")

    # ---- the model server ------------------------------------------------------------------------

    @property
    def model_server_url(self) -> str | None:
        """Address of the model server, if there is one."""
        if self._external_model_server_url:
            return self._external_model_server_url
        return self._model_server.url if self._model_server else None

    @property
    def model_server(self) -> ModelServer:
        """The supervised model server."""
        if self._model_server is None:
            raise RuntimeError("This stack supervises no model server.")
        return self._model_server

    def wait_for_model_server(self, limit_s: float = 60.0) -> bool:
        """Wait until the model server answers ``/ping``."""
        return self.model_server.wait_until_ready(limit_s)

    def stop_model_server(self) -> None:
        """Take the model server away until :meth:`start_model_server`."""
        self.model_server.stop()

    def start_model_server(self) -> None:
        """Bring the model server back."""
        self.model_server.start()

    def kill_model_server(self) -> None:
        """Crash the model server; it is started again by itself."""
        self.model_server.kill()

    # ---- start and stop --------------------------------------------------------------------------

    def _start(self) -> None:
        self.state_dir.mkdir(parents=True, exist_ok=True)
        # What a stack that was killed left behind.
        shutil.rmtree(self.state_dir / SCRATCH_FOLDER, ignore_errors=True)
        # moto and the SAM translator take most of the start; they are imported side by side.
        with ThreadPoolExecutor(1) as translation:
            translated = translation.submit(translate, self.template, self.parameters)
            self._start_services()
            body = translated.result()
        self._deploy(body)
        self._serve_apis()
        self._start_model_server()
        self._add_endpoints()
        self._start_pollers()
        self._write_stack_file()

    def _start_services(self) -> None:
        self._moto = MotoServer(self._port)
        self._closing.callback(self._moto.stop)
        traces = TraceCollector(self.state_dir / TRACE_FILE)
        self._closing.callback(traces.close)
        self._clients = AwsClients(self._moto.endpoint_url)
        self._gateway = SageMakerGateway(self._clients)
        self._closing.callback(self._gateway.stop)
        self._clients.endpoint_urls["sagemaker"] = self._gateway.url
        self._clients.endpoint_urls["sagemaker-runtime"] = self._gateway.url
        self._runner = LambdaRunner(
            self.state_dir / LOG_FOLDER,
            self.state_dir / SCRATCH_FOLDER,
            stack_environment={
                "AWS_ENDPOINT_URL": self._moto.endpoint_url,
                "AWS_ENDPOINT_URL_SAGEMAKER": self._gateway.url,
                "AWS_ENDPOINT_URL_SAGEMAKER_RUNTIME": self._gateway.url,
                "AWS_XRAY_DAEMON_ADDRESS": traces.address,
            },
            traces=traces,
            max_environments=self._max_environments,
            async_retry_delays_s=self._async_retry_delays_s,
            on_failed_event=self._send_to_failure_destination,
        )
        self._closing.callback(self._runner.close)
        self._open_gateway()
        self._moto.start(self._runner)
        self._gateway.start()

    def _open_gateway(self) -> None:
        """Take the ports: their addresses are part of the functions' environment."""
        if self._gateway_spec is None:
            return
        # A quarter of a second of imports, for a stack that serves people.
        from local_stack.api_gateway.server import ApiGateway
        from local_stack.api_gateway.tokens import TokenVerifier
        from local_stack.identity_provider import IdentityProvider
        from local_stack.people import CLIENTS

        people = IdentityProvider(self._gateway_spec.people, self._gateway_spec.identity_port)
        self._closing.callback(people.stop)
        people.start()
        verifier = TokenVerifier(people.issuer, CLIENTS)
        api = ApiGateway(self._runner, verifier, self._gateway_spec.port)
        self._closing.callback(api.stop)
        self._people, self._api = people, api
        self._environment = {
            "WEBSOCKET_URL": api.websocket_url,
            "WEBSOCKET_MANAGEMENT_URL": api.url,
            **self._environment,
        }

    def _serve_apis(self) -> None:
        plan = self.deployment.plan
        if self._api is None or plan.rest_api is None or plan.websocket_api is None:
            return
        rest = replace(plan.rest_api, requests_per_second=plan.requests_per_second)
        self._api.serve(rest, plan.websocket_api)

    def _deploy(self, translated: TranslatedTemplate) -> None:
        self._parameter_values = parameter_values(
            translated.body.get("Parameters") or {}, self.parameters
        )
        self.deployment = deploy(
            translated,
            self._clients,
            stack_name=self._stack_name,
            parameters=self.parameters,
            environment=self._environment,
            dynamic_references=self._dynamic_references,
        )
        for spec in self.deployment.plan.functions:
            self._runner.add(spec)

    def _start_model_server(self) -> None:
        if self._model_server_spec is None or self._external_model_server_url:
            return
        self._model_server = ModelServer(
            self._model_server_spec, self.state_dir / LOG_FOLDER / "model-server.log"
        )
        self._closing.callback(self._model_server.stop)
        self._model_server.start()

    def _add_endpoints(self) -> None:
        for server in self._foreign_servers:
            self._add_foreign(server)
        if self.model_server_url is None:
            return
        declared = {endpoint.name: endpoint for endpoint in self.deployment.plan.endpoints}
        by_name = self._endpoint_known_by_name()
        if by_name is not None:
            declared.setdefault(by_name.name, by_name)
        for endpoint in declared.values():
            self._gateway.add(
                EndpointConfig(
                    name=endpoint.name,
                    model_server_url=self.model_server_url,
                    output_location=endpoint.output_location,
                    failure_location=endpoint.failure_location,
                    success_topic_arn=endpoint.success_topic_arn,
                    error_topic_arn=endpoint.error_topic_arn,
                    max_concurrency=endpoint.max_concurrency,
                )
            )

    def _add_foreign(self, server: ForeignServer) -> None:
        declared = self._of_this_template(server.endpoint_name)
        if declared is None:
            raise ValueError(f"The template has no results bucket for {server.endpoint_name}.")
        self._gateway.add(
            EndpointConfig(
                name=declared.name,
                model_server_url=server.url,
                output_location=declared.output_location,
                success_topic_arn=declared.success_topic_arn,
                error_topic_arn=declared.error_topic_arn,
                invocation_path=server.invocation_path,
                ping_path=None,
            )
        )

    def _endpoint_known_by_name(self) -> DeclaredEndpoint | None:
        known = self._endpoint
        if known is None or known.name_parameter not in self._parameter_values:
            return None
        return self._of_this_template(self._parameter_values[known.name_parameter])

    def _of_this_template(self, name: str) -> DeclaredEndpoint | None:
        """An endpoint with the topics and the bucket that the template has for all of them."""
        known, resources = self._endpoint, self.deployment.resources
        if known is None or known.results_bucket not in resources:
            return None
        return DeclaredEndpoint(
            name=name,
            output_location=f"s3://{resources[known.results_bucket]}/{known.output_prefix}",
            failure_location=None,
            success_topic_arn=resources.get(known.success_topic),
            error_topic_arn=resources.get(known.error_topic),
            max_concurrency=1,
        )

    def _start_pollers(self) -> None:
        if self._redelivery_s is not None:
            sqs = self._clients.client("sqs")
            for mapping in self.deployment.plan.event_source_mappings:
                name = mapping.queue_arn.split(":")[-1]
                sqs.set_queue_attributes(
                    QueueUrl=sqs.get_queue_url(QueueName=name)["QueueUrl"],
                    Attributes={"VisibilityTimeout": str(self._redelivery_s)},
                )
        pollers = [
            SqsPoller(mapping, self._clients, self._runner)
            for mapping in self.deployment.plan.event_source_mappings
        ]
        for poller in pollers:
            self._closing.callback(poller.join, 2.5)
        # Ending the functions lets a poller that waits for one come to its end.
        self._closing.callback(self._runner.close)
        for poller in pollers:
            self._closing.callback(poller.stop)
            poller.start()

    def _send_to_failure_destination(
        self, spec: FunctionSpec, event: bytes, invocation: Invocation
    ) -> None:
        destination = spec.failure_destination
        if destination is None:
            return
        body = json.dumps(
            {
                "version": "1.0",
                "requestContext": {
                    "requestId": invocation.request_id,
                    "functionArn": f"{spec.arn}:$LATEST",
                    "condition": "RetriesExhausted",
                    "approximateInvokeCount": spec.async_retries + 1,
                },
                "requestPayload": json.loads(event),
                "responsePayload": json.loads(invocation.payload),
            }
        )
        service, name = destination.split(":")[2], destination.split(":")[-1]
        if service == "sqs":
            url = self.client("sqs").get_queue_url(QueueName=name)["QueueUrl"]
            self.client("sqs").send_message(QueueUrl=url, MessageBody=body)
        elif service == "sns":
            self.client("sns").publish(TopicArn=destination, Message=body)
        else:
            logger.warning("Failure destination %s is not supported", destination)

    def description(self) -> dict[str, Any]:
        """Describe the running stack: what ``stack.json`` holds."""
        resources = self.deployment.resources
        return {
            "pid": os.getpid(),
            "endpoint_url": self.endpoint_url,
            "sagemaker_runtime_url": self._gateway.url,
            "region": REGION,
            "account_id": ACCOUNT_ID,
            "model_server_url": self.model_server_url,
            "api_url": self._api.url if self._api else None,
            "websocket_url": self._api.websocket_url if self._api else None,
            "issuer": self._people.issuer if self._people else None,
            # The provider takes any secret, and insists on one.
            "command_line_client": {"id": COMMAND_LINE_CLIENT, "secret": "local"},
            "endpoints": sorted(self._gateway.endpoints),
            "database_url": self._parameter_values.get("DatabaseUrl"),
            "state_machine_arn": self._first("AWS::StepFunctions::StateMachine"),
            "buckets": self._of_type("AWS::S3::Bucket"),
            "queue_urls": self._of_type("AWS::SQS::Queue"),
            "topic_arns": self._of_type("AWS::SNS::Topic"),
            "tables": self._of_type("AWS::DynamoDB::Table"),
            "functions": {
                logical_id: {"name": spec.name, "folder": spec.code.name}
                for logical_id, spec in self.functions.items()
            },
            "resources": dict(resources),
            "outputs": self.outputs,
            "skipped": {
                logical_id: {"type": skipped.type, "reason": skipped.reason}
                for logical_id, skipped in self.deployment.skipped.items()
            },
        }

    def _of_type(self, kind: str) -> dict[str, str]:
        return {
            logical_id: physical_id
            for logical_id, physical_id in self.deployment.resources.items()
            if self.deployment.types[logical_id] == kind
        }

    def _first(self, kind: str) -> str | None:
        return next(iter(self._of_type(kind).values()), None)

    def _write_stack_file(self) -> None:
        path = self.state_dir / STACK_FILE
        draft = path.with_suffix(".tmp")
        draft.write_text(json.dumps(self.description(), indent=2) + "\n", encoding="utf-8")
        draft.replace(path)
        self._closing.callback(path.unlink, missing_ok=True)
