"""Symbols in an order that says what no measurement proves."""

import re
from collections.abc import Iterator
from itertools import pairwise, takewhile

from mri_analysis.reporting.prose.facts import Unread
from mri_analysis.reporting.prose.misstatements import in_symbols
from mri_analysis.reporting.prose.words import MADE_OF

_RELATING = MADE_OF | {
    "=",
    "amounts",
    "equals",
    "equalling",
    "equaling",
    "display",
    "displays",
    "displayed",
}
"""Between two sides these words relate one to the other: "the left, 27.6 mL, equals the right"."""
_TELLS_FIGURE = re.compile(r"FA|FP|LR|RR|#[A-Z]*[TQ]")
_CHANGED = frozenset({"amounts", "reached", "attained", "come", "returned", "yielded", "read"})


def misplaced(symbols: list[str]) -> Iterator[Unread]:
    """Symbols whose order says what no measurement proves."""
    sides = [at for at, symbol in enumerate(symbols) if symbol in ("LR", "RR")]
    for one, other in pairwise(sides):
        between = symbols[one + 1 : other]
        if between in (["in"], ["of"], ["has"]) or _RELATING & set(between):
            yield Unread("laterality", " ".join(symbols[one : other + 1]))
    for first, verb, then in zip(symbols, symbols[1:], symbols[2:], strict=False):
        both = _TELLS_FIGURE.match(first) and _TELLS_FIGURE.match(then)
        share = {first[:2], then[:2]} <= {"#T", "FP"}
        if both and verb in ("=", "is", "amounts", "equals", "being") and not share:
            yield Unread("number", f"{first} {verb} {then}")
    yield from in_symbols(symbols)
    yield from _whole_said_of_both_sides(symbols)
    for part in (symbols, *_clauses(symbols)):
        yield from _whole_said_of_a_side(part)
    for word, changed in pairwise(symbols):
        if word in ("has", "have", "having") and changed in _CHANGED:
            yield Unread("vocabulary", f"{word} {changed}")
    for at, symbol in enumerate(symbols):
        if symbol == "ICV" and symbols[at - 1] not in ("of", "in", "to"):
            yield Unread("structure", symbol)
        if symbol == "ASYM":
            following = takewhile(lambda s: s not in _STOPS - {":"}, symbols[at + 1 :])
            figure = next((s for s in following if re.match(r"FP|LR|RR|:|#[A-Z]*T|D\d", s)), "")
            if figure == ":":
                figure = next((s for s in following if re.match(r"FP|LR|RR|#[A-Z]*T|D\d", s)), "")
                figure = "" if figure in ("LR", "RR") else figure
            if figure and not figure.startswith("D"):
                yield Unread("number", f"asymmetry {figure}")


def bare_asymmetry(symbols: list[str], at: int) -> bool:
    """Whether an asymmetry is named of which nothing is told in the same breath."""
    following = takewhile(lambda s: s not in _STOPS, symbols[at + 1 :])
    return symbols[at] == "ASYM" and not any(re.fullmatch(r"D\d+", s) for s in following)


def _clauses(symbols: list[str]) -> list[list[str]]:
    row = " ".join(symbols)
    return [clause.split() for clause in re.split(r" ?[.;] ?", row) if clause]


def _whole_said_of_a_side(symbols: list[str]) -> Iterator[Unread]:
    """ "The left hippocampus measures 5.3 mL, 0.7 % of intracranial volume": both sides do."""
    seen: list[str] = []
    for symbol in symbols:
        whole = symbol == "FP" or re.match("#[A-Z]*T", symbol)
        if whole and seen and seen[-1] in ("LR", "RR") and len({"LR", "RR"} & set(seen)) == 1:
            yield Unread("number", f"{seen[-1]} {symbol}")
        if whole and seen and seen[-1] == "LARGER" and not {"LR", "RR"} <= set(seen):
            yield Unread("number", f"{seen[-1]} {symbol}")
        if symbol in ("LR", "RR", "LARGER", "FA", "FP", *_OF_BOTH) or whole:
            seen.append(symbol)


def _whole_said_of_both_sides(symbols: list[str]) -> Iterator[Unread]:
    """ "The side volumes are 17.5 mL": together they are."""
    clause: list[str] = []
    for symbol in [*symbols, "."]:
        if symbol not in (".", ";"):
            clause.append(symbol)
            continue
        whole = next((i for i, s in enumerate(clause) if re.match("#[A-Z]*T", s)), None)
        sides = {"side", "sides", "halves"} & set(clause)
        joined = {"LR", "RR", "both", *_OF_BOTH} & set(clause[:whole])
        if whole is not None and sides and not joined and not {"LR", "RR"} & set(clause):
            yield Unread("number", " ".join(clause))
        clause = []


_OF_BOTH = ("total", "together", "combined", "altogether", "overall")
_STOPS = frozenset({",", ";", ".", "(", ":"})
