"""Tell whoever subscribed that a report is ready for review."""

from mri_analysis.contracts.tasks import NotifyTask
from mri_analysis.ports.workflow import Notifier


def notify_user(task: NotifyTask, *, notifier: Notifier) -> None:
    """Publish ``report_ready``."""
    notifier.notify(task.organization_id, task.job_id, "report_ready")
