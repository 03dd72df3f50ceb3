"""What can be taken along of a study; the API notes who took it."""

from __future__ import annotations

from contextlib import closing
from functools import partial

import streamlit as st

from mri_analysis.contracts.api import ArtefactList, ExportFile
from mri_analysis.contracts.job import ReviewStatus
from mri_analysis.contracts.review import ReviewedReport
from mri_analysis.exporting.names import CONTENT_TYPES, exported_name
from reading_room.person import api_of, signed_in

_IMAGES = {"image.nii.gz": "Scan (NIfTI)", "labels.nii.gz": "Labels (NIfTI)"}


_BACK = {
    ExportFile.SEGMENTATION: "Segmentation (DICOM SEG)",
    ExportFile.STRUCTURED_REPORT: "Measurements (DICOM SR)",
    ExportFile.REPORT_DICOM: "Report (DICOM PDF)",
}
_NAMED = "The DICOM files, also those in the zip, name the patient as the original study does."


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

    state = report.review_status
    offered = {
        ExportFile.REPORT_PDF: f"Report, {state} (PDF)",
        ExportFile.REPORT: f"Report, {state} (Markdown)",
        ExportFile.MEASUREMENTS: "Measurements (CSV)",
        ExportFile.FHIR: "FHIR (JSON)",
        ExportFile.EVERYTHING: "All of it (zip)",
    }
    if _came_as_dicom(report) and state is not ReviewStatus.REJECTED:
        offered |= _BACK
    with st.container(horizontal=True):
        for file, label in offered.items():
            st.download_button(
                label,
                data=partial(content, file),
                file_name=exported_name(file, job_id, state),
                mime=CONTENT_TYPES[file],
                on_click="ignore",
            )
        links = {file.name: file.url for file in files.artefacts}
        for name, label in _IMAGES.items():
            if name in links:
                st.link_button(label, links[name])
    if _came_as_dicom(report):
        st.caption(_NAMED)


def _came_as_dicom(report: ReviewedReport) -> bool:
    upload = report.report.provenance.get("upload") or {}
    return upload.get("series") is not None
