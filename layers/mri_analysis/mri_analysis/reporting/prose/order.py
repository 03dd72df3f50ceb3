"""Symbols in an order that says what no measurement proves."""

import re
from collections.abc import Iterator
from itertools import pairwise, takewhile

from mri_analysis.reporting.prose.facts import Unread
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
_NEVER = tuple(
    (rule, re.compile(pattern))
    for rule, pattern in (
        # a figure of the whole said of the sides, or of one
        ("number", r"FA , (?:is|amounts) #T"),
        (
            "number",
            r"LARGER (?:(?:,|:|and|at|with|is|of|volume|measures|measuring|takes|taking|up"
            r"|holds) )+(?:#[A-Z]*T|FP)",
        ),
        ("number", r"(?:#[A-Z]*T|FP) (?:of|in|on) (?:LR|RR)\b"),
        ("number", r"\b(?:LR|RR) (?:being|is|are|=|:) (?:sum|total)\b"),
        ("number", r"#[A-Z]*T (?:, )?results? in FA"),
        # the index is of both sides
        ("number", r"(?:^|[;.:] )(?:LR|RR) (?:, )?(?:has|have|shows?|exhibits?|carries) FA"),
        # a figure behind its verdict, as if it were the distance
        ("direction", r"\bD\d+ with #[A-Z]*[TQ]"),
        # "... and so is the volume of 16.9 mL"
        (
            "direction",
            r"\bD\d+ (?:, )?(?:and|as) (?:is|are|does|do|lies|lie) (?:\S+ ){0,3}#[A-Z]*T",
        ),
        # "With 42.0 mL, the left ventricle holds 27.6 mL"
        (
            "number",
            r"(?:^|[.;:] )(?:with|at|of) (?:(?!total|N )\S+ ){0,2}(?:#[A-Z]*T|FP) (?:, )?"
            r"(?:LR|RR)\b",
        ),
        # each of them, or both? "Both hippocampi have a volume of 10.8 mL"
        (
            "number",
            r"\b(?:both (?:N|ventricles)|volumes|values)"
            r"(?! (?:\S+ )*(?:total|totals|totalled|totaled|together|combined|overall"
            r"|altogether|sum|sums|amounts|LR|RR)\b)"
            r" (?:[a-z,]+ ){0,4}(?:#[A-Z]*T|FP)",
        ),
        # history, and rising
        (
            "vocabulary",
            r"(?<!take )(?<!takes )(?<!taking )(?<!taken )(?<!took )(?<!made )(?<!make )"
            r"(?<!makes )(?<!making )(?<!sums )(?<!N )\bup\b",
        ),
        ("vocabulary", r"^in comparison ,|\bas in\b"),
    )
)
"""By rule: orders that say what no measurement proves."""
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
    for rule, pattern in _NEVER:
        for match in pattern.finditer(" ".join(symbols)):
            yield Unread(rule, match[0])
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
