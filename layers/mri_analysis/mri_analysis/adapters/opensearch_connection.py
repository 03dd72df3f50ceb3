"""HTTP to OpenSearch: signed, with few retries, and over at a time and a size that are known.

opensearch-py waits a whole read timeout for each packet, keeps answers of any size, and repeats a
request at once. So its connection reads here in chunks under a deadline, and the retries are ours.
"""

import json
import random
import socket
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Literal
from urllib.parse import urlencode, urlsplit

import urllib3
from opensearchpy import OpenSearch, Urllib3AWSV4SignerAuth, Urllib3HttpConnection
from opensearchpy.exceptions import ConnectionError as NoAnswer
from opensearchpy.exceptions import OpenSearchException
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.util import Timeout

from mri_analysis.adapters.deadline import within
from mri_analysis.errors import KnowledgeUnavailable

_LOCAL = frozenset({"127.0.0.1", "localhost", "::1"})
_BUSY = frozenset({429, 502, 503, 504})
_CHUNK_BYTES = 1 << 16


@dataclass(frozen=True)
class Patience:
    """How long and how often the search service is asked."""

    connect_s: float = 2.0
    read_s: float = 5.0
    """between two packets of an answer"""
    deadline_s: float = 8.0
    """for one request with all its repetitions"""
    attempts: int = 3
    pause_s: float = 0.2
    """before the second attempt at most; doubled before each further one"""
    max_bytes: int = 8 << 20
    """of one answer"""


SEARCHING = Patience()
"""A report waits for it, and has the snapshot."""

INDEXING = Patience(read_s=30.0, deadline_s=120.0, attempts=5, pause_s=1.0, max_bytes=64 << 20)
"""A person waits for it."""


@dataclass(frozen=True)
class Answer:
    """Status and decoded body of an answer."""

    status: int
    body: Any


class OpenSearchConnection:
    """One domain, collection or local server.

    Parameters
    ----------
    url
        ``https://...``; ``http`` for an address of this machine only, which is then asked without
        a signature.
    service
        What requests are signed for: ``es`` for a domain, ``aoss`` for a collection.
    region
        Of the service.
    credentials
        botocore credentials; None for an address of this machine.

    Raises
    ------
    KnowledgeUnavailable
        The address is not one of these, or there are no credentials for it.
    """

    def __init__(
        self,
        url: str,
        service: Literal["es", "aoss"] = "es",
        region: str = "",
        credentials: Any = None,
        patience: Patience = SEARCHING,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        parts = urlsplit(url)
        local = parts.hostname in _LOCAL
        if parts.scheme != "https" and not (local and parts.scheme == "http"):
            raise KnowledgeUnavailable("The address of the search service must begin with https://")
        if parts.username or parts.password or parts.query:
            raise KnowledgeUnavailable("The address of the search service must be an address only.")
        if not local and (credentials is None or not region):
            raise KnowledgeUnavailable("There are no credentials for the search service.")
        self.service = service
        self._patience = patience
        self._pause = pause
        signer = None if local else Urllib3AWSV4SignerAuth(credentials, region, service)
        self._opensearch = OpenSearch(
            hosts=[url],
            connection_class=_BoundedConnection,
            http_auth=signer,
            verify_certs=True,
            ssl_show_warn=False,
            timeout=patience.read_s,
            max_retries=0,
            patience=patience,
        )

    def ask(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        accept: Sequence[int] = (),
        repeat: bool = True,
    ) -> Answer:
        """Send a request and decode its answer.

        Parameters
        ----------
        body
            Sent as JSON; a list is sent as lines of JSON (NDJSON).
        accept
            Statuses beside 2xx that are an answer, for example 404.
        repeat
            Whether a request whose fate is unknown may be sent again. One that the service refused
            as too many (429) is sent again in any case.

        Raises
        ------
        KnowledgeUnavailable
            No answer, an error status, or an answer that is no JSON. Its text holds nothing of the
            answer.
        """
        ends = time.monotonic() + self._patience.deadline_s
        content, kind = _encoded(body)
        for attempt in range(1, self._patience.attempts + 1):
            answer = self._once(method, path, content, kind, ends)
            unknown = answer is None or answer.status != 429
            busy = answer is None or answer.status in _BUSY
            pause = self._patience.pause_s * 2 ** (attempt - 1) * random.uniform(0.5, 1.0)
            over = attempt == self._patience.attempts or time.monotonic() + pause >= ends
            if not busy or over or (unknown and not repeat):
                break
            self._pause(pause)
        if answer is None:
            raise KnowledgeUnavailable("The search service did not answer.")
        if answer.status in accept or 200 <= answer.status < 300:
            return Answer(answer.status, _decoded(answer.body))
        if answer.status in (401, 403):
            raise KnowledgeUnavailable(f"The search service refused access ({answer.status}).")
        raise KnowledgeUnavailable(f"The search service answered {answer.status}.")

    def close(self) -> None:
        """Close the kept connections."""
        self._opensearch.close()

    def _once(
        self, method: str, path: str, content: bytes | None, kind: str, ends: float
    ) -> Answer | None:
        """One attempt; None where no answer came."""
        connection = self._opensearch.transport.get_connection()
        try:
            status, _, data = connection.perform_request(
                method, path, body=content, headers={"content-type": kind}, timeout=ends
            )
        except NoAnswer:
            return None
        except OpenSearchException:  # what opensearch-py itself refuses
            raise KnowledgeUnavailable("The search service could not be asked.") from None
        return Answer(status, data)


_HERE = threading.local()
"""``line``: the line of this thread's request."""


class _FollowedConnection(HTTPConnection):
    def _new_conn(self) -> socket.socket:
        return _followed(super()._new_conn())

    def request(self, *arguments: Any, **options: Any) -> None:
        super().request(*arguments, **options)
        _HERE.line.follow(self.sock)


class _FollowedTlsConnection(HTTPSConnection):
    def _new_conn(self) -> socket.socket:
        return _followed(super()._new_conn())

    def request(self, *arguments: Any, **options: Any) -> None:
        super().request(*arguments, **options)
        _HERE.line.follow(self.sock)


class _BoundedConnection(Urllib3HttpConnection):
    """Ends at a moment, whatever the other side does, and refuses an answer that is too large."""

    def __init__(self, *arguments: Any, patience: Patience, **options: Any) -> None:
        self._patience = patience
        super().__init__(*arguments, **options)

    def _create_urllib3_pool(self) -> None:
        super()._create_urllib3_pool()
        tls = isinstance(self.pool, urllib3.HTTPSConnectionPool)
        self.pool.ConnectionCls = _FollowedTlsConnection if tls else _FollowedConnection

    def perform_request(
        self,
        method: str,
        url: str,
        params: Mapping[str, Any] | None = None,
        body: bytes | None = None,
        timeout: float | None = None,
        ignore: Any = (),
        headers: Mapping[str, str] | None = None,
    ) -> tuple[int, Mapping[str, str], bytes]:
        """Send the request; ``timeout`` is the moment (of ``time.monotonic``) when it ends.

        Nothing is logged here: urls and bodies are not ours to tell.
        """
        ends = timeout if timeout is not None else time.monotonic() + self._patience.deadline_s
        address = self.url_prefix + url + (f"?{urlencode(params)}" if params else "")
        line = _Line(ends)

        def exchange() -> tuple[int, Mapping[str, str], bytes]:
            sent = {**self.headers, **(headers or {})}
            if self.http_auth is not None:
                # Credentials that have run out are fetched here: that is waiting, too.
                sent |= self.http_auth(method, self.host + address, body)
            with line:
                return self._exchange(line, method, address, body, sent)

        try:
            return within(line.left(), exchange, give_up=line.cut)
        except Exception as error:  # noqa: BLE001 - of sockets, TLS, HTTP, urllib3, credentials
            # Its text is the other side's, or names an address: neither is told on.
            raise NoAnswer("N/A", type(error).__name__, None) from None

    def _exchange(
        self,
        line: "_Line",
        method: str,
        address: str,
        body: bytes | None,
        headers: Mapping[str, str],
    ) -> tuple[int, Mapping[str, str], bytes]:
        response = self.pool.urlopen(
            method,
            address,
            body,
            headers=headers,
            retries=False,
            redirect=False,
            preload_content=False,
            timeout=Timeout(
                connect=min(self._patience.connect_s, line.left()),
                read=min(self._patience.read_s, line.left()),
            ),
        )
        try:
            data = self._read(response, line)
        except BaseException:
            response.close()  # unread, it must not go back to the pool
            raise
        response.release_conn()
        return response.status, dict(response.headers), data

    def _read(self, response: Any, line: "_Line") -> bytes:
        if response.headers.get("content-encoding", "identity") != "identity":
            raise ValueError("an encoding that was not asked for")
        data = bytearray()
        while chunk := response.read(_CHUNK_BYTES, decode_content=False):
            data += chunk
            if len(data) > self._patience.max_bytes:
                raise ValueError("too large")
            line.left()
        line.left()  # a socket that was shut down in the middle looks like an end
        # urllib3 1.26, which Lambda may bring, takes an answer that was cut short for a whole one.
        if int(response.headers.get("content-length", len(data))) != len(data):
            raise ValueError("cut short")
        return bytes(data)


class _Line:
    """The socket of one request, so that it can be shut down when the caller has left.

    A read time-out starts anew with each packet: an answer that comes byte by byte never ends. The
    caller goes on at the deadline in any case; shutting the socket down ends the thread it left.
    """

    def __init__(self, ends: float) -> None:
        self._ends = ends
        self._lock = threading.Lock()
        self._socket: socket.socket | None = None
        self._ours = False
        self._over = False

    def left(self) -> float:
        """Seconds to the moment; raises ``TimeoutError`` after it."""
        left = self._ends - time.monotonic()
        if left <= 0 or self._over:
            raise TimeoutError
        return left

    def follow(self, used: socket.socket, *, ours: bool = False) -> None:
        """Shut this socket down at the end, in place of the one before.

        Parameters
        ----------
        ours
            Whether it is a copy that is to be closed here.
        """
        with self._lock:
            self._let_go()
            self._socket, self._ours = used, ours
        self.left()  # the caller may have left before there was a socket

    def cut(self) -> None:
        """Shut it down; another thread may be reading from it."""
        with self._lock:
            self._over = True
            if self._socket is not None:
                with suppress(OSError):
                    # Not TLS's own shutdown: it changes what the reading thread works on.
                    socket.socket.shutdown(self._socket, socket.SHUT_RDWR)

    def __enter__(self) -> "_Line":
        _HERE.line = self
        return self

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._let_go()

    def _let_go(self) -> None:
        if self._socket is not None and self._ours:
            self._socket.close()
        self._socket = None


def _followed(made: socket.socket) -> socket.socket:
    """``made``, watched by a copy: TLS takes the socket over and leaves the first object empty."""
    try:
        _HERE.line.follow(made.dup(), ours=True)
    except BaseException:
        made.close()
        raise
    return made


def _encoded(body: object) -> tuple[bytes | None, str]:
    if body is None:
        return None, "application/json"
    if isinstance(body, list):
        lines = "".join(json.dumps(line) + "\n" for line in body)
        return lines.encode(), "application/x-ndjson"
    return json.dumps(body).encode(), "application/json"


def _decoded(data: bytes) -> Any:
    try:
        return json.loads(data)
    except (ValueError, RecursionError):
        raise KnowledgeUnavailable("The search service's answer could not be read.") from None
