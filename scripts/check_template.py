"""Check every template and the state machine, offline: ``make check-template``.

    python -m scripts.check_template

One line for each check that found nothing; else its findings, as ``file:resource: reason``, and
exit code 1. The tools run beside each other, since most of them wait for one core.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from scripts.template_checks import tools
from scripts.template_checks.permissions import permission_findings
from scripts.template_checks.resource_policies import policy_findings
from scripts.template_checks.templates import Finding, load_all

_BASE = Path(__file__).parents[1]


def policies(base: Path) -> list[Finding]:
    """Promises over several resources, and what each function may do beside what it does."""
    templates = load_all(base)
    found = [finding for template in templates for finding in policy_findings(template)]
    return found + permission_findings(templates[0], base)


# The slowest first.
CHECKS: dict[str, Callable[[Path], list[Finding]]] = {
    "checkov": tools.checkov,
    "cfn-lint": tools.cfn_lint,
    "sam validate": tools.sam_validate,
    "policies": policies,
    "state machine": tools.state_machine,
    "cfn-guard": tools.cfn_guard,
    "statelint": tools.statelint,
}


def main() -> int:
    """Run every check; answer the exit code."""
    broken = False
    with ThreadPoolExecutor(max_workers=3) as pool:
        running = {name: pool.submit(_timed, check) for name, check in CHECKS.items()}
        for name, future in running.items():
            try:
                found, seconds = future.result()
            except tools.ToolMissing as error:
                found, seconds = [Finding(name, "", str(error))], 0.0
            except Exception as error:  # noqa: BLE001 - one check that breaks must not hide the others
                reason = f"the check itself broke: {type(error).__name__}: {error}"
                found, seconds = [Finding(name, "", reason)], 0.0
            if found:
                broken = True
                print(f"{name}: {len(found)} findings")
                print("\n".join(f"  {finding}" for finding in found))
            else:
                print(f"{name}: fine ({seconds:.1f} s)")
    return int(broken)


def _timed(check: Callable[[Path], list[Finding]]) -> tuple[list[Finding], float]:
    started = time.perf_counter()
    return check(_BASE), time.perf_counter() - started


if __name__ == "__main__":
    sys.exit(main())
