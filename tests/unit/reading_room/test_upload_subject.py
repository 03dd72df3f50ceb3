"""The subject of a scan, as the upload page takes it."""

from types import SimpleNamespace
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from mri_analysis.contracts.api import UploadDocument
from reading_room.views import upload


class FakeApi:
    """Remembers what uploads were prepared for."""

    def __init__(self) -> None:
        self.asked: list[tuple[int, str | None]] = []

    def prepare_upload(self, size: int, *, subject: str | None) -> UploadDocument:
        self.asked.append((size, subject))
        return UploadDocument(
            job_id="j1", url="https://s3", fields={}, max_bytes=10, expires_in_seconds=900
        )


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch) -> FakeApi:
    """A browser that chooses a file of five bytes at once, until a form is there."""
    fake = FakeApi()

    def uploader(form: Any, most: int) -> Any:
        chosen = None if form else {"size": 5}
        return SimpleNamespace(chosen=chosen, sent=None, failed=None)

    monkeypatch.setattr(upload, "api", lambda: fake)
    monkeypatch.setattr(upload, "uploader", uploader)
    return fake


def page() -> None:
    import streamlit as st

    from reading_room.views import upload

    if st.checkbox("a scan is dropped", key="dropped"):
        upload.page()
    else:
        upload._subject(locked=False)


def entered(text: str) -> AppTest:
    """The page after ``text`` was entered and a scan was dropped."""
    app = AppTest.from_function(page).run()
    app.text_input[0].input(text)
    return app.checkbox[0].check().run()


@pytest.mark.parametrize(
    ("text", "subject"), [("", None), ("  ", None), ("S-0042", "S-0042"), (" MR 7 ", "MR 7")]
)
def test_subject_goes_with_the_scan_and_is_locked_then(
    api: FakeApi, text: str, subject: str | None
) -> None:
    app = entered(text)

    assert not app.exception
    assert api.asked == [(5, subject)]
    assert app.text_input[0].disabled


@pytest.mark.parametrize("text", ["M\u00fcller", "x" * 65, "a\tb"])
def test_what_is_no_subject_is_said_before_the_scan_travels(api: FakeApi, text: str) -> None:
    app = entered(text)

    assert api.asked == []
    assert "1 to 64" in app.error[0].value


def test_form_of_an_upload_that_was_left_locks_nothing(api: FakeApi) -> None:
    app = AppTest.from_function(page)
    app.session_state["upload_form"] = api.prepare_upload(5, subject=None)
    app.session_state["dropped"] = True

    app.run()

    assert not app.exception
    assert len(api.asked) == 2  # a new form, for what is chosen now


def test_what_is_kept_of_a_subject_is_said(api: FakeApi) -> None:
    app = entered("S-0042")

    assert any("keyed hash" in caption.value for caption in app.caption)
