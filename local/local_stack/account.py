"""The one account and region of the local stack, and the clients that talk to it.

Everything passes the endpoint, region and credentials explicitly: the process that hosts the stack
keeps its own ``AWS_*`` variables, so a developer's real profile is neither used nor disturbed.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import Any

import boto3
from botocore.config import Config

ACCOUNT_ID = "123456789012"
REGION = "us-east-1"
PARTITION = "aws"
CREDENTIALS = {"AWS_ACCESS_KEY_ID": "local", "AWS_SECRET_ACCESS_KEY": "local"}


def arn(service: str, resource: str) -> str:
    """Build the ARN of a resource of the local account.

    >>> arn("sqs", "uploads")
    'arn:aws:sqs:us-east-1:123456789012:uploads'
    """
    return f"arn:{PARTITION}:{service}:{REGION}:{ACCOUNT_ID}:{resource}"


@dataclass
class AwsClients:
    """boto3 clients of one endpoint, made on first use and shared between threads.

    Parameters
    ----------
    endpoint_url
        Address of the moto server.
    endpoint_urls
        Addresses of services that moto does not serve, by boto3 service name.
    """

    endpoint_url: str
    endpoint_urls: dict[str, str] = field(default_factory=dict)
    _clients: dict[str, Any] = field(default_factory=dict, repr=False)
    _lock: threading.RLock = field(default_factory=threading.RLock, repr=False)
    _session: Any = field(default=None, repr=False)

    def client(self, service: str) -> Any:
        """Return the client of ``service`` (any boto3 service name)."""
        with self._lock:
            if service not in self._clients:
                self._session = self._session or boto3.Session(region_name=REGION)
                self._clients[service] = self._session.client(
                    service,
                    endpoint_url=self.endpoint_urls.get(service, self.endpoint_url),
                    region_name=REGION,
                    aws_access_key_id=CREDENTIALS["AWS_ACCESS_KEY_ID"],
                    aws_secret_access_key=CREDENTIALS["AWS_SECRET_ACCESS_KEY"],
                    config=Config(
                        max_pool_connections=50,
                        retries={"total_max_attempts": 2},
                        s3={"addressing_style": "path"},
                    ),
                )
            return self._clients[service]
