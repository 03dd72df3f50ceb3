"""The application that is served: Streamlit, a way to sign out, and headers around both.

``streamlit run server.py`` in this folder; what it must be told stands in :mod:`settings`.
"""

from __future__ import annotations

import sys
from pathlib import Path
from urllib.parse import urlencode

import streamlit as st
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from reading_room.headers import SecurityHeaders
from reading_room.return_address import ReturnAddress
from reading_room.settings import settings

SIGN_OUT = "/sign-out"


async def sign_out(request: Request) -> Response:
    """Forget the sign-in here and at the provider.

    Streamlit's own sign-out sends Cognito a parameter that it does not know and is refused.
    """
    chosen = settings()
    target = chosen.origin
    if chosen.auth_domain:
        question = urlencode({"client_id": chosen.client_id, "logout_uri": chosen.origin})
        target = f"https://{chosen.auth_domain}/logout?{question}"
    answer = RedirectResponse(target, 303)
    for name in request.cookies:
        if name.startswith("_streamlit_user"):
            answer.delete_cookie(name)
    return answer


app = st.App(
    Path(__file__).with_name("main.py"),
    secrets={
        "auth": {
            "redirect_uri": settings().redirect_uri,
            "cookie_secret": settings().cookie_secret,
            "client_id": settings().client_id,
            "client_secret": settings().client_secret,
            "server_metadata_url": settings().metadata_url,
            "expose_tokens": ["id"],
            "client_kwargs": {"scope": "openid email profile"},
        }
    },
    routes=[Route(SIGN_OUT, sign_out)],
    middleware=[
        Middleware(SecurityHeaders, settings=settings()),
        Middleware(ReturnAddress, settings=settings()),
    ],
)
