"""Files that are made when somebody asks: ordered by the API, made by a function, fetched."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import ModuleType
from typing import Any

import boto3
import pytest
import requests
from botocore.exceptions import EndpointConnectionError

from mri_analysis import wiring
from mri_analysis.adapters.s3_object_store import S3ObjectStore
from mri_analysis.contracts.api import ExportBeingMade
from mri_analysis.settings import settings
from tests.unit.functions.calling import JOB_ID, Answer, Api, assert_problem, audited
from tests.unit.functions.conftest import Context
from tests.unit.functions.finished_study import KEYS, put_study

PDF = f"/v1/jobs/{JOB_ID}/exports/report.pdf"
REPORT = f"/v1/jobs/{JOB_ID}/report"


@pytest.fixture
def queue(account: None, monkeypatch: pytest.MonkeyPatch) -> str:
    url: str = boto3.client("sqs").create_queue(QueueName="exports")["QueueUrl"]
    monkeypatch.setenv("EXPORT_QUEUE_URL", url)
    settings.cache_clear()
    return url


@pytest.fixture
def api(
    load: Callable[[str], ModuleType], queue: str, snapshot: Path, monkeypatch: pytest.MonkeyPatch
) -> Api:
    monkeypatch.setenv("KNOWLEDGE_SNAPSHOT_PATH", str(snapshot))
    settings.cache_clear()
    put_study()
    boto3.client("s3").create_bucket(
        Bucket=settings().images_bucket,
        CreateBucketConfiguration={"LocationConstraint": "eu-central-1"},
    )
    return Api(load("api"), groups="reviewer")


@pytest.fixture
def make(load: Callable[[str], ModuleType], queue: str) -> Callable[[], Any]:
    """``make()``: what the function answers to all that was ordered."""
    function = load("export_results")

    def made() -> Any:
        return function.handler({"Records": [record(body) for body in ordered(queue)]}, Context())

    return made


def record(body: str) -> dict[str, Any]:
    return {"messageId": "m1", "body": body, "eventSource": "aws:sqs", "receiptHandle": "r"}


def ordered(queue: str) -> list[str]:
    """The messages in the queue, taken out of it."""
    sqs = boto3.client("sqs")
    answer = sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10, WaitTimeSeconds=0)
    messages = answer.get("Messages", [])
    for message in messages:
        sqs.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
    return [message["Body"] for message in messages]


def exports_noted() -> int:
    return [action for _, _, action in audited()].count("study.exported")


def fetched(answer: Answer) -> requests.Response:
    assert answer.status == 303, answer.body
    return requests.get(answer.headers["Location"][0], timeout=10)


def test_file_is_ordered_made_and_fetched_by_its_address(api: Api, make: Callable[[], Any]) -> None:
    waiting = api.get(PDF)
    assert waiting.status == 202
    assert ExportBeingMade.model_validate(waiting.document).file == "report.pdf"
    assert waiting.headers["Retry-After"] == ["1"]
    assert exports_noted() == 0  # nothing left yet

    assert make() == {"batchItemFailures": []}
    answer = fetched(api.get(PDF))

    assert answer.content.startswith(b"%PDF-1.7")
    assert answer.headers["Content-Type"] == "application/pdf"
    named = answer.headers["Content-Disposition"]
    assert named == f'attachment; filename="{JOB_ID}-report-draft.pdf"'
    assert exports_noted() == 1


def test_file_that_is_asked_for_again_is_ordered_once(api: Api, queue: str) -> None:
    for _ in range(3):
        assert api.get(PDF).status == 202

    (message,) = ordered(queue)
    assert json.loads(message) == {
        "schema_version": 1,
        "organization_id": "demo",
        "job_id": JOB_ID,
        "file": "report.pdf",
        "version": 0,
    }


def test_file_that_did_not_come_is_ordered_again(api: Api, queue: str) -> None:
    assert api.get(PDF).status == 202
    assert len(ordered(queue)) == 1
    long_ago = datetime.now(UTC) - timedelta(minutes=4)
    mark = KEYS.export(0, "report.pdf.ordered")
    wiring.images().put(mark, long_ago.isoformat().encode(), "text/plain")

    assert api.get(PDF).status == 202

    assert len(ordered(queue)) == 1


def test_queue_that_is_away_is_told_and_leaves_no_mark(
    api: Api, queue: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unreachable(*_: object, **__: object) -> None:
        raise EndpointConnectionError(endpoint_url=queue)

    monkeypatch.setattr(wiring.export_orders()._client, "send_message", unreachable)

    assert_problem(api.get(PDF), 503, "ServiceUnavailable")

    assert wiring.images().head(KEYS.export(0, "report.pdf.ordered")) is None


def test_report_that_was_signed_meanwhile_is_made_anew(
    api: Api, make: Callable[[], Any], queue: str
) -> None:
    """Nobody is handed the draft once a report is signed."""
    api.get(PDF)
    draft = ordered(queue)
    etag = api.get(REPORT).headers["ETag"][0]
    assert api.post(f"{REPORT}/signature", None, {"If-Match": etag}).status == 200

    boto3.client("sqs").send_message(QueueUrl=queue, MessageBody=draft[0])
    assert make() == {"batchItemFailures": []}
    assert wiring.images().head(KEYS.export(0, "report.pdf")) is None
    assert api.get(PDF).status == 202
    make()

    answer = fetched(api.get(PDF))
    assert "report-signed.pdf" in answer.headers["Content-Disposition"]


def test_file_is_made_once(
    api: Api, make: Callable[[], Any], queue: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    api.get(PDF)
    (message,) = ordered(queue)
    sqs = boto3.client("sqs")
    sqs.send_message(QueueUrl=queue, MessageBody=message)
    make()
    first = wiring.images().head(KEYS.export(0, "report.pdf"))
    put: list[str] = []
    monkeypatch.setattr(S3ObjectStore, "put", lambda self, key, *rest: put.append(key))
    sqs.send_message(QueueUrl=queue, MessageBody=message)

    make()

    assert first is not None
    assert put == []


def test_study_that_was_deleted_meanwhile_is_no_failure(api: Api, make: Callable[[], Any]) -> None:
    api.get(PDF)
    api.groups = "admin"
    assert api.send("DELETE", f"/v1/jobs/{JOB_ID}").status == 204
    assert wiring.images().head(KEYS.export(0, "report.pdf.ordered")) is None

    assert make() == {"batchItemFailures": []}

    assert wiring.images().head(KEYS.export(0, "report.pdf")) is None


def test_failure_comes_again_and_is_logged_without_words_of_the_report(
    api: Api, make: Callable[[], Any], caplog: pytest.LogCaptureFixture
) -> None:
    api.get(PDF)
    wiring.results().put(KEYS.results + "montage.png", b"no picture", "image/png")

    assert make() == {"batchItemFailures": [{"itemIdentifier": "m1"}]}

    (logged,) = (entry for entry in caplog.records if entry.levelname == "ERROR")
    assert logged.getMessage() == "file not made; its message comes again"
    assert logged.exc_info is None


def test_somebody_elses_file_is_not_found(api: Api, make: Callable[[], Any], queue: str) -> None:
    api.get(PDF)
    make()
    api.organization = "other"

    assert_problem(api.get(PDF), 404, "JobNotFound")

    assert ordered(queue) == []
