"""Ten thousand jobs of one organization, beside those of others."""

import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, event, insert

from local_stack.stack import LocalStack
from mri_analysis.adapters.database_connection import connect
from mri_analysis.adapters.sql_study_catalogue import SqlStudyCatalogue
from mri_analysis.adapters.sql_tables import analysis_jobs
from mri_analysis.contracts.job import JobStatus
from mri_analysis.keys import StudyKeys
from mri_analysis.ports.jobs import JobPosition
from mri_analysis.ports.studies import StudyFilter
from tests.integration.reading_api.conftest import ARCHIVIST, Client
from tests.support.signed_in import id_token

JOBS = 10_000
ORGANIZATION = ARCHIVIST.organization
FIRST = datetime(2026, 1, 1)


def row(number: int) -> dict[str, Any]:
    job_id = str(uuid.UUID(int=number))
    # Three share each moment; one in a hundred failed.
    moment = FIRST + timedelta(minutes=number // 3)
    return {
        "job_id": job_id,
        "organization_id": ORGANIZATION,
        "user_id": ARCHIVIST.subject,
        "original_image_key": StudyKeys(ORGANIZATION, job_id).upload,
        "original_image_version": "v",
        "execution_name": None,
        "status": JobStatus.AWAITING_UPLOAD if number % 100 else JobStatus.FAILED,
        "error_code": None if number % 100 else "NotABrain",
        "error_message": None if number % 100 else "It is a fruit.",
        "error_next_step": None if number % 100 else "Upload a brain.",
        "created_at": moment,
        "updated_at": moment,
    }


@pytest.fixture(scope="module")
def engine(stack: LocalStack) -> Iterator[Engine]:
    engine = connect(stack.description()["database_url"])
    with engine.begin() as connection:
        connection.execute(insert(analysis_jobs), [row(number) for number in range(JOBS)])
    yield engine
    engine.dispose()


@pytest.fixture
def archivist(stack: LocalStack, engine: Engine) -> Client:
    return Client(stack.api_url, id_token(stack.issuer, ARCHIVIST.subject))


def pages(client: Client, **query: Any) -> Iterator[list[dict[str, Any]]]:
    cursor: dict[str, str] = {}
    while True:
        answer = client.get("/v1/jobs", params=query | cursor)
        assert answer.status_code == 200, answer.text
        page = answer.json()
        yield page["jobs"]
        if page["next_cursor"] is None:
            return
        cursor = {"cursor": page["next_cursor"]}


def test_pages_show_every_job_once_newest_first(archivist: Client) -> None:
    found = list(pages(archivist, limit=100))

    assert [len(page) for page in found] == [100] * (JOBS // 100)
    jobs = [job for page in found for job in page]
    assert len({job["job_id"] for job in jobs}) == JOBS
    moments = [job["created_at"] for job in jobs]
    assert moments == sorted(moments, reverse=True)


def test_filter_finds_the_few_among_the_many(archivist: Client) -> None:
    failed = [job for page in pages(archivist, limit=100, status="failed") for job in page]

    assert len(failed) == JOBS // 100
    assert {job["status"] for job in failed} == {"failed"}


def test_no_page_sorts_or_reads_the_whole_organization(engine: Engine) -> None:
    asked: list[tuple[str, Any]] = []

    def note(connection: Any, cursor: Any, statement: str, values: Any, *_: Any) -> None:
        asked.append((statement, values))

    event.listen(engine, "before_cursor_execute", note)
    middle = JobPosition((FIRST + timedelta(minutes=JOBS // 6)).replace(tzinfo=UTC), "8")
    catalogue = SqlStudyCatalogue(engine)
    catalogue.page(ORGANIZATION, 101, StudyFilter(None, None, None))
    catalogue.page(ORGANIZATION, 101, StudyFilter(None, None, None), middle)
    event.remove(engine, "before_cursor_execute", note)

    statements = [(text, values) for text, values in asked if text.lstrip().startswith("SELECT")]
    assert len(statements) == 2
    with engine.begin() as connection:
        for statement, values in statements:
            plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", values)
            steps = [step.detail for step in plan]
            assert any("ix_analysis_jobs_organization_id_created_at" in step for step in steps)
            assert not any("SCAN analysis_jobs" in step for step in steps), steps
            # Jobs of the same moment may be sorted by their id, the organization may not.
            assert not any("TEMP B-TREE FOR ORDER BY" in step for step in steps), steps
