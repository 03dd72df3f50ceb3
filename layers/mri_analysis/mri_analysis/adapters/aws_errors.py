"""Which failures of an AWS call mean that the service, not the request, is at fault."""

from collections.abc import Iterator
from contextlib import contextmanager

from boto3.exceptions import Boto3Error
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from mri_analysis.errors import TransientError

# One owner for each retry: between stages the state machine, inside a call the SDK, twice at most.
CLIENT_CONFIG = Config(
    retries={"total_max_attempts": 2, "mode": "standard"}, connect_timeout=5, read_timeout=30
)

# A vector takes a tenth of a second, and a search goes on without one.
EMBEDDING_CONFIG = Config(
    retries={"total_max_attempts": 2, "mode": "standard"}, connect_timeout=2, read_timeout=5
)

# Nobody waits for an announcement: without one a browser asks by itself.
ANNOUNCEMENT_CONFIG = Config(
    retries={"total_max_attempts": 1, "mode": "standard"}, connect_timeout=1, read_timeout=2
)

_NO_ANSWER = (BotoCoreError, Boto3Error)
"""Errors of the SDK itself; ``download_file`` has a family of its own."""

_THROTTLED = {
    "Throttling",
    "ThrottlingException",
    "TooManyRequestsException",
    "ProvisionedThroughputExceededException",
    "LimitExceededException",
    "RequestLimitExceeded",
    "SlowDown",
}


def is_transient(error: Exception) -> bool:
    """Whether the same call may succeed later: no answer, throttled, or a fault of the server."""
    if isinstance(error, ClientError):
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        return status >= 500 or error_code(error) in _THROTTLED
    return isinstance(error, _NO_ANSWER)


@contextmanager
def transient_as(kind: type[TransientError], message: str) -> Iterator[None]:
    """Raise ``kind`` where the service is at fault; any other error passes."""
    try:
        yield
    except (ClientError, *_NO_ANSWER) as error:
        if is_transient(error):
            raise kind(message) from error
        raise


def error_code(error: ClientError) -> str:
    """The service's code of an error."""
    return str(error.response.get("Error", {}).get("Code", ""))
