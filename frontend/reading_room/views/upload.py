"""Sending a scan: from the browser straight to storage."""

from __future__ import annotations

import re

import streamlit as st

from reading_room.components.parts import uploader
from reading_room.person import api
from reading_room.trouble import told

_FIELD = "upload_subject"
"""Forgotten when the page is left, so that no subject stays for the next scan."""
_MOST_BYTES = 1_073_741_824
SUBJECT = re.compile(r"[ -~]{1,64}")
"""As the API takes it, once spaces at the ends are gone."""


def page() -> None:
    """A place to drop a scan, and the way to its study."""
    st.title("Upload")
    st.write(
        "The scan goes straight to encrypted storage. A NIfTI file stays there as it is, without "
        "its name; a DICOM upload is removed once its image is prepared. The analysis uses voxels, "
        "spacing and orientation. Of DICOM headers it keeps how the scan was taken, age and sex."
    )
    state = st.session_state
    if _FIELD not in state:
        # Somebody left in the middle and came back: that form is for a scan of then.
        state.upload_form = None
    # Nothing about a scan that is on its way can be changed.
    subject = _subject(locked=state.get("upload_form") is not None)
    if subject == "":
        return
    with told():
        value = uploader(state.get("upload_form"), state.get("upload_most", _MOST_BYTES))
        if value.chosen:
            state.upload_form = api().prepare_upload(int(value.chosen["size"]), subject=subject)
            state.upload_most = state.upload_form.max_bytes
            st.rerun()
        if value.sent:
            job_id = str(value.sent["job_id"])
            state.upload_form = None
            st.switch_page(state.study_page, query_params={"job": job_id})
        if value.failed:
            state.upload_form = None


def _subject(*, locked: bool) -> str | None:
    """Whose scan is sent; None where nothing is said of it, empty where it is no subject."""
    entered = st.text_input(
        "Subject (optional)",
        placeholder="Patient number or study code",
        help="The same for all studies of one subject: it links them, so that a later study can be "
        "read beside an earlier one. Kept only as a keyed hash; nobody can read it back.",
        key=_FIELD,
        autocomplete="off",
        disabled=locked,
    ).strip()
    st.caption(
        "Kept only as a keyed hash; links studies of one subject. A link cannot be changed later."
    )
    if entered and not SUBJECT.fullmatch(entered):
        st.error("A subject has 1 to 64 letters, digits, signs or spaces of plain ASCII.")
        return ""
    return entered or None
