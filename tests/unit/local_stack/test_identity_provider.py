"""The page on which somebody chooses whom to try the product as."""

import re
from collections.abc import Iterator
from urllib.parse import parse_qs, urlsplit

import pytest
import requests

from local_stack.identity_provider import IdentityProvider
from local_stack.people import Person, may

RETURN_TO = "http://127.0.0.1:1/callback"
ASK = {
    "client_id": "reading-room-local",
    "redirect_uri": RETURN_TO,
    "response_type": "code",
    "scope": "openid",
    "state": "abc",
}
PEOPLE = (
    Person("demo-reviewer", "Dr. Rosa <b>Reviewer</b>", "demo", ("reviewer", "clinician")),
    Person("guest", "Gil Guest", "demo", ()),
)


@pytest.fixture
def provider() -> Iterator[IdentityProvider]:
    provider = IdentityProvider(PEOPLE)
    provider.start()
    yield provider
    provider.stop()


def test_page_names_people_and_what_they_may(provider: IdentityProvider) -> None:
    page = requests.get(f"{provider.issuer}/oauth2/authorize", ASK, timeout=5).text

    assert "Dr. Rosa &lt;b&gt;Reviewer&lt;/b&gt;" in page
    assert "Uploads scans and reads studies, changes and signs reports" in page
    assert re.findall(r'name="sub" value="([^"]+)"', page) == ["demo-reviewer", "guest"]


def test_page_asks_for_nothing_outside(provider: IdentityProvider) -> None:
    page = requests.get(f"{provider.issuer}/oauth2/authorize", ASK, timeout=5).text

    assert re.findall(r"(?:src|href|@import|url\()", page) == []


@pytest.mark.parametrize(
    ("answer", "expected"), [({"sub": "demo-reviewer"}, "code"), ({"action": "deny"}, "error")]
)
def test_click_leads_back(
    provider: IdentityProvider, answer: dict[str, str], expected: str
) -> None:
    address = f"{provider.issuer}/oauth2/authorize"
    back = requests.post(address, answer, params=ASK, allow_redirects=False, timeout=5)

    assert back.headers["Location"].startswith(RETURN_TO)
    assert expected in parse_qs(urlsplit(back.headers["Location"]).query)


def test_somebody_without_a_role_may_nothing() -> None:
    assert may(PEOPLE[1]) == ""
