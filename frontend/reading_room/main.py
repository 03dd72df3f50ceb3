"""What Streamlit runs for every browser: sign-in first, then the pages a person's roles allow."""

from __future__ import annotations

from html import escape
from pathlib import Path

import streamlit as st

from reading_room.person import Person, signed_in
from reading_room.views import (
    audit_trail,
    costs,
    failed_studies,
    models_in_use,
    stage_times,
    study,
    upload,
    worklist,
)

st.set_page_config(page_title="MRI Analysis", page_icon="🧠", layout="wide")


_WARN_S = 5 * 60
_LOOK_S = 30
_LAYOUT = Path(__file__).with_name("layout.css").read_text(encoding="utf-8")


def main() -> None:
    """Show the page of the address, or the sign-in."""
    st.html(f"<style>{_LAYOUT}</style>")
    person = signed_in()
    if person is None:
        _sign_in()
        return
    if st.session_state.setdefault("whose", person.key) != person.key:
        st.session_state.clear()  # another person at the same browser
        st.session_state.whose = person.key
    pages, administration = _pages(person), _administration(person)
    chosen = st.navigation([*pages, *administration], position="top")
    who = escape(f"{person.name}, {person.organization}")
    with st.container(key="account"):
        st.html(
            f'<div class="account"><span>{who}</span>'
            '<a href="/sign-out" target="_self">Sign out</a></div>'
        )
    if chosen in administration:
        with st.container(horizontal=True, key="administration"):
            for page, name in zip(administration, _ADMINISTRATION, strict=True):
                st.page_link(page, label=name)
    _ends_soon(person)
    chosen.run()


@st.fragment(run_every=_LOOK_S)
def _ends_soon(person: Person) -> None:
    """Said before it happens, so that nobody is surprised in the middle of a sentence."""
    left = person.seconds_left()
    if left > _WARN_S:
        return
    ahead = f"ends in {max(1, round(left / 60))} min" if left > 0 else "has run out"
    st.warning(f"Your sign-in {ahead}. Signing in again keeps this page and what you typed.")
    st.button("Sign in again", key="sign-in-soon", on_click=st.login)


def _pages(person: Person) -> list[st.Page]:
    reading = st.Page(study.page, title="Study", url_path="study")
    st.session_state.study_page = reading
    pages = [st.Page(worklist.page, title="Worklist", url_path="worklist", default=True)]
    if person.has("clinician"):
        pages.append(st.Page(upload.page, title="Upload", url_path="upload"))
    pages.append(reading)
    return pages


_ADMINISTRATION = {
    "Stage times": stage_times.page,
    "Failed studies": failed_studies.page,
    "Costs": costs.page,
    "Models in use": models_in_use.page,
    "Audit trail": audit_trail.page,
}


def _administration(person: Person) -> list[st.Page]:
    """The first stands in the bar, the others below it.

    Not as a section of the bar: its menu cannot be reached with a keyboard (Streamlit 1.67).
    """
    if not person.has("admin"):
        return []
    return [
        st.Page(
            page,
            title=name if place else "Administration",
            url_path=name.lower().replace(" ", "-"),
            visibility="hidden" if place else "visible",
        )
        for place, (name, page) in enumerate(_ADMINISTRATION.items())
    ]


def _sign_in() -> None:
    st.title("MRI Analysis")
    st.write("Measured, cited draft reports of brain MRI, for a trained reader to review and sign.")
    if st.user.is_logged_in:
        st.info("Your sign-in has run out. What you typed into a review is kept for two hours.")
    st.button("Sign in", type="primary", on_click=st.login)


main()
