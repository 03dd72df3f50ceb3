"""The moto server that plays S3, SQS, SNS, DynamoDB, Step Functions and the rest.

moto keeps its state and some settings for the whole process, so one process hosts one stack at a
time.
"""

from __future__ import annotations

import logging
import os
import socket
import threading
from collections.abc import Callable

from local_stack.lambda_runtime import LambdaRunner

_in_use = threading.Lock()


class MotoServer:
    """A moto server on a free port of 127.0.0.1, with Step Functions executing.

    Parameters
    ----------
    port
        ``None`` for a free one.
    """

    def __init__(self, port: int | None = None) -> None:
        if not _in_use.acquire(blocking=False):
            raise RuntimeError(
                "A local stack already runs in this process. moto keeps one set of resources per "
                "process: stop the other stack first, or start this one in a process of its own."
            )
        self._port = port or _free_port()
        self._undo: list[Callable[[], None]] = []

    @property
    def endpoint_url(self) -> str:
        """Address of every service that moto plays."""
        return f"http://127.0.0.1:{self._port}"

    def start(self, runner: LambdaRunner) -> None:
        """Import moto, put the corrections in place and serve."""
        # moto's state machine interpreter takes the server's address from this variable.
        os.environ["MOTO_PORT"] = str(self._port)
        from moto.core.config import default_user_config
        from moto.server import ThreadedMotoServer

        from local_stack import moto_corrections

        default_user_config["stepfunctions"]["execute_state_machine"] = True
        # One line per request, and one per failed state: both are on record elsewhere.
        for name in ("werkzeug", "moto.stepfunctions"):
            logging.getLogger(name).setLevel(logging.CRITICAL)
        self._undo.append(moto_corrections.apply(runner))
        server = ThreadedMotoServer("127.0.0.1", self._port, verbose=False)
        server.start()
        self._undo.append(server.stop)

    def stop(self) -> None:
        """Stop serving, and forget every resource."""
        while self._undo:
            self._undo.pop()()
        from moto.moto_api._internal.models import moto_api_backend

        moto_api_backend.reset()
        os.environ.pop("MOTO_PORT", None)
        _in_use.release()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
