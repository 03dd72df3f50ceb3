"""Files that are made when somebody asks: ordered by the API, made by a function, fetched."""

import gzip
import io
import json
import zipfile
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import ModuleType
from typing import Any

import boto3
import nibabel as nib
import numpy as np
import pydicom
import pytest
import requests
from botocore.exceptions import EndpointConnectionError
from pydicom.dataset import Dataset

from mri_analysis import wiring
from mri_analysis.adapters.s3_object_store import S3ObjectStore
from mri_analysis.contracts.api import ExportBeingMade
from mri_analysis.contracts.study import PreparedStudy
from mri_analysis.imaging.dicom.originals import pack_original
from mri_analysis.settings import settings
from tests.support import dicom_series
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


# ---- DICOM ---------------------------------------------------------------------------------------

SEG = f"/v1/jobs/{JOB_ID}/exports/segmentation.dcm"
DICOM = ("segmentation.dcm", "measurements.dcm", "report.dcm")


@pytest.fixture
def original(api: Api) -> list[Dataset]:
    """The study as it came: objects of the series, with what is kept of them in the buckets."""
    labels = np.zeros((20, 24, 16), np.uint8)
    labels[4:9, 5:12, 3:8], labels[11:15, 5:12, 3:8] = 17, 53
    affine = np.diag([3.0, 3.0, 3.0, 1.0])
    objects = dicom_series.series(labels.astype(np.int16), affine=affine)
    image = nib.Nifti1Image(labels, affine)
    put = wiring.results().put
    put(KEYS.results + "labels.nii.gz", gzip.compress(image.to_bytes()), "application/gzip")
    _put_study_document(original_kept=True)
    wiring.originals().put(KEYS.original, pack_original(objects) or b"", "application/zip")
    return objects


def _put_study_document(*, original_kept: bool) -> None:
    study = PreparedStudy(
        organization_id="demo",
        job_id=JOB_ID,
        source_format="dicom" if original_kept else "nifti",
        image_key=KEYS.prepared_image,
        source_sha256="0" * 64,
        shape=(20, 24, 16),
        spacing_mm=(3, 3, 3),
        orientation="RAS",
        data_type="int16",
        orientation_source="sform",
        original_kept=original_kept,
    )
    wiring.results().put(KEYS.study, study.model_dump_json().encode(), "application/json")


@pytest.mark.parametrize("file", DICOM)
def test_object_stands_in_the_original_study(
    api: Api, make: Callable[[], Any], original: list[Dataset], file: str
) -> None:
    path = f"/v1/jobs/{JOB_ID}/exports/{file}"
    assert api.get(path).status == 202
    assert make() == {"batchItemFailures": []}

    answer = fetched(api.get(path))

    found = pydicom.dcmread(io.BytesIO(answer.content))
    assert found.StudyInstanceUID == original[0].StudyInstanceUID
    assert found.PatientName == original[0].PatientName
    assert "-draft.dcm" in answer.headers["Content-Disposition"]


@pytest.mark.parametrize("file", DICOM)
def test_scan_without_a_dicom_study_has_none_to_go_back_to(api: Api, queue: str, file: str) -> None:
    _put_study_document(original_kept=False)

    answer = api.get(f"/v1/jobs/{JOB_ID}/exports/{file}")

    assert_problem(answer, 409, "NoOriginalStudy")
    assert ordered(queue) == []


def test_rejected_report_goes_to_no_other_system(
    api: Api, make: Callable[[], Any], original: list[Dataset]
) -> None:
    etag = api.get(REPORT).headers["ETag"][0]
    api.post(f"{REPORT}/rejection", {"reason": "Motion."}, {"If-Match": etag})

    assert_problem(api.get(SEG), 409, "RejectedReport")
    path = f"/v1/jobs/{JOB_ID}/exports/study.zip"
    assert api.get(path).status == 202
    make()
    with zipfile.ZipFile(io.BytesIO(fetched(api.get(path)).content)) as archive:
        names = archive.namelist()
    assert any(name.endswith("-report-rejected.pdf") for name in names)
    assert not any(name.endswith(".dcm") for name in names)


def test_original_that_takes_no_results_is_told_and_not_tried_again(
    api: Api, make: Callable[[], Any], original: list[Dataset], queue: str
) -> None:
    holes = [*original[:5], *original[7:]]
    wiring.originals().put(KEYS.original, pack_original(holes) or b"", "application/zip")
    assert api.get(SEG).status == 202
    assert make() == {"batchItemFailures": []}

    answer = api.get(SEG)

    assert_problem(answer, 409, "OriginalUnreadable")
    assert "no regular stack" in answer.document["detail"]
    assert ordered(queue) == []
