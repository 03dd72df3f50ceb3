"""The studies of an organization, page by page."""

import base64
import binascii
from dataclasses import dataclass
from datetime import UTC, datetime

from mri_analysis.contracts.job import Job
from mri_analysis.errors import InvalidRequest
from mri_analysis.ports.jobs import JobPosition
from mri_analysis.ports.studies import Study, StudyCatalogue, StudyFilter


@dataclass(frozen=True)
class StudyPage:
    """Studies, newest first, and where the next page begins."""

    studies: list[Study]
    next_cursor: str | None


def list_studies(
    organization_id: str,
    limit: int,
    cursor: str | None,
    wanted: StudyFilter = StudyFilter(),  # noqa: B008
    *,
    studies: StudyCatalogue,
) -> StudyPage:
    """One page of studies.

    The cursor names the last job seen, not a number of rows: a job that arrives meanwhile neither
    repeats nor hides another. It carries no organization; that always comes from the caller.

    Raises
    ------
    InvalidRequest
        The cursor is none of ours.
    """
    after = None if cursor is None else _position(cursor)
    found = studies.page(organization_id, limit + 1, wanted, after)
    page = found[:limit]
    return StudyPage(page, _cursor(page[-1].job) if len(found) > limit else None)


def _cursor(job: Job) -> str:
    return base64.urlsafe_b64encode(f"{job.created_at.isoformat()} {job.job_id}".encode()).decode()


def _position(cursor: str) -> JobPosition:
    try:
        moment, job_id = base64.urlsafe_b64decode(cursor.encode()).decode().split(" ")
        created_at = datetime.fromisoformat(moment)
        if created_at.tzinfo is None:
            raise ValueError("a moment without its zone")
        return JobPosition(created_at.astimezone(UTC), job_id)
    except (ValueError, OverflowError, binascii.Error) as error:
        raise InvalidRequest("The cursor is none that this API gave out.") from error
