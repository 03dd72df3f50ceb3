"""Waiting until somebody asks the process to end: Ctrl-C or ``SIGTERM``.

A handler of Python runs in the main thread between two of its instructions. One that sets a
``threading.Event`` which the main thread waits for takes the lock of that event a second time, and
the process hangs. Here the interpreter writes the number of the signal into a pipe, whichever
thread it reaches and however many come, and the main thread reads: there is no lock to wait for.
"""

from __future__ import annotations

import os
import signal
from types import TracebackType
from typing import Self

_ASKS = (signal.SIGINT, signal.SIGTERM)


class StopRequest:
    """Hears of the signals that ask the process to end, from the moment it is entered.

    To be entered in the main thread. Signals that come after the first one are taken too, so that
    they do not cut short what is tidied up. Nothing is blocked: a child process starts with the
    signals of any other.
    """

    def __enter__(self) -> Self:
        self._reader, self._writer = os.pipe()
        os.set_blocking(self._writer, False)
        # A full pipe holds enough to be read.
        self._wakeup_before = signal.set_wakeup_fd(self._writer, warn_on_full_buffer=False)
        self._handlers_before = {number: signal.signal(number, lambda *_: None) for number in _ASKS}
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        for number, handler in self._handlers_before.items():
            signal.signal(number, handler)
        signal.set_wakeup_fd(self._wakeup_before)
        os.close(self._reader)
        os.close(self._writer)

    def wait(self) -> None:
        """Return once one of them has come, also where it came before this call."""
        while not any(number in _ASKS for number in os.read(self._reader, 4096)):
            pass
