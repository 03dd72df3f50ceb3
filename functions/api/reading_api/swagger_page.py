"""The description of the API as a page to read and to try (Swagger UI).

The page is one document: Swagger UI comes from Powertools' own package, in the page itself, and the
policy of the page lets it load nothing and talk to nobody but this API. It holds no data; what is
tried is sent with a token that the reader pastes in, which stays in the page's memory.
"""

from __future__ import annotations

import base64
import hashlib
from functools import cache
from http import HTTPStatus
from importlib.util import find_spec
from pathlib import Path

from aws_lambda_powertools.event_handler import Response

_START = """
SwaggerUIBundle({
  dom_id: "#swagger-ui",
  spec: JSON.parse(document.getElementById("description").textContent),
  presets: [SwaggerUIBundle.presets.apis],
  deepLinking: true,
  docExpansion: "list",
  // Nobody outside is asked whether the description is valid.
  validatorUrl: null,
  onComplete() { window.ui.specActions.updateUrl(location.href); },
})
"""
_START = "window.ui = " + _START.strip()


def swagger_page(description: str) -> Response[str]:
    """The page for a description (JSON text)."""
    script, style = _assets()
    page = (
        '<!DOCTYPE html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>MRI Analysis: REST API</title><style>{style}</style></head><body>"
        '<main id="swagger-ui"></main>'
        # No markup can begin in the data, whatever a text of it says.
        '<script type="application/json" id="description">'
        + description.replace("<", "\\u003c")
        + f"</script><script>{script}</script><script>{_START}</script></body></html>"
    )
    return Response(
        HTTPStatus.OK,
        "text/html; charset=utf-8",
        page,
        {"Content-Security-Policy": _policy(), "Referrer-Policy": "no-referrer"},
    )


@cache
def _assets() -> tuple[str, str]:
    # Found, not imported: the package's modules would bring models that nothing here needs.
    powertools = find_spec("aws_lambda_powertools")
    assert powertools is not None
    assert powertools.origin is not None
    folder = Path(powertools.origin).parent / "event_handler/openapi/swagger_ui"
    script = (folder / "swagger-ui-bundle.min.js").read_text(encoding="utf-8")
    return script, (folder / "swagger-ui.min.css").read_text(encoding="utf-8")


@cache
def _policy() -> str:
    scripts = " ".join(f"'{_digest(script)}'" for script in (_assets()[0], _START))
    return "; ".join(
        (
            "default-src 'none'",
            f"script-src {scripts}",
            # Swagger UI sets styles of single elements.
            "style-src 'unsafe-inline'",
            "img-src data:",
            "connect-src 'self'",
            "base-uri 'none'",
            "form-action 'none'",
            "frame-ancestors 'none'",
        )
    )


def _digest(script: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
