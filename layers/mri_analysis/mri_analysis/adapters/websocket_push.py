"""Messages to open sockets through API Gateway's management address."""

from typing import Any, Protocol

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

from mri_analysis.adapters.aws_errors import error_code, transient_as
from mri_analysis.errors import ServiceUnavailable


class ManagementClient(Protocol):
    """The one call we make."""

    def post_to_connection(self, *, ConnectionId: str, Data: bytes) -> Any:
        """Write to a socket."""
        ...


def management_client(url: str) -> ManagementClient:
    """A client with little patience: many sockets wait behind one that does not answer."""
    config = Config(
        retries={"total_max_attempts": 2, "mode": "standard"}, connect_timeout=2, read_timeout=2
    )
    client: ManagementClient = boto3.client(
        "apigatewaymanagementapi", endpoint_url=url, config=config
    )
    return client


class WebSocketPush:
    """The sockets of one WebSocket API."""

    def __init__(self, client: ManagementClient) -> None:
        self._client = client

    def send(self, connection_id: str, message: str) -> bool:
        try:
            with transient_as(ServiceUnavailable, "The socket could not be written to."):
                self._client.post_to_connection(ConnectionId=connection_id, Data=message.encode())
        except ClientError as error:
            if error_code(error) == "GoneException":
                return False
            # Whatever is wrong with one socket must not keep the others from hearing.
            raise ServiceUnavailable("The socket could not be written to.") from error
        return True
