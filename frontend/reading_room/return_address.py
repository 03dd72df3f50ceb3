"""A sign-in leads back to the page it began at.

Streamlit 1.67 always ends a sign-in at the first page and takes no address to return to. The page
that the sign-in is asked for on stands in ``Referer``; it waits in a cookie for the way back.
"""

from __future__ import annotations

import re
from http.cookies import CookieError, SimpleCookie
from urllib.parse import urlsplit

from reading_room.headers import Application, Message, Receive, Scope, Send
from reading_room.settings import Settings

LOGIN, CALLBACK = "/auth/login", "/oauth2callback"
COOKIE = "reading_room_return"
_RETURN_S = 600
_PLACE = re.compile(r"/[a-z-]{1,40}(\?job=[A-Za-z0-9][A-Za-z0-9._-]{0,63})?")
"""Pages of this server and nothing else: a sign-in must not lead where a stranger wants."""


class ReturnAddress:
    """ASGI middleware around Streamlit's routes of the sign-in."""

    def __init__(self, app: Application, settings: Settings) -> None:
        self._app = app
        self._origin = settings.origin

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] not in (LOGIN, CALLBACK):
            await self._app(scope, receive, send)
            return
        begins = scope["path"] == LOGIN
        asked = {name.lower(): value.decode("latin-1") for name, value in scope["headers"]}
        place = self._left(asked) if begins else _kept(asked)

        async def send_on(message: Message) -> None:
            if message["type"] == "http.response.start":
                answered = list(message.get("headers", []))
                if place and not begins:
                    answered = [_lead(name, value, place) for name, value in answered]
                message["headers"] = [*answered, _cookie(place if begins else None)]
            await send(message)

        await self._app(scope, receive, send_on)

    def _left(self, asked: dict[bytes, str]) -> str | None:
        """The page that the sign-in was asked for on."""
        address = urlsplit(asked.get(b"referer", ""))
        if f"{address.scheme}://{address.netloc}" != self._origin:
            return None
        return _place(address.path + (f"?{address.query}" if address.query else ""))


def _kept(asked: dict[bytes, str]) -> str | None:
    try:
        found = SimpleCookie(asked.get(b"cookie", "")).get(COOKIE)
    except CookieError:
        return None
    return _place(found.value) if found else None


def _place(text: str) -> str | None:
    return text if _PLACE.fullmatch(text) else None


def _lead(name: bytes, value: bytes, place: str) -> tuple[bytes, bytes]:
    first_page = name.lower() == b"location" and value == b"/"
    return name, place.encode() if first_page else value


def _cookie(place: str | None) -> tuple[bytes, bytes]:
    value = (
        f"{COOKIE}={place or ''}; Path={CALLBACK}; HttpOnly; SameSite=Lax; "
        f"Max-Age={_RETURN_S if place else 0}"
    )
    return b"set-cookie", value.encode()
