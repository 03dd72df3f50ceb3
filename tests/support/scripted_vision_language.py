"""A server that speaks OpenAI's chat contract and answers what a test tells it to."""

import json
import threading
from dataclasses import dataclass, field
from typing import Any

from local_stack.http_server import LoopbackServer, RequestHandler

CHAT_PATH = "/v1/chat/completions"


def completion(content: Any, **choice: Any) -> bytes:
    """A whole answer around ``content``, which is written as JSON unless it is text."""
    text = content if isinstance(content, str) else json.dumps(content)
    message = {"role": "assistant", "content": text, "refusal": None}
    return json.dumps(
        {
            "id": "chatcmpl-1",
            "object": "chat.completion",
            "created": 0,
            "model": "scripted",
            "choices": [{"index": 0, "finish_reason": "stop", "message": message} | choice],
            "usage": {"prompt_tokens": 900, "completion_tokens": 40, "total_tokens": 940},
        }
    ).encode()


def observation(kind: str, region: str, side: str, certainty: str = "low") -> dict[str, str]:
    """An entry of the answer."""
    return {"kind": kind, "region": region, "side": side, "certainty": certainty}


def observations(*entries: dict[str, str]) -> bytes:
    """A whole answer with these entries."""
    return completion({"observations": list(entries)})


@dataclass
class Reply:
    """One answer of the script."""

    body: bytes = b""
    status: int = 200
    content_type: str = "application/json"
    hang_up: bool = False
    """close the connection without a word"""
    wait_for: threading.Event | None = None
    """answer only then"""


@dataclass
class ScriptedVisionLanguage:
    """Answers every question with ``reply`` and keeps the questions."""

    reply: Reply = field(default_factory=lambda: Reply(observations()))
    questions: list[dict[str, Any]] = field(default_factory=list)
    lengths: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._server = _Server(self)

    @property
    def url(self) -> str:
        return f"http://{self._server.address}"

    def __enter__(self) -> "ScriptedVisionLanguage":
        self._server.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.stop()

    def take(self, body: bytes) -> Reply:
        self.questions.append(json.loads(body))
        self.lengths.append(len(body))
        return self.reply


class _Server(LoopbackServer):
    def __init__(self, script: ScriptedVisionLanguage) -> None:
        super().__init__(_Handler)
        self.script = script


class _Handler(RequestHandler):
    server: _Server

    def do_POST(self) -> None:
        body = self.read_body()
        if self.path != CHAT_PATH:
            self.answer(404, b"no such path")
            return
        reply = self.server.script.take(body)
        if reply.wait_for is not None:
            reply.wait_for.wait(30)
        if reply.hang_up:
            self.close_connection = True
            self.connection.close()
            return
        self.answer(reply.status, reply.body, {"Content-Type": reply.content_type})
