"""Pages of a large worklist on the server that production is like."""

import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, event, insert, text

from migrations.migrate import migrate
from mri_analysis.adapters.database_connection import connect
from mri_analysis.adapters.sql_study_catalogue import SqlStudyCatalogue
from mri_analysis.adapters.sql_tables import analysis_jobs
from mri_analysis.contracts.job import JobStatus
from mri_analysis.ports.jobs import JobPosition
from mri_analysis.ports.studies import StudyFilter
from tests.support.mariadb import MariaDb

JOBS = 10_000
PAGE = 101
FIRST = datetime(2026, 1, 1)
EVERY = StudyFilter(None, None, None)


@pytest.fixture(scope="module")
def engine(mariadb: MariaDb) -> Iterator[Engine]:
    """Ten thousand jobs of each of two organizations; three share each moment."""
    engine = connect(mariadb.create("worklist"))
    migrate(engine)
    rows = [
        {
            "job_id": str(uuid.UUID(int=number)),
            "organization_id": ("demo", "other")[number % 2],
            "original_image_key": "k",
            "status": JobStatus.AWAITING_UPLOAD,
            "created_at": FIRST + timedelta(minutes=number // 6),
            "updated_at": FIRST,
        }
        for number in range(2 * JOBS)
    ]
    with engine.begin() as connection:
        connection.execute(insert(analysis_jobs), rows)
        connection.execute(text("ANALYZE TABLE analysis_jobs"))
    yield engine
    engine.dispose()


# In the middle MariaDB reads the same index from its newest entry, without the cursor's bound: it
# thinks that cheaper. MySQL takes the longer key wherever the page is, whatever it costs.
LATE = JobPosition((FIRST + timedelta(hours=5)).replace(tzinfo=UTC), "8")


@pytest.mark.parametrize("after", [None, LATE], ids=["first", "late"])
def test_page_is_read_from_the_index_in_its_order(
    engine: Engine, after: JobPosition | None
) -> None:
    asked: list[tuple[str, Any]] = []

    def note(connection: Any, cursor: Any, statement: str, values: Any, *_: Any) -> None:
        asked.append((statement, values))

    event.listen(engine, "before_cursor_execute", note)
    found = SqlStudyCatalogue(engine).page("demo", PAGE, EVERY, after)
    event.remove(engine, "before_cursor_execute", note)

    assert len(found) == PAGE
    ((statement, values),) = [one for one in asked if one[0].startswith("SELECT")]
    with engine.begin() as connection:
        jobs, *_ = connection.exec_driver_sql(f"EXPLAIN {statement}", values).mappings()
        assert jobs["table"] == "analysis_jobs"
        assert jobs["key"] == "ix_analysis_jobs_organization_id_created_at"
        assert "filesort" not in (jobs["Extra"] or "")
        assert "temporary" not in (jobs["Extra"] or "")
        # And the server reads a page, not the organization.
        connection.execute(text("FLUSH STATUS"))
        connection.exec_driver_sql(statement, values).all()
        counted = connection.execute(text("SHOW STATUS LIKE 'Handler_read%'")).all()
    assert sum(int(read) for _, read in counted) < 4 * PAGE
