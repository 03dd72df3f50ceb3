"""Wait for a condition, never for a while."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def eventually(condition: Callable[[], T | None], what: str, limit_s: float = 20.0) -> T:
    """Return the first truthy value of ``condition``; fail after ``limit_s``."""
    deadline = time.monotonic() + limit_s
    while not (value := condition()):
        assert time.monotonic() < deadline, f"Waited {limit_s:g} s in vain for {what}."
        time.sleep(0.02)
    return value
