"""What the check holds against a reader's sentences, in the reader's words and at its place."""

from __future__ import annotations

import re
from dataclasses import dataclass

from mri_analysis.contracts.review import ReviewedReport
from mri_analysis.contracts.segmentation import Structure
from mri_analysis.reporting.anatomy import RATIO_NAMES, STRUCTURE_NAMES
from reading_room.tracked import SECTIONS

_PLACE = re.compile(r"(\w+)(?:\[(\d+)\])?")
_ID = re.compile(r"\b(finding|volume|ratio|rule)\.[\w.-]*\w")
_OF_THE_SENTENCE = re.compile(r"(is|states|says|names|mentions|does|rests|cites)\b")


@dataclass(frozen=True)
class Objected:
    """One sentence, or a whole section, and every reason against it."""

    place: str
    """for example "Key findings, sentence 2" """
    sentence: str
    """empty where the section is meant"""
    reasons: tuple[str, ...]


def objected(report: ReviewedReport) -> list[Objected]:
    """The objections to the sections as they stand, by sentence, in the order of the report."""
    found: dict[tuple[int, int], tuple[str, str, list[str]]] = {}
    for objection in report.objections:
        place = _PLACE.fullmatch(objection.where)
        section, position = (place[1], place[2]) if place else (objection.where, None)
        title = SECTIONS.get(section, section)
        sentence, order = "", -1
        if position is not None:
            order = int(position)
            title += f", sentence {order + 1}"
            sentence = getattr(report.sections, section)[order].text
        key = (list(SECTIONS).index(section) if section in SECTIONS else len(SECTIONS), order)
        reasons = found.setdefault(key, (title, sentence, []))[2]
        reason = _reason(objection.message, report)
        if reason not in reasons:
            reasons.append(reason)
    return [Objected(title, said, tuple(why)) for _, (title, said, why) in sorted(found.items())]


def _reason(message: str, report: ReviewedReport) -> str:
    """A sentence of its own, with names in place of ids."""
    named = _ID.sub(lambda match: _name(match[0], report), message)
    if _OF_THE_SENTENCE.match(message):
        named = f"it {named}"
    elif _ID.match(message):
        named = f"the {named}"
    return f"{named[:1].upper()}{named[1:]}."


def _name(identifier: str, report: ReviewedReport) -> str:
    kind, _, rest = identifier.partition(".")
    if kind == "finding":
        if rest in RATIO_NAMES:
            return RATIO_NAMES[rest]
        key, _, what = rest.removeprefix("volume.").partition(".")
        return f"side difference of the {_structure(key)}" if what == "asymmetry" else _volume(key)
    if kind == "volume":
        return _volume(rest)
    if kind == "ratio":
        return RATIO_NAMES.get(identifier, identifier)
    return next(
        (
            f"recommendation “{said.text}”"
            for said in report.report.recommended_follow_up
            if identifier in said.cites
        ),
        identifier,
    )


def _volume(key: str) -> str:
    name = _structure(key)
    return name if name.endswith("volume") else f"volume of the {name}"


def _structure(key: str) -> str:
    return STRUCTURE_NAMES[Structure(key)] if key in set(Structure) else key
