"""The report: impression first, each sentence with what it rests on."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from mri_analysis.contracts.job import ReviewStatus
from mri_analysis.contracts.report import Passage, Statement
from mri_analysis.contracts.review import ReaderStatement, ReviewedReport
from mri_analysis.contracts.segmentation import Measurements, Structure
from mri_analysis.reporting import figures
from mri_analysis.reporting.anatomy import RATIO_NAMES, STRUCTURE_NAMES, capitalised
from mri_analysis.reporting.provenance import provenance_lines
from reading_room.views import decision_part
from reading_room.words import plain

_TITLES = {
    "key_findings": "Key findings",
    "recommended_follow_up": "Recommended follow-up",
    "clinical_significance": "Background, quoted",
}


def show(report: ReviewedReport, measurements: Measurements) -> None:
    """The text as it stands now."""
    draft = report.report
    passages = {passage.id: passage for passage in draft.passages}
    decision_part.show(report)
    for section, title in _TITLES.items():
        statements: Sequence[ReaderStatement] = getattr(report.sections, section)
        if statements:
            st.markdown(f"#### {title}")
        for position, said in enumerate(statements):
            _statement(said, f"{section}-{position}", passages, measurements)
        if section == "key_findings" and report.sections.reader_observations:
            st.markdown("#### Observations of the reader")
            for text in report.sections.reader_observations:
                st.markdown(plain(text))
    if draft.unverified_observations:
        st.markdown("#### Unverified observations of a vision-language model")
        _plainly(draft.unverified_observations)
    st.markdown("#### Confidence")
    _plainly(draft.confidence)
    st.markdown("#### Not assessed")
    for sentence in draft.not_assessed:
        st.markdown(f"- {plain(sentence)}")
    if report.review_status in (ReviewStatus.DRAFT, ReviewStatus.REJECTED):
        st.caption(plain(draft.disclaimer))
    with st.expander("Provenance and licences"):
        for name, line in provenance_lines(draft, measurements.engine):
            st.markdown(f"- **{name}**: {plain(line)}")
        st.caption("Viewer: NiiVue, BSD-2-Clause, copyright of its authors.")
        for attribution in draft.attributions:
            st.caption(plain(attribution))


def _statement(
    said: ReaderStatement, key: str, passages: dict[str, Passage], measurements: Measurements
) -> None:
    text, source = st.columns([5, 1], vertical_alignment="top", gap="small")
    text.markdown(plain(said.text))
    if not said.cites:
        source.caption("reader")
        return
    with source.popover("Source", type="tertiary", key=f"source-{key}", width="content"):
        for cite in said.cites:
            if cite in passages:
                _passage(passages[cite])
            else:
                _measured(cite, measurements)


def _passage(passage: Passage) -> None:
    st.markdown(f"**{plain(passage.title)}**")
    st.markdown(plain(passage.text))
    st.caption(
        f"{plain(passage.source)} ({plain(passage.source_version)}), {plain(passage.licence)}"
    )


def _measured(cite: str, measurements: Measurements) -> None:
    for volume in measurements.volumes:
        if volume.id == cite:
            st.markdown(f"**{capitalised(STRUCTURE_NAMES[volume.structure])}**")
            rows = {"total": figures.volume(volume.total_ml)}
            if volume.structure is not Structure.INTRACRANIAL and volume.percent_of_icv is not None:
                rows["of intracranial volume"] = figures.percent(volume.percent_of_icv)
            if volume.left_ml is not None and volume.right_ml is not None:
                rows["left"] = figures.volume(volume.left_ml)
                rows["right"] = figures.volume(volume.right_ml)
            if volume.asymmetry_percent is not None:
                rows["asymmetry index"] = figures.percent(volume.asymmetry_percent)
            for name, value in rows.items():
                st.markdown(f"{name}: {plain(value)}")
    for ratio in measurements.ratios:
        if ratio.id == cite:
            st.markdown(f"**{capitalised(RATIO_NAMES.get(cite, cite))}**: {ratio.value:.3f}")
            st.markdown(plain(ratio.definition))


def _plainly(statements: Sequence[Statement]) -> None:
    for said in statements:
        st.markdown(plain(said.text))
