"""So many requests a second, and as many at once: a token bucket, as API Gateway keeps one."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable


class Throttle:
    """Lets requests pass at a rate; None for no bound."""

    def __init__(self, rate: float | None, now: Callable[[], float] = time.monotonic) -> None:
        self._rate = rate
        self._now = now
        self._left = rate or 0.0
        self._seen = now()
        self._lock = threading.Lock()

    def takes(self) -> bool:
        """Whether one more request may pass now."""
        if self._rate is None:
            return True
        with self._lock:
            moment = self._now()
            self._left = min(self._rate, self._left + (moment - self._seen) * self._rate)
            self._seen = moment
            if self._left < 1:
                return False
            self._left -= 1
            return True
