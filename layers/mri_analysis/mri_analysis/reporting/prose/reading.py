"""Reads a statement about one measurement: which figures, sides and directions does it state?

A statement is read by reduction: phrases that are understood as a whole ("within the band of 933 to
1526 mL", "larger on the left") become one symbol each, figures and sides included. What remains
must be plain words that tell nothing by themselves. So a word with a meaning is understood inside a
phrase only, a figure only in a place that fits what it is, and whatever is left over is reported
with the rule it breaks. The reader judges nothing: the guard holds what it read against the
measurement.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from itertools import pairwise, takewhile

from mri_analysis.reporting.anatomy import EVANS_INDEX
from mri_analysis.reporting.prose import directions, figures, names, references
from mri_analysis.reporting.prose.directions import Level
from mri_analysis.reporting.prose.matter import Matter
from mri_analysis.reporting.prose.remains import TIDIED
from mri_analysis.reporting.prose.tokens import Figures, Quantity, plain, readable, tokens
from mri_analysis.reporting.prose.verdicts import (
    NO_VERDICT,
    UNJUDGED,
    UNJUDGED_LEVEL,
    UNJUDGED_SIDES,
    unjudged,
)
from mri_analysis.reporting.prose.words import (
    AMOUNTS,
    DERIVED,
    DROPPED,
    MADE_OF,
    NOT_PLAIN_FOR,
    PLAIN,
    PLAIN_FOR,
    abbreviated,
)


@dataclass(frozen=True)
class Measured:
    """What a statement may be about."""

    measurement_id: str
    figures: Figures


@dataclass(frozen=True)
class Direction:
    """Where a figure is said to lie."""

    text: str
    level: Level
    matter: Matter
    """by what it is held against"""
    held: bool = True
    """whether it is held against a band, criterion or limit; 'symmetric' alone is not"""
    proven: bool = True
    """whether it is held against something it can be held against, and of the right figure"""


@dataclass(frozen=True)
class Unread:
    """Words the reader does not understand, and the rule they break."""

    rule: str
    text: str


@dataclass(frozen=True)
class Reading:
    """Everything a statement says about its measurement."""

    figures: frozenset[Quantity] = frozenset()
    directions: tuple[Direction, ...] = ()
    larger_sides: tuple[str, ...] = ()
    """each side that is said to be the larger one"""
    withheld: tuple[Matter, ...] = ()
    """what is said to have no verdict"""
    mentions_reference: bool = False
    states_reference: bool = False
    """whether a figure of a band, criterion or limit is written"""
    says_asymmetry: bool = False
    """names an asymmetry without its index: "the hippocampi show an asymmetry"."""
    named: bool = False
    """whether the structure or ratio is named"""
    unread: tuple[Unread, ...] = ()


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
    reduction = _Reduction(row.text, measured)
    reduction.run()
    return _assembled(reduction, row.foreign)


@dataclass
class _Reduction:
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
    if clause[at - 1 : at] == ["ASYM"] and not _LYING & set(clause):
        return groups["word"] not in ("beyond", "outside", "above", "over")
    # "a volume of 842 mL below the band" is none, "lies a volume of 842 mL below the band" is.
    return "of" not in clause[:at] or bool(_LYING & set(clause[:at]))


_BRACKET = re.compile(r"\) ")
_LYING = frozenset({"is", "are", "was", "were", "lies", "lie", "falls", "fall", "sits", "stands"})


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


_SYMBOL = re.compile(
    r"N|ASYM|FA|FP|FH|FK|LR|RR|LARGER|D\d+|#[A-Z]*[TQ][A-Z]*|BAND|CRIT|LIMIT|LOWEND|UPEND|RANGE"
    r"|UNJUDGED(?:-LEVEL|-SIDES)?"
)
_REFERENCES = frozenset({"BAND", "CRIT", "LIMIT", "LOWEND", "UPEND", "RANGE"})
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


def _assembled(reduction: _Reduction, foreign: tuple[str, ...]) -> Reading:
    symbols = reduction.row.split()
    measurement_id = reduction.measured.measurement_id
    plain_words = PLAIN - NOT_PLAIN_FOR.get(measurement_id, frozenset())
    plain_words |= PLAIN_FOR.get(measurement_id, frozenset())
    unread = [*reduction.problems, *(Unread("number", number) for number in foreign)]
    for symbol in symbols:
        known = symbol in plain_words or _SYMBOL.fullmatch(symbol)
        if not known and symbol != "#?":
            rule = next((r for p, r in _RULE_OF_WORD if p.fullmatch(symbol)), "vocabulary")
            unread.append(Unread(rule, symbol))
    unread += _misplaced(symbols)
    unread += [
        Unread("direction", f"{before} {symbol}")
        for before, symbol in pairwise(symbols)
        if symbol in _REFERENCES and before not in _BEFORE_REFERENCE
    ]
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
        directions=tuple(_directions(reduction, symbols)),
        larger_sides=tuple(reduction.larger),
        withheld=tuple(_withheld(symbols, sided=measurement_id.startswith("volume."))),
        named=reduction.named,
        states_reference=bool(_REFERENCE_FIGURE.search(reduction.first)),
        says_asymmetry=any(_bare(symbols, at) for at in range(len(symbols))),
        mentions_reference=bool(_REFERENCES & set(symbols)),
        unread=tuple(unread),
    )


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
_OF_THE_WHOLE = re.compile(
    r"FA , (?:is|amounts) #T|LARGER (?:(?:,|:|and|at|with|is|of|volume|measures|measuring|takes"
    r"|taking|up|holds) )+"
    r"(?:#[A-Z]*T|FP)"
)
"""A figure of the whole said of the sides."""
_TELLS_FIGURE = re.compile(r"FA|FP|LR|RR|#[A-Z]*[TQ]")
_CHANGED = frozenset({"amounts", "reached", "attained", "come", "returned", "yielded", "read"})


def _misplaced(symbols: list[str]) -> Iterator[Unread]:
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
    for match in _OF_THE_WHOLE.finditer(" ".join(symbols)):
        yield Unread("number", match[0])
    yield from _whole_said_of_a_side(symbols)
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


def _bare(symbols: list[str], at: int) -> bool:
    """Whether an asymmetry is named of which nothing is told in the same breath."""
    following = takewhile(lambda s: s not in _STOPS, symbols[at + 1 :])
    return symbols[at] == "ASYM" and not any(re.fullmatch(r"D\d+", s) for s in following)


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


_OF_BOTH = ("total", "together", "combined", "altogether", "overall")
_STOPS = frozenset({",", ";", ".", "(", ":"})


def _directions(reduction: _Reduction, symbols: list[str]) -> list[Direction]:
    found = []
    for at, symbol in enumerate(symbols):
        if not re.fullmatch(r"D\d+", symbol):
            continue
        text, level, to = reduction.directions[int(symbol[1:])]
        if level in (Level.SYMMETRIC, Level.ASYMMETRIC):
            found.append(Direction(text, level, Matter.SIDES, held="LIMIT" in text))
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
                and _holds(level, against)
                and not (against != "LIMIT" and _DENIED.search(text))
                and not (against != "LIMIT" and int(symbol[1:]) in reduction.outlasting),
            )
        )
    return found


def _moves_reference(symbols: list[str], at: int, text: str) -> bool:
    """Whether a bare direction is said of the band: "the band of 933 to 1526 mL lies below"."""
    if at and symbols[at - 1] in _REFERENCES:
        return not text.startswith("it ")
    lying = bool(_LYING & set(text.split()[:1]))
    return lying and at > 1 and symbols[at - 1] == "," and symbols[at - 2] in _REFERENCES


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


def _nearest_reference(reduction: _Reduction, symbols: list[str], at: int) -> str:
    """For a direction that names none ("; the value lies within"): the last one named, or the "
    "next."""

    def named(symbol: str) -> str:
        if symbol in _REFERENCES:
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


_PAUSE = frozenset({".", ";"})


def _about(symbols: list[str], at: int) -> Matter | None:
    """What the figure is that a direction or a missing verdict speaks of.

    The last one before it in the same clause, else the first one behind it, else the last one of
    the clauses before. None if there is none.
    """
    start = max((i + 1 for i in range(at) if symbols[i] in _PAUSE), default=0)
    end = next((i for i in range(at, len(symbols)) if symbols[i] in _PAUSE), len(symbols))
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
    start = max((i + 1 for i in range(at) if symbols[i] in _PAUSE), default=0)
    clause = symbols[start:at]
    # "the frontal horns lie above the criterion": the index does, none of its widths
    widths = [i for i, symbol in enumerate(clause) if symbol in ("FH", "FK", "HORNS", "SKULL")]
    named = max((i for i, symbol in enumerate(clause) if symbol == "N"), default=-1)
    own = any(symbol.startswith("#") and "Q" in symbol for symbol in clause)
    return about is not Matter.SIDES and (own or not widths or named > widths[-1])


def _last_matter(symbols: list[str]) -> Matter | None:
    for at in range(len(symbols) - 1, -1, -1):
        symbol = symbols[at]
        if symbol in ("FA", "ASYM", "side", "halves"):
            return Matter.SIDES
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


def _withheld(symbols: list[str], *, sided: bool) -> list[Matter]:
    found = []
    for at, symbol in enumerate(symbols):
        if symbol == UNJUDGED_SIDES and sided:
            found.append(Matter.SIDES)
        elif symbol in (UNJUDGED_LEVEL, UNJUDGED_SIDES):
            found.append(Matter.LEVEL)
        elif symbol == UNJUDGED:
            found.append(_last_matter(symbols[:at]) or _about(symbols, at) or Matter.LEVEL)
    return found
