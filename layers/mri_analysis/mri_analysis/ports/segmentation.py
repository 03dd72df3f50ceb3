"""The segmentation endpoint and the callbacks that answer for endpoints."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from mri_analysis.contracts.base import Contract


class SegmentationEndpoint(Protocol):
    """Starts an inference; its answer comes later, as a notification."""

    def start(self, input_uri: str, inference_id: str) -> None:
        """Queue one inference; raises ``ModelEndpointUnavailable``."""
        ...


class Purpose(StrEnum):
    """What an inference was started for, and so how its answer is read."""

    SEGMENTATION = "segmentation"
    OBSERVATION = "observation"


@dataclass(frozen=True)
class PendingCallback:
    """Who waits for an inference."""

    inference_id: str
    organization_id: str
    job_id: str
    task_token: str
    purpose: Purpose = Purpose.SEGMENTATION
    asked_at: float | None = None
    """Unix time; None where nobody asks how long it took"""


class CallbackStore(Protocol):
    """Task tokens by inference id."""

    def save(self, callback: PendingCallback) -> None:
        """Keep a callback; saving the same inference again replaces its token."""
        ...

    def find(self, inference_id: str) -> PendingCallback | None:
        """The callback, or None where it was answered long ago or never kept."""
        ...


class TaskTokens(Protocol):
    """Answers a waiting state of the state machine. An answer that comes too late is ignored."""

    def succeed(self, task_token: str, output: Contract) -> None:
        """Let the waiting state go on with ``output``."""
        ...

    def fail(self, task_token: str, code: str, message: str) -> None:
        """Let the waiting state fail with an error code of ours."""
        ...
