"""A language model behind any server that speaks OpenAI's chat completions (vLLM, llama.cpp,
SGLang, Ollama): for a hospital that keeps the text in its own house.

The standard library's client, because it does what is wanted and nothing else: no redirect, no
proxy of the environment, no unpacking of what was compressed, and the socket is at hand when time
is over. What the server says in words is repeated in no error; what a model wrote in place of a
draft goes along with the error, for the record of drafts alone.
"""

import ipaddress
import json
import re
import socket
import ssl
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from http.client import (
    HTTPConnection,
    HTTPException,
    HTTPResponse,
    HTTPSConnection,
    IncompleteRead,
)
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import urlsplit

from mri_analysis.adapters.deadline import within
from mri_analysis.adapters.draft_answers import (
    DEADLINE_SECONDS,
    MAX_ANSWER_BYTES,
    TOOL,
    count,
    mapping,
)
from mri_analysis.adapters.language_model_breaker import protected
from mri_analysis.adapters.strict_schema import portable_schema
from mri_analysis.errors import (
    LanguageModelAnswerUnusable,
    LanguageModelUnavailable,
    SettingInvalid,
)
from mri_analysis.ports.language_model import DraftAnswer, DraftRequest

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.circuit_breaker.persistence.base import (
        CircuitBreakerPersistenceLayer,
    )

AnswerForm = Literal["json_schema", "tool"]

CONNECT_SECONDS = 5.0
READ_SECONDS = 90.0

_CHUNK = 16_384
_AT_WORK = {"stop", "tool_calls"}
_BUSY = {429, 502, 503, 504}
"""Worth one more attempt: the server sheds load, or is being started."""


@dataclass(frozen=True)
class ChatServer:
    """Where an OpenAI-compatible server listens.

    Text of a study goes there, so that it is encrypted on the way, or the way leaves no private
    network.
    """

    scheme: str
    host: str
    port: int
    path: str
    """in front of ``/v1``"""

    @classmethod
    def at(cls, url: str) -> "ChatServer":
        """The server at ``url``, which may end in ``/v1``.

        Raises
        ------
        SettingInvalid
            No http(s) address, one with a password, or plain http to a public address.
        """
        try:
            address = urlsplit(url)
            port = address.port
        except ValueError:
            raise SettingInvalid("The language model's address (LlmUrl) is no URL.") from None
        if address.scheme not in ("http", "https"):
            raise SettingInvalid(
                "The language model's address (LlmUrl) must be http:// or https://."
            )
        if not address.hostname:
            raise SettingInvalid("The language model's address (LlmUrl) names no server.")
        if address.username is not None or address.query or address.fragment:
            raise SettingInvalid(
                "The language model's address (LlmUrl) must hold no user, password or query."
            )
        server = cls(
            address.scheme,
            address.hostname,
            port or (443 if address.scheme == "https" else 80),
            address.path.rstrip("/").removesuffix("/v1"),
        )
        if server.scheme == "http" and server._known_to_be_public():
            raise SettingInvalid(
                "Plain http is for this machine and private networks only: "
                "give the language model's address (LlmUrl) with https."
            )
        return server

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}:{self.port}{self.path}"

    def connect(self, ca_file: str = "") -> HTTPConnection:
        """An open connection.

        Raises ``OSError``, also where plain http would leave the private network.
        """
        connection: HTTPConnection
        if self.scheme == "https":
            connection = HTTPSConnection(
                self.host, self.port, timeout=CONNECT_SECONDS, context=trusted_authorities(ca_file)
            )
        else:
            connection = HTTPConnection(self.host, self.port, timeout=CONNECT_SECONDS)
        connection.connect()
        # A name may lead elsewhere than it did when the address was read.
        if self.scheme == "http" and not _is_private(connection.sock.getpeername()[0]):
            connection.close()
            raise ConnectionRefusedError("plain http to a public address")
        return connection

    def _known_to_be_public(self) -> bool:
        with suppress(ValueError):
            return not _is_private(str(ipaddress.ip_address(self.host)))
        try:
            found = socket.getaddrinfo(self.host, self.port, type=socket.SOCK_STREAM)
        except OSError:
            return False  # nobody knows yet: ``connect`` looks at where it got
        return not all(_is_private(str(entry[4][0])) for entry in found)


def trusted_authorities(ca_file: str = "") -> ssl.SSLContext:
    """Who may vouch for a server: the system's authorities, and those of ``ca_file`` (PEM).

    Raises
    ------
    SettingInvalid
        There is no such file, or it holds no certificate.
    """
    trusted = ssl.create_default_context()
    if ca_file:
        try:
            trusted.load_verify_locations(ca_file)
        except ssl.SSLError:
            raise SettingInvalid(
                f"The language model's authority (LlmCaFile) {ca_file} holds no PEM certificate."
            ) from None
        except OSError:
            raise SettingInvalid(
                f"The language model's authority (LlmCaFile) {ca_file} cannot be read."
            ) from None
    return trusted


def _is_private(text: str) -> bool:
    address = ipaddress.ip_address(text.partition("%")[0])
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped:
        address = address.ipv4_mapped
    # 169.254.169.254 hands out credentials, and is no place for a model.
    return address.is_private and not address.is_link_local and not address.is_unspecified


class OpenAiLanguageModel:
    """One model of an OpenAI-compatible server.

    Parameters
    ----------
    server
        Where it listens.
    model
        Its name there.
    api_key
        Sent as bearer token; empty for none.
    ca_file
        Certificates of the hospital's own authority (PEM), beside those the system knows.
    answer_form
        ``json_schema`` forces the answer by ``response_format``, ``tool`` by a function call, for
        servers that lack the former.
    breaker_state
        None for no circuit breaker.
    deadline_seconds
        One question with its second attempt.
    pause_seconds
        Before the second attempt, which only a busy server gets.

    Raises
    ------
    SettingInvalid
        ``ca_file`` cannot be read, or holds no certificate.
    """

    def __init__(
        self,
        server: ChatServer,
        model: str,
        breaker_state: "CircuitBreakerPersistenceLayer | None" = None,
        *,
        api_key: str = "",
        ca_file: str = "",
        answer_form: AnswerForm = "json_schema",
        deadline_seconds: float = DEADLINE_SECONDS,
        read_seconds: float = READ_SECONDS,
        pause_seconds: float = 1.0,
        max_answer_bytes: int = MAX_ANSWER_BYTES,
    ) -> None:
        trusted_authorities(ca_file)  # a missing file would look like a silent server
        self._server = server
        self._model = model
        self._api_key = api_key
        self._ca_file = ca_file
        self._answer_form = answer_form
        self._deadline_seconds = deadline_seconds
        self._read_seconds = read_seconds
        self._pause_seconds = pause_seconds
        self._max_answer_bytes = max_answer_bytes
        self._protected = protected(f"llm.{server}.{model}", self._ask, breaker_state)

    @property
    def name(self) -> str:
        return f"openai-compatible:{self._model}"

    def draft(self, request: DraftRequest) -> DraftAnswer:
        return self._protected(request)

    def _ask(self, request: DraftRequest) -> DraftAnswer:
        started = time.perf_counter()
        until = time.monotonic() + self._deadline_seconds
        body = json.dumps(self._body(request)).encode()
        try:
            answer = self._post(body, until)
        except _Busy as busy:
            if time.monotonic() + self._pause_seconds > until:
                raise _refused(busy.status) from None
            time.sleep(self._pause_seconds)
            try:
                answer = self._post(body, until)
            except _Busy as still:
                raise _refused(still.status) from None
        seconds = time.perf_counter() - started
        used = mapping(answer.get("usage"))
        asked = count(used, "prompt_tokens")
        # A server that tells nothing of a cache has none; the cached part is counted in.
        cached = count(mapping(used.get("prompt_tokens_details")), "cached_tokens") or 0
        return DraftAnswer(
            content=self._content(answer),
            input_tokens=None if asked is None else max(0, asked - cached),
            output_tokens=count(used, "completion_tokens"),
            cached_input_tokens=None if asked is None else cached,
            seconds=round(seconds, 3),
        )

    def _body(self, request: DraftRequest) -> dict[str, Any]:
        schema = portable_schema(request.schema)
        body: dict[str, Any] = {
            "model": self._model,
            "messages": [
                {"role": "system", "content": request.system},
                {"role": "user", "content": request.prompt},
            ],
            "max_tokens": request.max_tokens,
            "temperature": 0,
            "stream": False,
        }
        if self._answer_form == "json_schema":
            form = {"name": TOOL, "strict": True, "schema": schema}
            return body | {"response_format": {"type": "json_schema", "json_schema": form}}
        function = {"name": TOOL, "strict": True, "parameters": schema}
        return body | {
            "tools": [{"type": "function", "function": function}],
            "tool_choice": {"type": "function", "function": {"name": TOOL}},
        }

    # ---- one exchange ----------------------------------------------------------------------------

    def _post(self, body: bytes, until: float) -> Mapping[str, Any]:
        exchange = _Exchange(self._server, self._ca_file, self._read_seconds)
        headers = {"Content-Type": "application/json"}
        if self._api_key:
            headers["Authorization"] = f"Bearer {self._api_key}"
        left = max(0.0, until - time.monotonic())
        try:
            found = within(
                left,
                lambda: exchange.run(
                    "POST", "/v1/chat/completions", body, headers, self._max_answer_bytes
                ),
                exchange.give_up,
            )
        except TimeoutError:
            raise LanguageModelUnavailable("The language model did not answer in time.") from None
        except (OSError, HTTPException) as error:
            raise LanguageModelUnavailable(
                f"The language model did not answer ({type(error).__name__})."
            ) from None
        return _parsed(found, keep=False)

    # ---- the answer ------------------------------------------------------------------------------

    def _content(self, answer: Mapping[str, Any]) -> dict[str, Any]:
        choices = answer.get("choices")
        whole = json.dumps(choices, ensure_ascii=False)
        if not isinstance(choices, list) or len(choices) != 1:
            raise LanguageModelAnswerUnusable(
                "The language model wrote no report, or several.", whole
            )
        choice = mapping(choices[0])
        reason = choice.get("finish_reason")
        if reason == "length":
            raise LanguageModelAnswerUnusable("The language model ran out of tokens.", whole)
        message = mapping(choice.get("message"))
        if message.get("refusal") or reason not in _AT_WORK:
            raise LanguageModelAnswerUnusable("The language model refused to write.", whole)
        text = message.get("content")
        if self._answer_form == "tool":
            text = _arguments(message, whole)
        if not isinstance(text, str):
            raise LanguageModelAnswerUnusable("The language model wrote no report.", whole)
        return dict(_parsed(_unwrapped(text).encode(errors="replace")))


_THOUGHT = re.compile(r"\s*<think>.*?</think>", re.DOTALL)
_FENCED = re.compile(r"```(?:json)?[ \t]*\n(.*)\n```", re.DOTALL)


class _Busy(Exception):
    def __init__(self, status: int) -> None:
        super().__init__()
        self.status = status


class _Exchange:
    """One request and its answer, and a way to end them from another thread."""

    def __init__(self, server: ChatServer, ca_file: str, read_seconds: float) -> None:
        self._server = server
        self._ca_file = ca_file
        self._read_seconds = read_seconds
        self._socket: socket.socket | None = None
        self._given_up = False

    def run(
        self, method: str, path: str, body: bytes | None, headers: Mapping[str, str], limit: int
    ) -> bytes:
        connection = self._server.connect(self._ca_file)
        try:
            self._socket = connection.sock
            if self._given_up:
                return b""
            self._socket.settimeout(self._read_seconds)
            connection.request(
                method,
                self._server.path + path,
                body,
                {"Accept": "application/json", "Accept-Encoding": "identity", **headers},
            )
            answer = connection.getresponse()
            if answer.status in _BUSY:
                raise _Busy(answer.status)
            if answer.status != 200:
                raise _refused(answer.status)
            return _read(answer, limit)
        finally:
            connection.close()

    def give_up(self) -> None:
        """Wake the thread that waits for the server."""
        self._given_up = True
        if self._socket is not None:
            with suppress(OSError):
                self._socket.shutdown(socket.SHUT_RDWR)


def listed_models(server: ChatServer, *, api_key: str = "", ca_file: str = "") -> list[str]:
    """Names of the models that the server says it has.

    Raises
    ------
    LanguageModelUnavailable
        It does not answer, refuses, or answers something else.
    """
    exchange = _Exchange(server, ca_file, CONNECT_SECONDS)
    headers = {"Authorization": f"Bearer {api_key}"} if api_key else {}
    try:
        found = within(
            2 * CONNECT_SECONDS,
            lambda: exchange.run("GET", "/v1/models", None, headers, MAX_ANSWER_BYTES),
            exchange.give_up,
        )
        models = _parsed(found).get("data")
    except _Busy as busy:
        raise _refused(busy.status) from None
    except (OSError, HTTPException) as error:
        raise LanguageModelUnavailable(
            f"The language model did not answer ({type(error).__name__})."
        ) from None
    except (LanguageModelAnswerUnusable, SettingInvalid) as error:
        raise LanguageModelUnavailable(str(error)) from None
    if not isinstance(models, list):
        return []
    return [str(mapping(model).get("id", "")) for model in models]


def _read(answer: HTTPResponse, limit: int) -> bytes:
    body = bytearray()
    while chunk := answer.read1(_CHUNK):
        body += chunk
        if len(body) > limit:
            raise LanguageModelAnswerUnusable(f"The language model wrote more than {limit} bytes.")
    expected = answer.getheader("Content-Length")
    if expected is not None and expected.isdigit() and len(body) < int(expected):
        raise IncompleteRead(b"")
    return bytes(body)


def _refused(status: int) -> LanguageModelUnavailable:
    if 300 <= status < 400:
        return LanguageModelUnavailable(
            f"The language model's server redirects (HTTP {status}); redirects are not followed."
        )
    return LanguageModelUnavailable(f"The language model's server refused (HTTP {status}).")


def _parsed(body: bytes, *, keep: bool = True) -> Mapping[str, Any]:
    """A JSON object. ``keep``: the error carries the text, which is a model's; a page that stands
    before the model may repeat the request, key and all."""
    instead = body.decode(errors="replace") if keep else ""
    try:
        found = json.loads(body, parse_constant=_no_number)
    except (ValueError, RecursionError):
        raise LanguageModelAnswerUnusable(
            "The language model's answer is no JSON.", instead
        ) from None
    if not isinstance(found, dict):
        raise LanguageModelAnswerUnusable("The language model's answer is no JSON object.", instead)
    return found


def _unwrapped(text: str) -> str:
    """The draft alone: some servers leave what a model thought before it, some models fence JSON.

    One block of thoughts and one fence of Markdown are taken away, what remains must be the draft.
    """
    text = _THOUGHT.sub("", text, count=1) if _THOUGHT.match(text) else text
    fenced = _FENCED.fullmatch(text.strip())
    return fenced[1] if fenced else text


def _no_number(_: str) -> None:
    raise ValueError  # NaN and Infinity are no JSON


def _arguments(message: Mapping[str, Any], whole: str) -> Any:
    calls = message.get("tool_calls")
    if not isinstance(calls, list) or len(calls) != 1:
        raise LanguageModelAnswerUnusable("The language model wrote no report, or several.", whole)
    function = mapping(mapping(calls[0]).get("function"))
    if function.get("name") != TOOL:
        raise LanguageModelAnswerUnusable("The language model wrote no report of its form.", whole)
    return function.get("arguments")
