"""``mri login`` before anybody has signed in."""

import webbrowser

import pytest
from typer.testing import CliRunner

from mri_client import review_commands
from mri_client.cli import app
from mri_client.sign_in import Provider, Session

PROVIDER = ["--api", "http://api.example", "--issuer", "http://issuer.example", "--client-id", "c"]
ADDRESS = "http://issuer.example/authorize?x=1"


@pytest.fixture(autouse=True)
def signed_in(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever opens the address is signed in."""

    def sign_in(provider: Provider, open_browser) -> Session:  # type: ignore[no-untyped-def]
        open_browser(ADDRESS)
        return Session(provider, "a.eyJuYW1lIjoiUm9zYSJ9.b", "")

    monkeypatch.setattr(review_commands, "sign_in", sign_in)


def test_machine_without_a_browser_is_told_the_address(monkeypatch: pytest.MonkeyPatch) -> None:
    def none(address: str) -> bool:
        raise webbrowser.Error("could not locate runnable browser")

    for opens in (lambda address: False, none):
        monkeypatch.setattr(webbrowser, "open", opens)
        told = CliRunner().invoke(app, ["login", *PROVIDER])
        assert (told.exit_code, ADDRESS in told.output) == (0, True)
        assert "signed in as Rosa" in told.output


def test_browser_that_opens_needs_no_words(monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[str] = []
    monkeypatch.setattr(webbrowser, "open", lambda address: opened.append(address) or True)

    told = CliRunner().invoke(app, ["login", *PROVIDER])

    assert (told.exit_code, opened, ADDRESS in told.output) == (0, [ADDRESS], False)
