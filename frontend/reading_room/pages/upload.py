"""Sending a scan: from the browser straight to storage."""

from __future__ import annotations

import streamlit as st

from reading_room.components.parts import uploader
from reading_room.person import api
from reading_room.trouble import told

_MOST_BYTES = 1_073_741_824


def page() -> None:
    """A place to drop a scan, and the way to its study."""
    st.title("Upload")
    st.write(
        "The scan goes straight to encrypted storage. File names and header texts are not kept; "
        "the analysis works on voxels, spacing and orientation alone."
    )
    state = st.session_state
    with told():
        value = uploader(state.get("upload_form"), state.get("upload_most", _MOST_BYTES))
        if value.chosen:
            state.upload_form = api().prepare_upload(int(value.chosen["size"]))
            state.upload_most = state.upload_form.max_bytes
            st.rerun()
        if value.sent:
            job_id = str(value.sent["job_id"])
            state.upload_form = None
            st.switch_page(state.study_page, query_params={"job": job_id})
        if value.failed:
            state.upload_form = None
