"""A server between a client and OpenSearch that keeps what it is asked and fails as it is told."""

import http.server
import json
import socket
import threading
import time
import urllib.error
import urllib.request
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any


@dataclass
class Request:
    method: str
    path: str
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)

    def lines(self) -> list[Any]:
        return [json.loads(line) for line in self.body.splitlines()]


Fault = Callable[["_Handler"], None]


@dataclass
class SearchServer:
    """Serves on 127.0.0.1; each request takes the next of ``faults``, then ``otherwise``."""

    otherwise: "Fault"
    faults: "deque[Fault]" = field(default_factory=deque)
    requests: list[Request] = field(default_factory=list)

    def __enter__(self) -> "SearchServer":
        self.stopping = threading.Event()
        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
        self._server.daemon_threads = True
        self._server.owner = self  # type: ignore[attr-defined]
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stopping.set()
        self._server.shutdown()
        self._server.server_close()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def _serve(self) -> None:
        owner: SearchServer = self.server.owner  # type: ignore[attr-defined]
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.asked = Request(self.command, self.path, dict(self.headers), body)
        self.stopping = owner.stopping
        owner.requests.append(self.asked)
        with suppress(OSError):
            (owner.faults.popleft() if owner.faults else owner.otherwise)(self)

    do_GET = do_POST = do_PUT = do_DELETE = do_HEAD = _serve

    def answer(self, status: int, body: bytes, kind: str = "application/json") -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None: ...


def status(code: int, text: str = "secret words of the service") -> Fault:
    return lambda handler: handler.answer(code, json.dumps({"error": text}).encode())


def content(body: object, kind: str = "application/json") -> Fault:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    return lambda handler: handler.answer(200, data, kind)


def closed(handler: _Handler) -> None:
    """The connection goes without a word."""
    handler.close_connection = True
    handler.connection.shutdown(socket.SHUT_RDWR)


def cut_short(handler: _Handler) -> None:
    """The answer announces more than comes."""
    handler.send_response(200)
    handler.send_header("Content-Length", "1000")
    handler.end_headers()
    handler.wfile.write(b'{"hits": {"hits": [')
    closed(handler)


def silent(handler: _Handler) -> None:
    """No answer until the client goes."""
    handler.stopping.wait(30)


def drip(handler: _Handler) -> None:
    """The body comes byte by byte, each before a read times out."""
    handler.send_response(200)
    handler.send_header("Content-Type", "application/json")
    handler.send_header("Content-Length", "100000")
    handler.end_headers()
    _trickle(handler)


def drip_headers(handler: _Handler) -> None:
    """Not even the status line comes whole."""
    handler.wfile.write(b"HTTP/1.1 200 OK\r\nX-Slow: ")
    _trickle(handler)


def _trickle(handler: _Handler) -> None:
    ends = time.monotonic() + 30
    while time.monotonic() < ends and not handler.stopping.wait(0.03):
        handler.wfile.write(b" ")
        handler.wfile.flush()


RawFault = Callable[[socket.socket, threading.Event], None]


@dataclass
class RawServer:
    """Takes one connection on 127.0.0.1 and does with its bytes what ``fault`` says."""

    fault: RawFault
    gone: threading.Event = field(default_factory=threading.Event)
    """the client closed its side"""

    def __enter__(self) -> "RawServer":
        self._stopping = threading.Event()
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port = self._listening.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        self._listening.close()

    def _serve(self) -> None:
        taken, _ = self._listening.accept()
        with taken:
            with suppress(OSError):
                self.fault(taken, self._stopping)
            self.gone.set()


def drip_handshake(taken: socket.socket, stopping: threading.Event) -> None:
    """A TLS record that announces 16 kB and comes byte by byte."""
    taken.recv(1 << 16)
    taken.sendall(b"\x16\x03\x03\x40\x00\x02\x00\x3f\xfc")
    ends = time.monotonic() + 30
    while time.monotonic() < ends and not stopping.wait(0.03):
        taken.sendall(b"\x03")


def silent_handshake(taken: socket.socket, _: threading.Event) -> None:
    """The client's greeting stays without an answer until it goes."""
    taken.settimeout(30)
    while taken.recv(1 << 16):
        pass


def forward(url: str) -> Fault:
    """Ask a real server."""

    def ask(handler: _Handler) -> None:
        asked = handler.asked
        kind = asked.headers.get("content-type", "application/json")
        request = urllib.request.Request(
            url + asked.path,
            data=asked.body or None,
            method=asked.method,
            headers={"Content-Type": kind},
        )
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                handler.answer(answer.status, answer.read())
        except urllib.error.HTTPError as error:
            handler.answer(error.code, error.read())

    return ask
