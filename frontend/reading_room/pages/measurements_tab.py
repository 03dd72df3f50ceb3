"""What was measured, and how good the segmentation is."""

from __future__ import annotations

import streamlit as st

from mri_analysis.contracts.segmentation import Measurements
from mri_analysis.reporting import figures
from mri_analysis.reporting.anatomy import RATIO_NAMES, STRUCTURE_NAMES, capitalised
from reading_room.words import QUALITY, plain


def show(measurements: Measurements) -> None:
    """Volumes, ratios, quality, and what was not assessed."""
    st.dataframe(
        [
            {
                "Structure": capitalised(STRUCTURE_NAMES[volume.structure]),
                "mL": _ml(volume.total_ml),
                "% of ICV": _percent(volume.percent_of_icv),
                "Left mL": _ml(volume.left_ml),
                "Right mL": _ml(volume.right_ml),
                "Asymmetry %": _percent(volume.asymmetry_percent),
            }
            for volume in sorted(
                measurements.volumes, key=lambda v: list(STRUCTURE_NAMES).index(v.structure)
            )
        ],
        hide_index=True,
        width="stretch",
        height=36 * (len(measurements.volumes) + 1),
        column_config={"Structure": st.column_config.Column(width="medium")},
    )
    for ratio in measurements.ratios:
        name = capitalised(RATIO_NAMES.get(ratio.id, ratio.id))
        st.markdown(f"**{plain(name)}**: {ratio.value:.3f} — {plain(ratio.definition)}")
    st.caption("ICV: intracranial volume. Left and right are the patient's.")
    quality = measurements.quality
    st.markdown(f"**Quality of the segmentation: {QUALITY[quality.verdict]}**")
    for reason in quality.reasons():
        st.markdown(f"- {plain(reason)}")
    st.markdown("**Not assessed**")
    for sentence in measurements.not_assessed:
        st.markdown(f"- {plain(sentence)}")


def _ml(volume_ml: float | None) -> str:
    """As the report prints it."""
    return "-" if volume_ml is None else figures.volume(volume_ml).removesuffix(" mL")


def _percent(value: float | None) -> str:
    return "-" if value is None else figures.percent(value).removesuffix(" %")
