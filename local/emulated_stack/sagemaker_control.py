"""The one call of SageMaker that a deployment makes: does the endpoint exist, is it in service?

MiniStack has no SageMaker. The endpoint is not part of the deployed stack (no image is given): it
stands for one that was there before.
"""

from __future__ import annotations

import json
from collections.abc import Collection
from http import HTTPStatus

from local_stack.account import arn
from local_stack.http_server import LoopbackServer, RequestHandler


class SageMakerControl(LoopbackServer):
    """Answers ``DescribeEndpoint`` for the endpoints of these names."""

    def __init__(self, endpoint_names: Collection[str]) -> None:
        super().__init__(_Handler)
        self.endpoint_names = endpoint_names

    @property
    def url(self) -> str:
        """Value for ``AWS_ENDPOINT_URL_SAGEMAKER``."""
        return f"http://{self.address}"


class _Handler(RequestHandler):
    server: SageMakerControl

    def do_POST(self) -> None:
        body = json.loads(self.read_body() or b"{}")
        if self.headers.get("X-Amz-Target") != "SageMaker.DescribeEndpoint":
            self._refuse("UnknownOperationException", "Only DescribeEndpoint is answered here.")
            return
        name = body.get("EndpointName", "")
        endpoint_arn = arn("sagemaker", f"endpoint/{name}")
        if name not in self.server.endpoint_names:
            self._refuse("ValidationException", f'Could not find endpoint "{endpoint_arn}".')
            return
        self.answer_json(
            HTTPStatus.OK,
            {
                "EndpointName": name,
                "EndpointArn": endpoint_arn,
                "EndpointConfigName": name,
                "EndpointStatus": "InService",
                "CreationTime": 0,
                "LastModifiedTime": 0,
            },
        )

    def _refuse(self, code: str, message: str) -> None:
        self.answer_json(HTTPStatus.BAD_REQUEST, {"__type": code, "message": message})
