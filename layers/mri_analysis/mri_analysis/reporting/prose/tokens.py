"""A statement as a row of tokens: plain words, signs, and figures known by their value.

Every printed figure of a measurement is known beforehand. So a number is first of all one of them,
or it is none; whether the words around it agree is for the phrases to tell.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class Quantity(StrEnum):
    """What a figure is, as the letter that stands for it in a row of tokens."""

    TOTAL = "T"
    """volume of a structure, mL"""
    LEFT = "L"
    """left part of a structure, mL"""
    RIGHT = "R"
    """right part of a structure, mL"""
    SHARE = "P"
    """per cent of intracranial volume"""
    ASYMMETRY = "A"
    """asymmetry index, %"""
    RATIO = "Q"
    """no unit"""
    HORNS = "H"
    """width of the frontal horns, mm"""
    SKULL = "K"
    """inner width of the skull, mm"""
    LOW = "B"
    """lower end of a band"""
    HIGH = "E"
    """upper end of a band"""
    CRITERION = "C"
    """criterion without a lower end"""
    LIMIT = "M"
    """limit of the asymmetry index, %"""


Figures = Mapping[tuple[float, str], str]
"""By value and unit ('mL', '%', 'mm' or ''): the letters of the quantities it is printed for."""

_NUMBER = r"-?\d[\d.,]*(?<![.,])"
_UNIT = (
    r"mL|ml|mm|cm³|cm3|ccm|cc|millilit(?:re|er)s?|millimet(?:re|er)s?|cubic centimet(?:re|er)s?"
    r"|%|per ?cent"
)
_UNITS = {"%": "%", "percent": "%", "per cent": "%", "mm": "mm"}
_PLAIN = str.maketrans(
    {
        "\u00a0": " ",
        "\u202f": " ",
        "\u2009": " ",
        "\u2019": "'",
        "\u2212": "-",
        "\u2010": "-",
        "\u2011": "-",
        "\u2013": "-",
        "\u2014": "-",
        "\u2192": ":",
    }
)
"""Other ways to write a space, an apostrophe, a minus sign, a hyphen and a dash."""

_TOKEN = re.compile(
    # A hyphen or dash between two numbers is a range; before a number after a space it is a sign.
    rf"(?P<number>(?<![\w.,]){_NUMBER})(?:[ -]?(?P<unit>{_UNIT})(?![A-Za-z]))?"
    r"|(?P<word>[A-Za-z]+(?:'[a-z]*)?)"
    r"|(?P<sign>[^\s\w])"
    r"|(?P<other>\w+)"
)
_SIGNS = frozenset(".,;:()[]/-=<>&±")
_SIDES = {"L": "left", "R": "right", "LT": "left", "RT": "right", "Lt": "left", "Rt": "right"}
# "8.8 and 8.1 mL": the unit stands once, behind the last.
_LIST_JOINT = re.compile(r"\s*(?:,|/|-|and|to|or|versus|vs\.?|against|,\s*and)\s*")

_DECIMALS = {"": 3}
_DECIMALS_WITH_UNIT = 1
LONGEST = 600
"""Characters of a statement; a longer one is not read."""
# Neither do statements hold many signs in a row, and patterns need not cope with them.
_SIGNS_IN_A_ROW = re.compile(r"(?:[^\w\s]\s*){5}|\s{4}")


@dataclass(frozen=True)
class Row:
    """A statement, token by token."""

    text: str
    """each token between single spaces: lower-case words, signs, figures such as ``#T``"""
    foreign: tuple[str, ...]
    """numbers that are no printed figure of the measurement, and signs no statement needs"""


def plain(text: str) -> str:
    """The text with one way to write spaces, apostrophes and dashes."""
    return text.translate(_PLAIN)


def readable(text: str) -> bool:
    """Whether a text has the length and the signs of a statement."""
    return len(text) <= LONGEST and not _SIGNS_IN_A_ROW.search(text)


def tokens(text: str, figures: Figures) -> Row:
    """Take a text apart.

    Parameters
    ----------
    text
        In plain signs (:func:`plain`).
    figures
        Everything a number may be.
    """
    foreign: list[str] = []
    row: list[str] = []
    units = _units(text)
    for match in _TOKEN.finditer(text):
        if match["number"]:
            value = parsed_number(match["number"])
            unit = units[match.start()]
            decimals = _DECIMALS.get(unit, _DECIMALS_WITH_UNIT)
            if value is not None and len(match["number"].partition(".")[2]) > decimals:
                value = None  # finer than anything that is printed
            known = figures.get((value, unit)) if value is not None else None
            row.append(f"#{known or '?'}")
            if known is None:
                foreign.append(match[0])
        elif match["word"]:
            row.append(_word(match["word"]))
        elif match["other"] or match["sign"] not in _SIGNS:
            foreign.append(match[0])
        else:
            row += _sign(match, text)
    return Row(" " + "".join(f"{token} " for token in row), tuple(foreign))


def parsed_number(text: str) -> float | None:
    """The value of a number in plain digits, thousands apart by commas or not at all.

    >>> parsed_number("1,608.5"), parsed_number("-4.4"), parsed_number("1.608,5")
    (1608.5, -4.4, None)
    """
    if re.fullmatch(r"-?\d{1,3}(?:,\d{3})+(?:\.\d+)?", text):
        text = text.replace(",", "")
    if not text.isascii() or not re.fullmatch(r"-?\d+(?:\.\d+)?", text):
        return None
    return float(text)


def _units(text: str) -> dict[int, str]:
    """Where each number starts, and its unit."""
    found: list[tuple[int, int, str]] = []
    for match in _TOKEN.finditer(text):
        if match["number"]:
            unit = (match["unit"] or "").lower()
            unit = unit and _UNITS.get(unit, "mm" if unit.startswith("millim") else "mL")
            found.append((match.start(), match.end(), unit))
    units: dict[int, str] = {}
    later = (len(text), len(text), "")
    for start, end, unit in reversed(found):
        if not unit and _LIST_JOINT.fullmatch(text[end : later[0]]):
            unit = later[2]
        units[start] = unit
        later = (start, end, unit)
    return units


def _word(word: str) -> str:
    if word in _SIDES:
        return _SIDES[word]
    lowered = word.lower()
    return lowered.removesuffix("'s").removesuffix("'") if "'" in lowered else lowered


def _sign(match: re.Match[str], text: str) -> list[str]:
    around = text[max(0, match.start() - 1) : match.end() + 1]
    if match[0] == "-" and len(around) == 3 and around.replace("-", "").isalpha():
        return []  # within a word: "left-sided"
    return [] if match[0] in ")]" else ["(" if match[0] == "[" else match[0]]
