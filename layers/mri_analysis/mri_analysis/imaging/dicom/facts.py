"""What of a series' headers stays with the study: numbers, and words of fixed lists."""

import re

from mri_analysis.contracts.study import Acquisition, OfferedSeries, SeriesChoice, SeriesOffer
from mri_analysis.imaging.dicom.choice import Choice, Offer, Weighting, weighting
from mri_analysis.imaging.dicom.grouping import Series

_VENDORS = {
    "siemens": "Siemens",
    "ge ": "GE",
    "general electric": "GE",
    "philips": "Philips",
    "canon": "Canon",
    "toshiba": "Canon",
    "hitachi": "Fujifilm",
    "fujifilm": "Fujifilm",
    "united imaging": "United Imaging",
    "uih": "United Imaging",
    "hyperfine": "Hyperfine",
}
_SEXES = {"F": "female", "M": "male", "O": "other"}
_AGE = re.compile(r"0*([0-9]{1,3})Y?")
_OLDEST = 90
"""Ages above 89 name people (HIPAA, 45 CFR 164.514(b)(2)(i)(C)): one bin for all of them."""


def acquisition_of(series: Series) -> Acquisition:
    """The facts of a series that say how it was taken, and nothing of who lay in the scanner."""
    first = series.first
    named = f"{first.manufacturer.lower()} "
    kind = weighting(first)
    return Acquisition(
        vendor=next((vendor for word, vendor in _VENDORS.items() if named.startswith(word)), None),
        field_strength_tesla=_within(first.field_strength_tesla, 0.01, 20.0),
        weighting=None if kind is Weighting.UNKNOWN else kind.value,
        three_dimensional=first.three_dimensional,
        contrast_agent=first.contrast_agent,
        repetition_time_ms=_within(first.repetition_time_ms, 0.0, 1e5),
        echo_time_ms=_within(first.echo_time_ms, 0.0, 1e4),
        inversion_time_ms=_within(first.inversion_time_ms, 0.0, 1e5),
        flip_angle_degrees=_within(first.flip_angle_degrees, 0.0, 360.0),
        age_years=_age(first.age),
        sex=_SEXES.get(first.sex.upper()),  # type: ignore[arg-type]
    )


def series_offer(offered: Offer) -> SeriesOffer:
    """What an upload holds, as it is kept."""
    series = [OfferedSeries(number=one.number, description=str(one)) for one in offered.candidates]
    return SeriesOffer(series=series, left_out=list(offered.left_out))


def series_choice(choice: Choice) -> SeriesChoice:
    """The choice as it is kept."""
    return SeriesChoice(
        number=choice.chosen.number, description=str(choice.chosen), reason=choice.reason
    )


def _age(said: str) -> int | None:
    """Whole years of an age string; None for "000Y", which scanners write for an unknown age."""
    found = _AGE.fullmatch(said.strip().upper())
    years = int(found.group(1)) if found else 0
    return min(years, _OLDEST) or None


def _within(value: float | None, low: float, high: float) -> float | None:
    """Several digits of precision at most: a number can carry an identifier, too."""
    if value is None or not low < value <= high:
        return None
    return float(f"{value:.5g}")
