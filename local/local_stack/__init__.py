"""MRI Analysis on one machine: the same template, state machine and handlers, no AWS, no Docker.

``stack`` starts and stops everything. ``template`` and ``deployer`` read the SAM template and
create its resources in a moto server (``moto_server``, ``moto_corrections``). ``lambda_runtime``
runs the functions, ``sqs_poller`` feeds them, ``sagemaker_gateway`` and ``model_server`` stand for
SageMaker, ``traces`` and ``logs`` for X-Ray and CloudWatch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from local_stack.model_server import ModelServerSpec
    from local_stack.stack import EndpointByName, LocalStack, segmentation_server

__all__ = ["EndpointByName", "LocalStack", "ModelServerSpec", "segmentation_server"]


def __getattr__(name: str) -> Any:
    # boto3 is not imported until a stack is made: reading logs needs none of it.
    if name == "ModelServerSpec":
        from local_stack.model_server import ModelServerSpec

        return ModelServerSpec
    if name in __all__:
        from local_stack import stack

        return getattr(stack, name)
    raise AttributeError(name)
