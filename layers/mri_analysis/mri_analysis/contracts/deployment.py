"""What a check of a deployment answers."""

from typing import Literal

from mri_analysis.contracts.base import Contract


class CheckedComponent(Contract):
    """One component of the deployment."""

    name: str
    ok: bool
    message: str
    next_step: str = ""


class DeploymentReport(Contract):
    """All components; ``ok`` where every one works."""

    schema_version: Literal[1] = 1
    ok: bool
    checks: list[CheckedComponent]

    def complaint(self) -> str:
        """What does not work, in sentences."""
        return " ".join(
            f"{check.name}: {check.message} {check.next_step}".strip()
            for check in self.checks
            if not check.ok
        )
