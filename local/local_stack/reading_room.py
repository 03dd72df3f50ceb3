"""The reading room as a process beside the stack."""

from __future__ import annotations

import secrets
import socket
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING

from local_stack.child_process import ChildProcess, describe_exit
from local_stack.people import READING_ROOM_CLIENT

if TYPE_CHECKING:
    from local_stack.stack import LocalStack

_PATIENCE_S = 30.0


def free_port() -> int:
    """A port that nobody listens on; the address is needed before the stack is deployed."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class ReadingRoom:
    """The Streamlit application on one port of 127.0.0.1.

    Parameters
    ----------
    repository
        The checkout.
    port
        Of the application; the stack's ``ReadingRoomOrigin`` must be :attr:`url`.
    """

    def __init__(self, repository: Path, port: int) -> None:
        self._repository = repository
        self._port = port
        self._process: ChildProcess | None = None

    @property
    def url(self) -> str:
        """Where a person goes; Cognito, too, takes no other host without HTTPS."""
        return f"http://localhost:{self._port}"

    @property
    def pid(self) -> int:
        """Process id of the application.

        Raises
        ------
        RuntimeError
            It was not started.
        """
        if self._process is None:
            raise RuntimeError("The reading room does not run.")
        return self._process.pid

    def start(self, stack: LocalStack) -> None:
        """Start it for a running stack, and wait until it answers.

        Raises
        ------
        RuntimeError
            It ended, or did not answer in time.
        """
        folder = self._repository / "frontend"
        paths = (folder, self._repository / "client", self._repository / "layers/mri_analysis")
        home = stack.state_dir / "reading-room"
        home.mkdir(parents=True, exist_ok=True)
        log = stack.state_dir / "logs" / "reading-room.log"
        self._process = ChildProcess(
            "streamlit",
            [
                "run",
                str(folder / "reading_room/server.py"),
                f"--server.port={self._port}",
                "--server.address=127.0.0.1",
            ],
            environment={
                "PATH": "/usr/bin:/bin",
                "HOME": str(home),
                "PYTHONPATH": ":".join(str(path.resolve()) for path in paths),
                "API_URL": stack.api_url,
                "WEBSOCKET_URL": stack.websocket_url,
                "STORAGE_ORIGINS": stack.endpoint_url,
                "AUTH_REDIRECT_URI": f"{self.url}/oauth2callback",
                "AUTH_METADATA_URL": f"{stack.issuer}/.well-known/openid-configuration",
                "AUTH_CLIENT_ID": READING_ROOM_CLIENT,
                "AUTH_CLIENT_SECRET": secrets.token_urlsafe(16),
                "AUTH_COOKIE_SECRET": secrets.token_urlsafe(32),
            },
            working_directory=folder,
            log_path=log,
        )
        deadline = time.monotonic() + _PATIENCE_S
        while not self._answers():
            if not self._process.alive:
                raise RuntimeError(
                    f"The reading room ended ({describe_exit(self._process.wait())}); see {log}."
                )
            if time.monotonic() > deadline:
                raise RuntimeError(f"The reading room did not answer; see {log}.")
            time.sleep(0.1)

    def stop(self) -> None:
        """End it."""
        if self._process is not None:
            self._process.terminate(2.0)

    def _answers(self) -> bool:
        try:
            with urllib.request.urlopen(
                f"http://127.0.0.1:{self._port}/_stcore/health", timeout=1
            ) as answer:
                return bool(answer.status == 200)
        except (urllib.error.URLError, OSError):
            return False
