"""Lambda functions without Lambda and without Docker.

``environment`` is one process and its Runtime API; ``runner`` decides which process serves which
invocation.
"""

from local_stack.lambda_runtime.environment import FunctionSpec, Invocation
from local_stack.lambda_runtime.runner import (
    FunctionNotFoundError,
    LambdaRunner,
    TooManyRequestsError,
)

__all__ = [
    "FunctionNotFoundError",
    "FunctionSpec",
    "Invocation",
    "LambdaRunner",
    "TooManyRequestsError",
]
