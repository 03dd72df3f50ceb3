"""Sign-in on one machine: a provider of OpenID Connect with people to try the product as.

Anybody on this machine can sign in as any of them with one click. It stands for Cognito: same
claims, same flow, no passwords.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Sequence
from pathlib import Path

from jinja2 import FileSystemLoader
from werkzeug.serving import BaseWSGIServer, make_server

from local_stack.people import DEMO_PEOPLE, Person, may

_PAGES = Path(__file__).parent / "sign_in"
"""In place of the package's own, which asks for a style sheet outside and names nobody."""


class IdentityProvider:
    """The provider on a free port of 127.0.0.1, or a chosen one.

    Parameters
    ----------
    people
        Who can sign in.
    port
        None for a free one.
    """

    def __init__(self, people: Sequence[Person] = DEMO_PEOPLE, port: int | None = None) -> None:
        # Flask and Authlib take a fifth of a second: only a stack with people in it pays for them.
        import oidc_provider_mock

        logging.getLogger("werkzeug").setLevel(logging.CRITICAL)
        logging.getLogger("oidc_provider_mock").setLevel(logging.CRITICAL)
        claims = [
            oidc_provider_mock.User(
                sub=person.subject,
                claims={
                    "name": person.name,
                    "email": f"{person.subject}@{person.organization}.example",
                    "email_verified": True,
                    "custom:organization": person.organization,
                    "cognito:groups": list(person.groups),
                },
            )
            for person in people
        ]
        application = oidc_provider_mock.app(user_claims=claims)
        application.jinja_loader = FileSystemLoader(_PAGES)
        application.jinja_env.globals |= {"people": people, "may": may}
        application.debug = False  # the package turns on pages that show the source of an error
        self._server: BaseWSGIServer = make_server(
            "127.0.0.1", port or 0, application, threaded=True
        )
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    @property
    def issuer(self) -> str:
        """Its address, which is also what its tokens name."""
        return f"http://127.0.0.1:{self._server.server_port}"

    def start(self) -> None:
        """Serve in a thread."""
        self._thread.start()

    def stop(self) -> None:
        """Stop serving and free the port."""
        if self._thread.is_alive():
            self._server.shutdown()
        self._server.server_close()
