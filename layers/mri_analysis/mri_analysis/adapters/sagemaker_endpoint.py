"""Endpoints on SageMaker, called asynchronously, each behind a shared circuit breaker."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import TYPE_CHECKING

from aws_lambda_powertools.utilities.circuit_breaker import CircuitBreakerConfig, circuit_breaker
from aws_lambda_powertools.utilities.circuit_breaker.exceptions import (
    CircuitBreakerError,
    CircuitBreakerOpenError,
)
from botocore.exceptions import BotoCoreError, ClientError

from mri_analysis.adapters.aws_errors import error_code, is_transient
from mri_analysis.contracts.segmentation_archive import ARCHIVE_TYPE
from mri_analysis.errors import ModelEndpointResting, ModelEndpointUnavailable

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.circuit_breaker.persistence.base import (
        CircuitBreakerPersistenceLayer,
    )
    from mypy_boto3_sagemaker_runtime import SageMakerRuntimeClient

# The design's figures: five failures in a row open the circuit for five minutes.
FAILURE_THRESHOLD = 5
RECOVERY_TIMEOUT_SECONDS = 300

# ``TimeoutSeconds`` of the states SegmentImage and ImageToText; a test compares them.
STATE_TIMEOUT_SECONDS = 3600
OBSERVATION_STATE_TIMEOUT_SECONDS = 1800


class _AsyncEndpoint(ABC):
    """Starts inferences on one asynchronous endpoint."""

    def __init__(
        self,
        client: "SageMakerRuntimeClient",
        endpoint_name: str,
        timeout_seconds: int,
        breaker_state: "CircuitBreakerPersistenceLayer",
    ) -> None:
        self._client = client
        self._endpoint_name = endpoint_name
        self._timeout_seconds = timeout_seconds
        protect: Callable[[Callable[[str, str], None]], Callable[[str, str], None]]
        protect = circuit_breaker(
            name=f"sagemaker.{endpoint_name}",
            persistence_store=breaker_state,
            config=CircuitBreakerConfig(
                failure_threshold=FAILURE_THRESHOLD,
                recovery_timeout=RECOVERY_TIMEOUT_SECONDS,
                success_threshold=1,
                handled_exceptions=ModelEndpointUnavailable,
            ),
        )
        self._protected = protect(self._invoke)

    @abstractmethod
    def _invoke(self, input_uri: str, inference_id: str) -> None:
        """Queue one inference; raises ``ModelEndpointUnavailable``."""


class SageMakerSegmentationEndpoint(_AsyncEndpoint):
    """The segmentation endpoint: takes an image, answers an archive."""

    def start(self, input_uri: str, inference_id: str) -> None:
        try:
            self._protected(input_uri, inference_id)
        except CircuitBreakerOpenError as error:
            raise ModelEndpointResting(
                "The segmentation endpoint failed several times and is given time to recover."
            ) from error

    def _invoke(self, input_uri: str, inference_id: str) -> None:
        try:
            self._client.invoke_endpoint_async(
                EndpointName=self._endpoint_name,
                InputLocation=input_uri,
                InferenceId=inference_id,
                ContentType="application/octet-stream",
                Accept=ARCHIVE_TYPE,
                InvocationTimeoutSeconds=self._timeout_seconds,
                # Nobody waits longer than the state does: its answer would be work for nothing.
                RequestTTLSeconds=STATE_TIMEOUT_SECONDS,
            )
        except (BotoCoreError, ClientError) as error:
            absent = isinstance(error, ClientError) and error_code(error) == "ValidationError"
            if absent or is_transient(error):
                raise ModelEndpointUnavailable(
                    "The segmentation endpoint did not take the study."
                ) from error
            raise


class SageMakerVisionLanguageEndpoint(_AsyncEndpoint):
    """The vision-language endpoint: takes a question as JSON, answers JSON.

    Whatever goes wrong is ``ModelEndpointUnavailable``, even a refusal that trying again will not
    cure: no study fails for want of this model.
    """

    @property
    def name(self) -> str:
        return self._endpoint_name

    def start(self, request_uri: str, inference_id: str) -> None:
        try:
            self._protected(request_uri, inference_id)
        except CircuitBreakerOpenError as error:
            raise ModelEndpointResting(
                "The vision-language endpoint failed several times and is given time to recover."
            ) from error
        except (CircuitBreakerError, BotoCoreError, ClientError) as error:
            raise ModelEndpointUnavailable("The circuit breaker's table did not answer.") from error

    def _invoke(self, input_uri: str, inference_id: str) -> None:
        try:
            self._client.invoke_endpoint_async(
                EndpointName=self._endpoint_name,
                InputLocation=input_uri,
                InferenceId=inference_id,
                ContentType="application/json",
                Accept="application/json",
                InvocationTimeoutSeconds=self._timeout_seconds,
                RequestTTLSeconds=OBSERVATION_STATE_TIMEOUT_SECONDS,
            )
        except (BotoCoreError, ClientError) as error:
            raise ModelEndpointUnavailable(
                "The vision-language endpoint did not take the question."
            ) from error
