"""Files to take along: for who is signed in, and for nobody once the sign-in has run out."""

from collections.abc import Callable, Iterator

import pytest

from reading_room.person import Person
from reading_room.views import downloads_part
from tests.unit.reading_room.pages.seen import Visit, offered, words

RUN_OUT = "Your sign-in has run out; a file comes to who is signed in."


def files(app: object) -> list[str]:
    return [one.proto.label for one in app.get("download_button")]  # type: ignore[attr-defined]


def test_report_is_named_by_its_state(visit: Visit, study: Callable[..., str]) -> None:
    app = visit("reviewer", page="study", job=study())

    assert files(app) == [
        "Report, draft (PDF)",
        "Report, draft (Markdown)",
        "Measurements (CSV)",
        "FHIR (JSON)",
        "All of it (zip)",
    ]
    assert RUN_OUT not in words(app)


def test_file_is_not_offered_when_the_sign_in_ends(
    visit: Visit, study: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The part is looked at again by itself then, with the page around it as it was."""
    person = Person("Dr. Reviewer", "demo", frozenset({"reviewer"}), "token", "who", 0)
    seen: Iterator[Person | None] = iter([person, None])
    monkeypatch.setattr(downloads_part, "signed_in", lambda: next(seen))

    app = visit("reviewer", page="study", job=study())

    assert files(app) == []
    assert RUN_OUT in words(app)
    assert "Sign in again" in offered(app)
