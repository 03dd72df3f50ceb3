"""A guardrail reads the whole report, or the report is not kept."""

import time
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.config import Config

from mri_analysis.adapters.bedrock_guardrail import MAX_SOURCES, MAX_TEXT, BedrockGuardrail, parts
from mri_analysis.errors import LanguageModelUnavailable
from tests.support import scripted_language_model as scripted
from tests.support.scripted_language_model import Behaviour, ScriptedLanguageModel


@pytest.fixture
def server() -> Iterator[ScriptedLanguageModel]:
    with ScriptedLanguageModel(scripted.answer({})) as running:
        yield running


def guardrail(server: ScriptedLanguageModel, deadline_seconds: float = 5) -> BedrockGuardrail:
    retries: Any = {"total_max_attempts": 1}
    client = boto3.client(
        "bedrock-runtime",
        endpoint_url=server.url,
        region_name="eu-central-1",
        aws_access_key_id="x",
        aws_secret_access_key="x",
        config=Config(retries=retries, connect_timeout=2, read_timeout=2),
    )
    return BedrockGuardrail(client, "abc123", "7", deadline_seconds)


def test_question_tells_report_and_sources_apart(server: ScriptedLanguageModel) -> None:
    assert not guardrail(server).intervenes("The brain is fine.", ["Brain 1200 ml", " "])

    (question,) = server.guardrail_requests
    assert question.path == "/guardrail/abc123/version/7/apply"
    assert question.body["source"] == "OUTPUT"
    source, query, report = (block["text"] for block in question.body["content"])
    assert source == {"text": "Brain 1200 ml", "qualifiers": ["grounding_source"]}
    assert query["qualifiers"] == ["query"]
    assert report == {"text": "The brain is fine.", "qualifiers": ["guard_content"]}
    assert guardrail(server).name == "abc123:7"


def test_objection(server: ScriptedLanguageModel) -> None:
    server.guardrail_intervenes = True

    assert guardrail(server).intervenes("A dose of 5 mg.", [])


def test_long_report_is_read_to_its_end(server: ScriptedLanguageModel) -> None:
    server.guardrail_intervenes = lambda text: "dose" in text
    report = "A line of the report.\n" * 600 + "A dose of 5 mg.\n"

    assert guardrail(server).intervenes(report, ["s" * (MAX_SOURCES - 1), "too much"])
    texts = [question.body["content"][-1]["text"]["text"] for question in server.guardrail_requests]
    assert "".join(texts) == report
    assert max(map(len, texts)) <= MAX_TEXT
    assert "too much" not in server.text_sent


@pytest.mark.parametrize("text", ["", "x" * 25, "ab\n" * 9, "long line without an end\nshort\n"])
def test_parts_are_short_and_lose_nothing(text: str) -> None:
    found = list(parts(text, 10))

    assert "".join(found) == text
    assert all(0 < len(part) <= 10 for part in found)


@pytest.mark.parametrize(
    "behaviour",
    [
        scripted.throttle(),
        scripted.server_error(503),
        scripted.access_denied(),
        scripted.validation_exception(),
        scripted.html(),
        scripted.close_connection(),
        Behaviour("raw", body=b'{"action": "MAYBE"}'),
    ],
)
def test_no_verdict_is_an_error(server: ScriptedLanguageModel, behaviour: Behaviour) -> None:
    server.guardrail_behaviour = behaviour

    with pytest.raises(LanguageModelUnavailable):
        guardrail(server).intervenes("The brain is fine.", [])


def test_deadline_holds_for_all_parts_together(server: ScriptedLanguageModel) -> None:
    server.guardrail_behaviour = scripted.slow_drip(0.02)
    started = time.perf_counter()

    with pytest.raises(LanguageModelUnavailable, match="in time"):
        guardrail(server, 0.2).intervenes("line\n" * 3000, [])
    assert time.perf_counter() - started < 1.5
