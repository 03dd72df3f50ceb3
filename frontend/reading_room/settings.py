"""What the reading room must be told, from environment variables."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from urllib.parse import urlsplit


@dataclass(frozen=True)
class Settings:
    """One deployment."""

    api_url: str
    websocket_url: str
    redirect_uri: str
    """where the sign-in comes back to: ``{origin}/oauth2callback``"""
    metadata_url: str
    """discovery document of the provider of OpenID Connect"""
    client_id: str
    client_secret: str
    cookie_secret: str
    auth_domain: str = ""
    """host of Cognito's sign-in pages; empty where the provider has an end-of-session address"""
    storage_origins: tuple[str, ...] = ()
    """where the browser puts scans and gets images"""

    @property
    def origin(self) -> str:
        """Address of the reading room itself."""
        parts = urlsplit(self.redirect_uri)
        return f"{parts.scheme}://{parts.netloc}"

    @property
    def https(self) -> bool:
        """Whether cookies may be kept to HTTPS."""
        return self.redirect_uri.startswith("https://")

    @classmethod
    def of(cls, variables: Mapping[str, str]) -> Settings:
        """Read the variables.

        Raises
        ------
        KeyError
            One is missing.
        """
        return cls(
            api_url=variables["API_URL"].rstrip("/"),
            websocket_url=variables["WEBSOCKET_URL"],
            redirect_uri=variables["AUTH_REDIRECT_URI"],
            metadata_url=variables["AUTH_METADATA_URL"],
            client_id=variables["AUTH_CLIENT_ID"],
            client_secret=variables["AUTH_CLIENT_SECRET"],
            cookie_secret=variables["AUTH_COOKIE_SECRET"],
            auth_domain=variables.get("AUTH_DOMAIN", "").removeprefix("https://"),
            storage_origins=tuple(variables.get("STORAGE_ORIGINS", "").split()),
        )


@cache
def settings() -> Settings:
    """Of this process."""
    return Settings.of(os.environ)
