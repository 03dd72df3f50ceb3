"""What CloudFormation hears from a function that a template uses as a custom resource."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest

from mri_analysis.custom_resource import DeploymentRefused, answer, is_custom_resource


class Listener:
    """Stands for the signed address; keeps what was put there."""

    def __init__(self) -> None:
        self.heard: list[dict[str, Any]] = []
        self.content_types: list[str | None] = []
        listener = self

        class Handler(BaseHTTPRequestHandler):
            def do_PUT(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                listener.heard.append(json.loads(body))
                listener.content_types.append(self.headers.get("Content-Type"))
                self.send_response(200)
                self.end_headers()

            def log_message(self, *_: object) -> None: ...

        self._server = HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/answer"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def listener() -> Iterator[Listener]:
    started = Listener()
    yield started
    started.stop()


def event(listener: Listener, kind: str = "Create", **changes: Any) -> dict[str, Any]:
    return {
        "RequestType": kind,
        "ResponseURL": listener.url,
        "StackId": "stack",
        "RequestId": "request",
        "LogicalResourceId": "DatabaseMigration",
        "ResourceProperties": {"Run": "true"},
    } | changes


def test_success_is_told_with_its_data(listener: Listener) -> None:
    answer(event(listener), lambda: {"after": "0001"}, "schema")

    (heard,) = listener.heard
    assert heard["Status"] == "SUCCESS"
    assert heard["Data"] == {"after": "0001"}
    assert (heard["StackId"], heard["RequestId"]) == ("stack", "request")
    assert heard["PhysicalResourceId"] == "schema"
    # The signature covers an empty content type.
    assert listener.content_types == [""]


def test_update_keeps_the_physical_id(listener: Listener) -> None:
    answer(event(listener, "Update", PhysicalResourceId="before"), dict, "schema")

    assert listener.heard[0]["PhysicalResourceId"] == "before"


def test_refusal_is_told_in_its_own_words(listener: Listener) -> None:
    def refuse() -> dict[str, Any]:
        raise DeploymentRefused("database: the proxy did not answer.")

    answer(event(listener), refuse, "check")

    assert listener.heard[0]["Status"] == "FAILED"
    assert listener.heard[0]["Reason"] == "database: the proxy did not answer."


def test_unforeseen_error_is_told_without_its_text(listener: Listener) -> None:
    def fail() -> dict[str, Any]:
        raise RuntimeError("password=hunter2")

    answer(event(listener), fail, "check")

    assert listener.heard[0]["Status"] == "FAILED"
    assert "RuntimeError" in listener.heard[0]["Reason"]
    assert "hunter2" not in listener.heard[0]["Reason"]


@pytest.mark.parametrize(
    "changes", [{"RequestType": "Delete"}, {"ResourceProperties": {"Run": "false"}}]
)
def test_nothing_is_done_for_a_delete_or_where_it_is_switched_off(
    listener: Listener, changes: dict[str, Any]
) -> None:
    done: list[str] = []

    answer(event(listener, **changes), lambda: {"done": done.append("work")}, "schema")

    assert done == []
    assert listener.heard[0]["Status"] == "SUCCESS"


def test_an_invocation_by_a_person_is_no_custom_resource(listener: Listener) -> None:
    assert is_custom_resource(event(listener))
    assert not is_custom_resource({})
