"""Which series of an examination is analysed, and why.

The rules are those of ``docs/dicom.md``: what cannot be one structural volume of the head is left
out with a reason; of the rest the best rank is taken; where two share it, a person chooses.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from mri_analysis.errors import AnnotationInImage, NoMrSeries, SeriesAmbiguous
from mri_analysis.imaging.dicom.grouping import Series
from mri_analysis.imaging.dicom.headers import Header

_FEWEST_SLICES = 16
_LEAST_COVERAGE_MM = 100.0
"""Half a head: what covers less cannot be measured."""
_THIN_MM = 2.0
_THICKEST_MM = 8.0
_NOT_STRUCTURAL = {
    "LOCALIZER": "a localizer",
    "SCOUT": "a localizer",
    "PROJECTION IMAGE": "a projection",
    "MIP": "a projection",
    "MINIP": "a projection",
    "SUBTRACTION": "a subtraction",
    "ADC": "a diffusion map",
    "FA": "a diffusion map",
    "TRACEW": "a diffusion image",
    "DIFFUSION": "a diffusion image",
    "PERFUSION": "a perfusion image",
    "ASL": "a perfusion image",
    "FMRI": "a functional image",
    "P": "a phase image",
    "PHASE": "a phase image",
    "PHASE MAP": "a phase image",
    "R": "a real part",
    "I": "an imaginary part",
    "T1 MAP": "a map of a quantity",
    "T2 MAP": "a map of a quantity",
    "SCREEN SAVE": "a picture of a screen",
    "REPORT": "a picture of a screen",
}


class Weighting(StrEnum):
    """Which tissue is bright, as far as the header tells."""

    T1 = "T1-weighted"
    FLAIR = "FLAIR"
    T2 = "T2-weighted"
    UNKNOWN = "of unknown weighting"


_ORDER = (Weighting.T1, Weighting.UNKNOWN, Weighting.T2, Weighting.FLAIR)
"""An unknown weighting stands before T2: converted files of research often say nothing."""


@dataclass(frozen=True)
class Candidate:
    """A series that could be analysed."""

    number: int
    """from 1, the same for the same archive each time"""
    series: Series
    weighting: Weighting
    contrast_agent: bool | None
    thin: bool
    original: bool
    corrected: bool
    """for the sensitivity of the coils (Siemens NORM)"""

    @property
    def rank(self) -> tuple[int, ...]:
        """The lower the better."""
        return (
            not self.thin,
            _ORDER.index(self.weighting),
            self.contrast_agent is True,
            not self.original,
            not self.corrected,
        )

    def __str__(self) -> str:
        """What a person tells it from another by; no word of the upload."""
        spacing = self.series.spacing_mm or (0.0, 0.0, 0.0)
        sizes = " x ".join(f"{value:.2g}" for value in spacing)
        first = self.series.first
        said = [
            f"series {first.series_number}" if first.series_number is not None else "a series",
            str(self.weighting),
            f"{self.series.slices} slices",
            f"voxels of {sizes} mm",
        ]
        if self.contrast_agent:
            said.append("with contrast agent")
        if not self.original:
            said.append("derived from other images")
        return ", ".join(said)


@dataclass(frozen=True)
class Offer:
    """What an upload holds."""

    candidates: tuple[Candidate, ...]
    left_out: tuple[str, ...]
    """a sentence for each series that cannot be chosen"""


@dataclass(frozen=True)
class Choice:
    """The series to analyse, and the rule that chose it."""

    chosen: Candidate
    reason: str


def offer(series: Sequence[Series]) -> Offer:
    """Which of ``series`` can be analysed."""
    candidates, left_out = [], []
    for number, one in enumerate(series, start=1):
        why = why_not(one)
        if why:
            left_out.append(f"Series {number} is {why}.")
        else:
            candidates.append(_candidate(number, one))
    return Offer(tuple(candidates), tuple(left_out))


def choose(offered: Offer, wanted: int | None = None) -> Choice:
    """Pick the series to analyse; ``wanted`` is the number that a person chose.

    Raises
    ------
    NoMrSeries
        None of them can be a structural volume of the head.
    SeriesAmbiguous
        Two or more are equally good; the sentence lists them.
    AnnotationInImage
        The chosen one says that text is written into its voxels.
    """
    choice = _best(offered, wanted)
    if any(header.burned_in for header in choice.chosen.series.headers):
        raise AnnotationInImage("The images say that text is written into their voxels.")
    return choice


def _best(offered: Offer, wanted: int | None) -> Choice:
    if wanted is not None:
        for one in offered.candidates:
            if one.number == wanted:
                return Choice(one, "a person chose it")
        raise NoMrSeries(f"The upload has no series {wanted} that can be analysed.")
    if not offered.candidates:
        raise NoMrSeries(_nothing(offered.left_out))
    ranked = sorted(offered.candidates, key=lambda one: one.rank)
    equal = [one for one in ranked if one.rank == ranked[0].rank]
    if len(equal) > 1:
        listed = "; ".join(f"{one.number}: {one}" for one in equal)
        raise SeriesAmbiguous(f"{len(equal)} series could be analysed equally well: {listed}.")
    if len(ranked) == 1:
        return Choice(ranked[0], "no other series can be analysed")
    return Choice(ranked[0], _why(ranked[0], ranked[1]))


def _why(chosen: Candidate, second: Candidate) -> str:
    """The first rule that set it apart from the next best."""
    rules = (
        "its slices are thin",
        f"it is {chosen.weighting}",
        "no contrast agent was given",
        "it was measured, and not derived from other images",
        "it is corrected for the coils",
    )
    ranks = zip(rules, chosen.rank, second.rank, strict=True)
    return next(rule for rule, mine, its in ranks if mine != its)


def _nothing(left_out: Sequence[str]) -> str:
    if not left_out:
        return "The upload holds no MR images."
    most = 8
    more = f" And {len(left_out) - most} more." if len(left_out) > most else ""
    return f"No series of the upload can be analysed. {' '.join(left_out[:most])}{more}"


def why_not(series: Series) -> str:
    """Why a series cannot be the structural volume, as "Series 3 is …" goes on; "" if it can."""
    first = series.first
    for part in first.image_type[2:]:
        if part in _NOT_STRUCTURAL:
            return _NOT_STRUCTURAL[part]
    if first.colour:
        return "in colours"
    if first.angiography:
        return "an angiography"
    if (first.b_value or 0) > 0:
        return "a diffusion image"
    if series.slices < _FEWEST_SLICES:
        return f"too short ({series.slices} slices)"
    if first.normal is None or first.pixel_spacing_mm is None:
        return "without a place in space"
    spacing = series.spacing_mm
    if spacing is None:
        return "without a place for each slice"
    if min(spacing) <= 0:
        return "several volumes at the same places"
    if spacing[2] > _THICKEST_MM:
        return f"too coarse ({spacing[2]:.1f} mm between slices)"
    extent = (spacing[0] * first.columns, spacing[1] * first.rows, spacing[2] * series.slices)
    if min(extent) < _LEAST_COVERAGE_MM:
        return f"only a part of the head ({min(extent):.0f} mm)"
    return ""


def _candidate(number: int, series: Series) -> Candidate:
    first = series.first
    spacing = series.spacing_mm
    return Candidate(
        number=number,
        series=series,
        weighting=weighting(first),
        contrast_agent=_contrast_agent(first),
        thin=first.three_dimensional is True or (spacing is not None and spacing[2] <= _THIN_MM),
        original=not first.image_type or first.image_type[0] != "DERIVED",
        corrected="NORM" in first.image_type,
    )


def weighting(header: Header) -> Weighting:
    """From echo, repetition and inversion time; from the words only where these are not said.

    Limits are those of textbooks, at 1.5 and 3 T: they tell the families apart, no more.
    """
    echo, repetition = header.echo_time_ms, header.repetition_time_ms
    inversion = header.inversion_time_ms or 0.0
    if echo is None or repetition is None:
        return _by_words(header.words)
    if inversion > 1400 and echo > 60:
        return Weighting.FLAIR
    if echo > 60:
        return Weighting.T2
    inverted = 300 <= inversion <= 1400
    gradient = repetition < 60 and echo < 15
    spin = repetition < 1200 and echo < 30
    if (inverted and echo < 30) or gradient or spin:
        return Weighting.T1
    return _by_words(header.words)


_T1_WORDS = ("mprage", "mp-rage", "mp_rage", "bravo", "spgr", "t1")
_FLAIR_WORDS = ("flair", "dark-fluid", "dark fluid")


def _by_words(words: str) -> Weighting:
    if any(word in words for word in _FLAIR_WORDS):
        return Weighting.FLAIR
    if any(word in words for word in _T1_WORDS):
        return Weighting.T1
    return Weighting.T2 if "t2" in words else Weighting.UNKNOWN


_AGENT = re.compile(
    r"(?<![a-z0-9])(post(?![ _-]?op)|gd|gado[a-z]*|km)(?![a-z0-9])|\+ ?(c|gd|km)(?![a-z0-9])"
)
"""Whole words: "posterior" and the distortion correction "gdc" say nothing of an agent."""


def _contrast_agent(header: Header) -> bool | None:
    """A description may say it where the attribute does not."""
    if header.contrast_agent:
        return True
    return True if _AGENT.search(header.words) else header.contrast_agent
