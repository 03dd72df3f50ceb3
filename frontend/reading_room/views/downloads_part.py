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
    job_id, person = report.job_id, signed_in()
    if person is None:
        return

    def content(file: ExportFile) -> bytes:
        with closing(api_of(person)) as reading:
            return reading.export(job_id, file).content

    with st.container(horizontal=True):
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
        links = {file.name: file.url for file in files.artefacts}
        for name, label in _IMAGES.items():
            if name in links:
                st.link_button(label, links[name])
