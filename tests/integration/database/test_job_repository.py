"""The repository on the databases it meets: SQLite on one machine, MySQL's dialect on a server."""

import threading
import traceback
import uuid
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, event, select, text, update
from sqlalchemy.exc import DBAPIError

from migrations.migrate import migrate
from mri_analysis.adapters.database_connection import connect
from mri_analysis.adapters.sql_job_repository import SqlJobRepository
from mri_analysis.adapters.sql_tables import analysis_results, audit_events
from mri_analysis.contracts.job import Job, JobError, JobStatus
from mri_analysis.errors import DatabaseUnavailable, IllegalTransition, JobNotFound
from mri_analysis.ports.jobs import AnalysisResult, JobPosition
from tests.support.mariadb import MariaDb


@pytest.fixture(params=["sqlite", "mariadb"])
def engine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Engine]:
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path / 'mri.db'}"
    else:
        url = request.getfixturevalue("mariadb").create("repository")
    engine = connect(url)
    migrate(engine)
    yield engine
    engine.dispose()


@pytest.fixture
def jobs(engine: Engine) -> SqlJobRepository:
    return SqlJobRepository(engine)


def new_job(**changes: object) -> Job:
    moment = datetime(2026, 3, 1, 12, 30, 15, 123456, tzinfo=UTC)
    values: dict[str, object] = {
        "organization_id": "demo",
        "job_id": str(uuid.uuid4()),
        "original_image_key": "incoming/demo/Größe 1.nii.gz",
        "original_image_version": "v1",
        "execution_name": "e1",
        "status": JobStatus.UPLOADED,
        "created_at": moment,
        "updated_at": moment,
    }
    return Job.model_validate(values | changes)


def new_result(job: Job) -> AnalysisResult:
    return AnalysisResult(
        organization_id=job.organization_id,
        job_id=job.job_id,
        segmentation_result_key="labels",
        measurements_key="measurements",
        montage_key="montage",
        report_key="report",
        image_description="Das Hirnvolumen beträgt 1,2 L.",
        enhanced_report="x" * 100_000,
        confidence_scores={"segmentation": 0.78},
        processing_metrics={"stage_seconds": {"PrepareStudy": 0.4}},
    )


def advance_to(jobs: SqlJobRepository, job: Job, last: JobStatus) -> None:
    for status in (JobStatus.SEGMENTING, JobStatus.CONVERTING, JobStatus.ENHANCING):
        jobs.advance(job.organization_id, job.job_id, status)
        if status is last:
            return


def actions(engine: Engine, job: Job) -> list[str]:
    query = select(audit_events.c.action).where(audit_events.c.job_id == job.job_id)
    with engine.begin() as connection:
        return list(connection.execute(query.order_by(audit_events.c.event_id)).scalars())


def test_job_comes_back_as_it_was_kept(jobs: SqlJobRepository) -> None:
    job = new_job()

    assert jobs.register(job) == job
    assert jobs.find("demo", job.job_id) == job


def test_registering_again_keeps_the_first_row(jobs: SqlJobRepository) -> None:
    job = jobs.register(new_job())

    again = jobs.register(job.model_copy(update={"original_image_key": "other"}))

    assert again == job


def test_job_of_another_organization_is_not_found(jobs: SqlJobRepository) -> None:
    job = jobs.register(new_job())

    assert jobs.find("other", job.job_id) is None
    with pytest.raises(JobNotFound):
        jobs.advance("other", job.job_id, JobStatus.SEGMENTING)
    with pytest.raises(JobNotFound):
        jobs.register(job.model_copy(update={"organization_id": "other"}))


def test_newest_jobs_come_first(jobs: SqlJobRepository) -> None:
    old = jobs.register(new_job())
    new = jobs.register(new_job(created_at=datetime(2026, 3, 2, tzinfo=UTC)))

    assert [job.job_id for job in jobs.recent("demo", 10)] == [new.job_id, old.job_id]
    assert len(jobs.recent("demo", 1)) == 1


def test_page_is_read_from_an_index_in_its_order(mariadb: MariaDb) -> None:
    # Given more jobs than a page, some of the same moment
    engine = connect(mariadb.create("pages"))
    migrate(engine)
    jobs = SqlJobRepository(engine)
    for number in range(300):
        moment = datetime(2026, 3, 1, number % 24, tzinfo=UTC)
        jobs.register(new_job(created_at=moment))
    queries: list[tuple[str, Any]] = []
    event.listen(
        engine,
        "before_cursor_execute",
        lambda connection, cursor, statement, values, *_: queries.append((statement, values)),
    )

    # When every page is read
    page, seen = jobs.recent("demo", 20), []
    while page:
        seen += page
        page = jobs.recent("demo", 20, JobPosition(page[-1].created_at, page[-1].job_id))

    # Then each job is seen once, and no query sorts or reads the whole organization
    assert len({job.job_id for job in seen}) == len(seen) == 300
    places = [(job.created_at, job.job_id) for job in seen]
    assert places == sorted(places, reverse=True)
    with engine.begin() as connection:
        for statement, values in queries[:2]:
            (plan,) = connection.exec_driver_sql(f"EXPLAIN {statement}", values).mappings()
            assert plan["key"] == "ix_analysis_jobs_organization_id_created_at"
            assert "filesort" not in (plan["Extra"] or "")
    engine.dispose()


def test_each_change_leaves_one_audit_event(jobs: SqlJobRepository, engine: Engine) -> None:
    job = jobs.register(new_job())

    jobs.advance("demo", job.job_id, JobStatus.SEGMENTING)
    jobs.advance("demo", job.job_id, JobStatus.SEGMENTING)  # a stage tried again
    with pytest.raises(IllegalTransition):
        jobs.advance("demo", job.job_id, JobStatus.ENHANCING)

    assert actions(engine, job) == ["status.uploaded", "status.segmenting"]


def test_failure_is_kept_and_cleared_when_the_job_starts_again(jobs: SqlJobRepository) -> None:
    job = jobs.register(new_job())
    error = JobError(code="EmptyFile", message="The file is empty.", next_step="Upload again.")
    jobs.advance("demo", job.job_id, JobStatus.FAILED, error)
    failed = jobs.find("demo", job.job_id)
    assert failed is not None
    assert failed.error == error

    again = jobs.restart(
        job.model_copy(update={"original_image_version": "v2", "execution_name": "e2"})
    )

    assert again.status is JobStatus.UPLOADED
    assert again.error is None
    assert again.execution_name == "e2"


def test_running_job_takes_no_other_upload(jobs: SqlJobRepository) -> None:
    job = jobs.register(new_job())

    with pytest.raises(IllegalTransition):
        jobs.restart(job)


def test_result_is_stored_once_however_often_it_is_tried(
    jobs: SqlJobRepository, engine: Engine
) -> None:
    job = jobs.register(new_job())
    advance_to(jobs, job, JobStatus.ENHANCING)
    result = new_result(job)

    first = jobs.complete(result)
    second = jobs.complete(replace(result, report_key="second"))

    assert first == second
    kept = jobs.result("demo", job.job_id)
    assert kept == replace(result, report_key="second")
    assert actions(engine, job).count("status.completed") == 1
    assert jobs.result("other", job.job_id) is None


def test_result_of_a_job_that_is_not_ready_rolls_back(jobs: SqlJobRepository) -> None:
    job = jobs.register(new_job())

    with pytest.raises(IllegalTransition):
        jobs.complete(new_result(job))

    assert jobs.result("demo", job.job_id) is None


def test_reviewed_report_is_never_overwritten(jobs: SqlJobRepository, engine: Engine) -> None:
    job = jobs.register(new_job())
    advance_to(jobs, job, JobStatus.ENHANCING)
    jobs.complete(new_result(job))
    with engine.begin() as connection:
        connection.execute(update(analysis_results).values(review_status="signed"))

    with pytest.raises(IllegalTransition):
        jobs.complete(replace(new_result(job), enhanced_report="another"))

    kept = jobs.result("demo", job.job_id)
    assert kept == new_result(job)


def test_error_of_a_statement_does_not_quote_its_values(engine: Engine) -> None:
    jobs = SqlJobRepository(engine)
    job = new_job(original_image_key="Jane Doe")
    with engine.begin() as connection:
        connection.execute(text("DROP TABLE analysis_results"))
        connection.execute(text("DROP TABLE report_reviews"))
        connection.execute(text("ALTER TABLE analysis_jobs RENAME COLUMN user_id TO was_user_id"))

    with pytest.raises((DatabaseUnavailable, DBAPIError)) as caught:
        jobs.register(job)

    told = "".join(traceback.format_exception(caught.value))
    assert "user_id" in told
    assert "Jane Doe" not in told


def test_racing_writers_leave_one_row_and_one_event(jobs: SqlJobRepository, engine: Engine) -> None:
    job = new_job()
    outcomes: list[object] = []

    def race() -> None:
        own = connect(engine.url.render_as_string(hide_password=False))
        try:
            outcomes.append(SqlJobRepository(own).register(job))
        except DatabaseUnavailable as error:  # SQLite may ask a writer to come again
            outcomes.append(error)
        finally:
            own.dispose()

    threads = [threading.Thread(target=race) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert job in outcomes
    assert all(o == job or isinstance(o, DatabaseUnavailable) for o in outcomes)
    assert actions(engine, job) == ["status.uploaded"]


def test_lost_database_is_an_error_with_a_code_and_heals(mariadb: MariaDb, tmp_path: Path) -> None:
    engine = connect(mariadb.create("lost"))
    migrate(engine)
    jobs = SqlJobRepository(engine)
    job = jobs.register(new_job())

    with mariadb.gone(), pytest.raises(DatabaseUnavailable):
        jobs.find("demo", job.job_id)

    assert jobs.find("demo", job.job_id) == job
    engine.dispose()


def test_sqlite_without_tables_is_unavailable_not_a_crash(tmp_path: Path) -> None:
    jobs = SqlJobRepository(connect(f"sqlite:///{tmp_path / 'empty.db'}"))

    with pytest.raises(DatabaseUnavailable):
        jobs.find("demo", "x")
