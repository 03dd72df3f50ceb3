"""Which failures of an AWS call mean that the service, not the request, is at fault."""

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

# One owner for each retry: between stages the state machine, inside a call the SDK, twice at most.
CLIENT_CONFIG = Config(
    retries={"total_max_attempts": 2, "mode": "standard"}, connect_timeout=5, read_timeout=30
)

_THROTTLED = {
    "Throttling",
    "ThrottlingException",
    "TooManyRequestsException",
    "ProvisionedThroughputExceededException",
    "RequestLimitExceeded",
    "SlowDown",
}


def is_transient(error: BotoCoreError | ClientError) -> bool:
    """Whether the same call may succeed later: no answer, throttled, or a fault of the server."""
    if isinstance(error, ClientError):
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        return status >= 500 or error_code(error) in _THROTTLED
    return True


def error_code(error: ClientError) -> str:
    """The service's code of an error."""
    return str(error.response.get("Error", {}).get("Code", ""))
