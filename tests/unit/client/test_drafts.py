"""A user hears what became of a language model's draft, and can fetch it."""

import io
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
from botocore.exceptions import ClientError
from typer.main import get_command

from mri_analysis.contracts.report import DraftOutcome, LanguageModelUse
from mri_client import cli
from mri_client.display import draft_line
from mri_client.stack import Stack
from mri_client.studies import fetch, language_model_use


class Bucket:
    """Holds objects by key, as S3 does."""

    def __init__(self, objects: dict[str, bytes]) -> None:
        self._objects = objects

    def get_object(self, *, Bucket: str, Key: str) -> dict[str, Any]:
        for name, body in self._objects.items():
            if Key.endswith("/" + name):
                return {"Body": io.BytesIO(body)}
        raise ClientError({"Error": {"Code": "NoSuchKey"}}, "GetObject")


def stack_with(**objects: bytes) -> Stack:
    stack = Stack("images", "results", "arn", "eu-central-1")
    stack.__dict__["s3"] = Bucket({name.replace("_", "."): body for name, body in objects.items()})
    return stack


def use(outcome: DraftOutcome, reason: str | None = None) -> LanguageModelUse:
    return LanguageModelUse(
        name="openai-compatible:m",
        prompt_version="1",
        outcome=outcome,
        attempts=1,
        reason=reason,
    )


def test_drafts_are_fetched_on_request_only(tmp_path: Path) -> None:
    stack = stack_with(report_md=b"# Report", drafts_json=b"{}")

    assert [path.name for path in fetch(stack, "demo", "job-1", tmp_path)] == ["report.md"]
    fetched = fetch(stack, "demo", "job-1", tmp_path, drafts=True)
    assert [path.name for path in fetched] == ["report.md", "drafts.json"]


def test_one_line_tells_why_a_draft_was_not_used() -> None:
    line = draft_line(use(DraftOutcome.UNAVAILABLE, "The server refused (HTTP 401)."))

    assert "not used (unavailable): The server refused (HTTP 401)." in line
    assert "\n" not in line
    assert "worded the key findings" in draft_line(use(DraftOutcome.USED))


@pytest.mark.parametrize("body", [None, b"{}", b"no json"])
def test_a_report_that_cannot_be_read_fails_no_command(body: bytes | None) -> None:
    stack = stack_with(**({} if body is None else {"report_json": body}))
    assert language_model_use(stack, "demo", "job-1") is None


@pytest.fixture
def layer_log(monkeypatch: pytest.MonkeyPatch) -> Iterator[logging.Logger]:
    monkeypatch.delenv("POWERTOOLS_LOG_LEVEL", raising=False)
    monkeypatch.setenv("POWERTOOLS_SERVICE_NAME", "a-service-of-this-test")
    log = logging.getLogger("a-service-of-this-test")
    yield log
    log.filters.clear()


def test_log_lines_for_machines_stay_out_of_the_terminal(
    layer_log: logging.Logger, caplog: pytest.LogCaptureFixture
) -> None:
    layer_log.warning("before")
    with typer.Context(get_command(cli.app)) as context:
        cli.quietly(context)
        layer_log.warning("while a command runs")
    layer_log.warning("after")

    assert caplog.messages == ["before", "after"]


def test_who_asks_for_logs_gets_them(
    layer_log: logging.Logger, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("POWERTOOLS_LOG_LEVEL", "INFO")
    with typer.Context(get_command(cli.app)) as context:
        cli.quietly(context)
        layer_log.warning("wanted")

    assert caplog.messages == ["wanted"]
