"""What a local stack of this process has running."""

import threading
import time

from local_stack import moto_server

_THREADS = ("poll-", "async-invoke", "model-server")
"""How threads of a stack are named, where they have names of their own."""


def what_runs(limit_s: float = 3) -> list[str]:
    """What of a stack still runs after ``limit_s``; empty as soon as nothing does."""
    deadline = time.monotonic() + limit_s
    while (left := _now()) and time.monotonic() < deadline:
        time.sleep(0.05)
    return left


def _now() -> list[str]:
    stack = ["the local stack"] if moto_server._in_use.locked() else []
    names = {thread.name for thread in threading.enumerate()}
    return stack + sorted(name for name in names if name.startswith(_THREADS))
