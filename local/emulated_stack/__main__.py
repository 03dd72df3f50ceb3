"""``python -m emulated_stack``: build, deploy into MiniStack, check, stop; says what it did."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

from emulated_stack.api_client import SignInFailed
from emulated_stack.checks import (
    CheckFailed,
    api_knows_who_asks,
    permissions_are_asked_for,
    refused_upload_is_named,
    study_becomes_report,
)
from emulated_stack.emulator import EmulatorFailed
from emulated_stack.sam import SamFailed
from emulated_stack.stack import EmulatedStack, Tools

T = TypeVar("T")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run once; return the exit status."""
    parser = argparse.ArgumentParser(prog="emulated_stack", description=__doc__)
    parser.add_argument("--scan", type=Path, default=Path("samples/pycortex_S1_T1w.nii.gz"))
    parser.add_argument("--state-dir", type=Path, default=Path("out/emulated"))
    parser.add_argument("--sam", type=Path, default=Tools.sam)
    parser.add_argument("--emulator-python", type=Path, default=Tools.emulator_python)
    options = parser.parse_args(arguments)
    stack = EmulatedStack(
        Path.cwd(), options.state_dir, Tools(options.sam, options.emulator_python)
    )
    started = time.monotonic()
    try:
        with stack:
            _told("MiniStack answers", lambda: stack.endpoint_url, started)
            template = _told("sam build", stack.build)
            _told("sam deploy", lambda: stack.deploy(template))
            try:
                _told("study", lambda: study_becomes_report(stack, options.scan))
                _told("refused upload", lambda: refused_upload_is_named(stack))
                _told("permissions", lambda: permissions_are_asked_for(stack))
                _told("REST API", lambda: api_knows_who_asks(stack))
            finally:
                stack.save_logs()
    except (CheckFailed, EmulatorFailed, SamFailed, SignInFailed) as error:
        print(f"FAILED: {error}\nLogs: {stack.state_dir}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    print(f"The emulated deployment works ({time.monotonic() - started:.0f} s).")
    return 0


def _told(name: str, step: Callable[[], T], started: float | None = None) -> T:
    begun = started or time.monotonic()
    result = step()
    detail = f"  {result}" if isinstance(result, str | Path) else ""
    print(f"{name:<20}{time.monotonic() - begun:6.1f} s{detail}", flush=True)
    return result


if __name__ == "__main__":
    sys.exit(main())
