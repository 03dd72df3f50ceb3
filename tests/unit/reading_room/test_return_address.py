"""Where a sign-in ends: at the page of this server where it began, or at the first."""

import asyncio
from typing import Any

import pytest

from reading_room.return_address import CALLBACK, COOKIE, LOGIN, ReturnAddress
from tests.unit.reading_room.test_headers import DEPLOYED

ORIGIN = "https://reading.example.org"
STUDY = "/study?job=0b3d9c58-6f9e-4b7a-9f0e-3a5a1c2d4e6f"


def answered(path: str, location: str = "/", **asked: str) -> dict[str, str]:
    async def inner(scope: Any, receive: Any, send: Any) -> None:
        headers = [(b"location", location.encode())]
        await send({"type": "http.response.start", "status": 302, "headers": headers})

    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    async def receive() -> Any:
        return {}

    headers = [(name.encode(), value.encode()) for name, value in asked.items()]
    scope = {"type": "http", "path": path, "headers": headers}
    asyncio.run(ReturnAddress(inner, DEPLOYED)(scope, receive, send))
    return {name.decode(): value.decode() for name, value in sent[0]["headers"]}


@pytest.mark.parametrize("place", [STUDY, "/upload", "/failed-studies"])
def test_sign_in_ends_where_it_began(place: str) -> None:
    asked = answered(LOGIN, "https://provider/authorize", referer=ORIGIN + place)
    assert asked["location"] == "https://provider/authorize"
    cookie, *flags = asked["set-cookie"].split("; ")
    assert {"HttpOnly", "SameSite=Lax", f"Path={CALLBACK}", "Max-Age=600"} == set(flags)

    back = answered(CALLBACK, cookie=f"other=1; {cookie}")

    assert back["location"] == place
    assert "Max-Age=0" in back["set-cookie"]


@pytest.mark.parametrize(
    "referer",
    [
        "",
        ORIGIN,
        ORIGIN + "/",
        "https://evil.example.org/study",
        ORIGIN + ".evil.example.org/study",
        ORIGIN + "//evil.example.org",
        ORIGIN + "/study?job=a;b",
        ORIGIN + "/study?job=a%0d%0ab",
        ORIGIN + "/study?next=https://evil.example.org",
    ],
)
def test_sign_in_that_began_elsewhere_ends_at_the_first_page(referer: str) -> None:
    asked = answered(LOGIN, referer=referer)

    assert asked["set-cookie"].startswith(f"{COOKIE}=; ")


@pytest.mark.parametrize("kept", ["//evil.example.org", "https://evil.example.org", "/\\evil", ""])
def test_cookie_that_names_no_page_leads_nowhere(kept: str) -> None:
    assert answered(CALLBACK, cookie=f"{COOKIE}={kept}")["location"] == "/"
    assert answered(CALLBACK)["location"] == "/"


def test_other_addresses_are_left_alone() -> None:
    headers = answered("/study", referer=ORIGIN + STUDY, cookie=f"{COOKIE}={STUDY}")

    assert headers == {"location": "/"}
