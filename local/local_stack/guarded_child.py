"""Run a module as ``__main__`` in a process that cannot outlive the stack.

Started by path, never imported. Standard input is a pipe that only the stack holds open and never
writes to: when the stack ends, however it ends, reading gives end-of-file and this process kills
its own process group. ``PR_SET_PDEATHSIG`` would not do: Linux ties it to the *thread* that started
the child, and a child started while a request is served would die with that request; macOS has no
such call.
"""

import os
import runpy
import signal
import sys
import threading


def _end_with_the_stack(lifeline: int) -> None:
    while os.read(lifeline, 1):
        pass
    os.killpg(os.getpgrp(), signal.SIGKILL)


def _guard() -> None:
    lifeline = os.dup(0)
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.close(null)
    threading.Thread(target=_end_with_the_stack, args=(lifeline,), daemon=True).start()


if __name__ == "__main__":
    _guard()
    _module, *_arguments = sys.argv[1:]
    sys.argv = [_module, *_arguments]
    runpy.run_module(_module, run_name="__main__", alter_sys=True)
