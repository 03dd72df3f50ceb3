"""What the picture of bands shows: each figure with a verdict, within or beside its band."""

from collections.abc import Sequence

from mri_analysis.contracts.base import Contract
from mri_analysis.contracts.report import Finding
from mri_analysis.contracts.segmentation import Measurements
from mri_analysis.reporting import figures
from mri_analysis.reporting.anatomy import RATIO_NAMES, STRUCTURE_NAMES, capitalised
from mri_analysis.reporting.findings import COMPARED, FLAGGED, ratio_decimals
from mri_analysis.reporting.verdicts import WORDS, held_against

_MARGIN = 0.35
"""Drawn on either side of a band, as a part of its width; what lies further out is at the edge."""
BAND_FROM, BAND_TO = _MARGIN / (1 + 2 * _MARGIN), (1 + _MARGIN) / (1 + 2 * _MARGIN)
"""Where every band begins and ends, from 0 (left) to 1 (right)."""


class BandRow(Contract):
    """One figure in the picture; the words say what the picture shows."""

    name: str
    figure: str
    band: str
    verdict: str
    flagged: bool
    place: float
    """from 0 (left) to 1 (right)"""
    beyond: bool
    """whether the figure lies further out than is drawn"""


def band_rows(measurements: Measurements, findings: Sequence[Finding]) -> list[BandRow]:
    """A row for each figure that got a verdict from a band or limit with two ends.

    A figure without a verdict has none: its mark in a band would read as one.
    """
    rows = []
    for finding in findings:
        reference = finding.reference
        if reference is None or reference.low is None or reference.high is None:
            continue
        told = _figure(finding, measurements)
        if finding.status not in COMPARED or told is None:
            continue
        name, value, printed = told
        beside = (value - reference.low) / (reference.high - reference.low)
        place = (beside + _MARGIN) / (1 + 2 * _MARGIN)
        rows.append(
            BandRow(
                name=name,
                figure=printed,
                band=held_against(finding),
                verdict=WORDS[finding.status],
                flagged=finding.status in FLAGGED,
                place=min(max(place, 0.0), 1.0),
                beyond=not 0.0 <= place <= 1.0,
            )
        )
    return rows


def _figure(finding: Finding, measurements: Measurements) -> tuple[str, float, str] | None:
    """Name, the rounded figure that the verdict was taken on, and how it is printed."""
    reference, about = finding.reference, set(finding.measurement_ids)
    quantity = None if reference is None else reference.quantity
    for volume in measurements.volumes:
        if volume.id not in about:
            continue
        name = capitalised(STRUCTURE_NAMES[volume.structure])
        if quantity == "total_ml":
            decimals = figures.decimals_of_volume(volume.total_ml)
            value = figures.rounded(volume.total_ml, decimals)
            return name, value, figures.volume(volume.total_ml)
        percent = volume.percent_of_icv
        if quantity == "asymmetry_percent":
            name, percent = f"{name}, sides", volume.asymmetry_percent
        return (
            None
            if percent is None
            else (name, figures.rounded(percent, 1), figures.percent(percent))
        )
    for ratio in measurements.ratios:
        if ratio.id in about:
            decimals = ratio_decimals(ratio.id)
            value = figures.rounded(ratio.value, decimals)
            return capitalised(RATIO_NAMES[ratio.id]), value, figures.printed(value, decimals)
    return None
