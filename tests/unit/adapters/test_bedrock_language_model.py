"""Bedrock answers, refuses, breaks off or is silent: one outcome each, and no word of its own."""

import json
import time
import traceback
from collections.abc import Callable, Iterator
from typing import Any

import boto3
import pytest
from aws_lambda_powertools.utilities.circuit_breaker import CircuitState
from aws_lambda_powertools.utilities.circuit_breaker.persistence.base import (
    CircuitBreakerPersistenceLayer,
)
from botocore.config import Config

from mri_analysis.adapters.bedrock_language_model import BEDROCK_CONFIG, BedrockLanguageModel
from mri_analysis.adapters.language_model_breaker import FAILURE_THRESHOLD, RECOVERY_TIMEOUT_SECONDS
from mri_analysis.adapters.strict_schema import portable_schema
from mri_analysis.contracts.draft import Draft
from mri_analysis.errors import LanguageModelAnswerUnusable, LanguageModelUnavailable
from mri_analysis.ports.language_model import DraftRequest
from mri_analysis.reporting.model_cost import TokenPrices, cost_usd
from tests.support import scripted_language_model as scripted
from tests.support.scripted_language_model import Behaviour, ScriptedLanguageModel

DRAFT = {
    "key_findings": [
        {"text": "The brain has {{volume.brain.total}}.", "finding_ids": ["f1"], "cites": ["m1"]}
    ],
    "quotations": [],
}
REQUEST = DraftRequest("You write reports.", "The measurements.", Draft.model_json_schema(), 3000)
MODEL = "eu.vendor.model-1"
SECRET = "Patient Jane Doe"


@pytest.fixture
def server() -> Iterator[ScriptedLanguageModel]:
    with ScriptedLanguageModel(scripted.answer(DRAFT)) as running:
        yield running


def client(url: str, attempts: int = 1) -> Any:
    retries: Any = {"total_max_attempts": attempts, "mode": "standard"}
    return boto3.client(
        "bedrock-runtime",
        endpoint_url=url,
        region_name="eu-central-1",
        aws_access_key_id="x",
        aws_secret_access_key="x",
        config=Config(retries=retries, connect_timeout=2, read_timeout=2),
    )


def model(server: ScriptedLanguageModel, **options: Any) -> BedrockLanguageModel:
    return BedrockLanguageModel(client(server.url), MODEL, **options)


# ---- the question ----


def test_question_forces_the_tool_and_marks_what_is_shared(server: ScriptedLanguageModel) -> None:
    model(server).draft(REQUEST)

    (question,) = server.requests
    assert question.path == f"/model/{MODEL}/converse"
    assert question.body == {
        "system": [{"text": "You write reports."}, {"cachePoint": {"type": "default"}}],
        "messages": [{"role": "user", "content": [{"text": "The measurements."}]}],
        "inferenceConfig": {"maxTokens": 3000},
        "toolConfig": {
            "tools": [
                {
                    "toolSpec": {
                        "name": "write_report",
                        "description": "Hand over the report.",
                        "inputSchema": {"json": portable_schema(REQUEST.schema)},
                        "strict": True,
                    }
                },
                {"cachePoint": {"type": "default"}},
            ],
            "toolChoice": {"tool": {"name": "write_report"}},
        },
        "requestMetadata": {"application": "mri-analysis", "purpose": "report"},
    }


def test_what_a_model_refuses_can_be_left_out(server: ScriptedLanguageModel) -> None:
    model(server, prompt_cache=False, strict_tool=False, temperature=0.0).draft(REQUEST)

    body = server.requests[0].body
    assert "cachePoint" not in json.dumps(body)
    assert "strict" not in body["toolConfig"]["tools"][0]["toolSpec"]
    assert body["inferenceConfig"] == {"maxTokens": 3000, "temperature": 0.0}


def test_schema_is_made_of_what_every_strict_tool_knows() -> None:
    schema = portable_schema(Draft.model_json_schema())

    def check(node: dict[str, Any]) -> None:
        known = {"type", "description", "enum", "const", "anyOf"}
        known |= {"items", "properties", "required", "additionalProperties"}
        assert set(node) <= known
        if node["type"] == "object":
            assert node["additionalProperties"] is False
            assert node["required"] == list(node["properties"])
            for inner in node["properties"].values():
                check(inner)
        if "items" in node:
            check(node["items"])

    check(schema)
    claim = schema["properties"]["key_findings"]["items"]
    assert set(claim["properties"]) == {"text", "finding_ids", "cites"}


def test_schema_that_contains_itself_is_refused() -> None:
    node = {"type": "object", "properties": {"next": {"$ref": "#/$defs/Node"}}}

    with pytest.raises(ValueError, match="contains itself"):
        portable_schema({"$defs": {"Node": node}, "$ref": "#/$defs/Node"})


# ---- the answer ----


def test_answer_and_what_it_used(server: ScriptedLanguageModel) -> None:
    answer = model(server).draft(REQUEST)

    assert answer.content == DRAFT
    assert (answer.input_tokens, answer.output_tokens, answer.cached_input_tokens) == (
        scripted.USAGE["input"],
        scripted.USAGE["output"],
        scripted.USAGE["cached"],
    )
    assert model(server).name == f"bedrock:{MODEL}"


def test_cost_needs_both_prices(server: ScriptedLanguageModel) -> None:
    answer = model(server).draft(REQUEST)

    assert cost_usd(answer, TokenPrices()) is None
    assert cost_usd(answer, TokenPrices(input_usd=3)) is None
    assert cost_usd(answer, TokenPrices(3, 15)) == pytest.approx((1600 * 3 + 200 * 15) / 1e6)
    assert cost_usd(answer, TokenPrices(3, 15, 0.3)) == pytest.approx(
        (1000 * 3 + 600 * 0.3 + 200 * 15) / 1e6
    )


@pytest.mark.parametrize(
    ("behaviour", "sentence"),
    [
        (scripted.throttle(), "ThrottlingException"),
        (scripted.server_error(), "InternalServerException"),
        (scripted.server_error(503), "InternalServerException"),
        (scripted.validation_exception(f"invalid: {SECRET}"), "ValidationException"),
        (scripted.access_denied(), "AccessDeniedException"),
        (Behaviour("error", status=404, code="ResourceNotFoundException"), "ResourceNotFound"),
        (Behaviour("error", status=400, code=f"{SECRET}"), r"\(HTTP 400\)"),
        (scripted.html(502), r"\(HTTP 502\)"),
        (scripted.close_connection(), "did not answer"),
    ],
)
def test_unavailable(server: ScriptedLanguageModel, behaviour: Behaviour, sentence: str) -> None:
    server.script(behaviour)

    with pytest.raises(LanguageModelUnavailable, match=sentence) as caught:
        model(server).draft(REQUEST)
    # Nor in what a log would show of it.
    assert SECRET not in "".join(traceback.format_exception(caught.value))


@pytest.mark.parametrize(
    ("behaviour", "sentence"),
    [
        (scripted.refuse(SECRET), "content filter"),
        (scripted.stopped("guardrail_intervened"), "guardrail"),
        (scripted.stopped("malformed_tool_use"), "could not read"),
        (scripted.length_stop(DRAFT), "out of tokens"),
        (scripted.no_tool(SECRET), "no report"),
        (scripted.several_tools(DRAFT), "more than one"),
        (scripted.tool_input("text"), "of its form"),
        (scripted.tool_input([1]), "of its form"),
        (scripted.truncate(DRAFT), "no report|no JSON"),
        (scripted.close_midway(DRAFT), "no report|no JSON"),  # botocore does not count the bytes
        (scripted.html(), "no report|no JSON"),
        (scripted.oversized(), "bytes"),
    ],
)
def test_unusable(server: ScriptedLanguageModel, behaviour: Behaviour, sentence: str) -> None:
    server.script(behaviour)

    with pytest.raises(LanguageModelAnswerUnusable, match=sentence) as caught:
        model(server).draft(REQUEST)
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize("behaviour", [scripted.slow_drip(0.02), scripted.silence()])
def test_deadline_ends_what_the_service_draws_out(
    server: ScriptedLanguageModel, behaviour: Behaviour
) -> None:
    server.script(behaviour)
    started = time.perf_counter()

    with pytest.raises(LanguageModelUnavailable, match="in time"):
        model(server, deadline_seconds=0.2).draft(REQUEST)
    assert time.perf_counter() - started < 1.5


def test_nobody_there() -> None:
    with ScriptedLanguageModel(scripted.answer(DRAFT)) as gone:
        pass

    with pytest.raises(LanguageModelUnavailable, match="EndpointConnectionError"):
        model(gone).draft(REQUEST)


def test_throttled_question_is_asked_again(server: ScriptedLanguageModel) -> None:
    server.script(scripted.throttle(), scripted.answer(DRAFT))

    answer = BedrockLanguageModel(client(server.url, attempts=2), MODEL).draft(REQUEST)

    assert answer.content == DRAFT
    assert len(server.requests) == 2
    # The client of the functions does so too.
    assert BEDROCK_CONFIG.retries["total_max_attempts"] > 1  # type: ignore[attr-defined]


# ---- the circuit ----


class Memory(CircuitBreakerPersistenceLayer):
    """The state of circuits in memory."""

    def __init__(self) -> None:
        super().__init__()
        self.records: dict[str, Any] = {}

    def _get_record(self, name: str) -> Any:
        return self.records.get(name)

    def _put_record(
        self, record: Any, condition: str | None = None, expected_opened_at: int | None = None
    ) -> None:
        self.records[record.name] = record

    def _update_record(self, record: Any) -> None:
        self.records[record.name] = record


def fails(call: Callable[[], object]) -> str:
    with pytest.raises((LanguageModelUnavailable, LanguageModelAnswerUnusable)) as caught:
        call()
    return str(caught.value)


def test_circuit_opens_and_asks_nobody(server: ScriptedLanguageModel) -> None:
    server.script(scripted.server_error())
    one = BedrockLanguageModel(client(server.url), "vendor.often-down", Memory())
    for _ in range(FAILURE_THRESHOLD):
        fails(lambda: one.draft(REQUEST))

    assert "time to recover" in fails(lambda: one.draft(REQUEST))
    assert len(server.requests) == FAILURE_THRESHOLD


def test_refusals_leave_the_circuit_closed(server: ScriptedLanguageModel) -> None:
    server.script(scripted.refuse())
    one = BedrockLanguageModel(client(server.url), "vendor.refuses", Memory())
    for _ in range(FAILURE_THRESHOLD + 1):
        assert "content filter" in fails(lambda: one.draft(REQUEST))

    assert len(server.requests) == FAILURE_THRESHOLD + 1


def resting(server: ScriptedLanguageModel, name: str) -> tuple[BedrockLanguageModel, Memory]:
    """A model whose circuit is open, after its pause: the next question is the probe."""
    server.script(scripted.server_error())
    state = Memory()
    one = BedrockLanguageModel(client(server.url), name, state)
    for _ in range(FAILURE_THRESHOLD):
        fails(lambda: one.draft(REQUEST))
    (record,) = state.records.values()
    record.opened_at -= RECOVERY_TIMEOUT_SECONDS + 1
    server.requests.clear()
    return one, state


def test_probe_with_an_unusable_answer_closes_the_circuit(
    server: ScriptedLanguageModel,
) -> None:
    one, state = resting(server, "vendor.wakes-up-refusing")
    server.script(scripted.refuse())

    assert "content filter" in fails(lambda: one.draft(REQUEST))

    # The model is at work: it was once left half open, so that others found it shut
    (record,) = state.records.values()
    assert record.state is CircuitState.CLOSED
    assert "content filter" in fails(lambda: one.draft(REQUEST))
    assert len(server.requests) == 2


def test_probe_that_fails_opens_the_circuit_again(
    server: ScriptedLanguageModel,
) -> None:
    one, state = resting(server, "vendor.still-down")

    fails(lambda: one.draft(REQUEST))

    (record,) = state.records.values()
    assert record.state is CircuitState.OPEN
    assert "time to recover" in fails(lambda: one.draft(REQUEST))
    assert len(server.requests) == 1


def test_an_answer_that_cannot_be_used_ends_a_row_of_failures(
    server: ScriptedLanguageModel,
) -> None:
    server.script(
        *[scripted.server_error()] * (FAILURE_THRESHOLD - 1),
        scripted.refuse(),
        scripted.server_error(),
    )
    one = BedrockLanguageModel(client(server.url), "vendor.now-and-then", Memory())

    told = [fails(lambda: one.draft(REQUEST)) for _ in range(2 * FAILURE_THRESHOLD - 1)]

    assert not any("time to recover" in sentence for sentence in told)
    assert len(server.requests) == len(told)
