"""What every answer of the reading room carries."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from reading_room.headers import SecurityHeaders, content_security_policy, inline_script_hashes
from reading_room.settings import Settings

DEPLOYED = Settings(
    api_url="https://api.example.org/prod",
    websocket_url="wss://live.example.org/prod",
    redirect_uri="https://reading.example.org/oauth2callback",
    metadata_url="https://cognito.example.org/.well-known/openid-configuration",
    client_id="c",
    client_secret="s",
    cookie_secret="k",
    storage_origins=("https://*.s3.eu-central-1.amazonaws.com",),
)


def answered(settings: Settings, cookie: bytes = b"_streamlit_user=x; HttpOnly") -> dict[str, str]:
    async def inner(scope: Any, receive: Any, send: Any) -> None:
        await send(
            {"type": "http.response.start", "status": 200, "headers": [(b"Set-Cookie", cookie)]}
        )

    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    async def receive() -> Any:
        return {}

    asyncio.run(SecurityHeaders(inner, settings)({"type": "http"}, receive, send))
    return {name.decode().lower(): value.decode() for name, value in sent[0]["headers"]}


def test_browser_may_talk_to_this_server_storage_and_live_updates_alone() -> None:
    policy = content_security_policy(DEPLOYED)

    assert (
        "connect-src 'self' https://*.s3.eu-central-1.amazonaws.com wss://live.example.org;"
        in policy
    )
    assert "frame-ancestors 'none'" in policy
    assert "unsafe-eval'" not in policy.replace("wasm-unsafe-eval'", "")
    assert "api.example.org" not in policy  # the server talks to the API, no browser does


def test_script_in_streamlits_page_is_allowed_by_its_hash() -> None:
    # A new version of Streamlit changes it: without the hash its page starts with an error.
    hashes = inline_script_hashes()
    assert hashes
    assert all(found in content_security_policy(DEPLOYED) for found in hashes)


def test_cookies_stay_on_https_where_there_is_https() -> None:
    assert answered(DEPLOYED)["set-cookie"].endswith("; Secure")
    assert answered(DEPLOYED, b"a=b; Secure")["set-cookie"].count("Secure") == 1
    local = replace(DEPLOYED, redirect_uri="http://localhost:8501/oauth2callback")
    assert "Secure" not in answered(local)["set-cookie"]
    assert "strict-transport-security" not in answered(local)


@pytest.mark.parametrize(
    "name",
    [
        "content-security-policy",
        "x-content-type-options",
        "x-frame-options",
        "referrer-policy",
        "permissions-policy",
        "strict-transport-security",
    ],
)
def test_every_answer_is_hardened(name: str) -> None:
    assert answered(DEPLOYED)[name]


def test_missing_variable_is_named() -> None:
    with pytest.raises(KeyError, match="API_URL"):
        Settings.of({})
