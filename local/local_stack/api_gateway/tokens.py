"""ID tokens, checked as the authorizer of a user pool does."""

from __future__ import annotations

import json
import threading
import time
import urllib.request
from collections.abc import Callable, Mapping
from typing import Any

from joserfc import jwt
from joserfc.errors import ExpiredTokenError, JoseError
from joserfc.jwk import KeySet

_PATIENCE_S = 5.0


class TokenRefused(Exception):
    """The token proves nothing."""


class TokenExpired(TokenRefused):
    """It once did."""


class TokenVerifier:
    """Tokens of one provider of OpenID Connect.

    Parameters
    ----------
    issuer
        Its address; the keys are read from its discovery document, again when a key is unknown.
    clients
        Audiences that are ours.
    now
        Seconds since the epoch.
    """

    def __init__(
        self,
        issuer: str,
        clients: tuple[str, ...],
        now: Callable[[], float] = time.time,
    ) -> None:
        self._issuer = issuer
        self._clients = clients
        self._now = now
        self._keys: KeySet | None = None
        self._lock = threading.Lock()

    def claims(self, authorization: str | None) -> dict[str, str]:
        """The claims of an ``Authorization`` header, as API Gateway hands them on: all text.

        Raises
        ------
        TokenExpired, TokenRefused
        """
        token = (authorization or "").removeprefix("Bearer ").strip()
        if not token:
            raise TokenRefused("no token")
        claims = self._verified(token)
        return {name: _text(value) for name, value in claims.items()}

    def _verified(self, token: str) -> Mapping[str, Any]:
        try:
            try:
                decoded = jwt.decode(token, self._key_set(), algorithms=["RS256"])
            except (JoseError, ValueError):
                decoded = jwt.decode(token, self._key_set(anew=True), algorithms=["RS256"])
            registry = jwt.JWTClaimsRegistry(
                now=int(self._now()),
                iss={"essential": True, "value": self._issuer},
                aud={"essential": True, "values": list(self._clients)},
                exp={"essential": True},
                sub={"essential": True},
            )
            registry.validate(decoded.claims)
        except ExpiredTokenError as error:
            raise TokenExpired("the token has expired") from error
        except (JoseError, ValueError, OSError) as error:
            raise TokenRefused(str(error)) from error
        return decoded.claims

    def _key_set(self, *, anew: bool = False) -> KeySet:
        with self._lock:
            if self._keys is None or anew:
                found = _get(f"{self._issuer}/.well-known/openid-configuration")
                self._keys = KeySet.import_key_set(_get(found["jwks_uri"]))
            return self._keys


def _get(url: str) -> Any:
    with urllib.request.urlopen(url, timeout=_PATIENCE_S) as answer:
        return json.load(answer)


def _text(value: Any) -> str:
    """As API Gateway writes claims: a list of groups as ``admin,reviewer``."""
    if isinstance(value, list):
        return ",".join(map(str, value))
    if isinstance(value, bool):
        return str(value).lower()
    return str(value)
