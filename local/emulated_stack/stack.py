"""The product deployed into MiniStack: emulator, database, model server and its gateway."""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import Any

import urllib3

from emulated_stack.emulator import Emulator, EmulatorFailed
from emulated_stack.sagemaker_control import SageMakerControl
from emulated_stack.sam import Sam
from local_stack.account import REGION, AwsClients
from local_stack.model_server import ModelServer
from local_stack.sagemaker_gateway import EndpointConfig, SageMakerGateway
from local_stack.stack import segmentation_server
from mri_client.stack import Stack

_STACK_NAME = "mri-analysis-emulated"
_ARTEFACTS_BUCKET = "mri-deployment-artefacts"
_ENDPOINT = "mri-segmentation"


@dataclass(frozen=True)
class Tools:
    """The programs that are installed beside ``.venv``."""

    sam: Path = Path(".venv-sam/bin/sam")
    emulator_python: Path = Path(".venv-emulated/bin/python")


class EmulatedStack:
    """Use it as a context manager; then :meth:`deploy`.

    Parameters
    ----------
    repository
        The checkout.
    state_dir
        Folder for the build, the database and the logs; what an earlier run left is removed.
    tools
        See :class:`Tools`; relative paths are below the repository.
    """

    def __init__(self, repository: Path, state_dir: Path, tools: Tools = Tools()) -> None:
        self.repository = repository.resolve()
        self.state_dir = state_dir.resolve()
        self._tools = tools
        self._closing = contextlib.ExitStack()
        self.outputs: dict[str, str] = {}

    def __enter__(self) -> EmulatedStack:
        try:
            self._start()
        except BaseException:
            self._closing.close()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._closing.close()

    @property
    def endpoint_url(self) -> str:
        """Address of MiniStack."""
        return self._emulator.endpoint_url

    @property
    def database_url(self) -> str:
        """SQLAlchemy address of the database."""
        return f"sqlite:///{self.state_dir / 'mri_analysis.db'}"

    @cached_property
    def sam(self) -> Sam:
        """The SAM command line."""
        return Sam(self.repository / self._tools.sam, self.state_dir / "sam.log")

    def client(self, service: str) -> Any:
        """Return a boto3 client of MiniStack."""
        return self._clients.client(service)

    @cached_property
    def http(self) -> urllib3.PoolManager:
        """Speaks HTTP with MiniStack, where there is no AWS client for it."""
        return urllib3.PoolManager(ca_certs=str(self._emulator.certificate))

    def build(self) -> Path:
        """``sam build``; return the built template."""
        return self.sam.build(
            self.repository / "template.yaml", self.state_dir / "build", python="here"
        )

    def deploy(self, built_template: Path) -> None:
        """``sam deploy``, then the endpoint that the template knows by its name."""
        self.client("s3").create_bucket(Bucket=_ARTEFACTS_BUCKET)
        self.sam.deploy(
            built_template,
            stack_name=_STACK_NAME,
            bucket=_ARTEFACTS_BUCKET,
            endpoint_url=self.endpoint_url,
            parameters={
                "DatabaseUrl": self.database_url,
                "SegmentationEndpointName": _ENDPOINT,
                # MiniStack's alarms know no metric math.
                "DeployOperations": "false",
                "RequireMfa": "OPTIONAL",
            },
        )
        (stack,) = self.client("cloudformation").describe_stacks(StackName=_STACK_NAME)["Stacks"]
        self.outputs = {o["OutputKey"]: o["OutputValue"] for o in stack["Outputs"]}
        results_bucket = self.outputs["ResultsBucketName"]
        self._closing.callback(self._model_server.stop)
        self._model_server.start()
        self._gateway.add(
            EndpointConfig(
                name=_ENDPOINT,
                model_server_url=self._model_server.url,
                output_location=f"s3://{results_bucket}/inference/",
                success_topic_arn=self.outputs["SegmentationSucceededTopicArn"],
                error_topic_arn=self.outputs["SegmentationFailedTopicArn"],
            )
        )

    def save_logs(self) -> Path:
        """Write what CloudWatch Logs holds, oldest first, into a file; return it."""
        logs = self.client("logs")
        groups = logs.get_paginator("describe_log_groups").paginate()
        names = [group["logGroupName"] for page in groups for group in page["logGroups"]]
        events = [
            event
            for name in names
            for page in logs.get_paginator("filter_log_events").paginate(logGroupName=name)
            for event in page["events"]
        ]
        path = self.state_dir / "cloudwatch.log"
        lines = (e["message"].rstrip() for e in sorted(events, key=lambda e: e["timestamp"]))
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
        return path

    def as_client(self) -> Stack:
        """What a client of the product needs to know about the stack."""
        return Stack.from_document(
            {
                "outputs": self.outputs,
                "region": REGION,
                "endpoint_url": self.endpoint_url,
                "database_url": self.database_url,
            }
        )

    def _be_the_only_one(self) -> None:
        """Two at once would take each other's files; the lock ends with the process."""
        self.state_dir.parent.mkdir(parents=True, exist_ok=True)
        lock = self._closing.enter_context(self.state_dir.with_suffix(".lock").open("w"))
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise EmulatorFailed("Another emulated deployment runs in this checkout.") from error

    def _start(self) -> None:
        self._be_the_only_one()
        shutil.rmtree(self.state_dir, ignore_errors=True)
        # Children of a run that was interrupted may still be ending and writing.
        self.state_dir.mkdir(parents=True, exist_ok=True)
        self._clients = AwsClients("")
        self._gateway = SageMakerGateway(self._clients)
        control = SageMakerControl([_ENDPOINT])
        self._closing.callback(control.stop)
        control.start()
        self._emulator = Emulator(
            self.repository / self._tools.emulator_python,
            self.state_dir,
            {
                "AWS_ENDPOINT_URL_SAGEMAKER": control.url,
                "AWS_ENDPOINT_URL_SAGEMAKER_RUNTIME": self._gateway.url,
            },
        )
        self._clients.endpoint_url = self._emulator.endpoint_url
        self._model_server = ModelServer(
            segmentation_server(self.repository), self.state_dir / "model-server.log"
        )
        self._closing.callback(self._gateway.stop)
        self._gateway.start()
        # Clients of this process are made in many places; all must trust the emulator.
        self._closing.enter_context(_variable("AWS_CA_BUNDLE", str(self._emulator.certificate)))
        self._closing.callback(self._emulator.stop)
        self._emulator.start()


@contextlib.contextmanager
def _variable(name: str, value: str) -> Iterator[None]:
    before = os.environ.get(name)
    os.environ[name] = value
    try:
        yield
    finally:
        if before is None:
            del os.environ[name]
        else:
            os.environ[name] = before
