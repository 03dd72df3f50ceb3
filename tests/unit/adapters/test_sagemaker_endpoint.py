"""Calling an asynchronous endpoint, and its circuit breaker."""

import uuid
from typing import Any

import pytest
from aws_lambda_powertools.utilities.circuit_breaker.persistence.base import (
    CircuitBreakerPersistenceLayer,
)
from aws_lambda_powertools.utilities.circuit_breaker.persistence.record import CircuitStateRecord
from botocore.exceptions import ClientError, EndpointConnectionError

from mri_analysis.adapters.sagemaker_endpoint import (
    FAILURE_THRESHOLD,
    OBSERVATION_STATE_TIMEOUT_SECONDS,
    SageMakerSegmentationEndpoint,
    SageMakerVisionLanguageEndpoint,
)
from mri_analysis.errors import ModelEndpointResting, ModelEndpointUnavailable
from tests.unit.adapters.test_aws_adapters import refused


class Runtime:
    """A SageMaker runtime that takes requests, or raises."""

    def __init__(self, error: Exception | None = None) -> None:
        self.error = error
        self.calls: list[dict[str, Any]] = []

    def invoke_endpoint_async(self, **call: Any) -> None:
        self.calls.append(call)
        if self.error is not None:
            raise self.error


class MemoryBreaker(CircuitBreakerPersistenceLayer):
    """The state of circuits in memory; fails where ``error`` is set."""

    def __init__(self) -> None:
        super().__init__()
        self.records: dict[str, CircuitStateRecord] = {}
        self.error: Exception | None = None

    def _get_record(self, name: str) -> CircuitStateRecord | None:
        return self.records.get(name)

    def _put_record(self, record: CircuitStateRecord, *_: Any, **__: Any) -> None:
        if self.error is not None:
            raise self.error
        self.records[record.name] = record

    def _update_record(self, record: CircuitStateRecord) -> None:
        self._put_record(record)


def vision_language(
    runtime: Runtime, breaker: MemoryBreaker | None = None
) -> SageMakerVisionLanguageEndpoint:
    # Failures are counted by name for the whole process: a name for each test.
    name = f"endpoint-{uuid.uuid4()}"
    return SageMakerVisionLanguageEndpoint(
        runtime,  # type: ignore[arg-type]
        name,
        600,
        breaker or MemoryBreaker(),
    )


def test_a_question_is_json_that_lives_no_longer_than_its_state_waits() -> None:
    runtime = Runtime()

    vision_language(runtime).start("s3://b/inference/requests/i.json", "i")

    (call,) = runtime.calls
    assert call["ContentType"] == call["Accept"] == "application/json"
    assert call["InputLocation"] == "s3://b/inference/requests/i.json"
    assert call["InvocationTimeoutSeconds"] == 600
    assert call["RequestTTLSeconds"] == OBSERVATION_STATE_TIMEOUT_SECONDS


@pytest.mark.parametrize(
    "error",
    [
        refused("ThrottlingException", 400),
        refused("ValidationError", 400),
        refused("AccessDeniedException", 403),
        EndpointConnectionError(endpoint_url="x"),
    ],
)
def test_whatever_goes_wrong_the_model_is_unavailable(error: Exception) -> None:
    with pytest.raises(ModelEndpointUnavailable):
        vision_language(Runtime(error)).start("s3://b/k", "i")


def test_after_some_failures_in_a_row_the_model_rests() -> None:
    runtime = Runtime(refused("InternalFailure", 500))
    endpoint = vision_language(runtime)
    for _ in range(FAILURE_THRESHOLD):
        with pytest.raises(ModelEndpointUnavailable):
            endpoint.start("s3://b/k", "i")

    with pytest.raises(ModelEndpointResting):
        endpoint.start("s3://b/k", "i")

    assert len(runtime.calls) == FAILURE_THRESHOLD


def test_a_breaker_that_cannot_keep_its_state_makes_the_model_unavailable() -> None:
    breaker = MemoryBreaker()
    breaker.error = refused("ProvisionedThroughputExceededException", 400)
    endpoint = vision_language(Runtime(refused("InternalFailure", 500)), breaker)

    for _ in range(FAILURE_THRESHOLD + 1):
        with pytest.raises(ModelEndpointUnavailable):
            endpoint.start("s3://b/k", "i")


def test_a_refusal_of_the_segmentation_endpoint_still_passes() -> None:
    endpoint = SageMakerSegmentationEndpoint(
        Runtime(refused("AccessDeniedException", 403)),  # type: ignore[arg-type]
        f"endpoint-{uuid.uuid4()}",
        900,
        MemoryBreaker(),
    )

    with pytest.raises(ClientError):
        endpoint.start("s3://b/k", "i")
