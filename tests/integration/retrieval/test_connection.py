"""Every way an HTTP service fails ends soon, as KnowledgeUnavailable, in words of our own."""

import time

import pytest
from botocore.credentials import Credentials

from mri_analysis.adapters.opensearch_connection import OpenSearchConnection, Patience
from mri_analysis.errors import KnowledgeUnavailable
from tests.integration.retrieval.conftest import UNHURRIED, connect
from tests.support import search_server as faults
from tests.support.search_server import SearchServer

FINE = faults.content({"fine": True})


@pytest.mark.parametrize("code", [429, 502, 503, 504])
def test_a_busy_service_is_asked_again(code: int) -> None:
    with SearchServer(FINE) as server:
        server.faults.extend([faults.status(code), faults.status(code)])

        assert connect(server.url).ask("GET", "/x").body == {"fine": True}
        assert len(server.requests) == 3


@pytest.mark.parametrize("code", [429, 503])
def test_it_is_asked_three_times_at_most(code: int) -> None:
    with SearchServer(faults.status(code)) as server:
        with pytest.raises(KnowledgeUnavailable, match=f"answered {code}"):
            connect(server.url).ask("GET", "/x")
        assert len(server.requests) == 3


@pytest.mark.parametrize("code", [400, 401, 403, 404, 500])
def test_another_error_is_not_asked_again_and_its_text_is_not_told(code: int) -> None:
    with SearchServer(faults.status(code)) as server:
        with pytest.raises(KnowledgeUnavailable, match=str(code)) as caught:
            connect(server.url).ask("GET", "/x")
        assert len(server.requests) == 1
    assert "secret" not in str(caught.value)
    assert caught.value.__cause__ is None


def test_a_closed_connection_is_tried_anew() -> None:
    with SearchServer(FINE) as server:
        server.faults.append(faults.closed)

        assert connect(server.url).ask("GET", "/x").status == 200


@pytest.mark.parametrize("fault", [faults.closed, faults.cut_short])
def test_a_broken_answer_is_no_answer(fault: faults.Fault) -> None:
    with (
        SearchServer(fault) as server,
        pytest.raises(KnowledgeUnavailable, match="did not answer"),
    ):
        connect(server.url).ask("GET", "/x")


def test_what_must_not_happen_twice_is_not_repeated_unless_it_was_refused() -> None:
    with SearchServer(FINE) as server:
        server.faults.append(faults.closed)
        with pytest.raises(KnowledgeUnavailable):
            connect(server.url).ask("POST", "/_bulk", [{}], repeat=False)
        assert len(server.requests) == 1
        server.faults.append(faults.status(503))
        with pytest.raises(KnowledgeUnavailable):
            connect(server.url).ask("POST", "/_bulk", [{}], repeat=False)
        server.faults.append(faults.status(429))
        assert connect(server.url).ask("POST", "/_bulk", [{}], repeat=False).status == 200


@pytest.mark.parametrize("fault", [faults.silent, faults.drip, faults.drip_headers])
def test_the_deadline_ends_every_wait(fault: faults.Fault) -> None:
    """A byte comes before each read times out: only the deadline ends it."""
    patience = Patience(connect_s=1, read_s=0.4, deadline_s=0.5, attempts=3, pause_s=0.001)
    with SearchServer(fault) as server:
        started = time.monotonic()
        with pytest.raises(KnowledgeUnavailable, match="did not answer"):
            connect(server.url, patience).ask("GET", "/x")
        assert time.monotonic() - started < 2


@pytest.mark.parametrize("fault", [faults.drip_handshake, faults.silent_handshake])
def test_the_deadline_ends_a_handshake(fault: faults.RawFault) -> None:
    """Each read of the handshake is within its time-out, the whole would take minutes."""
    patience = Patience(connect_s=1, read_s=1, deadline_s=0.6, attempts=1)
    with faults.RawServer(fault) as server:
        started = time.monotonic()
        with pytest.raises(KnowledgeUnavailable, match="did not answer"):
            connect(f"https://127.0.0.1:{server.port}", patience).ask("GET", "/x")
        assert time.monotonic() - started < 1.5
        # Nothing is left open: the other side is told that nobody waits any more.
        assert server.gone.wait(2)


def test_the_deadline_ends_a_look_up_of_the_address(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("socket.getaddrinfo", lambda *_, **__: time.sleep(3))
    patience = Patience(connect_s=1, read_s=1, deadline_s=0.3, attempts=1)
    started = time.monotonic()
    with pytest.raises(KnowledgeUnavailable, match="did not answer"):
        connect("http://127.0.0.1:9", patience).ask("GET", "/x")
    assert time.monotonic() - started < 1.5


def test_nobody_listens() -> None:
    with SearchServer(FINE) as server:
        url = server.url
    with pytest.raises(KnowledgeUnavailable, match="did not answer"):
        connect(url).ask("GET", "/x")


@pytest.mark.parametrize(
    "body", [b"<html><body>secret</body></html>", b'{"hits": [', b"", b"\xff\xfe", b"[" * 100_000]
)
def test_what_is_no_json_is_told_as_such(body: bytes) -> None:
    with SearchServer(faults.content(body, "text/html")) as server:
        with pytest.raises(KnowledgeUnavailable, match="could not be read") as caught:
            connect(server.url).ask("GET", "/x")
        assert len(server.requests) == 1
    assert "secret" not in str(caught.value)


def test_a_large_answer_is_read_and_a_huge_one_is_not() -> None:
    small = Patience(deadline_s=5, attempts=1, max_bytes=300_000)
    with SearchServer(faults.content({"x": "y" * 200_000})) as server:
        assert len(connect(server.url, small).ask("GET", "/x").body["x"]) == 200_000
    with (
        SearchServer(faults.content({"x": "y" * 400_000})) as server,
        pytest.raises(KnowledgeUnavailable),
    ):
        connect(server.url, small).ask("GET", "/x")


def test_a_connection_is_kept_and_used_again_after_a_failure() -> None:
    with SearchServer(FINE) as server:
        connection = connect(server.url)
        for _ in range(3):
            server.faults.append(faults.closed)
            assert connection.ask("GET", "/x").status == 200
            assert connection.ask("GET", "/x").status == 200


@pytest.mark.parametrize(
    "url",
    [
        "http://search.example.org",
        "ftp://127.0.0.1",
        "http://127.0.0.1.example.org",
        "https://user:password@search.example.org",
        "",
    ],
)
def test_addresses_that_would_be_asked_in_the_open_are_refused(url: str) -> None:
    with pytest.raises(KnowledgeUnavailable) as caught:
        OpenSearchConnection(url, "es", "us-east-1", Credentials("a", "b"))
    assert "password" not in str(caught.value)


def test_nothing_outside_is_asked_unsigned() -> None:
    with pytest.raises(KnowledgeUnavailable, match="credentials"):
        OpenSearchConnection("https://search.example.org", "es", "us-east-1", None)


@pytest.mark.parametrize("service", ["es", "aoss"])
def test_requests_are_signed_for_their_service(
    service: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What would go to a domain goes to a server of ours, which sees how it is signed."""
    from mri_analysis.adapters import opensearch_connection as module

    with SearchServer(FINE) as server:
        monkeypatch.setattr(module, "_LOCAL", frozenset({"nothing"}))
        signed = "https" + server.url.removeprefix("http")
        connection = OpenSearchConnection(
            signed, service, "eu-central-1", Credentials("AKIA", "s", "token"), UNHURRIED
        )
        inner = connection._opensearch.transport.get_connection()
        inner.pool = module.urllib3.HTTPConnectionPool("127.0.0.1", server._server.server_port)
        inner.pool.ConnectionCls = module._FollowedConnection
        connection.ask("POST", "/x/_search", {"query": {}})
        headers = {k.lower(): v for k, v in server.requests[0].headers.items()}

    assert f"/eu-central-1/{service}/aws4_request" in headers["authorization"]
    assert "x-amz-content-sha256" in headers["authorization"]
    assert headers["x-amz-security-token"] == "token"
    assert len(headers["x-amz-content-sha256"]) == 64


def test_a_local_server_is_asked_without_a_signature() -> None:
    with SearchServer(FINE) as server:
        OpenSearchConnection(server.url, "es", "us-east-1", Credentials("AKIA", "s")).ask(
            "GET", "/"
        )

        assert "authorization" not in {name.lower() for name in server.requests[0].headers}
