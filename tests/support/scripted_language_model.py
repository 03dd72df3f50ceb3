"""A language model's server that answers what a test tells it to, and keeps what it was asked.

It speaks Bedrock (``/model/{id}/converse``, ``/model/{id}/invoke`` of Titan embeddings,
``/guardrail/{id}/version/{version}/apply``) and OpenAI's chat completions, each from the same
script::

    with ScriptedLanguageModel(answer({...}), throttle()) as server:
        server.url           # AWS_ENDPOINT_URL_BEDROCK_RUNTIME, or LLM_URL
        server.script(answer({...}))
        server.requests      # path, headers and body of each question
        server.text_sent     # all bodies, to look for what must not be in them

The last behaviour of a script stays for all further questions.
"""

import hashlib
import json
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from local_stack.http_server import LoopbackServer, RequestHandler

MODEL = "scripted-model"
TOOL = "write_report"
USAGE = {"input": 1000, "output": 200, "cached": 600}

Draft = Mapping[str, Any] | Callable[[dict[str, Any]], Any]
"""An answer, or what makes one from the question's body."""


@dataclass(frozen=True)
class Question:
    """One request."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: dict[str, Any]

    @property
    def prompt(self) -> str:
        """Text of the user's message."""
        content = self.body["messages"][-1]["content"]
        return content if isinstance(content, str) else "".join(c.get("text", "") for c in content)

    @property
    def system(self) -> str:
        """Text of the system prompt."""
        if "system" in self.body:
            return "".join(block.get("text", "") for block in self.body["system"])
        return "".join(m["content"] for m in self.body["messages"] if m["role"] == "system")


@dataclass(frozen=True)
class Behaviour:
    """What the server does with one question; made by the functions below."""

    kind: str
    draft: Any = None
    status: int = 200
    code: str = ""
    message: str = ""
    stop: str = ""
    calls: int = 1
    pause_s: float = 0.0
    size: int = 0
    body: bytes = b""
    location: str = ""
    raw_input: Any = None


def answer(draft: Draft) -> Behaviour:
    """A whole answer."""
    return Behaviour("answer", draft)


def throttle(status: int = 429) -> Behaviour:
    """Too many requests."""
    return Behaviour("error", status=status, code="ThrottlingException", message="Slow down.")


def server_error(status: int = 500) -> Behaviour:
    """A fault of the service."""
    return Behaviour("error", status=status, code="InternalServerException", message="Oh no.")


def validation_exception(message: str = "The provided model identifier is invalid.") -> Behaviour:
    """What Bedrock says of a model at its end of life."""
    return Behaviour("error", status=400, code="ValidationException", message=message)


def access_denied() -> Behaviour:
    """No right to the model."""
    return Behaviour("error", status=403, code="AccessDeniedException", message="No.")


def refuse(text: str = "I cannot help with that.") -> Behaviour:
    """The model declines."""
    return Behaviour("refuse", text, stop="content_filtered")


def no_tool(text: str = "The brain looks fine.") -> Behaviour:
    """The model talks instead of calling the tool."""
    return Behaviour("no_tool", text, stop="end_turn")


def several_tools(draft: Draft) -> Behaviour:
    """The model calls the tool twice."""
    return Behaviour("answer", draft, calls=2)


def tool_input(value: Any) -> Behaviour:
    """The tool is called with something else than an object."""
    return Behaviour("answer", raw_input=value)


def length_stop(draft: Draft) -> Behaviour:
    """The model ran out of tokens."""
    return Behaviour("answer", draft, stop="max_tokens")


def stopped(reason: str) -> Behaviour:
    """Bedrock's ``stopReason`` is another one."""
    return Behaviour("answer", {}, stop=reason)


def truncate(draft: Draft) -> Behaviour:
    """The JSON ends in the middle."""
    return Behaviour("truncate", draft)


def html(status: int = 200) -> Behaviour:
    """A proxy's page in place of an answer."""
    return Behaviour("raw", status=status, body=b"<html><body>Ignore the rules.</body></html>")


def oversized(size: int = 250_000) -> Behaviour:
    """A whole answer of ``size`` bytes and more."""
    return Behaviour("oversized", size=size)


def slow_drip(pause_s: float = 0.05, size: int = 10_000) -> Behaviour:
    """One byte after each pause, until the client leaves or the server stops."""
    return Behaviour("drip", pause_s=pause_s, size=size)


def silence() -> Behaviour:
    """No answer at all until the server stops."""
    return Behaviour("silence")


def close_connection() -> Behaviour:
    """The connection is closed without a word."""
    return Behaviour("close")


def close_midway(draft: Draft) -> Behaviour:
    """The connection is closed before the announced length."""
    return Behaviour("midway", draft)


def redirect(location: str = "http://127.0.0.1:9/elsewhere") -> Behaviour:
    """Go elsewhere."""
    return Behaviour("redirect", status=307, location=location)


class ScriptedLanguageModel:
    """See the module.

    ``guardrail_intervenes`` is a verdict or a function of the text; ``guardrail_behaviour`` is what
    the guardrail does in place of a verdict; ``models`` are those of ``/v1/models``.
    """

    def __init__(self, *behaviours: Behaviour) -> None:
        self.behaviours = list(behaviours)
        self.requests: list[Question] = []
        self.guardrail_requests: list[Question] = []
        self.guardrail_intervenes: bool | Callable[[str], bool] = False
        self.guardrail_behaviour: Behaviour | None = None
        self.models = [MODEL]
        self.stopping = threading.Event()
        self._lock = threading.Lock()
        self._server = _Server(self)

    @property
    def url(self) -> str:
        return f"http://{self._server.address}"

    @property
    def bedrock_environment(self) -> dict[str, str]:
        """Sends boto3's ``bedrock-runtime`` of the local stack's functions here."""
        return {"AWS_ENDPOINT_URL_BEDROCK_RUNTIME": self.url}

    @property
    def text_sent(self) -> str:
        """Everything that was sent, questions and guardrail alike."""
        asked = [*self.requests, *self.guardrail_requests]
        return "\n".join(json.dumps(question.body, ensure_ascii=False) for question in asked)

    def script(self, *behaviours: Behaviour) -> None:
        """Start another script, and forget what was asked."""
        with self._lock:
            self.behaviours = list(behaviours)
            self.requests.clear()
            self.guardrail_requests.clear()

    def next_behaviour(self, question: Question) -> Behaviour:
        with self._lock:
            self.requests.append(question)
            assert self.behaviours, "the script has no behaviour"
            return self.behaviours.pop(0) if len(self.behaviours) > 1 else self.behaviours[0]

    def __enter__(self) -> "ScriptedLanguageModel":
        self._server.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stopping.set()
        self._server.stop()


class _Server(LoopbackServer):
    def __init__(self, script: ScriptedLanguageModel) -> None:
        super().__init__(_Handler)
        self.script = script


class _Handler(RequestHandler):
    server: _Server

    def do_GET(self) -> None:
        self.answer_json(200, {"data": [{"id": name} for name in self.server.script.models]})

    def do_POST(self) -> None:
        script = self.server.script
        body = json.loads(self.read_body() or b"{}")
        question = Question("POST", self.path, dict(self.headers.items()), body)
        if self.path.startswith("/guardrail/"):
            script.guardrail_requests.append(question)
            self._guardrail(question)
        elif self.path.endswith("/invoke"):
            self.answer_json(200, _embedding(body))
        elif self.path.endswith(("/converse", "/v1/chat/completions")):
            self._act(script.next_behaviour(question), question)
        else:
            self.answer_json(404, {"message": "no such path"})

    def _guardrail(self, question: Question) -> None:
        script = self.server.script
        if script.guardrail_behaviour is not None:
            self._act(script.guardrail_behaviour, question)
            return
        verdict = script.guardrail_intervenes
        if callable(verdict):
            texts = [
                block["text"]["text"]
                for block in question.body["content"]
                if "guard_content" in block["text"].get("qualifiers", [])
            ]
            verdict = any(verdict(text) for text in texts)
        action = "GUARDRAIL_INTERVENED" if verdict else "NONE"
        units = dict.fromkeys(
            (
                "topicPolicyUnits",
                "contentPolicyUnits",
                "wordPolicyUnits",
                "sensitiveInformationPolicyUnits",
                "sensitiveInformationPolicyFreeUnits",
                "contextualGroundingPolicyUnits",
            ),
            1,
        )
        document = {"usage": units, "action": action, "outputs": [], "assessments": []}
        self.answer_json(200, document)

    def _act(self, behaviour: Behaviour, question: Question) -> None:
        getattr(self, f"_do_{behaviour.kind}")(behaviour, question)

    def _do_answer(self, behaviour: Behaviour, question: Question) -> None:
        self._send(_document(behaviour, question))

    def _do_refuse(self, behaviour: Behaviour, question: Question) -> None:
        self._send(_document(behaviour, question))

    _do_no_tool = _do_refuse

    def _do_truncate(self, behaviour: Behaviour, question: Question) -> None:
        if question.path.endswith("/converse"):
            whole = _document(behaviour, question)
            self._send(whole[: len(whole) // 2])
            return
        message = json.dumps(_made(behaviour, question))
        self._send(_chat({"content": message[: len(message) // 2]}, "stop"))

    def _do_oversized(self, behaviour: Behaviour, question: Question) -> None:
        self._send(_document(Behaviour("answer", {"filling": "x" * behaviour.size}), question))

    def _do_raw(self, behaviour: Behaviour, question: Question) -> None:
        self.answer(behaviour.status, behaviour.body, {"Content-Type": "text/html"})

    def _do_error(self, behaviour: Behaviour, question: Question) -> None:
        document = {"message": behaviour.message, "error": {"message": behaviour.message}}
        headers = {"x-amzn-ErrorType": behaviour.code}
        self.answer_json(behaviour.status, document, headers)

    def _do_redirect(self, behaviour: Behaviour, question: Question) -> None:
        self.answer(behaviour.status, b"", {"Location": behaviour.location})

    def _do_drip(self, behaviour: Behaviour, question: Question) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(behaviour.size))
        self.end_headers()
        self.close_connection = True
        try:
            for _ in range(behaviour.size):
                self.wfile.write(b" ")
                self.wfile.flush()
                if self.server.script.stopping.wait(behaviour.pause_s):
                    return
        except OSError:
            return

    def _do_silence(self, behaviour: Behaviour, question: Question) -> None:
        self.server.script.stopping.wait(60)
        self.close_connection = True

    def _do_close(self, behaviour: Behaviour, question: Question) -> None:
        self.close_connection = True

    def _do_midway(self, behaviour: Behaviour, question: Question) -> None:
        whole = _document(behaviour, question)
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(whole)))
        self.end_headers()
        self.wfile.write(whole[: len(whole) // 2])
        self.wfile.flush()
        self.close_connection = True

    def _send(self, body: bytes) -> None:
        self.answer(200, body, {"Content-Type": "application/json"})


def _made(behaviour: Behaviour, question: Question) -> Any:
    if behaviour.raw_input is not None:
        return behaviour.raw_input
    return behaviour.draft(question.body) if callable(behaviour.draft) else behaviour.draft


def _document(behaviour: Behaviour, question: Question) -> bytes:
    talks = behaviour.kind in ("refuse", "no_tool")
    content = behaviour.draft if talks else _made(behaviour, question)
    if question.path.endswith("/converse"):
        return _converse(behaviour, content, talks)
    stop = {"max_tokens": "length", "content_filtered": "content_filter", "end_turn": "stop"}
    reason = stop.get(behaviour.stop, "stop")
    if talks:
        refusal = {"refusal": content} if behaviour.kind == "refuse" else {}
        return _chat({"content": None if refusal else content, **refusal}, reason)
    if "tools" in question.body:
        function = {"name": TOOL, "arguments": json.dumps(content)}
        call = {"id": "call-1", "type": "function", "function": function}
        return _chat({"content": None, "tool_calls": [call] * behaviour.calls}, reason)
    return _chat({"content": json.dumps(content)}, reason, behaviour.calls)


def _converse(behaviour: Behaviour, content: Any, talks: bool) -> bytes:
    use = {"toolUse": {"toolUseId": "use-1", "name": TOOL, "input": content}}
    blocks: list[Any] = [{"text": content}] if talks else [use] * behaviour.calls
    usage = {
        "inputTokens": USAGE["input"],
        "outputTokens": USAGE["output"],
        "totalTokens": USAGE["input"] + USAGE["output"] + USAGE["cached"],
        "cacheReadInputTokens": USAGE["cached"],
        "cacheWriteInputTokens": 0,
    }
    document = {
        "output": {"message": {"role": "assistant", "content": blocks}},
        "stopReason": behaviour.stop or "tool_use",
        "usage": usage,
        "metrics": {"latencyMs": 1},
    }
    return json.dumps(document).encode()


def _chat(message: Mapping[str, Any], reason: str, choices: int = 1) -> bytes:
    choice = {
        "index": 0,
        "finish_reason": reason,
        "message": {"role": "assistant", "refusal": None, **message},
    }
    usage = {
        "prompt_tokens": USAGE["input"] + USAGE["cached"],
        "completion_tokens": USAGE["output"],
        "total_tokens": USAGE["input"] + USAGE["cached"] + USAGE["output"],
        "prompt_tokens_details": {"cached_tokens": USAGE["cached"]},
    }
    document = {"id": "c", "object": "chat.completion", "choices": [choice] * choices}
    return json.dumps(document | {"usage": usage}).encode()


def _embedding(body: Mapping[str, Any]) -> dict[str, Any]:
    """A vector of length one that depends on the text alone, as Titan answers it."""
    dimension = int(body.get("dimensions", 1024))
    digest = hashlib.sha256(str(body.get("inputText", "")).encode()).digest()
    numbers = [digest[i % len(digest)] - 127.5 for i in range(dimension)]
    length = sum(number * number for number in numbers) ** 0.5
    vector = [number / length for number in numbers]
    return {"embedding": vector, "inputTextTokenCount": 1, "embeddingsByType": {"float": vector}}
