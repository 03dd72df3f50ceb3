"""An earlier study of the same subject, beside the one that is open."""

from __future__ import annotations

import streamlit as st

from mri_analysis.contracts.api import (
    MOST_PRIOR_STUDIES,
    ArtefactList,
    JobDocument,
    PriorStudies,
    PriorStudy,
)
from mri_analysis.contracts.segmentation import Measurements
from reading_room.comparison import (
    ALWAYS,
    differences,
    ratio_changes,
    refusal,
    volume_changes,
)
from reading_room.open_report import LINKS_LAST_S
from reading_room.person import api
from reading_room.trouble import told
from reading_room.words import QUALITY, REVIEW, plain


@st.fragment
def show(job: JobDocument, now: Measurements, files: ArtefactList) -> None:
    """Choose a prior study; nothing of it is loaded, and noted as seen, before."""
    with told():
        listed = _listed(job.job_id)
        if not listed.subject_given:
            st.write(
                "No subject was named when this scan was uploaded, so it is linked to no other."
            )
            return
        if not listed.prior_studies:
            st.write("There is no earlier completed study that was uploaded for this subject.")
            return
        chosen = st.selectbox(
            "Prior study, the latest upload first",
            listed.prior_studies,
            index=None,
            format_func=_told,
            placeholder="Choose a study to compare with",
        )
        if len(listed.prior_studies) == MOST_PRIOR_STUDIES:
            st.caption(f"The {MOST_PRIOR_STUDIES} latest are listed; there may be earlier ones.")
        if chosen is not None:
            _compare(chosen, job, now, files)


def _compare(prior: PriorStudy, job: JobDocument, now: Measurements, files: ArtefactList) -> None:
    then, prior_files = _content(prior.job_id)
    st.markdown("\n".join(f"- {plain(sentence)}" for sentence in ALWAYS))
    if prior.review_status not in ("signed", "amended"):
        st.warning("The report of the prior study was not signed.")
    left, right = st.columns(2, gap="medium")
    with left:
        _montage(f"Then: {_told(prior)}", prior_files)
    with right:
        quality = QUALITY[now.quality.verdict]
        _montage(
            f"Now: {job.job_id[:8]} · uploaded {job.created_at:%Y-%m-%d %H:%M} UTC · "
            f"quality {quality}",
            files,
        )
    for difference in differences(then, now):
        st.warning(plain(difference))
    if refused := refusal(then, now):
        st.error(plain(refused))
        return
    st.html(volume_changes(then, now))
    st.html(ratio_changes(then, now))
    st.caption(
        "Changes are computed before rounding. Percent are of the volume then. A figure is the "
        "engine's own in both studies, whatever a reader wrote into a report."
    )


def _montage(caption: str, files: ArtefactList) -> None:
    links = {file.name: file.url for file in files.artefacts}
    st.markdown(f"**{plain(caption)}**")
    if "montage.png" in links:
        st.image(links["montage.png"], width="stretch", alt=f"Overview slices. {caption}")
    else:
        st.write("The overview slices are gone.")


def _told(prior: PriorStudy) -> str:
    quality = QUALITY.get(prior.quality or "", "not known")
    review = REVIEW.get(prior.review_status or "", "not known")
    at = f"{prior.created_at:%Y-%m-%d %H:%M} UTC"
    return f"{prior.job_id[:8]} · uploaded {at} · quality {quality} · review {review}"


def _listed(job_id: str) -> PriorStudies:
    """Asked for once, not with every click: each look is noted."""

    @st.cache_data(ttl=LINKS_LAST_S, scope="session", show_spinner=False)
    def load(job_id: str) -> PriorStudies:
        return api().prior_studies(job_id)

    return load(job_id)


def _content(job_id: str) -> tuple[Measurements, ArtefactList]:
    """Measurements and addresses of the prior study, kept until the addresses end."""

    @st.cache_data(ttl=LINKS_LAST_S, scope="session", show_spinner="Loading the prior study")
    def load(job_id: str) -> tuple[Measurements, ArtefactList]:
        return api().measurements(job_id), api().artefacts(job_id)

    return load(job_id)
