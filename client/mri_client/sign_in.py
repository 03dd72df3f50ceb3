"""Signing in at the command line: code flow with PKCE, back to a port of this machine.

The session is kept in a file that only its owner can read (``$MRI_SESSION``, else
``~/.config/mri-analysis/session.json``): the refresh token in it lasts for a working day.
"""

from __future__ import annotations

import base64
import hashlib
import http.server
import json
import os
import secrets
import time
import webbrowser
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx

from mri_client.errors import CommandError

CALLBACK_PORT = 8976
"""The one that the user pool knows as an address to come back to."""
_CALLBACK = f"http://localhost:{CALLBACK_PORT}/callback"
_EARLY_S = 60
_PATIENCE = httpx.Timeout(15.0)
_PAGE = b"<!doctype html><title>MRI Analysis</title><p>You can close this window.</p>"


class SignInFailed(CommandError):
    """Nobody is signed in; the sentence says why."""

    next_step = "Sign in with `mri login`."


@dataclass(frozen=True)
class Provider:
    """Where to sign in, and as which client."""

    api_url: str
    issuer: str
    client_id: str
    client_secret: str = ""
    """of the local provider, which insists on one; a user pool's command line has none"""


@dataclass(frozen=True)
class Session:
    """Somebody who is signed in."""

    provider: Provider
    id_token: str
    refresh_token: str

    def fresh_token(self) -> str:
        """An ID token that lasts another minute.

        Raises
        ------
        SignInFailed
            The session has ended.
        """
        if _claims(self.id_token).get("exp", 0) > time.time() + _EARLY_S:
            return self.id_token
        if not self.refresh_token:
            raise SignInFailed("The sign-in has run out.")
        grant = {"grant_type": "refresh_token", "refresh_token": self.refresh_token}
        found = _tokens(self.provider, grant)
        renewed = replace(
            self,
            id_token=str(found["id_token"]),
            refresh_token=str(found.get("refresh_token") or self.refresh_token),
        )
        keep(renewed)
        return renewed.id_token

    @property
    def name(self) -> str:
        """As others see the person."""
        claims = _claims(self.id_token)
        return str(claims.get("name") or claims.get("email") or claims.get("sub"))


def sign_in(
    provider: Provider,
    open_browser: Callable[[str], object] = webbrowser.open,
    limit_s: float = 300,
) -> Session:
    """Send the person to the provider's pages, and wait for them to come back.

    Raises
    ------
    SignInFailed
        They did not, or the provider refused.
    """
    verifier = secrets.token_urlsafe(48)
    state, nonce = secrets.token_urlsafe(16), secrets.token_urlsafe(16)
    challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest())
    question = urlencode(
        {
            "client_id": provider.client_id,
            "response_type": "code",
            "redirect_uri": _CALLBACK,
            "scope": "openid email profile",
            "state": state,
            "nonce": nonce,
            "code_challenge": challenge.decode().rstrip("="),
            "code_challenge_method": "S256",
        }
    )
    with _Callback() as callback:
        open_browser(f"{_endpoints(provider)['authorization_endpoint']}?{question}")
        answer = callback.wait(limit_s)
    if answer.get("state") != state:
        raise SignInFailed("The answer belongs to another sign-in.")
    if "code" not in answer:
        raise SignInFailed(f"The sign-in was refused ({answer.get('error', 'no reason')}).")
    found = _tokens(
        provider,
        {
            "grant_type": "authorization_code",
            "code": answer["code"],
            "redirect_uri": _CALLBACK,
            "code_verifier": verifier,
        },
    )
    token = str(found["id_token"])
    if _claims(token).get("nonce") != nonce:
        raise SignInFailed("The token belongs to another sign-in.")
    session = Session(provider, token, str(found.get("refresh_token", "")))
    keep(session)
    return session


def session_file() -> Path:
    """Where the session is kept."""
    default = Path.home() / ".config/mri-analysis/session.json"
    return Path(os.environ.get("MRI_SESSION", default))


def keep(session: Session) -> None:
    """Write the session for its owner alone."""
    path = session_file()
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "w") as file:
        json.dump(asdict(session), file)


def kept() -> Session:
    """The session that was kept.

    Raises
    ------
    SignInFailed
        There is none, or it cannot be read.
    """
    try:
        document = json.loads(session_file().read_text())
        provider = Provider(**document.pop("provider"))
        return Session(provider, **document)
    except FileNotFoundError as error:
        raise SignInFailed("Nobody is signed in.") from error
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise SignInFailed(f"{session_file()} is no session.") from error


def forget() -> None:
    """End the session on this machine."""
    session_file().unlink(missing_ok=True)


def _endpoints(provider: Provider) -> dict[str, Any]:
    try:
        answer = httpx.get(
            f"{provider.issuer}/.well-known/openid-configuration", timeout=_PATIENCE
        ).raise_for_status()
        found: dict[str, Any] = answer.json()
        return found
    except (httpx.HTTPError, ValueError) as error:
        raise SignInFailed(f"{provider.issuer} does not answer as a place to sign in.") from error


def _tokens(provider: Provider, grant: dict[str, str]) -> dict[str, Any]:
    client = {"client_id": provider.client_id}
    if provider.client_secret:
        client["client_secret"] = provider.client_secret
    try:
        answer = httpx.post(
            _endpoints(provider)["token_endpoint"], data=grant | client, timeout=_PATIENCE
        )
        found: dict[str, Any] = answer.raise_for_status().json()
        found["id_token"]  # without one it is no sign-in
    except (httpx.HTTPError, ValueError, KeyError) as error:
        raise SignInFailed("The provider gave no token.") from error
    return found


def _claims(token: str) -> dict[str, Any]:
    """Read, not verified: it came over the provider's own address, and the API verifies it."""
    try:
        body = token.split(".")[1]
        claims: dict[str, Any] = json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
        return claims
    except (ValueError, IndexError) as error:
        raise SignInFailed("The kept token cannot be read.") from error


class _Callback:
    """Hears where the browser comes back to, once."""

    def __enter__(self) -> _Callback:
        heard: list[dict[str, str]] = []

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                address = urlsplit(self.path)
                if address.path != "/callback":
                    self.send_error(404)
                    return
                heard.append({name: found[-1] for name, found in parse_qs(address.query).items()})
                self.send_response(200)
                self.send_header("Content-Type", "text/html")
                self.end_headers()
                self.wfile.write(_PAGE)

            def log_message(self, format: str, *args: Any) -> None:
                """The address holds the code: nothing is logged."""

        self._heard = heard
        try:
            self._server = http.server.HTTPServer(("127.0.0.1", CALLBACK_PORT), Handler)
        except OSError as error:
            raise SignInFailed(
                f"Port {CALLBACK_PORT} is taken: is another sign-in waiting?",
                "End the other sign-in, or what listens on the port, then `mri login` again.",
            ) from error
        return self

    def __exit__(self, *_: object) -> None:
        self._server.server_close()

    def wait(self, limit_s: float) -> dict[str, str]:
        """What the browser brought."""
        deadline = time.monotonic() + limit_s
        while not self._heard:
            self._server.timeout = max(0.0, deadline - time.monotonic())
            if self._server.timeout == 0.0:
                raise SignInFailed("Nobody came back from the sign-in in time.")
            self._server.handle_request()
        return self._heard[0]
