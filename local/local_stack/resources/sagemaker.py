"""SageMaker models, endpoint configurations and endpoints, for the gateway."""

from __future__ import annotations

from typing import Any

from local_stack.account import arn
from local_stack.resources.deploying import Created, DeclaredEndpoint, Deploying, integer

_ASYNC = "AsyncInferenceConfig"


def create_model(new: Deploying) -> Created:
    """Name a model; what runs behind the endpoint is the local model server."""
    name = new.name("ModelName")
    return Created(name, {"ModelName": name})


def create_endpoint_config(new: Deploying) -> Created:
    """Keep an endpoint configuration for the endpoint that uses it."""
    name = new.name("EndpointConfigName")
    return Created(name, {"EndpointConfigName": name, _ASYNC: new.properties.get(_ASYNC) or {}})


def create_endpoint(new: Deploying) -> Created:
    """Plan an endpoint of the gateway."""
    name = new.name("EndpointName")
    configuration: Any = new.created.get(str(new.properties["EndpointConfigName"]), {}).get(
        _ASYNC, {}
    )
    output = configuration.get("OutputConfig") or {}
    topics = output.get("NotificationConfig") or {}
    client = configuration.get("ClientConfig") or {}
    new.plan.endpoints.append(
        DeclaredEndpoint(
            name=name,
            output_location=output.get("S3OutputPath"),
            failure_location=output.get("S3FailurePath"),
            success_topic_arn=topics.get("SuccessTopic"),
            error_topic_arn=topics.get("ErrorTopic"),
            max_concurrency=integer(client.get("MaxConcurrentInvocationsPerInstance", 1)),
        )
    )
    return Created(arn("sagemaker", f"endpoint/{name}"), {"EndpointName": name})
