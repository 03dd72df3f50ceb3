"""Who is signed in, and the API as they may use it."""

from __future__ import annotations

import base64
import json
import time
from dataclasses import dataclass
from typing import Any

import streamlit as st

from mri_client.reading_api import ReadingApi
from reading_room.settings import settings

_EARLY_S = 30


@dataclass(frozen=True)
class Person:
    """Somebody who is signed in."""

    name: str
    organization: str
    roles: frozenset[str]
    token: str
    key: str
    """who it is, of all providers"""
    ends_at: float
    """when the token runs out, as ``time.time`` counts"""

    def has(self, *roles: str) -> bool:
        """Whether one of ``roles`` is theirs; the API decides, this only hides what it refuses."""
        return bool(self.roles & {*roles, "admin"})

    def seconds_left(self) -> float:
        """Of the sign-in; a little early, so that no request runs into its end."""
        return self.ends_at - time.time() - _EARLY_S


def signed_in() -> Person | None:
    """The person of this browser session; None where nobody is, or the token has run out."""
    if not st.user.is_logged_in:
        return None
    token = str(st.user.tokens["id"])
    claims = _claims(token)
    person = Person(
        name=str(claims.get("name") or claims.get("email") or claims.get("sub")),
        organization=str(claims.get("custom:organization", "")),
        roles=frozenset(claims.get("cognito:groups") or ()),
        token=token,
        key=f"{claims.get('iss')} {claims.get('sub')}",
        ends_at=float(claims.get("exp", 0)),
    )
    return person if person.seconds_left() > 0 else None


def api() -> ReadingApi:
    """The API, called as whoever is signed in now."""
    if "api" not in st.session_state:
        st.session_state.api = ReadingApi(settings().api_url, lambda: str(st.user.tokens["id"]))
    found: ReadingApi = st.session_state.api
    return found


def api_of(person: Person) -> ReadingApi:
    """The same for a thread that knows of no session, as that of a download; close it."""
    return ReadingApi(settings().api_url, lambda: person.token)


def _claims(token: str) -> dict[str, Any]:
    """Read, not verified: the provider handed it over, and the API verifies each request."""
    body = token.split(".")[1]
    claims: dict[str, Any] = json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
    return claims
