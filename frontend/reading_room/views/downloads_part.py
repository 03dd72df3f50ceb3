"""What can be taken along of a study; the API notes who took it."""

from __future__ import annotations

from contextlib import closing
from functools import partial

import streamlit as st

from mri_analysis.contracts.api import ArtefactList, ExportFile
from mri_analysis.contracts.review import ReviewedReport
from mri_analysis.reporting.reviewed import file_name
from reading_room.person import api_of, signed_in

_IMAGES = {"image.nii.gz": "Scan (NIfTI)", "labels.nii.gz": "Labels (NIfTI)"}


def show(report: ReviewedReport, files: ArtefactList) -> None:
    """A button for each file; a report and the name of its file say whether it is signed."""
    person = signed_in()
    if person is not None:
        # Looked at again when the sign-in ends: a file that is asked for later comes without it,
        # and Streamlit says no more of that than "Failed".
        st.fragment(_buttons, run_every=max(person.seconds_left(), 1))(report, files)


def _buttons(report: ReviewedReport, files: ArtefactList) -> None:
    job_id, person = report.job_id, signed_in()
    if person is None:
        st.warning("Your sign-in has run out; a file comes to who is signed in.")
        st.button("Sign in again", key="sign-in-for-files", on_click=st.login)
        return

    def content(file: ExportFile) -> bytes:
        with closing(api_of(person)) as reading:
            return reading.export(job_id, file).content

    with st.container(horizontal=True):
        st.download_button(
            f"Report, {report.review_status} (PDF)",
            data=partial(content, ExportFile.REPORT_PDF),
            file_name=file_name(job_id, report.review_status, "pdf"),
            mime="application/pdf",
            on_click="ignore",
        )
        st.download_button(
            f"Report, {report.review_status} (Markdown)",
            data=partial(content, ExportFile.REPORT),
            file_name=file_name(job_id, report.review_status),
            mime="text/markdown",
            on_click="ignore",
        )
        st.download_button(
            "Measurements (CSV)",
            data=partial(content, ExportFile.MEASUREMENTS),
            file_name=f"{job_id}-{ExportFile.MEASUREMENTS}",
            mime="text/csv",
            on_click="ignore",
        )
        st.download_button(
            "FHIR (JSON)",
            data=partial(content, ExportFile.FHIR),
            file_name=file_name(job_id, report.review_status, "fhir.json"),
            mime="application/fhir+json",
            on_click="ignore",
        )
        links = {file.name: file.url for file in files.artefacts}
        for name, label in _IMAGES.items():
            if name in links:
                st.link_button(label, links[name])
