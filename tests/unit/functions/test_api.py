"""The REST API, called with the events that API Gateway sends."""

import base64
import copy
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from types import ModuleType
from typing import Any

import boto3
import pytest
from openapi_spec_validator import validate
from sqlalchemy import create_engine

from mri_analysis import errors, wiring
from mri_analysis.adapters import sql_study_catalogue
from mri_analysis.adapters.sql_study_catalogue import SqlStudyCatalogue
from mri_analysis.adapters.sql_tables import metadata
from mri_analysis.contracts.job import JobError, JobStatus
from mri_analysis.contracts.tasks import AnalysisInput
from mri_analysis.errors import AnalysisError, DatabaseUnavailable, ServiceUnavailable
from mri_analysis.problems import problem
from mri_analysis.settings import settings
from mri_analysis.use_cases import watch_studies
from tests.support.memory_ports import MemoryWorkflow
from tests.unit.functions.calling import (
    EVENT,
    JOB_ID,
    PERSON,
    Api,
    answered,
    assert_problem,
    audited,
    kept,
)
from tests.unit.functions.conftest import MAX_UPLOAD_BYTES, ORIGIN, Context


@pytest.fixture
def api(load: Callable[[str], ModuleType], monkeypatch: pytest.MonkeyPatch) -> Api:
    metadata.create_all(wiring.jobs()._engine)
    workflow = MemoryWorkflow()
    monkeypatch.setattr(wiring, "workflow", lambda: workflow)
    return Api(load("api"))


def policy_of(form: dict[str, Any]) -> dict[str, Any]:
    policy: dict[str, Any] = json.loads(base64.b64decode(form["fields"]["policy"]))
    return policy


# ---- who calls -----------------------------------------------------------------------------------


def test_health_needs_no_sign_in_and_names_no_data(api: Api) -> None:
    event = copy.deepcopy(EVENT) | {"httpMethod": "GET", "path": "/v1/health", "body": None}
    del event["requestContext"]["authorizer"]

    answer = answered(api.module.handler(event, Context()))

    assert (answer.status, answer.document) == (200, {"status": "ok"})


def test_request_without_a_verified_person_is_refused(api: Api) -> None:
    event = copy.deepcopy(EVENT)
    del event["requestContext"]["authorizer"]

    assert_problem(answered(api.module.handler(event, Context())), 401, "SignInRequired")


@pytest.mark.parametrize("organization", [None, "", "../other", "Demo", "a/b", "demo\n"])
def test_account_without_an_organization_is_refused(api: Api, organization: str | None) -> None:
    api.organization = organization

    assert_problem(api.get("/v1/jobs"), 403, "OrganizationMissing")


@pytest.mark.parametrize(
    "groups",
    [
        *(None, "", "[]", "visitors", "clinicians", [], [["clinician"]]),
        # Cognito allows punctuation in a group's name: no part of a stranger name is a role.
        *("[clinician", "clinician]", "[[clinician]]", "[clinician,reviewer]", "clinician staff"),
        *("staff, clinician", ",clinician", "[ clinician]", "clinician\n", ["clinician staff"]),
    ],
)
def test_account_without_a_role_is_refused(api: Api, groups: Any) -> None:
    api.groups = groups

    assert_problem(api.get("/v1/jobs"), 403, "RoleMissing")


@pytest.mark.parametrize(
    "groups",
    ["clinician,staff", "[reviewer clinician]", "[clinician]", "admin", ["staff", "clinician"]],
)
def test_roles_are_read_from_a_list_as_api_gateway_writes_it(api: Api, groups: Any) -> None:
    api.groups = groups

    assert api.post("/v1/uploads", {"size_bytes": 1}).status == 201


@pytest.mark.parametrize("path", ["/v1/uploads", f"/v1/jobs/{JOB_ID}/retry"])
def test_reviewer_reads_but_starts_nothing(api: Api, path: str) -> None:
    api.groups = "reviewer"
    kept()

    assert api.get(f"/v1/jobs/{JOB_ID}").status == 200
    assert_problem(api.post(path, {"size_bytes": 1}), 403, "RoleMissing")


def test_organization_in_the_request_changes_nothing(api: Api) -> None:
    kept("other")

    answer = api.get("/v1/jobs", headers={"custom:organization": "other"}, organization_id="other")

    assert answer.document == {"jobs": [], "next_cursor": None}


# ---- jobs ----------------------------------------------------------------------------------------


def test_job_shows_its_state_and_no_internals(api: Api) -> None:
    error = JobError(code="NotABrain", message="It is a fruit.", next_step="Upload a brain.")
    kept(status=JobStatus.FAILED, error=error)

    document = api.get(f"/v1/jobs/{JOB_ID}").document

    assert set(document) == {
        "job_id",
        "status",
        "error",
        "created_at",
        "updated_at",
        "review_status",
        "quality",
    }
    assert (document["status"], document["error"]["code"]) == ("failed", "NotABrain")


def test_job_of_another_organization_does_not_exist(api: Api) -> None:
    kept("other")
    foreign = api.get(f"/v1/jobs/{JOB_ID}")
    unknown = api.get("/v1/jobs/2d0b7d3e-0000-4000-8000-000000000000")

    assert_problem(foreign, 404, "JobNotFound")
    assert_problem(api.post(f"/v1/jobs/{JOB_ID}/retry"), 404, "JobNotFound")
    assert foreign.document.keys() == unknown.document.keys()
    assert foreign.document["detail"].split(JOB_ID)[0] == "There is no job "


def test_unchanged_job_is_not_sent_again(api: Api) -> None:
    kept(status=JobStatus.UPLOADED)
    (tag,) = api.get(f"/v1/jobs/{JOB_ID}").headers["ETag"]

    same = api.get(f"/v1/jobs/{JOB_ID}", headers={"If-None-Match": f'"x", W/{tag}'})
    wiring.jobs().advance("demo", JOB_ID, JobStatus.SEGMENTING)
    changed = api.get(f"/v1/jobs/{JOB_ID}", headers={"If-None-Match": tag})

    assert (same.status, same.body, same.headers["ETag"]) == (304, "", [tag])
    assert (changed.status, changed.headers["ETag"] == [tag]) == (200, False)


def test_pages_show_every_job_once_newest_first(api: Api) -> None:
    for number in range(5):
        kept(job_id=f"job-{number}", age_minutes=number // 2)  # two of the same moment
    kept("other", "foreign")

    seen: list[str] = []
    query: dict[str, str] = {"limit": "2"}
    for arrival in ("late-1", "late-2", "late-3"):
        page = api.get("/v1/jobs", **query).document
        seen += [job["job_id"] for job in page["jobs"]]
        query["cursor"] = page["next_cursor"]
        kept(job_id=arrival, age_minutes=-1)  # must neither repeat nor hide another

    # Of the same moment the greater id comes first, as one index in one direction has them.
    assert seen == ["job-1", "job-0", "job-3", "job-2", "job-4"]
    assert query["cursor"] is None


@pytest.mark.parametrize(
    "query",
    [
        {"limit": "0"},
        {"limit": "101"},
        {"limit": "many"},
        {"cursor": "%%%"},
        {"cursor": "é"},
        {"cursor": base64.urlsafe_b64encode(b"2026-11-22T09:00:00 x").decode()},
        {"cursor": base64.urlsafe_b64encode(b"yesterday x").decode()},
        {"cursor": base64.urlsafe_b64encode(b"0001-01-01T00:00:00+14:00 x").decode()},
        {"cursor": "x" * 201},
    ],
    ids=str,
)
def test_bad_page_is_refused(api: Api, query: dict[str, str]) -> None:
    assert_problem(api.get("/v1/jobs", **query), 422, "InvalidRequest")


def test_failed_job_is_analysed_again(api: Api) -> None:
    kept(status=JobStatus.FAILED, error=JobError(code="ModelFailed", message="m", next_step="n"))

    answer = api.post(f"/v1/jobs/{JOB_ID}/retry")

    assert (answer.status, answer.document["status"]) == (202, "uploaded")
    (task,) = wiring.workflow().started.values()  # type: ignore[attr-defined]
    assert isinstance(task, AnalysisInput)
    assert task.source.bucket == "healthcare-mri-images-test"


def test_completed_job_is_not_analysed_again(api: Api) -> None:
    kept(status=JobStatus.COMPLETED)

    answer = api.post(f"/v1/jobs/{JOB_ID}/retry")

    assert_problem(answer, 409, "RetryRefused")
    assert "writers" not in answer.document["next_step"]


@pytest.mark.parametrize("status", [JobStatus.SEGMENTING, JobStatus.COMPLETED])
def test_quick_first_stage_hides_nobody_who_asked_for_a_retry(
    api: Api, monkeypatch: pytest.MonkeyPatch, status: JobStatus
) -> None:
    # Given a failed job, and an execution that is quicker than the function that starts it
    kept(status=JobStatus.FAILED, error=JobError(code="ModelFailed", message="m", next_step="n"))
    workflow = wiring.workflow()
    start = workflow.start

    def start_and_advance(name: str, task: AnalysisInput) -> bool:
        started = start(name, task)
        wiring.jobs().advance("demo", JOB_ID, status)
        return started

    monkeypatch.setattr(workflow, "start", start_and_advance)

    answer = api.post(f"/v1/jobs/{JOB_ID}/retry")

    # Then the trail names the person before what the pipeline did
    assert (answer.status, answer.document["status"]) == (202, status)
    assert audited()[2:] == [
        (JOB_ID, PERSON, "retry.requested"),
        (JOB_ID, "pipeline", f"status.{status}"),
    ]


def test_retry_that_could_not_start_is_in_the_audit_trail(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept(status=JobStatus.FAILED, error=JobError(code="ModelFailed", message="m", next_step="n"))

    def unavailable(name: str, task: AnalysisInput) -> bool:
        raise errors.ServiceUnavailable("Step Functions did not answer.")

    monkeypatch.setattr(wiring.workflow(), "start", unavailable)

    assert api.post(f"/v1/jobs/{JOB_ID}/retry").status == 503
    assert audited()[2:] == [(JOB_ID, PERSON, "retry.requested")]


def test_refused_retry_is_no_request_in_the_audit_trail(api: Api) -> None:
    kept(status=JobStatus.COMPLETED)

    api.post(f"/v1/jobs/{JOB_ID}/retry")

    assert [actor for _, actor, _ in audited()] == ["pipeline"]


def test_audit_trail_names_the_person_who_asked(api: Api) -> None:
    kept(status=JobStatus.FAILED, error=JobError(code="ModelFailed", message="m", next_step="n"))
    uploaded = api.post("/v1/uploads", {"size_bytes": 5}).document["job_id"]
    api.post(f"/v1/jobs/{JOB_ID}/retry")

    assert audited() == [
        (JOB_ID, "pipeline", "status.uploaded"),
        (JOB_ID, "pipeline", "status.failed"),
        (uploaded, PERSON, "status.awaiting_upload"),
        (JOB_ID, PERSON, "retry.requested"),
        (JOB_ID, PERSON, "status.uploaded"),
    ]


@pytest.mark.parametrize("status", [JobStatus.UPLOADED, JobStatus.SEGMENTING])
def test_running_job_is_cancelled_and_can_be_retried(api: Api, status: JobStatus) -> None:
    kept(status=status)

    answer = api.post(f"/v1/jobs/{JOB_ID}/cancel")

    assert (answer.status, answer.document["status"]) == (200, "failed")
    assert answer.document["error"]["code"] == "AnalysisStopped"
    assert wiring.workflow().stopped == ["e" * 64]  # type: ignore[attr-defined]
    assert (JOB_ID, PERSON, "cancel.requested") in audited()
    assert api.post(f"/v1/jobs/{JOB_ID}/retry").status == 202


@pytest.mark.parametrize("status", [JobStatus.COMPLETED, JobStatus.FAILED])
def test_job_that_ended_is_not_cancelled(api: Api, status: JobStatus) -> None:
    error = JobError(code="NotABrain", message="A fruit.", next_step="Upload a brain.")
    kept(status=status, error=error)

    assert_problem(api.post(f"/v1/jobs/{JOB_ID}/cancel"), 409, "CancelRefused")
    assert wiring.workflow().stopped == []  # type: ignore[attr-defined]


# ---- administration ------------------------------------------------------------------------------


def test_administrator_reads_the_trail_of_the_organization_page_by_page(api: Api) -> None:
    for number in range(5):
        kept(job_id=f"{number}{JOB_ID[1:]}")
    kept("other", "f" + JOB_ID[1:])
    api.groups = "admin"

    seen: list[str] = []
    cursor: dict[str, str] = {}
    while True:
        page = api.get("/v1/audit-events", limit="2", **cursor).document
        seen += [event["job_id"][0] for event in page["events"]]
        if page["next_cursor"] is None:
            break
        cursor = {"cursor": page["next_cursor"]}

    assert seen == ["4", "3", "2", "1", "0"]


@pytest.mark.parametrize("groups", ["clinician", "reviewer"])
@pytest.mark.parametrize(
    "path",
    [
        "/v1/audit-events",
        *(
            f"/v1/operations/{name}"
            for name in ("stage-times", "queues", "failed-studies", "costs", "models")
        ),
    ],
)
def test_only_an_administrator_looks_at_operations(api: Api, groups: str, path: str) -> None:
    api.groups = groups

    assert_problem(api.get(path), 403, "RoleMissing")


def test_trail_is_narrowed_to_a_study_and_to_an_action(api: Api) -> None:
    other = "f" + JOB_ID[1:]
    kept()
    kept(job_id=other, status=JobStatus.UPLOADED)
    kept("other", "e" + JOB_ID[1:], status=JobStatus.UPLOADED)
    api.groups = "admin"

    def jobs(**query: str) -> list[str]:
        return [
            event["job_id"] for event in api.get("/v1/audit-events", **query).document["events"]
        ]

    assert jobs(job_id=JOB_ID) == [JOB_ID]
    assert jobs(action="status.uploaded") == [other]
    assert jobs(job_id=JOB_ID, action="status.uploaded") == []
    assert jobs(job_id="e" + JOB_ID[1:]) == []
    assert_problem(api.get("/v1/audit-events", action="' or 1=1"), 422, "InvalidRequest")


def test_rare_action_is_searched_for_part_by_part(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sql_study_catalogue, "_MOST_SEARCHED", 3)
    kept(job_id=JOB_ID, status=JobStatus.UPLOADED)
    for number in range(7):
        kept(job_id=f"{number}{JOB_ID[1:]}")
    api.groups = "admin"

    pages, cursor = [], {}
    while True:
        page = api.get("/v1/audit-events", action="status.uploaded", **cursor).document
        pages.append([event["job_id"] for event in page["events"]])
        if page["next_cursor"] is None:
            break
        cursor = {"cursor": page["next_cursor"]}

    assert pages == [[], [], [JOB_ID]]


def test_stage_times_are_of_the_own_organization(api: Api) -> None:
    kept(status=JobStatus.UPLOADED)
    kept("other", "f" + JOB_ID[1:], status=JobStatus.UPLOADED)
    for organization, job_id in (("demo", JOB_ID), ("other", "f" + JOB_ID[1:])):
        wiring.jobs().advance(organization, job_id, JobStatus.SEGMENTING)
    api.groups = "admin"

    document = api.get("/v1/operations/stage-times", days="90").document

    ended = {stage["stage"]: stage["ended"] for stage in document["stages"]}
    assert (ended["uploaded"], ended["segmenting"], document["complete"]) == (1, 0, True)


QUEUES = (
    "uploads",
    "upload_dead_letters",
    "callback_dead_letters",
    "event_dead_letters",
    "exports",
    "export_dead_letters",
)


def test_queues_are_counted_without_a_word_of_what_lies_in_them(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    sqs, urls = boto3.client("sqs"), {}
    for name in QUEUES:
        urls[name] = sqs.create_queue(QueueName=name)["QueueUrl"]
        monkeypatch.setenv(f"{name[:-1].upper()}_QUEUE_URL", urls[name])
    settings.cache_clear()
    for _ in range(3):
        sqs.send_message(QueueUrl=urls["uploads"], MessageBody="incoming/other/secret/upload")
    sqs.send_message(QueueUrl=urls["event_dead_letters"], MessageBody="other")
    sqs.receive_message(QueueUrl=urls["uploads"], MaxNumberOfMessages=1)
    api.groups = "admin"

    answer = api.get("/v1/operations/queues").document

    assert [(one["queue"], one["waiting"], one["in_flight"]) for one in answer["queues"]] == list(
        zip(QUEUES, (2, 0, 0, 1, 0, 0), (1, 0, 0, 0, 0, 0), strict=True)
    )
    assert "other" not in json.dumps(answer)


def test_queues_that_do_not_answer_are_a_service_that_comes_back(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Silent:
        def depths(self) -> None:
            raise ServiceUnavailable("A queue did not answer.")

    monkeypatch.setattr(wiring, "queues", Silent)
    api.groups = "admin"

    assert_problem(api.get("/v1/operations/queues"), 503, "ServiceUnavailable")


def test_failed_studies_tell_those_that_a_retry_may_mend(api: Api) -> None:
    for number, code in enumerate(("NotABrain", "AnalysisTimedOut"), 1):
        error = JobError(code=code, message="It ended.", next_step="Do something.")
        kept(
            job_id=f"{number}{JOB_ID[1:]}", status=JobStatus.FAILED, error=error, age_minutes=number
        )
    kept("other", status=JobStatus.FAILED, error=error)
    kept(job_id="9" + JOB_ID[1:])
    api.groups = "admin"

    first = api.get("/v1/operations/failed-studies", limit="1").document
    rest = api.get("/v1/operations/failed-studies", cursor=first["next_cursor"]).document

    (refused,), (timed_out,) = first["studies"], rest["studies"]
    assert (refused["error"]["code"], refused["retry_may_help"]) == ("NotABrain", False)
    assert (timed_out["error"]["code"], timed_out["retry_may_help"]) == ("AnalysisTimedOut", True)
    assert (timed_out["error"]["next_step"], rest["next_cursor"]) == ("Do something.", None)


def test_costs_and_models_of_no_study_are_empty_and_not_nothing(api: Api) -> None:
    api.groups = "admin"

    costs = api.get("/v1/operations/costs").document
    models = api.get("/v1/operations/models").document

    assert costs["language_model_usd"] == {"value": None, "known": 0, "unknown": 0}
    assert (costs["studies"], models["studies"], models["models"]) == ([], 0, [])


# ---- uploads -------------------------------------------------------------------------------------


def test_form_puts_one_upload_of_the_chosen_key_and_nothing_else(api: Api) -> None:
    before = datetime.now(UTC)

    answer = api.post("/v1/uploads", {"size_bytes": MAX_UPLOAD_BYTES})

    form = answer.document
    key = f"incoming/demo/{form['job_id']}/upload"
    policy = policy_of(form)
    conditions = policy["conditions"]
    expires = datetime.fromisoformat(policy["expiration"])
    assert answer.status == 201
    assert answer.headers["Location"] == [f"/v1/jobs/{form['job_id']}"]
    assert ["content-length-range", 1, MAX_UPLOAD_BYTES] in conditions
    for condition in (
        {"key": key},
        {"bucket": "healthcare-mri-images-test"},
        {"Content-Type": "application/octet-stream"},
        {"x-amz-server-side-encryption": "aws:kms"},
        {"x-amz-server-side-encryption-aws-kms-key-id": wiring.settings().upload_key_arn},
    ):
        assert condition in conditions
    # What the policy does not name, S3 refuses; what it names must be exact.
    assert not [c for c in conditions if isinstance(c, list) and c[0] == "starts-with"]
    assert timedelta(minutes=14) < expires - before <= timedelta(minutes=15, seconds=5)
    assert form["url"].startswith("https://healthcare-mri-images-test.s3.eu-central-1.")
    job = wiring.jobs().find("demo", form["job_id"])
    assert job is not None
    assert (job.status, job.original_image_key) == (JobStatus.AWAITING_UPLOAD, key)
    assert job.user_id == "1b2c3d4e-0000-4000-8000-000000000001"


def test_whole_number_is_taken_however_json_writes_it(api: Api) -> None:
    assert api.post("/v1/uploads", {"size_bytes": 5.0}).status == 201
    assert_problem(api.post("/v1/uploads", {"size_bytes": True}), 422, "InvalidRequest")


def test_sample_event_prepares_an_upload(api: Api) -> None:
    answer = answered(api.module.handler(copy.deepcopy(EVENT), Context()))

    assert answer.status == 201


def test_same_idempotency_key_names_the_same_job_until_the_scan_arrived(api: Api) -> None:
    key = {"Idempotency-Key": "request-1"}
    first = api.post("/v1/uploads", {"size_bytes": 5}, key).document
    again = api.post("/v1/uploads", {"size_bytes": 5}, key).document
    other = api.post("/v1/uploads", {"size_bytes": 5}, {"Idempotency-Key": "request-2"}).document
    api.organization = "other"
    elsewhere = api.post("/v1/uploads", {"size_bytes": 5}, key).document
    api.organization = "demo"
    wiring.jobs().advance("demo", first["job_id"], JobStatus.UPLOADED)

    assert first["job_id"] == again["job_id"]
    assert len({first["job_id"], other["job_id"], elsewhere["job_id"]}) == 3
    refused = api.post("/v1/uploads", {"size_bytes": 5}, key)
    assert_problem(refused, 409, "UploadArrived")
    assert "Idempotency-Key" in refused.document["next_step"]


@pytest.mark.parametrize(
    ("size", "status", "code"), [(MAX_UPLOAD_BYTES + 1, 413, "FileTooLarge"), (0, 422, "EmptyFile")]
)
def test_size_is_refused_before_the_scan_travels(
    api: Api, size: int, status: int, code: str
) -> None:
    assert_problem(api.post("/v1/uploads", {"size_bytes": size}), status, code)
    assert wiring.jobs().recent("demo", 10) == []


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ("{", 400),
        ('{"size_bytes": ' + "9" * 5000 + "}", 400),
        ('{"size_bytes": ' + "[" * 100_000, 400),
        ('{"size_bytes": ' + "[" * 5000 + "]" * 5000 + "}", 400),
        ('{"size_bytes": "\\ud800"}', 422),
        ('{"\\ud800": 5}', 422),
        ('{"size_bytes": NaN}', 422),
        ('{"size_bytes": 1e999}', 422),
        ("", 422),
        ("null", 422),
        ("[1]", 422),
        ('"x"', 422),
        ("{}", 422),
        ('{"size_bytes": "5"}', 422),
        ('{"size_bytes": -1}', 422),
        ('{"size_bytes": 5.5}', 422),
        ('{"size_bytes": 5, "file_name": "Doe_Jane.nii"}', 422),
    ],
    ids=lambda given: str(given)[:30],
)
def test_bad_body_is_refused_without_repeating_it(api: Api, body: str, status: int) -> None:
    answer = api.send("POST", "/v1/uploads", body=body)

    assert_problem(answer, status, "InvalidRequest")
    assert "Doe" not in answer.body


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("multipart/form-data", "x"),
        ("multipart/form-data; boundary=", "x"),
        ("multipart/form-data; boundary=b", "--b\r\n\r\nnot Latin-1: \u20ac\r\n--b--\r\n"),
    ],
    ids=["no boundary", "empty boundary", "other characters"],
)
def test_multipart_that_cannot_be_read_is_refused(api: Api, content_type: str, body: str) -> None:
    answer = api.send("POST", "/v1/uploads", body=body, headers={"Content-Type": content_type})

    assert_problem(answer, 400, "InvalidRequest")
    assert "application/json" in answer.document["detail"]


def test_fault_of_a_route_is_no_fault_of_the_request(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken() -> None:
        raise ValueError("ours")

    monkeypatch.setattr(wiring, "studies", broken)

    answer = api.get("/v1/jobs", headers={"Content-Type": "multipart/form-data"})

    assert_problem(answer, 500, "InternalError")


def test_other_content_type_is_refused(api: Api) -> None:
    answer = api.send("POST", "/v1/uploads", body="x", headers={"Content-Type": "text/plain"})

    assert_problem(answer, 415, "InvalidRequest")


# ---- live tickets --------------------------------------------------------------------------------


def test_ticket_lasts_a_minute_and_is_not_readable_in_the_table(api: Api, tables: None) -> None:
    document = api.post("/v1/live-tickets").document

    (item,) = boto3.client("dynamodb").scan(TableName="tickets")["Items"]
    age = int(item["expiration"]["N"]) - datetime.now(UTC).timestamp()
    assert document["url"] == "wss://live.example.org/test"
    assert document["expires_in_seconds"] == watch_studies.TICKET_SECONDS == 60
    assert 50 < age <= 60
    assert item["organization_id"] == {"S": "demo"}
    assert document["ticket"] not in json.dumps(item)


# ---- answers -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("method", "path"), [("GET", "/v1/nothing"), ("DELETE", "/v1/jobs"), ("GET", "/jobs")]
)
def test_unknown_route_is_a_problem(api: Api, method: str, path: str) -> None:
    assert_problem(api.send(method, path), 404, "RouteNotFound")


@pytest.mark.parametrize("job_id", ["-x", "a" * 65, "a%20b"])
def test_job_id_that_cannot_be_one_is_refused(api: Api, job_id: str) -> None:
    assert_problem(api.get(f"/v1/jobs/{job_id}"), 422, "InvalidRequest")


def test_database_that_is_down_is_said_with_a_time_to_come_again(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        wiring,
        "studies",
        lambda: SqlStudyCatalogue(create_engine("sqlite:////no/such/folder/jobs.db")),
    )

    answer = api.get(f"/v1/jobs/{JOB_ID}")

    assert_problem(answer, 503, DatabaseUnavailable.__name__)
    assert answer.headers["Retry-After"] == ["5"]


def test_unforeseen_error_tells_nothing_of_itself(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail() -> None:
        raise KeyError("Doe, Jane")

    monkeypatch.setattr(wiring, "studies", fail)
    answer = api.get("/v1/jobs")

    assert_problem(answer, 500, "InternalError")
    assert "Doe" not in answer.body


@pytest.mark.parametrize("path", ["/v1/jobs", "/v1/nothing"])
def test_every_answer_is_kept_from_caches_and_other_sites(api: Api, path: str) -> None:
    headers = api.get(path, headers={"Origin": ORIGIN}).headers

    assert headers["Cache-Control"] == ["no-store"]
    assert headers["X-Content-Type-Options"] == ["nosniff"]
    assert headers["Access-Control-Allow-Origin"] == [ORIGIN]
    assert (
        "Access-Control-Allow-Origin"
        not in api.get(path, headers={"Origin": "https://evil.example.org"}).headers
    )


def test_description_is_valid_openapi_and_lists_every_route(api: Api) -> None:
    document = api.get("/v1/openapi.json").document

    validate(document)
    assert document["openapi"] == "3.1.0"
    assert document["security"] == [{"id_token": []}]
    assert set(document["paths"]) == {
        "/v1/audit-events",
        "/v1/health",
        "/v1/jobs",
        "/v1/jobs/{job_id}",
        "/v1/jobs/{job_id}/artefacts",
        "/v1/jobs/{job_id}/cancel",
        "/v1/jobs/{job_id}/description",
        "/v1/jobs/{job_id}/events",
        "/v1/jobs/{job_id}/exports/{file}",
        "/v1/jobs/{job_id}/measurements",
        "/v1/jobs/{job_id}/prior-studies",
        "/v1/jobs/{job_id}/report",
        "/v1/jobs/{job_id}/report/addenda",
        "/v1/jobs/{job_id}/report/rejection",
        "/v1/jobs/{job_id}/report/sections",
        "/v1/jobs/{job_id}/report/signature",
        "/v1/jobs/{job_id}/retry",
        "/v1/jobs/{job_id}/series",
        "/v1/operations/costs",
        "/v1/operations/failed-studies",
        "/v1/operations/models",
        "/v1/operations/queues",
        "/v1/operations/stage-times",
        "/v1/uploads",
        "/v1/live-tickets",
    }
    for path, methods in document["paths"].items():
        for operation in methods.values():
            assert path == "/v1/health" or "403" in operation["responses"]


def test_every_refusal_of_a_request_is_the_callers_to_mend() -> None:
    for name, kind in vars(errors).items():
        if isinstance(kind, type) and issubclass(kind, errors.RequestError):
            if name == "RequestError":
                continue
            assert 400 <= problem(kind("x")).status < 500
    assert problem(AnalysisError("x")).status == 500
