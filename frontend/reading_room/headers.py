"""Headers that every answer carries, and cookies that stay on HTTPS."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Awaitable, Callable, MutableMapping
from functools import cache
from pathlib import Path
from typing import Any

from reading_room.settings import Settings

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]

_INLINE_SCRIPT = re.compile(r"<script(?![^>]*\bsrc=)[^>]*>(.*?)</script>", re.DOTALL)


@cache
def inline_script_hashes() -> tuple[str, ...]:
    """Of the scripts in Streamlit's own page, which change with its version."""
    import streamlit

    page = Path(streamlit.__file__).with_name("static") / "index.html"
    scripts = _INLINE_SCRIPT.findall(page.read_text(encoding="utf-8"))
    digests = (hashlib.sha256(script.encode()).digest() for script in scripts)
    return tuple(f"'sha256-{base64.b64encode(digest).decode()}'" for digest in digests)


def content_security_policy(settings: Settings) -> str:
    """What the browser may load, and from where: this server, storage and live updates."""
    socket = "/".join(settings.websocket_url.split("/")[:3])
    storage = " ".join(settings.storage_origins)
    return "; ".join(
        (
            "default-src 'self'",
            # Components of Streamlit are modules that it hands over as blobs.
            "script-src 'self' blob: 'wasm-unsafe-eval' " + " ".join(inline_script_hashes()),
            "style-src 'self' 'unsafe-inline'",
            f"img-src 'self' data: blob: {storage}",
            f"connect-src 'self' {storage} {socket}",
            "font-src 'self' data:",
            "worker-src 'self' blob:",
            "frame-ancestors 'none'",
            "form-action 'self'",
            "object-src 'none'",
            "base-uri 'self'",
        )
    )


class SecurityHeaders:
    """ASGI middleware around the whole application."""

    def __init__(self, app: Application, settings: Settings) -> None:
        self._app = app
        self._https = settings.https
        self._headers = [
            (b"content-security-policy", content_security_policy(settings).encode()),
            (b"x-content-type-options", b"nosniff"),
            (b"x-frame-options", b"DENY"),
            # No other server is told which study is open; the sign-in on this one returns to it.
            (b"referrer-policy", b"same-origin"),
            (b"permissions-policy", b"camera=(), microphone=(), geolocation=()"),
        ]
        if settings.https:
            self._headers.append(
                (b"strict-transport-security", b"max-age=63072000; includeSubDomains")
            )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_hardened(message: Message) -> None:
            if message["type"] == "http.response.start":
                kept = [self._cookie(name, value) for name, value in message.get("headers", [])]
                message["headers"] = kept + self._headers
            await send(message)

        await self._app(scope, receive, send_hardened)

    def _cookie(self, name: bytes, value: bytes) -> tuple[bytes, bytes]:
        """Streamlit leaves ``Secure`` off, for browsers that try it out without HTTPS."""
        secure = self._https and name.lower() == b"set-cookie" and b"secure" not in value.lower()
        return name, value + b"; Secure" if secure else value
