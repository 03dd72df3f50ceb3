"""Reads a statement about one measurement: which figures, sides and directions does it state?

A statement is read by reduction: phrases that are understood as a whole ("within the band of 933 to
1526 mL", "larger on the left") become one symbol each, figures and sides included. What remains
must be plain words that tell nothing by themselves. So a word with a meaning is understood inside a
phrase only, a figure only in a place that fits what it is, and whatever is left over is reported
with the rule it breaks. The reader judges nothing: the guard holds what it read against the
measurement.
"""

import re
from dataclasses import replace
from itertools import pairwise

from mri_analysis.reporting.anatomy import EVANS_INDEX
from mri_analysis.reporting.prose.facts import Measured, Reading, Unread
from mri_analysis.reporting.prose.misstatements import in_brackets, in_words
from mri_analysis.reporting.prose.order import bare_asymmetry, misplaced
from mri_analysis.reporting.prose.reduction import Reduction
from mri_analysis.reporting.prose.subjects import REFERENCES, directions_of, withheld
from mri_analysis.reporting.prose.tokens import Quantity, plain, readable, tokens
from mri_analysis.reporting.prose.verdicts import UNJUDGED, UNJUDGED_SIDES
from mri_analysis.reporting.prose.wording import worded
from mri_analysis.reporting.prose.words import (
    NOT_PLAIN_FOR,
    PLAIN,
    PLAIN_FOR,
    WIDTHS,
    abbreviated,
)


def read(text: str, measured: Measured) -> Reading:
    """Take a statement apart.

    Parameters
    ----------
    text
        Of a statement about one measurement.
    measured
        That measurement, with every figure the statement may contain.
    """
    if not readable(text):
        return Reading(unread=(Unread("vocabulary", "..."),))
    row = tokens(abbreviated(plain(text)), measured.figures)
    reduction = Reduction(row.text, measured)
    reduction.run()
    reduction.problems += in_words(row.text)
    if measured.measurement_id == EVANS_INDEX and _BAND.search(row.text):
        reduction.problems.append(Unread("direction", "band"))  # it has a criterion
    reduction.problems += in_brackets(plain(text), measured.figures)
    return _assembled(reduction, row.foreign)


_SYMBOL = re.compile(
    r"N|VS|ASYM|FA|FP|FH|FK|LR|RR|LARGER|D\d+|#[A-Z]*[TQ][A-Z]*|BAND|CRIT|LIMIT|LOWEND|UPEND|RANGE"
    r"|UNJUDGED(?:-LEVEL|-SIDES)?"
)
_REFERENCE_FIGURE = re.compile(r"#[A-Z]*[MCBE]|RANGE")
_BEFORE_REFERENCE = frozenset(
    {",", ";", ":", ".", "(", "/", "-", "and", "with", "when", "for", "N"}
)
"""What stands before a band that is named beside a figure: "1030 mL is the lower end" is a "
"claim."""
_FIGURES = {
    "FA": Quantity.ASYMMETRY,
    "FP": Quantity.SHARE,
    "FH": Quantity.HORNS,
    "FK": Quantity.SKULL,
    "LR": Quantity.LEFT,
    "RR": Quantity.RIGHT,
}
_RULE_OF_WORD = tuple(
    (re.compile(pattern), rule)
    for pattern, rule in (
        (
            r"#\S+|one|three|four|five|six|seven|eight|nine|ten|twice|thrice|half|halve\w*|thirds?"
            r"|quarters?|double\w*|triple\w*|dozen\w*|twofold|hundred\w*|tenths?|fifths?",
            "number",
        ),
        (r"LEFT|RIGHT|larger|smaller|greater|bigger|thinner|thicker", "laterality"),
        (
            r"above|below|within|beyond|outside|enlarged?|increased?|dilated?|reduced|decreased"
            r"|small|large|high|low|higher|lower|ventriculomegaly|exceed\w*|over|under|not|no",
            "direction",
        ),
        (
            r"ICV|intracranial|ventric\w*|cort(?:ex|ices|ical)|white|gr[ea]y|matter|thalam\w*"
            r"|brain\w*|hippocamp\w*|cerebell\w*|cerebr\w*|csf|evans|parenchym\w*|ganglia|HORNS"
            r"|SKULL|skull|horns?",
            "structure",
        ),
    )
)


_BAND = re.compile(r" (?:bands?|intervals?) ")
_BARE_ASYMMETRY_UNJUDGED = re.compile(r"\bASYM (?:of N |is |given |has )*UNJUDGED")


def _assembled(reduction: Reduction, foreign: tuple[str, ...]) -> Reading:
    symbols = reduction.row.split()
    row = " ".join(symbols)
    measurement_id = reduction.measured.measurement_id
    plain_words = PLAIN - NOT_PLAIN_FOR.get(measurement_id, frozenset())
    plain_words |= PLAIN_FOR.get(measurement_id, frozenset())
    if measurement_id != EVANS_INDEX:
        plain_words -= WIDTHS
    unread = [*reduction.problems, *(Unread("number", number) for number in foreign)]
    for symbol in symbols:
        known = symbol in plain_words or _SYMBOL.fullmatch(symbol)
        if not known and symbol != "#?":
            rule = next((r for p, r in _RULE_OF_WORD if p.fullmatch(symbol)), "vocabulary")
            unread.append(Unread(rule, symbol))
    unread += misplaced(symbols)
    unread += [
        Unread("direction", f"{before} {symbol}")
        for before, symbol in pairwise(symbols)
        if symbol in REFERENCES and before not in _BEFORE_REFERENCE
    ]
    texts = [text for text, _, _ in reduction.directions]
    stated = [_FIGURES[symbol] for symbol in symbols if symbol in _FIGURES]
    stated += [
        quantity
        for symbol in symbols
        if symbol.startswith("#")
        for quantity in (Quantity.TOTAL, Quantity.RATIO)
        if quantity.value in symbol
    ]
    return Reading(
        figures=frozenset(stated),
        directions=tuple(
            replace(direction, text=worded(direction.text, texts))
            for direction in directions_of(reduction, symbols)
        ),
        larger_sides=tuple(reduction.larger),
        withheld=tuple(withheld(symbols, sided=measurement_id.startswith("volume."))),
        withholds_more_than_level=bool({UNJUDGED, UNJUDGED_SIDES} & set(symbols)),
        withholds_symmetry=UNJUDGED_SIDES in symbols
        or _BARE_ASYMMETRY_UNJUDGED.search(row) is not None,
        named=reduction.named,
        states_reference=bool(_REFERENCE_FIGURE.search(reduction.first)),
        says_asymmetry=any(bare_asymmetry(symbols, at) for at in range(len(symbols))),
        mentions_reference=bool(REFERENCES & set(symbols)),
        unread=tuple(Unread(one.rule, worded(one.text, texts)) for one in unread),
    )
