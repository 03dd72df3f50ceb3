"""Queues of the deployment: what waits, and what could not be delivered."""

from typing import Protocol

from mri_analysis.contracts.operations import QueueDepth


class Queues(Protocol):
    """The queues that studies and answers pass."""

    def depths(self) -> list[QueueDepth]:
        """How much lies in each now; raises ``ServiceUnavailable``."""
        ...
