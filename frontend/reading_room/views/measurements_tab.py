"""What was measured, and how good the segmentation is."""

from __future__ import annotations

import streamlit as st

from mri_analysis.contracts.report import Description
from mri_analysis.contracts.segmentation import Measurements
from reading_room.measurement_table import ratio_table, sums_of_probabilities, volume_table
from reading_room.words import QUALITY, plain


def show(measurements: Measurements, description: Description) -> None:
    """Volumes, ratios, quality, and what was not assessed."""
    st.html(volume_table(measurements, description))
    st.caption(
        "ICV: intracranial volume. Left and right are the patient's; a positive asymmetry means that "  # noqa: E501
        "the left is larger. A click on a verdict shows what it rests on. Bands are derived from "
        "published figures; limits of asymmetry are this engine's own and no population norm."
        + (r" \* sum of class probabilities." if sums_of_probabilities(measurements) else "")
    )
    st.html(ratio_table(measurements, description))
    quality = measurements.quality
    st.markdown(f"**Quality of the segmentation: {QUALITY[quality.verdict]}**")
    for reason in quality.reasons():
        st.markdown(f"- {plain(reason)}")
    st.markdown("**Not assessed**")
    for sentence in measurements.not_assessed:
        st.markdown(f"- {plain(sentence)}")
