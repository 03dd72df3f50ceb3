"""Starting an analysis and telling people about it."""

from typing import Protocol

from mri_analysis.contracts.tasks import AnalysisInput


class Workflow(Protocol):
    """The state machine."""

    def start(self, name: str, task: AnalysisInput) -> bool:
        """Start an execution; False where one of that name exists already."""
        ...

    def stop(self, name: str) -> None:
        """Stop an execution; one that ended, or never was, is left as it is."""
        ...


class Notifier(Protocol):
    """Tells whoever subscribed; messages carry ids only."""

    def notify(self, organization_id: str, job_id: str, event: str) -> None:
        """Publish one event of a study."""
        ...
