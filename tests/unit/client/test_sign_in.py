"""A kept session: renewed as a user pool renews it, and refused where it cannot be."""

import base64
import json
import time
from pathlib import Path
from typing import Any

import httpx
import pytest

from mri_client import sign_in
from mri_client.sign_in import Provider, Session, SignInFailed, kept

PROVIDER = Provider("https://api.example.org", "https://pool.example.org", "client")


def a_token(seconds: float) -> str:
    claims = json.dumps({"exp": time.time() + seconds, "name": "Dr. Ödön"}).encode()
    return "head." + base64.urlsafe_b64encode(claims).decode().rstrip("=") + ".signature"


@pytest.fixture(autouse=True)
def session_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "session.json"
    monkeypatch.setenv("MRI_SESSION", str(path))
    return path


def answers(monkeypatch: pytest.MonkeyPatch, status: int, document: Any) -> list[dict[str, str]]:
    """A provider that gives this for a token; what it was asked."""
    asked: list[dict[str, str]] = []
    request = httpx.Request("POST", PROVIDER.issuer)

    def get(*_: Any, **__: Any) -> httpx.Response:
        found = {"token_endpoint": "https://pool.example.org/token"}
        return httpx.Response(200, json=found, request=request)

    def post(url: str, data: dict[str, str], **_: Any) -> httpx.Response:
        asked.append(data)
        return httpx.Response(status, json=document, request=request)

    monkeypatch.setattr(sign_in.httpx, "get", get)
    monkeypatch.setattr(sign_in.httpx, "post", post)
    return asked


def test_token_that_lasts_is_used_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = answers(monkeypatch, 500, {})
    token = a_token(600)

    assert Session(PROVIDER, token, "r").fresh_token() == token
    assert asked == []


def test_token_that_ran_out_is_renewed_and_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    new = a_token(3600)
    asked = answers(monkeypatch, 200, {"id_token": new})

    assert Session(PROVIDER, a_token(10), "refresh").fresh_token() == new
    assert asked[0]["grant_type"] == "refresh_token"
    assert "client_secret" not in asked[0]  # a user pool's command line has none
    assert kept() == Session(PROVIDER, new, "refresh")
    assert kept().name == "Dr. Ödön"


@pytest.mark.parametrize(
    ("status", "document"), [(400, {"error": "invalid_grant"}), (200, {"access_token": "x"})]
)
def test_session_that_cannot_be_renewed_asks_for_a_new_one(
    monkeypatch: pytest.MonkeyPatch, status: int, document: Any
) -> None:
    answers(monkeypatch, status, document)

    for refresh_token in ("refresh", ""):
        with pytest.raises(SignInFailed) as failed:
            Session(PROVIDER, a_token(-5), refresh_token).fresh_token()
        assert "mri login" in failed.value.next_step


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"provider": {}}', '{"provider": 1}'])
def test_file_that_is_no_session_is_told(session_file: Path, content: str) -> None:
    session_file.write_text(content)

    with pytest.raises(SignInFailed, match="is no session"):
        kept()
