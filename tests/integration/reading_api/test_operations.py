"""What an administrator looks at, through the gateway and over ten thousand studies."""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, event, insert

from local_stack.stack import LocalStack
from mri_analysis.adapters.database_connection import connect
from mri_analysis.adapters.sql_operations import SqlOperations
from mri_analysis.adapters.sql_study_catalogue import SqlStudyCatalogue
from mri_analysis.adapters.sql_tables import analysis_jobs, analysis_results, audit_events, metadata
from mri_analysis.contracts.job import JobStatus
from mri_analysis.contracts.operations import QueueName, Total
from mri_analysis.keys import StudyKeys
from mri_analysis.ports.studies import TrailFilter
from mri_analysis.use_cases.account_costs import account_costs
from mri_analysis.use_cases.list_failures import list_failures
from mri_analysis.use_cases.list_models import list_models
from mri_analysis.use_cases.time_stages import time_stages
from tests.integration.reading_api.conftest import Client
from tests.support.signed_in import id_token

STUDIES = 10_000
ORGANIZATION = "clinic-d"
NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
WAY = (
    JobStatus.UPLOADED,
    JobStatus.SEGMENTING,
    JobStatus.CONVERTING,
    JobStatus.ENHANCING,
    JobStatus.COMPLETED,
)
RESULT_COLUMNS = (
    "segmentation_result_key",
    "measurements_key",
    "montage_key",
    "report_key",
    "image_description",
    "enhanced_report",
)


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """Ten thousand finished studies of each of two organizations, with their whole history."""
    path: Path = tmp_path_factory.mktemp("many") / "studies.db"
    engine = connect(f"sqlite:///{path}")
    metadata.create_all(engine)
    jobs, steps, results = [], [], []
    for number in range(2 * STUDIES):
        job_id, organization = str(uuid.UUID(int=number)), (ORGANIZATION, "other")[number % 2]
        begin = NOW.replace(tzinfo=None) - timedelta(minutes=(2 * STUDIES - number) // 4)
        jobs.append(
            {
                "job_id": job_id,
                "organization_id": organization,
                "original_image_key": StudyKeys(organization, job_id).upload,
                "status": JobStatus.COMPLETED,
                "created_at": begin,
                "updated_at": begin,
            }
        )
        results.append(
            {
                "result_id": job_id,
                "job_id": job_id,
                "organization_id": organization,
                **dict.fromkeys(RESULT_COLUMNS, "x"),
                "review_status": "draft",
                "confidence_scores": {},
                "processing_metrics": {
                    "engine": "mri-segmentation",
                    "segmentation_seconds": {"network": 2.0, "measures": 0.5},
                },
                "created_at": begin,
                "updated_at": begin,
            }
        )
        steps += [
            {
                "organization_id": organization,
                "job_id": job_id,
                "actor": "pipeline",
                "action": f"status.{status}",
                "detail": {},
                "created_at": begin + timedelta(seconds=place),
            }
            for place, status in enumerate(WAY)
        ]
    with engine.begin() as connection:
        connection.execute(insert(analysis_jobs), jobs)
        connection.execute(insert(analysis_results), results)
        connection.execute(insert(audit_events), sorted(steps, key=lambda row: row["created_at"]))
    yield engine
    engine.dispose()


@contextmanager
def queries(engine: Engine) -> Iterator[list[tuple[str, Any]]]:
    """What is asked of the database meanwhile."""
    asked: list[tuple[str, Any]] = []

    def note(connection: Any, cursor: Any, statement: str, values: Any, *_: Any) -> None:
        if statement.lstrip().startswith("SELECT"):
            asked.append((statement, values))

    event.listen(engine, "before_cursor_execute", note)
    yield asked
    event.remove(engine, "before_cursor_execute", note)


def plans(engine: Engine, asked: list[tuple[str, Any]]) -> list[list[str]]:
    with engine.begin() as connection:
        return [
            [
                step.detail
                for step in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", values)
            ]
            for statement, values in asked
        ]


def assert_bounded(engine: Engine, asked: list[tuple[str, Any]], most: int) -> None:
    """Few queries, each from an index and in its order."""
    assert 0 < len(asked) <= most
    for steps in plans(engine, asked):
        assert not any(step.startswith(("SCAN analysis", "SCAN audit")) for step in steps), steps
        assert not any("TEMP B-TREE FOR ORDER BY" in step for step in steps), steps


def test_stage_times_of_ten_thousand_studies_are_two_queries(engine: Engine) -> None:
    with queries(engine) as asked:
        found = time_stages(ORGANIZATION, 7, operations=SqlOperations(engine), now=lambda: NOW)

    assert_bounded(engine, asked, 2)
    assert not found.complete
    # Studies run beside each other: the cut goes through some of them.
    assert 5_990 <= {one.stage: one.ended for one in found.stages}[JobStatus.SEGMENTING] <= 6_000
    assert {one.median_seconds for one in found.stages if one.ended} == {1}
    assert found.whole.median_seconds == 4
    assert [(one.status, one.studies) for one in found.states] == [("completed", STUDIES)]


@pytest.mark.parametrize(
    "wanted",
    [
        TrailFilter(),
        TrailFilter(job_id=str(uuid.UUID(int=8))),
        TrailFilter(action="report.signed"),
        TrailFilter(job_id=str(uuid.UUID(int=8)), action="status.completed"),
    ],
)
@pytest.mark.parametrize("before", [None, 40_000])
def test_trail_of_fifty_thousand_entries_is_read_from_an_index(
    engine: Engine, wanted: TrailFilter, before: int | None
) -> None:
    with queries(engine) as asked:
        SqlStudyCatalogue(engine).trail(ORGANIZATION, 50, wanted, before)

    assert_bounded(engine, asked, 2)


@pytest.mark.parametrize("page", ["costs", "models"])
def test_costs_and_models_of_ten_thousand_studies_are_one_query(engine: Engine, page: str) -> None:
    kept = SqlOperations(engine)
    with queries(engine) as asked:
        if page == "costs":
            costs = account_costs(ORGANIZATION, 90, 50, operations=kept, now=lambda: NOW)
        else:
            models = list_models(ORGANIZATION, 90, operations=kept, now=lambda: NOW)

    assert_bounded(engine, asked, 1)
    if page == "costs":
        assert (len(costs.studies), costs.complete) == (50, False)
        # A row of an earlier release: its tokens are not known, and not nothing.
        assert costs.language_model_usd == Total(value=None, known=0, unknown=2_000)
        assert costs.segmentation_seconds == Total(value=5_000, known=2_000, unknown=0)
    else:
        assert (models.studies, models.complete) == (2_000, False)
        assert [(one.kind, one.known, one.studies) for one in models.models] == [
            ("segmentation", True, 2_000),
            ("language_model", False, 2_000),
            ("vision_language_model", False, 2_000),
            ("knowledge", False, 2_000),
        ]


def test_failed_among_ten_thousand_studies_are_one_query(engine: Engine) -> None:
    with queries(engine) as asked:
        found = list_failures(ORGANIZATION, 50, None, studies=SqlStudyCatalogue(engine))

    assert_bounded(engine, asked, 1)
    assert found.studies == []


# ---- through the gateway -------------------------------------------------------------------------


@pytest.fixture(scope="module")
def admin(stack: LocalStack) -> Client:
    return Client(stack.api_url, id_token(stack.issuer, "demo-admin"))


@pytest.fixture(params=["clinician", "reviewer"])
def no_admin(request: pytest.FixtureRequest) -> Client:
    found: Client = request.getfixturevalue(request.param)
    return found


ROUTES = (
    "/v1/audit-events",
    "/v1/operations/stage-times",
    "/v1/operations/queues",
    "/v1/operations/failed-studies",
    "/v1/operations/costs",
    "/v1/operations/models",
)


@pytest.mark.parametrize("path", ROUTES)
def test_operations_are_the_administrators(admin: Client, no_admin: Client, path: str) -> None:
    assert admin.get(path).status_code == 200
    refused = no_admin.get(path)
    assert (refused.status_code, refused.json()["code"]) == (403, "RoleMissing")


def test_finished_study_is_timed_and_counted(admin: Client, finished: str) -> None:
    document = admin.get("/v1/operations/stage-times", params={"days": 1}).json()

    ended = {stage["stage"]: stage["ended"] for stage in document["stages"]}
    assert all(ended[stage] >= 1 for stage in ("uploaded", "segmenting", "converting", "enhancing"))
    assert document["whole"]["longest_seconds"] > 0
    assert "completed" in [state["status"] for state in document["states"]]


def test_message_that_could_not_be_delivered_is_counted(stack: LocalStack, admin: Client) -> None:
    def lost() -> int:
        document = admin.get("/v1/operations/queues").json()
        depths = {one["queue"]: one["waiting"] for one in document["queues"]}
        assert set(depths) == set(QueueName)
        return int(depths[QueueName.CALLBACK_DEAD_LETTERS])

    before = lost()
    sqs = stack.client("sqs")
    queue = sqs.get_queue_url(QueueName="mri-callback-dead-letters-dev")["QueueUrl"]
    sqs.send_message(QueueUrl=queue, MessageBody="{}")
    try:
        assert lost() == before + 1
    finally:
        for message in sqs.receive_message(QueueUrl=queue)["Messages"]:
            sqs.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])


@pytest.mark.parametrize("days", ["0", "91", "x"])
def test_days_out_of_bounds_are_refused(admin: Client, days: str) -> None:
    assert admin.get("/v1/operations/stage-times", params={"days": days}).status_code == 422


def test_trail_of_one_study_and_action(admin: Client, finished: str) -> None:
    query = {"job_id": finished, "action": "status.completed"}
    (entry,) = admin.get("/v1/audit-events", params=query).json()["events"]

    assert (entry["job_id"], entry["action"]) == (finished, "status.completed")


def test_finished_study_names_what_took_part_and_what_it_took(
    admin: Client, clinician: Client, finished: str
) -> None:
    engine = clinician.get(f"/v1/jobs/{finished}/measurements").json()["engine"]

    used = admin.get("/v1/operations/models", params={"days": 1}).json()["models"]
    costs = admin.get("/v1/operations/costs", params={"days": 1, "limit": 200}).json()["studies"]

    (network,) = [one for one in used if one["kind"] == "segmentation"]
    assert (network["name"], network["version"]) == (engine["name"], engine["version"])
    assert network["weights_sha256"] == engine["weights_sha256"]
    (knowledge,) = [one for one in used if one["kind"] == "knowledge"]
    assert knowledge["version"]
    # No language model is configured: that is known, and it cost nothing.
    (language,) = [one for one in used if one["kind"] == "language_model"]
    assert (language["known"], language["name"]) == (True, None)
    (cost,) = [one for one in costs if one["job_id"] == finished]
    assert (cost["language_model_asked"], cost["language_model_usd"]) == (False, 0.0)
    assert cost["segmentation_cpu_seconds"] == engine["cpu_seconds"]
    assert cost["segmentation_seconds"] == round(sum(engine["seconds"].values()), 3)
