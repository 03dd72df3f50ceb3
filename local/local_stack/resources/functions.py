"""Lambda functions, layers, permissions and event source mappings."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path
from typing import Any

from local_stack.account import arn
from local_stack.intrinsics import TemplateError
from local_stack.lambda_runtime import FunctionSpec
from local_stack.resources.deploying import Created, Deploying, integer, text
from local_stack.sqs_poller import EventSourceMapping

_LAYER_PATH = "LocalPath"


def create_layer_version(new: Deploying) -> Created:
    """Note where a layer's content lies."""
    content = new.properties["Content"]
    path = new.artefacts.path_of(content.get("S3Bucket"), content.get("S3Key"))
    layer_arn = arn("lambda", f"layer:{new.name('LayerName')}:1")
    return Created(layer_arn, {"LayerVersionArn": layer_arn, _LAYER_PATH: path})


def create_function(new: Deploying) -> Created:
    """Plan a function, and tell moto about it so that other services find it.

    Raises
    ------
    TemplateError
        The function is a container image, or is not Python.
    """
    properties = new.properties
    runtime = str(properties.get("Runtime", ""))
    if not runtime.startswith("python"):
        raise TemplateError(f"{new.logical_id}: only Python functions run here, not {runtime!r}.")
    name = new.name("FunctionName")
    spec = FunctionSpec(
        name=name,
        handler=properties["Handler"],
        code=_code(new),
        layers=tuple(_layer_path(new, layer) for layer in properties.get("Layers", [])),
        environment={**_variables(properties), **new.environment},
        timeout_s=float(properties.get("Timeout", 3)),
        memory_mb=integer(properties.get("MemorySize", 128)),
        reserved_concurrency=(
            integer(properties["ReservedConcurrentExecutions"])
            if "ReservedConcurrentExecutions" in properties
            else None
        ),
        failure_destination=(properties.get("DeadLetterConfig") or {}).get("TargetArn"),
    )
    new.plan.functions.append(spec)
    new.clients.client("lambda").create_function(
        FunctionName=name,
        Runtime=runtime,
        Role=properties["Role"],
        Handler=spec.handler,
        Code={"ZipFile": _EMPTY_ZIP},
        Timeout=int(spec.timeout_s),
        MemorySize=spec.memory_mb,
        Environment={"Variables": dict(_variables(properties))},
    )
    return Created(name, {"Arn": spec.arn})


def create_version(new: Deploying) -> Created:
    """Stand for a published version: here the function as it is."""
    return Created(_function_arn(new), {"Version": "$LATEST"})


def create_alias(new: Deploying) -> Created:
    """Stand for an alias: whoever calls it reaches the function as it is."""
    return Created(_function_arn(new), {"AliasArn": _function_arn(new)})


def create_event_invoke_config(new: Deploying) -> Created:
    """Apply the retries and the failure destination of asynchronous invocations."""
    from dataclasses import replace

    name = _name_in(new.properties["FunctionName"])
    for index, spec in enumerate(new.plan.functions):
        if spec.name == name:
            on_failure = (new.properties.get("DestinationConfig") or {}).get("OnFailure") or {}
            new.plan.functions[index] = replace(
                spec,
                async_retries=integer(new.properties.get("MaximumRetryAttempts", 2)),
                failure_destination=on_failure.get("Destination") or spec.failure_destination,
            )
    return Created(f"{name}-event-invoke-config")


def create_permission(new: Deploying) -> Created:
    """Store a permission; it is not enforced."""
    optional = {
        name: new.properties[name]
        for name in ("SourceArn", "SourceAccount", "EventSourceToken")
        if name in new.properties
    }
    new.clients.client("lambda").add_permission(
        FunctionName=_name_in(new.properties["FunctionName"]),
        StatementId=new.logical_id,
        Action=new.properties["Action"],
        Principal=new.properties["Principal"],
        **optional,
    )
    return Created(new.logical_id)


def create_event_source_mapping(new: Deploying) -> Created:
    """Plan the polling of a queue.

    Raises
    ------
    TemplateError
        The source is not a queue.
    """
    properties = new.properties
    source_arn = str(properties["EventSourceArn"])
    if not source_arn.startswith("arn:aws:sqs:"):
        raise TemplateError(f"{new.logical_id}: only SQS sources are polled, not {source_arn}.")
    if text(properties.get("Enabled", True)) == "true":
        scaling = properties.get("ScalingConfig") or {}
        new.plan.event_source_mappings.append(
            EventSourceMapping(
                queue_arn=source_arn,
                function_name=_name_in(properties["FunctionName"]),
                batch_size=integer(properties.get("BatchSize", 10)),
                batching_window_s=float(properties.get("MaximumBatchingWindowInSeconds", 0)),
                report_batch_item_failures="ReportBatchItemFailures"
                in properties.get("FunctionResponseTypes", []),
                maximum_concurrency=integer(scaling.get("MaximumConcurrency", 2)),
            )
        )
    return Created(new.logical_id)


def _function_arn(new: Deploying) -> str:
    return arn("lambda", f"function:{_name_in(new.properties['FunctionName'])}")


def _name_in(function: Any) -> str:
    """Return the function's name in a name or an ARN."""
    return str(function).split(":function:")[-1]


def _code(new: Deploying) -> Path:
    code = new.properties["Code"]
    path = new.artefacts.path_of(code.get("S3Bucket"), code.get("S3Key"))
    if not path.is_dir():
        raise TemplateError(f"{new.logical_id}: its code folder {path} does not exist.")
    return path


def _layer_path(new: Deploying, layer_arn: str) -> Path:
    if layer_arn not in new.created:
        raise TemplateError(f"{new.logical_id}: layer {layer_arn} is not part of this template.")
    path: Path = new.created[layer_arn][_LAYER_PATH]
    return path


def _variables(properties: Any) -> dict[str, str]:
    variables = (properties.get("Environment") or {}).get("Variables") or {}
    return {name: text(value) for name, value in variables.items()}


def _empty_zip() -> bytes:
    buffer = io.BytesIO()
    zipfile.ZipFile(buffer, "w").close()
    return buffer.getvalue()


_EMPTY_ZIP = _empty_zip()
"""moto wants an archive; the runner takes the code from its folder."""
