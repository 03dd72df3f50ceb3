"""The process is asked to end by signals, in a process of its own."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

import local_stack

# Whatever the process is doing when a signal comes: one comes at every line that it executes.
AT_EVERY_LINE = """
import signal, sys
from local_stack.stop_request import StopRequest

def ask(*_):
    signal.raise_signal(signal.SIGTERM)
    return ask

with StopRequest() as stop:
    sys.settrace(ask)
    stop.wait()
    sys.settrace(None)
print("ended")
"""

WAITS = """
import subprocess, sys
from local_stack.stop_request import StopRequest

mask = "import signal; print(signal.pthread_sigmask(signal.SIG_BLOCK, []), "
mask += "signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT).__name__)"
with StopRequest() as stop:
    child = subprocess.run([sys.executable, "-c", mask], capture_output=True, text=True)
    print(child.stdout.strip())
    print("waiting", flush=True)
    stop.wait()
    print("tidying up", flush=True)
    sys.stdin.readline()
    print("ended")
"""


def start(program: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", program],
        env={"PYTHONPATH": str(Path(local_stack.__file__).parents[1])},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def end_of(process: subprocess.Popen[str], typed: str = "") -> str:
    try:
        told, _ = process.communicate(typed, timeout=30)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
        pytest.fail("the process hangs")
    assert process.returncode == 0
    return told


def test_signal_at_any_moment_ends_the_wait() -> None:
    assert end_of(start(AT_EVERY_LINE)) == "ended\n"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_many_quick_signals_end_it_and_let_it_tidy_up(number: signal.Signals) -> None:
    # Given a process that waits, whose children start with the signals of any other
    process = start(WAITS)
    assert process.stdout is not None
    assert process.stdout.readline().split() == ["set()", "0", "default_int_handler"]
    assert process.stdout.readline() == "waiting\n"

    # When it is asked to end again and again, also while it tidies up
    for _ in range(200):
        process.send_signal(number)
    assert process.stdout.readline() == "tidying up\n"
    for _ in range(20):
        process.send_signal(number)

    # Then it tidies up, and ends once
    assert end_of(process, "\n") == "ended\n"
