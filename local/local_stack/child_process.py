"""Start Python modules as child processes that end with the stack."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path

_LAUNCHER = Path(__file__).with_name("guarded_child.py")


class ChildProcess:
    """A Python module running in a process group of its own.

    Parameters
    ----------
    module
        What would follow ``python -m``.
    arguments
        Its command line arguments.
    environment
        The whole environment: nothing is inherited.
    working_directory
        Folder it starts in.
    log_path
        File its output is appended to. A file rather than a pipe: what the process has written is
        complete at the moment it answers, with no reader thread to wait for.
    """

    def __init__(
        self,
        module: str,
        arguments: Sequence[str],
        *,
        environment: Mapping[str, str],
        working_directory: Path,
        log_path: Path,
    ) -> None:
        log_path.parent.mkdir(parents=True, exist_ok=True)
        with log_path.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-P", str(_LAUNCHER), module, *arguments],
                cwd=working_directory,
                env=dict(environment),
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self._kill_lock = threading.Lock()

    @property
    def pid(self) -> int:
        """Process id, which is also the id of its process group."""
        return self._process.pid

    @property
    def alive(self) -> bool:
        """Whether the process still runs."""
        return self._process.poll() is None

    def wait(self, timeout_s: float | None = None) -> int:
        """Wait for the end and return the exit status (negative: the signal that ended it)."""
        return self._process.wait(timeout_s)

    def terminate(self, grace_s: float) -> None:
        """Ask the process to end, and kill its group if it is still there after ``grace_s``."""
        if self.alive:
            self._signal_group(signal.SIGTERM)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.wait(grace_s)
        self.kill()

    def kill(self) -> None:
        """Kill the process and whatever it started, and reap it."""
        with self._kill_lock:
            if self._process.stdin and not self._process.stdin.closed:
                # The leader may be gone while its own children live on: signal the group anyway.
                self._signal_group(signal.SIGKILL)
                self._process.wait()
                self._process.stdin.close()

    def _signal_group(self, number: signal.Signals) -> None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, number)


def describe_exit(status: int) -> str:
    """Word an exit status as Lambda does.

    >>> describe_exit(3), describe_exit(-9)
    ('exit status 3', 'signal: killed')
    """
    if status >= 0:
        return f"exit status {status}"
    names = {signal.SIGKILL: "killed", signal.SIGSEGV: "segmentation fault"}
    number = signal.Signals(-status)
    return f"signal: {names.get(number, number.name)}"
