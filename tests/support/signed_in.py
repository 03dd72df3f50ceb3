"""Signing in as a browser does: authorization code flow with a provider of OpenID Connect."""

import json
import urllib.parse
import urllib.request
from typing import Any

from local_stack.people import COMMAND_LINE_CLIENT

_CALLBACK = "http://localhost:8976/callback"


class _Stay(urllib.request.HTTPRedirectHandler):
    """The code is in the address that the provider redirects to."""

    def redirect_request(self, *_: Any) -> None:
        return None


def id_token(issuer: str, subject: str) -> str:
    """The ID token of a person, signed in anew."""
    question = urllib.parse.urlencode(
        {
            "client_id": COMMAND_LINE_CLIENT,
            "redirect_uri": _CALLBACK,
            "response_type": "code",
            "scope": "openid email profile",
            "state": "s",
            "nonce": "n",
        }
    )
    opener = urllib.request.build_opener(_Stay)
    try:
        opener.open(f"{issuer}/oauth2/authorize?{question}", f"sub={subject}".encode(), timeout=5)
        raise AssertionError("the provider did not redirect")
    except urllib.error.HTTPError as redirect:
        address = urllib.parse.urlparse(redirect.headers["Location"])
    (code,) = urllib.parse.parse_qs(address.query)["code"]
    answer = urllib.request.urlopen(
        f"{issuer}/oauth2/token",
        urllib.parse.urlencode(
            {
                "grant_type": "authorization_code",
                "code": code,
                "redirect_uri": _CALLBACK,
                "client_id": COMMAND_LINE_CLIENT,
                "client_secret": "any",
            }
        ).encode(),
        timeout=5,
    )
    return str(json.load(answer)["id_token"])
