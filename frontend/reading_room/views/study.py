"""One study: where it is, the scan with its labels, the report and its review."""

from __future__ import annotations

import re

import streamlit as st

from mri_analysis.contracts.api import ArtefactList, EventDocument, JobDocument
from mri_analysis.contracts.report import Description
from mri_analysis.contracts.review import ReviewedReport
from mri_analysis.contracts.segmentation import Measurements
from mri_analysis.contracts.study import OfferedSeries
from mri_analysis.errors import SeriesAmbiguous
from reading_room import labels
from reading_room.components.parts import label_colours, live, viewer
from reading_room.open_report import LINKS_LAST_S, open_report
from reading_room.person import api, signed_in
from reading_room.trouble import told
from reading_room.views import downloads_part, measurements_tab, prior_part, report_tab, review_tab
from reading_room.words import QUALITY, REVIEW, RUNNING, STATUS, action, plain

_EVERY_S = 2
_CALM_S = 15
"""How often a running study is asked about, without a socket and with one."""


def page() -> None:
    """The study of the address."""
    job_id = str(st.query_params.get("job", ""))
    if not re.fullmatch("[A-Za-z0-9][A-Za-z0-9._-]{0,63}", job_id):
        st.title("Study")
        st.info("Choose a study from the worklist.")
        return
    with told(again=True):
        job = api().job(job_id)
        if job.status in RUNNING:
            _wait(job_id)
        elif job.error is not None:
            _failed(job)
        else:
            _read(job)


# ---- a study that runs, or failed ----------------------------------------------------------------


def _wait(job_id: str) -> None:
    state = st.session_state
    if state.get("live_for") != job_id:
        ticket = api().live_ticket()
        state.live_for, state.live_lost = job_id, False
        state.live_address = f"{ticket.url}?ticket={ticket.ticket}"
    if state.live_lost:
        _polled(job_id)
    else:
        _announced(job_id)


@st.fragment(run_every=_CALM_S)
def _announced(job_id: str) -> None:
    """With a socket: each change runs this anew; the clock is for one that fell silent."""
    if live(st.session_state.live_address, job_id).closed:
        st.session_state.live_lost = True
        st.rerun()
    _stages(job_id)


@st.fragment(run_every=_EVERY_S)
def _polled(job_id: str) -> None:
    """Without one, as where a proxy refuses it."""
    _stages(job_id)


def _stages(job_id: str) -> None:
    with told():
        job = api().job(job_id)
        if job.status not in RUNNING:
            st.session_state.live_for = None
            st.rerun()
        st.title("Study")
        st.subheader(STATUS[job.status])
        _timeline(api().events(job_id).events)
        person = signed_in()
        if person is not None and person.has("clinician") and st.button("Cancel the analysis"):
            api().cancel(job_id)
            st.rerun()


def _timeline(events: list[EventDocument]) -> None:
    """Each stage with the seconds it took."""
    steps = [event for event in events if event.action.startswith("status.")]
    for event, following in zip(steps, [*steps[1:], None], strict=True):
        status = event.action.removeprefix("status.")
        name = plain(STATUS.get(status, event.action))
        if following is not None:
            name += f" — {(following.at - event.at).total_seconds():.1f} s"
        elif status in RUNNING:
            name += " — now"
        st.markdown(name)


def _failed(job: JobDocument) -> None:
    st.title("Study")
    error = job.error
    if error is None:
        return
    st.error(f"**{plain(error.code)}**: {plain(error.message)}  \n{plain(error.next_step)}")
    person = signed_in()
    if person is not None and person.has("clinician"):
        series = _chosen_series(job)
        undecided = series is None and error.code == SeriesAmbiguous.__name__
        name = "Analyse again" if series is None and not undecided else "Analyse this series"
        if st.button(name, disabled=undecided):
            api().retry(job.job_id, series)
            st.rerun()
    _timeline(api().events(job.job_id).events)


def _chosen_series(job: JobDocument) -> int | None:
    """Which series of a DICOM upload somebody picks; None where the rules shall choose."""
    offer = api().series(job.job_id)
    if len(offer.series) < 2:
        return None
    chosen: OfferedSeries | None = st.selectbox(
        "Series to analyse",
        offer.series,
        index=None,
        format_func=lambda one: f"{one.number}: {one.description}",
        placeholder="Choose a series of the upload",
    )
    if offer.left_out:
        with st.expander("Series that cannot be analysed"):
            st.markdown("\n".join(f"- {plain(sentence)}" for sentence in offer.left_out))
    return None if chosen is None else chosen.number


# ---- a finished study ----------------------------------------------------------------------------


def _read(job: JobDocument) -> None:
    report = open_report(job.job_id)
    measurements, description, files = _content(job.job_id)
    # One element whatever it holds: where its parts came and went, all below would be drawn anew,
    # the scan be loaded again and another tab be open.
    with st.container():
        _head(job, report)
    left, right = st.columns([11, 9], gap="medium")
    with left, st.container(key="images"):
        _images(measurements, files)
    with right:
        reading, measured, review = st.tabs(["Report", "Measurements", "Review"])
        with reading:
            report_tab.show(report, measurements)
        with measured:
            measurements_tab.show(measurements, description)
        with review:
            person = signed_in()
            review_tab.show(report, may_review="reviewer" in (person.roles if person else ()))
    with st.expander("Download"):
        downloads_part.show(report, files)
    with st.expander("Prior study of the same subject"):
        prior_part.show(job, measurements, files)
    with st.expander("History"):
        _history(api().events(job.job_id).events)


def _history(events: list[EventDocument]) -> None:
    """How long each stage took, and who did what."""
    timed, done = st.columns([1, 2], gap="medium")
    with timed:
        st.markdown("**Stages**")
        _timeline(events)
    with done:
        st.markdown("**What happened**")
        for event in events:
            at = f"{event.at:%Y-%m-%d %H:%M:%S} UTC"
            st.markdown(f"{at} · {plain(event.actor)} · {plain(action(event.action))}")


def _content(job_id: str) -> tuple[Measurements, Description, ArtefactList]:
    """Measurements, findings and addresses, kept until the addresses end."""

    @st.cache_data(ttl=LINKS_LAST_S, scope="session", show_spinner="Loading the study")
    def load(job_id: str) -> tuple[Measurements, Description, ArtefactList]:
        return api().measurements(job_id), api().description(job_id), api().artefacts(job_id)

    return load(job_id)


def _head(job: JobDocument, report: ReviewedReport) -> None:
    signed = report.review_status in ("signed", "amended")
    written = (
        "written by fixed rules"
        if report.report.mode == "composed"
        else "key findings worded by a language model, checked against the measurements"
    )
    with st.container(horizontal=True, vertical_alignment="bottom"):
        st.title(f"Study {job.job_id[:8]}", width="content")
        st.markdown(
            f"Quality **{QUALITY.get(job.quality or '', 'not known')}**  ·  "
            f"Review **{REVIEW[report.review_status]}**  ·  {written}",
            width="content",
        )
    if not signed:
        st.warning(
            "**Draft.** Not for clinical use until a reader has compared it with the images and "
            "signed it."
        )


def _images(measurements: Measurements, files: ArtefactList) -> None:
    links = {file.name: file.url for file in files.artefacts}
    names, colours = labels.names(measurements), label_colours(labels.coloured(measurements))
    if "image.nii.gz" in links:
        viewer(links["image.nii.gz"], links["labels.nii.gz"], links["montage.png"], names, colours)
    else:
        st.image(
            links["montage.png"],
            caption="The scan itself was deleted.",
            alt="Overview slices of the scan with its labels",
        )
