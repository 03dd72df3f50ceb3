"""A row of tokens becomes a row of symbols: one phrase after the other, in a fixed order."""

import re
from dataclasses import dataclass, field
from functools import partial

from mri_analysis.reporting.anatomy import EVANS_INDEX
from mri_analysis.reporting.prose import directions, figures, names, references
from mri_analysis.reporting.prose.directions import Level
from mri_analysis.reporting.prose.facts import Measured, Unread
from mri_analysis.reporting.prose.remains import TIDIED
from mri_analysis.reporting.prose.verdicts import NO_VERDICT, unjudged
from mri_analysis.reporting.prose.words import AMOUNTS, DERIVED, DROPPED

LYING = frozenset({"is", "are", "was", "were", "lies", "lie", "falls", "fall", "sits", "stands"})
"""Verbs that say where something is."""


@dataclass
class Reduction:
    """A row of tokens on its way to symbols."""

    row: str
    measured: Measured
    directions: list[tuple[str, Level, str]] = field(default_factory=list)
    """words, level and what it is held against, by the number in its symbol"""
    larger: list[str] = field(default_factory=list)
    problems: list[Unread] = field(default_factory=list)
    outlasting: list[int] = field(default_factory=list)
    """directions that are said to last, by their number"""
    named: bool = False
    first: str = ""
    """the row before any phrase is reduced"""

    def run(self) -> None:
        """Replace phrases by symbols, those of figures before those that contain them."""
        self._names()
        for name, pattern in references.REFERENCES:
            self._replace(pattern, f"{name} ")
        for pattern, replacement in references.BOTH_ENDS:
            self._replace(pattern, replacement)
        for level, pattern in directions.DIRECTIONS:
            self.row = pattern.sub(partial(self._direction, level=level), self.row)
        self._figures()
        for pattern in figures.COMPARED:
            self.row = pattern.sub(self._compared, self.row)
        for level, pattern in directions.SYMMETRY:
            self.row = pattern.sub(partial(self._direction, level=level), self.row)
        self._replace(_BRACKET, "")
        for pattern, replacement in TIDIED:
            self._replace(pattern, replacement)

    def _replace(self, pattern: re.Pattern[str], replacement: str) -> None:
        self.row = pattern.sub(replacement, self.row)

    def _names(self) -> None:
        measurement_id = self.measured.measurement_id
        self._replace(DERIVED, "DERIVED ")
        self._replace(AMOUNTS, "amounts ")
        self._replace(DROPPED, "")
        self._replace(DROPPED, "")
        self.row = re.sub(r"± (?=#[A-Z]*M)", "", self.row)
        if measurement_id == EVANS_INDEX:
            self._replace(names.HORNS, "HORNS ")
            self._replace(names.SKULL, "SKULL ")
        self._replace(names.NAMES[measurement_id], "N ")
        if measurement_id == "volume.csf" and "N" in self.row.split():
            self._replace(names.CSF, "N ")
        self.named = bool({"N", "HORNS", "SKULL"} & set(self.row.split()))
        if measurement_id != "volume.intracranial":
            self._replace(names.ICV, "ICV ")
        if measurement_id.startswith("volume."):
            self._replace(names.ASYMMETRY, "ASYM ")
        self.first = self.row
        self.row = NO_VERDICT.sub(unjudged, self.row)
        self.row = names.SIDES[measurement_id].sub(lambda match: f"{match[1].upper()} ", self.row)
        self._replace(references.RANGE, "RANGE ")

    def _figures(self) -> None:
        for pattern, symbol in figures.FIGURES:
            self._replace(pattern, symbol)
        self.row = figures.LARGER_SIDE.sub(self._compared, self.row)
        for pattern in figures.PAIRED:
            self.row = pattern.sub(_paired, self.row)
        self.row = figures.LARGER_FIGURE.sub(_larger_with_figure, self.row)
        self.row = figures.SIDE_FIGURE.sub(_side_with_figure, self.row)
        self.row = re.sub(r"([LRF])([RHK])( \))? ; (?=[LRF][RHK] )", r"\1\2\3 , ", self.row)

    def _direction(self, match: re.Match[str], level: Level) -> str:
        groups = match.groupdict()
        if level in _OUTSIDE and _as_distance(match):
            self.problems.append(Unread("direction", match[0].strip()))
        if level in _OUTSIDE and _LASTING & set(groups.get("verb", "").split()):
            self.outlasting.append(len(self.directions))
        to = (groups.get("to") or "").strip()
        self.directions.append((match[0].strip(), level, to))
        return f"D{len(self.directions) - 1} "

    def _compared(self, match: re.Match[str]) -> str:
        groups = match.groupdict()
        first, second = match["first"], groups.get("second") or ""
        if second and second[0] == first[0]:
            self.problems.append(Unread("laterality", match[0].strip()))
        side = "left" if first[0] == "L" else "right"
        if groups.get("smaller"):
            side = {"left": "right", "right": "left"}[side]
        self.larger.append(side)
        # A side with its figure stays.
        if match.re is figures.LARGER_SIDE:
            return first
        return "LARGER " + "".join(one for one in (first, second) if one in ("LR ", "RR "))


_OUTSIDE = frozenset({Level.ABOVE, Level.BELOW, Level.OUTSIDE})
_LASTING = frozenset({"remains", "remain", "remaining", "stays", "stay", "keeps", "keep"})
"""Verbs that tell of time: within a band they do no harm."""


def _as_distance(match: re.Match[str]) -> bool:
    """Whether a figure stands before a direction as if it were a distance: "842 mL below"."""
    groups = match.groupdict()
    if groups.get("verb") or groups["word"].split()[0] not in directions.MEASURES_EXCESS:
        return False
    before = match.string[: match.start()]
    if re.search(r"\( #\S+ $", before):
        return False
    clause = re.split(r" [,;.:(] | and ", before)[-1].split()
    at = next((i for i in range(len(clause) - 1, -1, -1) if clause[i].startswith("#")), None)
    if at is None:
        return False
    if clause[at - 1 : at] == ["ASYM"] and not LYING & set(clause):
        return groups["word"] not in ("beyond", "outside", "above", "over")
    if groups["word"].split()[0] in ("over", "under"):
        return True
    # "a volume of 842 mL below the band" is none, "lies a volume of 842 mL below the band" is.
    return "of" not in clause[:at] or bool(LYING & set(clause[:at]))


_BRACKET = re.compile(r"\) ")


def _side_with_figure(match: re.Match[str]) -> str:
    side = "LR " if match["left"] else "RR "
    # "the left (27.6 mL) larger than the right": in brackets a figure is no distance
    return f"{side}) " if re.search(r"(?:\(|at|with) #\S+ $", match[0]) else side


def _larger_with_figure(match: re.Match[str]) -> str:
    side, other = match["side"], "RIGHT" if match["side"] == "LEFT" else "LEFT"
    second = f", {other} {match['second']}" if match["second"] else ""
    return f"{side} {match['figure']}is {match['word']} {second}"


def _paired(match: re.Match[str]) -> str:
    one, other = ("LR ", "RR ")
    if match[0].find("LEFT") > match[0].find("RIGHT"):
        one, other = other, one
    return f"{one}, {match.groupdict().get('joint') or 'and '}{other}"
