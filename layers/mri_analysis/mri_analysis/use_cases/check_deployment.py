"""Ask everything a deployment rests on whether it works, before traffic reaches it."""

from collections.abc import Sequence

from mri_analysis.contracts.deployment import CheckedComponent, DeploymentReport
from mri_analysis.ports.components import Component, ComponentUnusable


def check_deployment(components: Sequence[Component]) -> DeploymentReport:
    """Probe every component; one that fails keeps none of the others from being asked."""
    checks = [_checked(component) for component in components]
    return DeploymentReport(ok=all(check.ok for check in checks), checks=checks)


def _checked(component: Component) -> CheckedComponent:
    try:
        message = component.probe()
    except ComponentUnusable as error:
        return CheckedComponent(
            name=component.name, ok=False, message=str(error), next_step=error.next_step
        )
    except Exception as error:  # noqa: BLE001 - what nobody foresaw must not hide the others
        return CheckedComponent(
            name=component.name,
            ok=False,
            message=f"The probe stopped: {type(error).__name__}.",
            next_step="Read the log of check-deployment.",
        )
    return CheckedComponent(name=component.name, ok=True, message=message)
