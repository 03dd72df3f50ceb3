"""Which figure a direction, or a missing verdict, speaks of."""

import re
from itertools import pairwise

from mri_analysis.reporting.prose.directions import Level
from mri_analysis.reporting.prose.facts import Direction, Measured
from mri_analysis.reporting.prose.matter import Matter
from mri_analysis.reporting.prose.reduction import LYING, Reduction
from mri_analysis.reporting.prose.shared_verdicts import (
    PAUSE,
    as_interval,
    clause_start,
    of_one_side,
    shares_its_verdict,
    symmetric_volume,
)
from mri_analysis.reporting.prose.tokens import Quantity
from mri_analysis.reporting.prose.verdicts import UNJUDGED, UNJUDGED_LEVEL, UNJUDGED_SIDES

REFERENCES = frozenset({"BAND", "CRIT", "LIMIT", "LOWEND", "UPEND", "RANGE"})
"""Symbols of what a figure is held against."""


def directions_of(reduction: Reduction, symbols: list[str]) -> list[Direction]:
    found = []
    for at, symbol in enumerate(symbols):
        if not re.fullmatch(r"D\d+", symbol):
            continue
        text, level, to = reduction.directions[int(symbol[1:])]
        if level in (Level.SYMMETRIC, Level.ASYMMETRIC):
            proven = not symmetric_volume(symbols, at) and not of_one_side(symbols, at)
            found.append(Direction(text, level, Matter.SIDES, held="LIMIT" in text, proven=proven))
            continue
        if not to and _moves_reference(symbols, at, text):
            # "the band lies below": the band, not the figure
            found.append(Direction(text, level, Matter.LEVEL, proven=False))
            continue
        against = _against(to or _nearest_reference(reduction, symbols, at), reduction.measured)
        if against is None:
            found.append(Direction(text, level, Matter.LEVEL, proven=False))
            continue
        matter = Matter.SIDES if against == "LIMIT" else Matter.LEVEL
        found.append(
            Direction(
                text,
                level=_level(level, against),
                matter=matter,
                proven=_speaks_of(matter, symbols, at)
                and not shares_its_verdict(matter, symbols, at, text)
                and not as_interval(symbols, at, text)
                and not (matter is Matter.SIDES and of_one_side(symbols, at))
                and _holds(level, against)
                and not (against != "LIMIT" and _DENIED.search(text))
                and not (against != "LIMIT" and int(symbol[1:]) in reduction.outlasting),
            )
        )
    return found


def _moves_reference(symbols: list[str], at: int, text: str) -> bool:
    """Whether a bare direction is said of the band: "the band of 933 to 1526 mL lies below"."""
    if at and symbols[at - 1] in REFERENCES:
        return not text.startswith("it ")
    lying = bool(LYING & set(text.split()[:1]))
    return lying and at > 1 and symbols[at - 1] == "," and symbols[at - 2] in REFERENCES


_DENIED = re.compile(r"\b(?:not|without|nor)\b(?! (?:outside|leave|leaving))")
"""Not to exceed a limit is to lie within it; not to exceed or reach a band is not."""
_AGAINST_BY_FIGURE = (("M", "LIMIT"), ("C", "CRIT"), ("B", "LOWEND"), ("E", "UPEND"))


def _against(to: str, measured: Measured) -> str | None:
    if to.startswith("#"):
        return next((name for letter, name in _AGAINST_BY_FIGURE if letter in to), None)
    if to == "RANGE":
        return "BAND"
    if to in ("LIMIT", "CRIT"):
        letters = {letter for known in measured.figures.values() for letter in known}
        return "LIMIT" if Quantity.LIMIT in letters else "CRIT"
    return to or None


def _nearest_reference(reduction: Reduction, symbols: list[str], at: int) -> str:
    """For a direction that names none ("; the value lies within"): the last one named, or the "
    "next."""

    def named(symbol: str) -> str:
        if symbol in REFERENCES:
            return symbol
        if re.fullmatch(r"D\d+", symbol):
            return reduction.directions[int(symbol[1:])][2]
        return ""

    before = [named(symbol) for symbol in symbols[:at] if named(symbol)]
    after = [named(symbol) for symbol in symbols[at + 1 :] if named(symbol)]
    return before[-1] if before else after[0] if after else ""


def _holds(level: Level, against: str) -> bool:
    """Whether the words tell where the figure lies: "above the lower end" does not."""
    if against == "LOWEND":
        return level in (Level.BELOW, Level.OUTSIDE)
    if against == "UPEND":
        return level in (Level.ABOVE, Level.OUTSIDE)
    return True


def _level(level: Level, against: str) -> Level:
    """The direction in terms of what it is held against."""
    if against == "LIMIT":
        within = level in (Level.WITHIN, Level.BELOW)
        return Level.SYMMETRIC if within else Level.ASYMMETRIC
    if level is Level.OUTSIDE and against in ("UPEND", "CRIT"):
        return Level.ABOVE
    if level is Level.OUTSIDE and against == "LOWEND":
        return Level.BELOW
    return level


def _about(symbols: list[str], at: int) -> Matter | None:
    """What the figure is that a direction or a missing verdict speaks of.

    The last one before it in the same clause, else the first one behind it, else the last one of
    the clauses before. None if there is none.
    """
    start = clause_start(symbols, at)
    end = next((i for i in range(at, len(symbols)) if symbols[i] in PAUSE), len(symbols))
    for part in (symbols[start:at], symbols[at + 1 : end][::-1], symbols[:start]):
        matter = _last_matter(part)
        if matter is not None:
            return matter
    return None


def _speaks_of(matter: Matter, symbols: list[str], at: int) -> bool:
    """Whether a direction stands with a figure that can be held against such a thing."""
    about = _about(symbols, at)
    if matter is Matter.SIDES or about is Matter.UNKNOWN:
        return about is matter
    start = clause_start(symbols, at)
    clause = symbols[start:at]
    # "the frontal horns lie above the criterion": the index does, none of its widths
    widths = [i for i, symbol in enumerate(clause) if symbol in ("FH", "FK", "HORNS", "SKULL")]
    named = max((i for i, symbol in enumerate(clause) if symbol == "N"), default=-1)
    own = any(symbol.startswith("#") and "Q" in symbol for symbol in clause)
    return about is not Matter.SIDES and (own or not widths or named > widths[-1])


def _last_matter(symbols: list[str]) -> Matter | None:
    for at in range(len(symbols) - 1, -1, -1):
        symbol = symbols[at]
        if symbol in ("FA", "ASYM"):
            return Matter.SIDES
        if symbol in ("side", "halves"):
            return Matter.UNKNOWN
        if symbol == "sides":
            # "Cortex, sides: within the limit", not "both sides exceed the limit"
            heading = symbols[at + 1 : at + 2] == [":"]
            return Matter.SIDES if heading else Matter.UNKNOWN
        if symbol in ("LR", "RR") and {"LR", "RR"} <= set(symbols[max(0, at - 8) : at + 9]):
            return Matter.SIDES
        if symbol in ("LR", "RR", "volume", "volumes") or (
            symbol.startswith("#") and re.search("[TQ]", symbol)
        ):
            return Matter.LEVEL
    return None


def withheld(symbols: list[str], *, sided: bool) -> list[Matter]:
    found = []
    for at, symbol in enumerate(symbols):
        if symbol == UNJUDGED_SIDES and sided:
            found.append(Matter.SIDES)
        elif symbol in (UNJUDGED_LEVEL, UNJUDGED_SIDES):
            found.append(Matter.LEVEL)
        elif symbol == UNJUDGED:
            about = _last_matter(symbols[:at]) or _about(symbols, at) or Matter.LEVEL
            found.append(Matter.LEVEL if _index_comes_later(symbols, at) else about)
    return found


def _index_comes_later(symbols: list[str], at: int) -> bool:
    """Whether only volumes stand before ``at``, and the verdict on their index after it.

    "… 27.6 mL on the left and 14.4 mL on the right; no verdict is given. The asymmetry index of
    63.0 % exceeds the limit."
    """
    before, after = symbols[:at], symbols[at + 1 :]
    volumes = any(symbol.startswith("#") and "T" in symbol for symbol in before)
    if not volumes or {"FA", "ASYM"} & set(before):
        return False
    return any(
        symbol == "FA" and re.fullmatch(r"D[0-9]+", following)
        for symbol, following in pairwise(after)
    )
