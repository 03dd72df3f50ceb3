"""Files that take longer to make than a person waits for one answer."""

from typing import Protocol

from mri_analysis.contracts.tasks import ExportOrder


class ExportOrders(Protocol):
    """Where a file is ordered."""

    def place(self, order: ExportOrder) -> None:
        """Have the file made; raises ``ServiceUnavailable``."""
        ...
