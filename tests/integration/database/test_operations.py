"""What an administrator looks at, on the server that production is like."""

import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, event, insert, text

from migrations.migrate import migrate
from mri_analysis.adapters.database_connection import connect
from mri_analysis.adapters.sql_operations import SqlOperations
from mri_analysis.adapters.sql_study_catalogue import SqlStudyCatalogue
from mri_analysis.adapters.sql_tables import analysis_jobs, audit_events
from mri_analysis.contracts.job import JobStatus
from mri_analysis.ports.studies import TrailFilter
from mri_analysis.use_cases.time_stages import time_stages
from tests.support.mariadb import MariaDb

STUDIES = 3_000
NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)


@pytest.fixture(scope="module")
def engine(mariadb: MariaDb) -> Iterator[Engine]:
    """Studies of two organizations that failed after three seconds; a new one every 20 minutes."""
    engine = connect(mariadb.create("operations"))
    migrate(engine)
    jobs: list[dict[str, Any]] = []
    steps: list[dict[str, Any]] = []
    for number in range(2 * STUDIES):
        job_id, organization = str(uuid.UUID(int=number)), ("demo", "other")[number % 2]
        begin = NOW.replace(tzinfo=None) - timedelta(minutes=10 * (2 * STUDIES - number))
        jobs.append(
            {
                "job_id": job_id,
                "organization_id": organization,
                "original_image_key": "k",
                "status": JobStatus.FAILED,
                "error_code": "ModelFailed",
                "created_at": begin,
                "updated_at": begin,
            }
        )
        for place, status in enumerate(("uploaded", "segmenting", "failed")):
            steps.append(
                {
                    "organization_id": organization,
                    "job_id": job_id,
                    "actor": "pipeline",
                    "action": f"status.{status}",
                    "detail": {},
                    "created_at": begin + timedelta(seconds=1.5 * place),
                }
            )
    with engine.begin() as connection:
        connection.execute(insert(analysis_jobs), jobs)
        connection.execute(insert(audit_events), steps)
        connection.execute(text("ANALYZE TABLE analysis_jobs, audit_events"))
    yield engine
    engine.dispose()


def plans(engine: Engine, ask: Any) -> list[dict[str, Any]]:
    """How the server reads each table that ``ask`` asks for."""
    asked: list[tuple[str, Any]] = []

    def note(connection: Any, cursor: Any, statement: str, values: Any, *_: Any) -> None:
        asked.append((statement, values))

    event.listen(engine, "before_cursor_execute", note)
    ask()
    event.remove(engine, "before_cursor_execute", note)
    with engine.begin() as connection:
        return [
            dict(row)
            for statement, values in asked
            if statement.startswith("SELECT")
            for row in connection.exec_driver_sql(f"EXPLAIN {statement}", values).mappings()
            if row["table"] in ("analysis_jobs", "audit_events")
        ]


def test_seconds_and_states_are_those_of_the_organization(engine: Engine) -> None:
    found = time_stages("demo", 7, operations=SqlOperations(engine), now=lambda: NOW)

    by_stage = {one.stage: one for one in found.stages}
    assert (by_stage[JobStatus.UPLOADED].ended, by_stage[JobStatus.SEGMENTING].failed) == (504, 504)
    assert by_stage[JobStatus.UPLOADED].median_seconds == 1.5
    assert [(one.status, one.studies) for one in found.states] == [("failed", 504)]
    assert found.complete


def test_a_few_days_are_read_from_the_index_of_organization_and_time(engine: Engine) -> None:
    kept = SqlOperations(engine)

    steps, states = plans(engine, lambda: time_stages("demo", 2, operations=kept, now=lambda: NOW))

    for plan, table in ((steps, "audit_events"), (states, "analysis_jobs")):
        assert plan["key"] == f"ix_{table}_organization_id_created_at"
        assert "filesort" not in (plan["Extra"] or "")


def test_newest_reports_are_read_from_the_index_of_organization_and_time(engine: Engine) -> None:
    kept = SqlOperations(engine)

    plan, *_ = plans(engine, lambda: kept.analysed("demo", NOW - timedelta(days=2), 2_000))

    assert plan["table"] == "analysis_jobs"
    assert plan["key"] in (
        "ix_analysis_jobs_organization_id_created_at",
        # None of these studies is completed, which the server knows.
        "ix_analysis_jobs_organization_id_status",
    )


@pytest.mark.parametrize(
    ("wanted", "keys"),
    [
        (TrailFilter(job_id=str(uuid.UUID(int=8))), ["ix_audit_events_job_id_event_id"]),
        # Where half of the entries are the organization's, the primary key is as good.
        (
            TrailFilter(action="status.failed"),
            ["ix_audit_events_organization_id_event_id", "PRIMARY"],
        ),
    ],
)
def test_trail_is_narrowed_with_an_index(
    engine: Engine, wanted: TrailFilter, keys: list[str]
) -> None:
    catalogue = SqlStudyCatalogue(engine)

    *_, plan = plans(engine, lambda: catalogue.trail("demo", 50, wanted))

    assert plan["key"] in keys
    assert "filesort" not in (plan["Extra"] or "")
