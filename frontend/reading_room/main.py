"""What Streamlit runs for every browser: sign-in first, then the pages a person's roles allow."""

from __future__ import annotations

from html import escape

import streamlit as st

from reading_room.person import Person, signed_in
from reading_room.views import audit_trail, study, upload, worklist

st.set_page_config(page_title="MRI Analysis", page_icon="🧠", layout="wide")


_LAYOUT = """<style>
.stMainBlockContainer { padding: 4rem 1.5rem 2rem; max-width: none; }
.account { display: flex; justify-content: flex-end; gap: 1rem; font-size: .875rem; }
.account a { color: inherit; }
h1 { font-size: 1.5rem !important; padding: 0 0 .4rem !important; }
</style>"""


def main() -> None:
    """Show the page of the address, or the sign-in."""
    st.html(_LAYOUT)
    person = signed_in()
    if person is None:
        _sign_in()
        return
    chosen = st.navigation(_pages(person), position="top")
    who = escape(f"{person.name}, {person.organization}")
    st.html(
        f'<div class="account"><span>{who}</span>'
        '<a href="/sign-out" target="_self">Sign out</a></div>'
    )
    chosen.run()


def _pages(person: Person) -> list[st.Page]:
    reading = st.Page(study.page, title="Study", url_path="study")
    st.session_state.study_page = reading
    pages = [st.Page(worklist.page, title="Worklist", url_path="worklist", default=True)]
    if person.has("clinician"):
        pages.append(st.Page(upload.page, title="Upload", url_path="upload"))
    pages.append(reading)
    if person.has("admin"):
        pages.append(st.Page(audit_trail.page, title="Audit trail", url_path="audit-trail"))
    return pages


def _sign_in() -> None:
    st.title("MRI Analysis")
    st.write("Measured, cited draft reports of brain MRI, for a trained reader to review and sign.")
    if st.user.is_logged_in:
        st.info("Your sign-in has run out.")
    st.button("Sign in", type="primary", on_click=st.login)


main()
