"""An end to a call whatever the other side does.

A read timeout counts from one byte to the next, so that a server that sends a byte a second holds
its caller for hours. Here the caller leaves when its time is over.
"""

import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

T = TypeVar("T")


def within(seconds: float, call: Callable[[], T], give_up: Callable[[], None] | None = None) -> T:
    """Run ``call`` in a thread of its own and return its result, or raise what it raised.

    Parameters
    ----------
    seconds
        After that ``TimeoutError`` is raised.
    give_up
        Called then; closes what the thread waits for, where it can be reached. A thread that
        cannot be woken ends by its own read timeout. It is a daemon: no process waits for it.
    """
    outcome: Future[T] = Future()

    def run() -> None:
        try:
            outcome.set_result(call())
        except BaseException as error:  # noqa: BLE001 - handed to the caller, whatever it is
            outcome.set_exception(error)

    threading.Thread(target=run, name="call with a deadline", daemon=True).start()
    # Not ``outcome.result(timeout)``: a ``TimeoutError`` of the call itself looks the same there.
    ended = threading.Event()
    outcome.add_done_callback(lambda _: ended.set())
    if not ended.wait(seconds):
        if give_up is not None:
            give_up()
        raise TimeoutError
    return outcome.result()
