"""What the X-Ray daemon does, into a file: one JSON segment a line in ``traces.jsonl``."""

from __future__ import annotations

import datetime
import hashlib
import json
import secrets
import socket
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class TraceHeader:
    """The tracing header of one invocation.

    Without ``Sampled=1`` the X-Ray SDK emits nothing.
    """

    root: str
    parent: str

    @classmethod
    def new(cls) -> TraceHeader:
        """Start a trace."""
        return cls(f"1-{int(time.time()):08x}-{secrets.token_hex(12)}", secrets.token_hex(8))

    @classmethod
    def of_execution(cls, execution_arn: str, start_time: str) -> TraceHeader:
        """Return a header whose root is the same for every state of an execution.

        Parameters
        ----------
        execution_arn, start_time
            ``$$.Execution.Id`` and ``$$.Execution.StartTime``.
        """
        digest = hashlib.sha256(execution_arn.encode()).hexdigest()
        started = int(datetime.datetime.fromisoformat(start_time).timestamp())
        return cls(f"1-{started:08x}-{digest[:24]}", secrets.token_hex(8))

    def __str__(self) -> str:
        return f"Root={self.root};Parent={self.parent};Sampled=1"


class TraceCollector:
    """Listens where the X-Ray SDK sends its segments (UDP) and appends them to a file."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = path.open("a", encoding="utf-8")
        self._lock = threading.Lock()
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self._thread = threading.Thread(target=self._receive, daemon=True)
        self._thread.start()

    @property
    def address(self) -> str:
        """Value for ``AWS_XRAY_DAEMON_ADDRESS``."""
        return f"127.0.0.1:{self._socket.getsockname()[1]}"

    def record(self, segment: Mapping[str, Any]) -> None:
        """Append one segment."""
        line = json.dumps(segment, separators=(",", ":"))
        with self._lock:
            if not self._file.closed:
                self._file.write(line + "\n")
                self._file.flush()

    def close(self) -> None:
        """Stop listening."""
        # An empty datagram wakes the thread; closing a socket does not on every system.
        self._socket.sendto(b"", self._socket.getsockname())
        self._thread.join(2)
        self._socket.close()
        with self._lock:
            self._file.close()

    def _receive(self) -> None:
        while datagram := self._socket.recv(65_535):
            # A datagram is a JSON header line, then the segment.
            _, _, body = datagram.partition(b"\n")
            try:
                segment = json.loads(body)
            except ValueError:
                continue
            self.record(segment)


def read_segments(path: Path) -> list[dict[str, Any]]:
    """Read the segments of a trace file, oldest first (a line being written is left out)."""
    if not path.exists():
        return []
    segments = []
    for line in path.read_text(encoding="utf-8").splitlines():
        try:
            segments.append(json.loads(line))
        except ValueError:
            continue
    return segments
