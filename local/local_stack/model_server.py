"""Keeps a model server running: starts it, waits for ``/ping``, starts it again when it dies.

The server gets neither an address nor credentials of the stack, as SageMaker gives an isolated
container none: the gateway hands it the input and keeps its answer.
"""

from __future__ import annotations

import os
import socket
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from local_stack.child_process import ChildProcess
from local_stack.sagemaker_gateway import ping

_RESTART_DELAYS_S = (0.2, 1.0, 5.0)
_STABLE_AFTER_S = 30.0
"""A server that ran this long starts again at the first delay."""


@dataclass(frozen=True)
class ModelServerSpec:
    """How to start a model server.

    Parameters
    ----------
    module
        What follows ``python -m``; it gets ``--host`` and ``--port``.
    python_path
        Folders that hold it and what it imports.
    working_directory
        Folder it starts in.
    environment
        Variables of its own.
    arguments
        Further command line arguments.
    """

    module: str
    python_path: tuple[Path, ...]
    working_directory: Path
    environment: Mapping[str, str] = field(default_factory=dict)
    arguments: tuple[str, ...] = ()


class ModelServer:
    """A supervised model server. Its port, and so its address, outlives a restart."""

    def __init__(self, spec: ModelServerSpec, log_path: Path) -> None:
        self._spec = spec
        self._log_path = log_path
        self._port = _free_port()
        self._lock = threading.Lock()
        self._process: ChildProcess | None = None
        self._stopped = threading.Event()
        self._stopped.set()
        self.starts = 0

    @property
    def url(self) -> str:
        """Address of the server."""
        return f"http://127.0.0.1:{self._port}"

    @property
    def pid(self) -> int | None:
        """Process id while it runs."""
        process = self._process
        return process.pid if process and process.alive else None

    def start(self) -> None:
        """Start the server and its supervision; does not wait for it to be ready."""
        with self._lock:
            if not self._stopped.is_set():
                return
            self._stopped.clear()
            self._launch()
        threading.Thread(target=self._supervise, name="model-server", daemon=True).start()

    def stop(self, grace_s: float = 2.0) -> None:
        """End the server and its supervision."""
        with self._lock:
            self._stopped.set()
            process = self._process
        if process is not None:
            process.terminate(grace_s)

    def kill(self) -> None:
        """Kill the process, as a crash would; the supervision starts it again."""
        process = self._process
        if process is not None:
            process.kill()

    def wait_until_ready(self, limit_s: float) -> bool:
        """Wait for ``/ping`` to answer 200."""
        deadline = time.monotonic() + limit_s
        while not ping("127.0.0.1", self._port):
            if time.monotonic() > deadline or self._stopped.is_set():
                return False
            time.sleep(0.05)
        return True

    def _supervise(self) -> None:
        failures = 0
        while True:
            process = self._process
            assert process is not None
            started = time.monotonic()
            process.wait()
            process.kill()
            if time.monotonic() - started > _STABLE_AFTER_S:
                failures = 0
            delay_s = _RESTART_DELAYS_S[min(failures, len(_RESTART_DELAYS_S) - 1)]
            failures += 1
            if self._stopped.wait(delay_s):
                return
            with self._lock:
                if self._stopped.is_set():
                    return
                self._launch()

    def _launch(self) -> None:
        self.starts += 1
        self._process = ChildProcess(
            self._spec.module,
            ["--host", "127.0.0.1", "--port", str(self._port), *self._spec.arguments],
            environment={
                "PATH": os.environ.get("PATH", os.defpath),
                "LANG": "en_US.UTF-8",
                "HOME": os.environ.get("HOME", "/"),
                "PYTHONPATH": os.pathsep.join(map(str, self._spec.python_path)),
                "PYTHONUNBUFFERED": "1",
                **self._spec.environment,
            },
            working_directory=self._spec.working_directory,
            log_path=self._log_path,
        )


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
