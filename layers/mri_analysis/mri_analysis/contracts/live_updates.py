"""What is said when a study changed: to whoever subscribed, and to the browsers that watch."""

from typing import Literal

from mri_analysis.contracts.base import Contract, Identifier
from mri_analysis.contracts.tasks import StudyTask


class StudyEvent(StudyTask):
    """Message of the notification topic."""

    event: str


class StudyChange(Contract):
    """Message to a socket: a nudge to read the job again, which stays the truth."""

    schema_version: Literal[1] = 1
    job_id: Identifier
    event: str
