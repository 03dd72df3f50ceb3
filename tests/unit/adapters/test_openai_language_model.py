"""An OpenAI-compatible server answers, refuses, breaks off or drips: one outcome each."""

import json
import socket
import time
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mri_analysis.adapters import openai_language_model
from mri_analysis.adapters.component_probes import LanguageServerProbe
from mri_analysis.adapters.openai_language_model import (
    ChatServer,
    OpenAiLanguageModel,
    listed_models,
)
from mri_analysis.adapters.strict_schema import portable_schema
from mri_analysis.contracts.draft import Draft
from mri_analysis.errors import (
    LanguageModelAnswerUnusable,
    LanguageModelUnavailable,
    SettingInvalid,
)
from mri_analysis.ports.components import ComponentUnusable
from mri_analysis.ports.language_model import DraftRequest
from mri_analysis.reporting.model_cost import TokenPrices, cost_usd
from tests.support import scripted_language_model as scripted
from tests.support.scripted_language_model import Behaviour, ScriptedLanguageModel

DRAFT = {
    "key_findings": [{"text": "Fine.", "finding_ids": ["f1"], "cites": ["m1"]}],
    "quotations": [],
}
REQUEST = DraftRequest("You write reports.", "The measurements.", Draft.model_json_schema(), 3000)
SECRET = "Patient Jane Doe"


@pytest.fixture
def server() -> Iterator[ScriptedLanguageModel]:
    with ScriptedLanguageModel(scripted.answer(DRAFT)) as running:
        yield running


def model(server: ScriptedLanguageModel, **options: Any) -> OpenAiLanguageModel:
    return OpenAiLanguageModel(
        ChatServer.at(server.url), scripted.MODEL, **({"pause_seconds": 0.0} | options)
    )


# ---- the question ----


def test_question_forces_the_schema(server: ScriptedLanguageModel) -> None:
    model(server, api_key="k3y").draft(REQUEST)

    (question,) = server.requests
    assert question.path == "/v1/chat/completions"
    assert question.headers["Authorization"] == "Bearer k3y"
    assert question.body == {
        "model": scripted.MODEL,
        "messages": [
            {"role": "system", "content": "You write reports."},
            {"role": "user", "content": "The measurements."},
        ],
        "max_tokens": 3000,
        "temperature": 0,
        "stream": False,
        "response_format": {
            "type": "json_schema",
            "json_schema": {
                "name": "write_report",
                "strict": True,
                "schema": portable_schema(REQUEST.schema),
            },
        },
    }


def test_no_key_is_no_header(server: ScriptedLanguageModel) -> None:
    model(server).draft(REQUEST)

    assert "Authorization" not in server.requests[0].headers


def test_answer_through_a_function_call(server: ScriptedLanguageModel) -> None:
    answer = model(server, answer_form="tool").draft(REQUEST)

    body = server.requests[0].body
    assert answer.content == DRAFT
    assert "response_format" not in body
    assert body["tool_choice"] == {"type": "function", "function": {"name": "write_report"}}


# ---- the answer ----


def test_answer_and_what_it_used(server: ScriptedLanguageModel) -> None:
    answer = model(server).draft(REQUEST)

    assert answer.content == DRAFT
    assert (answer.input_tokens, answer.output_tokens, answer.cached_input_tokens) == (
        scripted.USAGE["input"],
        scripted.USAGE["output"],
        scripted.USAGE["cached"],
    )


@pytest.mark.parametrize(
    ("behaviour", "sentence"),
    [
        (scripted.throttle(), "HTTP 429"),
        (scripted.server_error(), "HTTP 500"),
        (scripted.server_error(503), "HTTP 503"),
        (scripted.validation_exception(SECRET), "HTTP 400"),
        (scripted.access_denied(), "HTTP 403"),
        (scripted.html(502), "HTTP 502"),
        (scripted.redirect(), "redirects are not followed"),
        (scripted.close_connection(), "RemoteDisconnected"),
        (scripted.close_midway(DRAFT), "IncompleteRead"),
    ],
)
def test_unavailable(server: ScriptedLanguageModel, behaviour: Behaviour, sentence: str) -> None:
    server.script(behaviour)

    with pytest.raises(LanguageModelUnavailable, match=sentence) as caught:
        model(server).draft(REQUEST)
    # Nor in what a log would show of it.
    assert SECRET not in "".join(traceback.format_exception(caught.value))


@pytest.mark.parametrize("form", ["json_schema", "tool"])
@pytest.mark.parametrize(
    ("behaviour", "sentence"),
    [
        (scripted.refuse(SECRET), "refused"),
        (scripted.length_stop(DRAFT), "out of tokens"),
        (scripted.no_tool(SECRET), "no JSON|no report"),
        (scripted.several_tools(DRAFT), "several"),
        (scripted.tool_input([1]), "no JSON object"),
        (scripted.tool_input(float("nan")), "no JSON"),
        (scripted.truncate(DRAFT), "no JSON|no report"),
        (scripted.html(), "no JSON"),
        (scripted.oversized(), "more than 200000 bytes"),
    ],
)
def test_unusable(
    server: ScriptedLanguageModel, behaviour: Behaviour, sentence: str, form: Any
) -> None:
    server.script(behaviour)

    with pytest.raises(LanguageModelAnswerUnusable, match=sentence) as caught:
        model(server, answer_form=form).draft(REQUEST)
    assert SECRET not in str(caught.value)


def test_a_page_that_stands_before_the_model_is_not_kept(server: ScriptedLanguageModel) -> None:
    page = b"<html>Your request: Authorization: Bearer k3y</html>"
    server.script(Behaviour("raw", body=page))
    with pytest.raises(LanguageModelAnswerUnusable, match="no JSON") as caught:
        model(server).draft(REQUEST)
    assert caught.value.answer == ""


def test_an_answer_in_a_fence_is_read_and_two_are_not(server: ScriptedLanguageModel) -> None:
    text = json.dumps(DRAFT)
    chat = {"choices": [{"finish_reason": "stop", "message": {"content": f"```json\n{text}\n```"}}]}
    server.script(Behaviour("raw", body=json.dumps(chat).encode()))
    assert model(server).draft(REQUEST).content == DRAFT

    chat["choices"][0]["message"] = {"content": f"```\n{text}\n```\nor\n```\n{text}\n```"}
    server.script(Behaviour("raw", body=json.dumps(chat).encode()))
    with pytest.raises(LanguageModelAnswerUnusable, match="no JSON") as caught:
        model(server).draft(REQUEST)
    assert text in caught.value.answer


def test_thoughts_before_the_answer_are_left_out(server: ScriptedLanguageModel) -> None:
    # As servers without a parser of reasoning send it.
    text = json.dumps(DRAFT)
    for said in (
        f"<think>\nThe brain {{}} is within.\n</think>\n\n{text}",
        f"<think></think>```json\n{text}\n```",
    ):
        chat = {"choices": [{"finish_reason": "stop", "message": {"content": said}}]}
        server.script(Behaviour("raw", body=json.dumps(chat).encode()))
        assert model(server).draft(REQUEST).content == DRAFT


@pytest.mark.parametrize("said", ["<think>{text}", "{text}<think>no</think>", "so: {text}"])
def test_words_around_the_answer_are_no_draft(server: ScriptedLanguageModel, said: str) -> None:
    content = said.replace("{text}", json.dumps(DRAFT))
    chat = {"choices": [{"finish_reason": "stop", "message": {"content": content}}]}
    server.script(Behaviour("raw", body=json.dumps(chat).encode()))

    with pytest.raises(LanguageModelAnswerUnusable, match="no JSON"):
        model(server).draft(REQUEST)


def test_deeply_nested_answer_is_no_json(server: ScriptedLanguageModel) -> None:
    server.script(Behaviour("raw", body=b'{"a":' * 30_000))

    with pytest.raises(LanguageModelAnswerUnusable, match="no JSON"):
        model(server).draft(REQUEST)


@pytest.mark.parametrize("behaviour", [scripted.slow_drip(0.02), scripted.silence()])
def test_deadline_ends_what_the_server_draws_out(
    server: ScriptedLanguageModel, behaviour: Behaviour
) -> None:
    server.script(behaviour)
    started = time.perf_counter()

    with pytest.raises(LanguageModelUnavailable, match="in time"):
        model(server, deadline_seconds=0.2).draft(REQUEST)
    assert time.perf_counter() - started < 1.5


def test_read_timeout_without_a_byte(server: ScriptedLanguageModel) -> None:
    server.script(scripted.silence())

    with pytest.raises(LanguageModelUnavailable, match="in time"):
        model(server, read_seconds=0.1).draft(REQUEST)


def test_busy_server_gets_a_second_attempt(server: ScriptedLanguageModel) -> None:
    server.script(scripted.throttle(503), scripted.answer(DRAFT))

    assert model(server).draft(REQUEST).content == DRAFT
    assert len(server.requests) == 2


def test_second_attempt_needs_time_left(server: ScriptedLanguageModel) -> None:
    server.script(scripted.throttle(), scripted.answer(DRAFT))

    with pytest.raises(LanguageModelUnavailable, match="HTTP 429"):
        model(server, deadline_seconds=2, pause_seconds=10).draft(REQUEST)
    assert len(server.requests) == 1


def test_nobody_there() -> None:
    with ScriptedLanguageModel(scripted.answer(DRAFT)) as gone:
        pass

    with pytest.raises(LanguageModelUnavailable, match="ConnectionRefusedError"):
        model(gone).draft(REQUEST)


# ---- the address ----


@pytest.mark.parametrize(
    ("url", "reached"),
    [
        ("http://127.0.0.1:8000", "http://127.0.0.1:8000"),
        ("http://127.0.0.1:8000/v1/", "http://127.0.0.1:8000"),
        ("http://10.1.2.3/llm/v1", "http://10.1.2.3:80/llm"),
        ("http://[::1]:9", "http://[::1]:9"),
        ("https://llm.example", "https://llm.example:443"),
    ],
)
def test_address_that_may_be_used(url: str, reached: str) -> None:
    assert str(ChatServer.at(url)) == reached


@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        ("ftp://10.1.2.3", "http:// or https://"),
        ("10.1.2.3:8000", "http:// or https://"),
        ("https://", "names no server"),
        ("http://10.1.2.3:eight", "no URL"),
        ("https://user:hunter2@llm.example", "no user, password"),
        ("https://llm.example/?key=hunter2", "no user, password or query"),
        ("http://8.8.8.8", "Plain http"),
        ("http://[::ffff:8.8.8.8]", "Plain http"),
        ("http://169.254.169.254", "Plain http"),
        ("http://0.0.0.0", "Plain http"),
    ],
)
def test_address_that_must_not_be_used(url: str, sentence: str) -> None:
    with pytest.raises(SettingInvalid, match=sentence) as caught:
        ChatServer.at(url)
    assert "hunter2" not in str(caught.value)


def test_name_of_a_public_address_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    both = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (a, 80)) for a in ("10.0.0.1", "8.8.8.8")]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: both)

    with pytest.raises(SettingInvalid, match="Plain http"):
        ChatServer.at("http://llm.example")


def test_name_that_leads_elsewhere_later_is_not_followed(
    server: ScriptedLanguageModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = model(server)
    monkeypatch.setattr(openai_language_model, "_is_private", lambda _: False)

    with pytest.raises(LanguageModelUnavailable):
        one.draft(REQUEST)
    assert server.requests == []


def test_certificate_is_checked(server: ScriptedLanguageModel) -> None:
    address = ChatServer.at(server.url.replace("http:", "https:"))

    with pytest.raises(LanguageModelUnavailable, match="SSL"):
        OpenAiLanguageModel(address, scripted.MODEL).draft(REQUEST)


def test_authority_that_cannot_be_read_is_a_setting_not_a_silent_server(
    server: ScriptedLanguageModel, tmp_path: Path
) -> None:
    missing = str(tmp_path / "missing.pem")
    with pytest.raises(SettingInvalid, match="cannot be read"):
        model(server, ca_file=missing)
    address = ChatServer.at(server.url.replace("http:", "https:"))
    with pytest.raises(LanguageModelUnavailable, match="LlmCaFile"):
        listed_models(address, ca_file=missing)


@pytest.mark.parametrize(
    ("usage", "told"),
    [
        (None, (None, None, None)),
        ({"prompt_tokens": "many", "completion_tokens": True}, (None, None, None)),
        ({"prompt_tokens": 10, "completion_tokens": 0}, (10, 0, 0)),
        ({"completion_tokens": 5}, (None, 5, None)),
    ],
)
def test_tokens_that_nobody_counted_are_unknown(
    server: ScriptedLanguageModel, usage: Any, told: tuple[int | None, ...]
) -> None:
    choice = {"finish_reason": "stop", "message": {"content": json.dumps(DRAFT)}}
    body = json.dumps({"choices": [choice], "usage": usage}).encode()
    server.script(Behaviour("raw", status=200, body=body))

    answer = model(server).draft(REQUEST)

    assert (answer.input_tokens, answer.output_tokens, answer.cached_input_tokens) == told
    if None in told:
        assert cost_usd(answer, TokenPrices(3, 15)) is None


# ---- the deployment check ----


def test_probe_finds_the_model(server: ScriptedLanguageModel) -> None:
    assert listed_models(ChatServer.at(server.url)) == [scripted.MODEL]
    assert "is served" in LanguageServerProbe(server.url, scripted.MODEL, "", "").probe()


def test_probe_names_what_is_wrong(server: ScriptedLanguageModel) -> None:
    with pytest.raises(ComponentUnusable, match="has no model other"):
        LanguageServerProbe(server.url, "other", "", "").probe()
    with pytest.raises(ComponentUnusable, match="Plain http"):
        LanguageServerProbe("http://8.8.8.8", scripted.MODEL, "", "").probe()
    server.__exit__()
    with pytest.raises(ComponentUnusable, match="did not answer"):
        LanguageServerProbe(server.url, scripted.MODEL, "", "").probe()
