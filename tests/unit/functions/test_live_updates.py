"""Live updates, called with the events of the WebSocket API and of SNS."""

import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import ModuleType
from typing import Any
from urllib.parse import unquote

import pytest

from mri_analysis import wiring
from mri_analysis.adapters.sns_notifier import SnsNotifier
from mri_analysis.contracts.live_updates import StudyChange, StudyEvent
from mri_analysis.errors import ServiceUnavailable
from mri_analysis.ports.live_updates import Watcher
from mri_analysis.use_cases.watch_studies import issue_ticket
from tests.unit.functions.conftest import Context

EVENT: dict[str, Any] = json.loads(Path("events/live_updates.json").read_text())
MESSAGE = StudyEvent.model_validate_json(EVENT["Records"][0]["Sns"]["Message"])
DEMO = Watcher("demo", "user-1")


@dataclass
class Management:
    """API Gateway's management address: what it got, and sockets that are gone or fail."""

    url: str = ""
    received: list[tuple[str, str]] = field(default_factory=list)
    gone: set[str] = field(default_factory=set)
    failing: set[str] = field(default_factory=set)


@pytest.fixture
def management(monkeypatch: pytest.MonkeyPatch, account: None) -> Iterator[Management]:
    state = Management()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            connection = unquote(self.path.split("/@connections/")[1])
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            status, code = 200, ""
            if connection in state.gone:
                status, code = 410, "GoneException"
            elif connection in state.failing:
                status, code = 503, "ServiceUnavailable"
            else:
                state.received.append((connection, body))
            self.send_response(status)
            if code:
                self.send_header("x-amzn-ErrorType", code)
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"{}")

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    state.url = f"http://127.0.0.1:{server.server_port}/test"
    monkeypatch.setenv("WEBSOCKET_MANAGEMENT_URL", state.url)
    wiring.settings.cache_clear()
    yield state
    server.shutdown()
    server.server_close()


@pytest.fixture
def live(
    load: Callable[[str], ModuleType], tables: None, management: Management
) -> Callable[[dict[str, Any]], dict[str, int]]:
    module = load("live_updates")
    return lambda event: module.handler(event, Context())


def route(key: str, connection: str, **query: str) -> dict[str, Any]:
    kind = {"$connect": "CONNECT", "$disconnect": "DISCONNECT"}.get(key, "MESSAGE")
    return {
        "queryStringParameters": query or None,
        "requestContext": {"routeKey": key, "eventType": kind, "connectionId": connection},
        "isBase64Encoded": False,
    }


def ticket(watcher: Watcher = DEMO, age_seconds: int = 0) -> str:
    issued = datetime.now(UTC) - timedelta(seconds=age_seconds)
    return issue_ticket(watcher, tickets=wiring.tickets(), now=lambda: issued)


def watching(organization: str = "demo") -> set[str]:
    return set(wiring.connections().watching(organization, datetime.now(UTC)))


Live = Callable[[dict[str, Any]], dict[str, int]]


def test_ticket_opens_one_socket(live: Live) -> None:
    given = ticket()

    first = live(route("$connect", "a", ticket=given))
    second = live(route("$connect", "b", ticket=given))

    assert (first, second) == ({"statusCode": 200}, {"statusCode": 401})
    assert watching() == {"a"}


def test_of_many_sockets_with_one_ticket_one_opens(live: Live) -> None:
    given = ticket()
    tickets, moment = wiring.tickets(), datetime.now(UTC)

    # One after another: DynamoDB's conditions are atomic, moto's table is not.
    opened = [tickets.redeem(given, moment) for _ in range(16)]

    assert [watcher for watcher in opened if watcher] == [DEMO]


@pytest.mark.parametrize("query", [{}, {"ticket": ""}, {"ticket": "guessed"}], ids=str)
def test_socket_without_a_ticket_is_refused(live: Live, query: dict[str, str]) -> None:
    assert live(route("$connect", "a", **query)) == {"statusCode": 401}
    assert watching() == set()


def test_old_ticket_is_refused_even_while_the_table_still_holds_it(live: Live) -> None:
    fresh, old = ticket(age_seconds=50), ticket(age_seconds=61)

    assert live(route("$connect", "a", ticket=old)) == {"statusCode": 401}
    assert live(route("$connect", "b", ticket=fresh)) == {"statusCode": 200}


def test_closed_socket_is_forgotten(live: Live) -> None:
    live(route("$connect", "a", ticket=ticket()))
    live(route("$connect", "b", ticket=ticket()))

    assert live(route("$disconnect", "a")) == {"statusCode": 200}
    assert live(route("$disconnect", "never seen")) == {"statusCode": 200}
    assert watching() == {"b"}


def test_what_a_client_says_keeps_its_socket_and_does_nothing(live: Live) -> None:
    live(route("$connect", "a", ticket=ticket()))

    assert live(route("$default", "a")) == {"statusCode": 200}
    assert watching() == {"a"}


def test_change_reaches_the_organization_and_nobody_else(
    live: Live, management: Management
) -> None:
    live(route("$connect", "a=", ticket=ticket()))
    live(route("$connect", "b", ticket=ticket(Watcher("demo", "user-2"))))
    live(route("$connect", "c", ticket=ticket(Watcher("other", "user-3"))))

    live(EVENT)

    assert {connection for connection, _ in management.received} == {"a=", "b"}
    change = StudyChange.model_validate_json(management.received[0][1])
    assert (change.job_id, change.event) == (MESSAGE.job_id, "status.segmenting")
    assert "demo" not in management.received[0][1]


def test_socket_that_is_gone_is_forgotten(live: Live, management: Management) -> None:
    for connection in ("a", "b"):
        live(route("$connect", connection, ticket=ticket()))
    management.gone.add("a")

    live(EVENT)

    assert watching() == {"b"}
    assert [connection for connection, _ in management.received] == ["b"]


def test_socket_that_fails_hides_no_other_and_asks_for_another_try(
    live: Live, management: Management
) -> None:
    for connection in ("a", "b", "c"):
        live(route("$connect", connection, ticket=ticket()))
    management.failing.add("a")

    with pytest.raises(ServiceUnavailable, match="1 of 3"):
        live(EVENT)

    assert [connection for connection, _ in management.received] == ["b", "c"]
    assert watching() == {"a", "b", "c"}


def test_socket_older_than_two_hours_is_not_written_to(live: Live, management: Management) -> None:
    wiring.connections().add("old", DEMO, datetime.now(UTC) - timedelta(seconds=1))

    live(EVENT)

    assert management.received == []


def test_more_sockets_than_one_page_holds(live: Live) -> None:
    long = "x" * 1000  # a page of a query ends at one megabyte
    until = datetime.now(UTC) + timedelta(hours=1)
    for number in range(1100):
        wiring.connections().add(f"{number}{long[:900]}", DEMO, until)

    assert len(watching()) == 1100


@pytest.mark.parametrize(
    "message", ["no json", "{}", '{"schema_version": 2, "organization_id": "demo"}']
)
def test_notification_of_something_else_is_left_alone(
    live: Live, management: Management, message: str
) -> None:
    live(route("$connect", "a", ticket=ticket()))

    assert live({"Records": [{"Sns": {"Message": message}}]}) == {"statusCode": 200}
    assert management.received == []


def test_notifier_writes_what_live_updates_read(account: None) -> None:
    sent: list[dict[str, Any]] = []

    class Topic:
        def publish(self, **message: Any) -> None:
            sent.append(message)

    SnsNotifier(Topic(), "arn").notify("demo", MESSAGE.job_id, "status.segmenting")  # type: ignore[arg-type]

    assert StudyEvent.model_validate_json(sent[0]["Message"]) == MESSAGE


def test_table_that_does_not_answer_refuses_the_socket_with_an_error(
    live: Live, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Down:
        def redeem(self, ticket: str, now: datetime) -> None:
            raise ServiceUnavailable("down")

    monkeypatch.setattr(wiring, "tickets", Down)

    with pytest.raises(ServiceUnavailable):
        live(route("$connect", "a", ticket="t"))
