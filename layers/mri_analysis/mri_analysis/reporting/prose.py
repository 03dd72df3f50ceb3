"""Reads a sentence about one measurement: which figures, sides and directions does it state?

The reader is a closed world. It knows the ways a measurement is put into words and takes each of
them apart; what is left over is reported as not understood. It judges nothing: the guard holds
what was read against the measurement.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise


class Quantity(StrEnum):
    """What a figure is said to be."""

    VOLUME = "volume"
    """total of a structure, mL"""
    SIDE = "side"
    """left or right part of a structure, mL"""
    SHARE = "share"
    """per cent of intracranial volume"""
    ASYMMETRY = "asymmetry"
    """asymmetry index, %"""
    RATIO = "ratio"
    """no unit"""
    WIDTH = "width"
    """part of a ratio, mm"""
    LOW = "low"
    """lower end of a band"""
    HIGH = "high"
    """upper end of a band, criterion"""
    END = "end"
    """an end of a band, which one is not told"""
    LIMIT = "limit"
    UNNAMED = "unnamed"
    """a ratio or an end of its band"""
    """limit of the asymmetry index"""


@dataclass(frozen=True)
class Figure:
    """A number as it is written, with what the words around it say it is."""

    text: str
    value: float
    unit: str
    """'mL', '%', 'mm' or ''"""
    quantity: Quantity
    name: str = ""
    """side of a side's volume, part of a ratio's width"""


class Level(StrEnum):
    """A direction as it is written."""

    WITHIN = "within"
    ABOVE = "above"
    BELOW = "below"
    OUTSIDE = "outside"
    """not told on which side"""
    SYMMETRIC = "symmetric"
    ASYMMETRIC = "asymmetric"


@dataclass(frozen=True)
class Direction:
    """A direction and the words that state it."""

    text: str
    level: Level


@dataclass(frozen=True)
class Reading:
    """Everything a text says about a measurement."""

    figures: tuple[Figure, ...]
    directions: tuple[Direction, ...]
    larger_sides: tuple[str, ...]
    """each side that is said to be the larger one"""
    withholds_verdict: bool
    """says that there is no verdict"""
    mentions_reference: bool
    unknown: tuple[str, ...]
    """words and signs that the reader does not understand"""
    unbound: tuple[str, ...]
    """figures that nothing names"""
    volumes: tuple[tuple[Figure, ...], ...]
    """the ways in which millilitres can be tied to the sides that are named"""


_NUMBER = r"-?\d[\d.,]*(?<![.,])"
_UNIT = (
    r"mL|ml|mm|cm³|cm3|ccm|cc|millilit(?:re|er)s?|millimet(?:re|er)s?|cubic centimet(?:re|er)s?"
    r"|%|per ?cent"
)
_PLAIN = str.maketrans(
    {"\u00a0": " ", "\u202f": " ", "\u2019": "'", "\u2212": "-", "\u2013": "-", "\u2014": "-"}
)
"""Other ways to write a space, an apostrophe, a minus sign and a dash."""
_UNITS = {"%": "%", "percent": "%", "per cent": "%", "mm": "mm"}

# A hyphen or dash between two numbers is a range; before a number after a space it is a sign.
_TOKEN = re.compile(
    rf"(?P<number>(?<![\w.,]){_NUMBER})(?:[ \u00a0-]?(?P<unit>{_UNIT})(?![A-Za-z]))?"
    r"|(?P<word>[A-Za-z]+(?:'[a-z]+)?)"
    r"|(?P<sign>[^\s\w])"
    r"|(?P<other>\w+)"
)
_PLAIN_SIGNS = frozenset(".,;:()[]/'-+=%&>")

_LEFT_RIGHT = re.compile(
    r"\b(?:left|L)(?:\s*(?:-|/|to|versus|vs\.?|and|minus)\s*)(?:right|R)\b"
    r"(?=[\s-]*(?:asymmetry|difference|index|comparison|symmetry|ratio|balance))"
    r"|\b(?:between|of) (?:the )?(?:two |both )?(?:left and (?:the )?right|right and (?:the )?left)"
    r"(?: sides?| halves| hemispheres?| parts?)?(?![^.;]{0,25}\d+(?:\.\d)? (?:mL|ml))"
    r"|\b(?:left|right) and (?:the )?(?:left|right)(?: sides?| halves| parts?| volumes?)?"
    r"(?: of (?:the )?[a-z ]{3,40}?)?(?= (?:are (?:a?symmetric|equal)|differ|lie|do|have an)\b)"
    r"|\bside[- ]to[- ]side\b",
    re.IGNORECASE,
)
# The name of a compartment, no direction.
_OUTER = re.compile(
    r"\b(?:outside|beyond|external to|outside of) (?:the )?(?:ventricles|ventricular (?:system"
    r"|spaces?))\b",
    re.IGNORECASE,
)
_INNER = re.compile(r"\b(?:inside|within) the (?:inner )?skull\b", re.IGNORECASE)
# Words that are understood in these phrases alone.
_PHRASES = re.compile(
    r"\bi\.e\.|\bsplit (?:into|as|between|up)\b|\baccount for\b"
    r"|\bbelong(?:s|ing)? to the (?=left|right)|\b(?:by|in) contrast\b"
    r"|\bextra-?ventricular\b|\bbrain tissue\b"
    r"|\b(?:inner|inside the|within the|of the) skull\b|\bout of (?=the\b)",
    re.IGNORECASE,
)
_COMPARATIVE = re.compile(
    r"\b(?:larger|smaller|greater|bigger|lesser|wider|largest|smallest)\b", re.I
)
_SMALLER = frozenset({"smaller", "lesser", "smallest"})
_OUTWEIGHS = re.compile(
    r"\b(?:exceed(?:s|ing)?|outweighs|surpass(?:es|ing)?|dominates|over) "
    r"(?:that of |that on )?(?:the )?(?=(?:left|right)\b)|(?<=[a-zA-Z]) ?> ?(?=(?:left|right|L"
    r"|R)\b)",
    re.IGNORECASE,
)
_APART = r"[^\w;.(]{0,3}"
_SIDE_FOLLOWS = re.compile(
    rf"{_APART}(?:(?:ventricular|hippocampal|thalamic|cortical|cerebellar|in volume|in size|side"
    rf"|part|half|volume|one|share|portion|of the two(?: sides| halves)?|figure|value){_APART})*"
    rf"(?:is|being|lies|lying|stands|sits|falls|falling|was)?{_APART}"
    rf"(?:found|seen|measured|located|situated)?{_APART}(?:on|at|to|that of|that on|in)?{_APART}"
    rf"(?:the|that of the)?{_APART}(?P<side>left|right|L|R)\b",
    re.IGNORECASE,
)
_THAN_LIMIT = re.compile(
    r"(?: in (?:magnitude|amount|size))? than (?:the |its )?(?:limit|criterion|band|lower"
    r"|upper|usual)",
    re.IGNORECASE,
)
_PREDOMINANCE = re.compile(
    r"\b(?P<side>left|right)(?:[- ]sided)? (?:predominance|dominance)\b"
    r"|\bin favou?r of the (?P<other>left|right)\b",
    re.IGNORECASE,
)
_OTHER_SIDE = {"left": "right", "right": "left"}

# "is left without a verdict" names no side.
_LEFT_BEHIND = re.compile(
    r"\b(?:is|are|was|were|been|being) left\b(?! (?:side|half))|\bleft (?=without\b|open\b)",
    re.IGNORECASE,
)

_ABOUT_WHAT = (
    r"(?: (?:about|on|for|of|to|regarding)(?: (?:the|this|its|it|that|these|them|a|figures?"
    r"|values?|volumes?"
    r"|measurements?|symmetry|asymmetry|sides?|difference|structure|ratio|index|total|quantity"
    r"|level|here))+)?"
)
NO_VERDICT = re.compile(
    rf"\b(?:no|without(?: a| any)?) (?:verdict|comparison|statement|judgement|judgment|reference)"
    rf"{_ABOUT_WHAT}"
    r"(?: (?:is|was|are|has been|being)(?: being)?)?(?: (?:given|made|drawn|stated|offered|attached"
    rf"|provided|reported|passed|issued|assigned|available|applied))?{_ABOUT_WHAT}(?: here)?"
    rf"|\b(?:a |the )?verdict{_ABOUT_WHAT}(?: is| was|:)? ?(?:not|none)"
    r"(?: (?:is |was )?(?:given|made|stated|offered|provided|issued|assigned|available))?"
    r"|\b(?:is|are|was) not (?:compared|judged)\b|\bverdict(?: is)? withheld\b",
    re.IGNORECASE,
)

_REFERENCE_NOUN = (
    r"(?:band|criterion|cut-?off|range|interval|reference|threshold|bounds?"
    r"|limits?|figures|end|mark|edge|ceiling|floor)"
)
_REFERENCE = re.compile(rf"\b{_REFERENCE_NOUN}\b", re.IGNORECASE)

_NEGATED_EXCESS = re.compile(
    r"\b(?:does|do|did) not (?:exceed|pass|cross|reach|surpass|go beyond|lie beyond|lie outside"
    r"|leave|go past|go over)\b"
    r"|\b(?:is|are|lies|lie|and|but) not (?:beyond|outside|over|past|exceeded)\b"
    r"|\bnot exceed(?:ed|ing)\b|\bwithout (?:exceeding|passing|crossing|reaching|leaving)\b"
    r"|\bno(?:r|t) (?:beyond|outside)\b",
    re.IGNORECASE,
)
_WORDS_OF: tuple[tuple[Level, re.Pattern[str]], ...] = (
    (
        Level.ASYMMETRIC,
        re.compile(
            r"\b(?:asymmetric(?:al|ally)?|asymmetries|unequal(?:ly)?|uneven(?:ly)?|imbalanced?|laterali[sz]\w+)\b",
            re.I,
        ),
    ),
    (
        Level.SYMMETRIC,
        re.compile(
            r"\b(?:symmetric(?:al|ally)?|symmetry|identical|equal(?:ly)?(?! to)|evenly"
            r"|balanced?)\b",
            re.I,
        ),
    ),
    (
        Level.OUTSIDE,
        re.compile(
            r"\b(?:outside|beyond|exceed(?:s|ed|ing)?|past|crosse[sd]|crossing|passe[sd]|passing"
            r"|overshoot\w*|surpass(?:es|ed|ing)?|out of|over)\b"
            r"|>(?= ?(?:the )?(?:limit|criterion|\d))",
            re.I,
        ),
    ),
    (
        Level.ABOVE,
        re.compile(
            r"\b(?:above|enlarge\w*|increase\w*|dilat\w*|ventriculomegal\w*|elevated|raised|high"
            r"|higher|"
            r"highest|big|bigger|wide|wider|widened|large|larger|largest|greater|expan\w+"
            r"|prominent|excess\w*|more)\b",
            re.I,
        ),
    ),
    (
        Level.BELOW,
        re.compile(
            r"\b(?:below|under|beneath|short of|reduc\w+|decreas\w+|shr[aiu]nk\w*|loss\w*|lost"
            r"|small|smaller|smallest|low|"
            r"lower|lowest|diminish\w*|declin\w*|thin\w*|narrow\w*|less|lesser|fewer)\b",
            re.I,
        ),
    ),
    (
        Level.WITHIN,
        re.compile(
            r"\b(?:contained|covered|encompassed|included|comprised|bracketed) (?:in|by)\b"
            r"|\b(?:band|range|interval)\b(?=[^.;]*\b(?:contains|covers|encompasses|includes"
            r"|comprises|brackets|containing|covering|accommodates)\b)"
            r"|\b(?:within|inside|typical\w*|average|between)\b"
            r"|\bin(?:to)? (?:the |its )?(?:reference |usual )?(?:band|range|interval|limit)\b"
            r"|\b(?:meets?|respect(?:s|ed|ing)|conforms? (?:to|with)|fits?|agrees? with"
            r"|accommodates|consistent with|satisf(?:y|ies|ied))\b",
            re.I,
        ),
    ),
)
# "the upper end", "the lower bound": which end of a band, no direction of the measurement.
_WHICH_END = re.compile(
    r"\b(?:upper|lower|top|bottom|high|low|higher|lower)(?:most)? (?:end|bound|edge|limit|mark"
    r"|margin)\b",
    re.IGNORECASE,
)
_INDEX = re.compile(
    r"\b(?:index of asymmetry|asymmetry(?:[ -](?:index|figure|value))?|(?:side"
    r"|left-right) difference"
    r"|difference (?:between|of) (?:the )?(?:two )?(?:sides|halves))\b",
    re.IGNORECASE,
)


LONGEST = 600
"""Characters of a statement; a longer one is not read."""
# Neither do statements hold many signs in a row, and patterns need not cope with them.
_SIGNS_IN_A_ROW = re.compile(r"(?:[^\w\s]\s*){5}|\s{4}")


def read(text: str, vocabulary: frozenset[str]) -> Reading:
    """Take a text apart.

    Parameters
    ----------
    text
        One statement about one measurement.
    vocabulary
        Lower-case words that are understood beside those the reader looks for.
    """
    if len(text) > LONGEST or _SIGNS_IN_A_ROW.search(text):
        return Reading((), (), (), False, False, ("...",), (), ())
    plain = text.translate(_PLAIN)
    unknown = [*_unknown(_PHRASES.sub(" ", plain), vocabulary)]
    withheld = NO_VERDICT.search(plain)
    rest = NO_VERDICT.sub(" ", _OUTER.sub("outer fluid", _INNER.sub("intracranial", plain)))
    rest = re.sub(r"\bi\.e\.", " ", _LEFT_RIGHT.sub(" difference ", rest))
    rest = _LEFT_BEHIND.sub(" ", rest)
    uncompared = rest
    larger, rest, unsided = _larger_sides(rest)
    figures, unbound, volumes = _figures(rest)
    # A side that is compared may be the one a figure belongs to: "larger on the left, 27.6 mL".
    ways = [
        way
        for where in (rest, uncompared, unsided)
        if (way := _volumes(where, volumes)) is not None
    ]
    return Reading(
        figures=tuple(figures),
        directions=tuple(_directions(rest)),
        larger_sides=tuple(larger),
        withholds_verdict=withheld is not None,
        mentions_reference=_REFERENCE.search(rest) is not None,
        unknown=tuple(unknown),
        unbound=tuple(unbound),
        volumes=tuple(dict.fromkeys(ways)),
    )


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


def _unknown(text: str, vocabulary: frozenset[str]) -> Iterator[str]:
    for match in _TOKEN.finditer(text):
        if match["word"]:
            if match["word"].lower() not in vocabulary:
                yield match["word"]
        elif match["number"]:
            if parsed_number(match["number"]) is None:
                yield match["number"]
        elif match["other"] or match["sign"] not in _PLAIN_SIGNS:
            yield match[0]


def _larger_sides(text: str) -> tuple[list[str], str, str]:
    """The sides that are said to be larger, the text without the words that say so, but for sides
    that stand beside a figure, and the text without those too.
    """
    found: list[str] = []
    blank: list[tuple[int, int]] = []
    tied: list[tuple[int, int]] = []
    for match in _PREDOMINANCE.finditer(text):
        found.append((match["side"] or match["other"]).lower())
        blank.append(match.span())
    for match in [*_COMPARATIVE.finditer(text), *_OUTWEIGHS.finditer(text)]:
        if _THAN_LIMIT.match(text, match.end()):
            continue  # held against a reference: a direction
        start, end = _sentence(text, match.start())
        following = _SIDE_FOLLOWS.match(text, match.end(), end)
        before = list(_SIDE_WORD.finditer(text, start, match.start()))
        if match.re is _COMPARATIVE and following is not None:
            side, span = following["side"], following.span("side")
        elif before:
            side, span = before[-1][0], before[-1].span()
        else:
            continue  # no side is compared: a direction
        name = _side_name(side)
        found.append(_OTHER_SIDE[name] if match[0].lower() in _SMALLER else name)
        blank.append(match.span())
        (tied if _tied(text, *span) else blank).append(span)
        for other in re.finditer(r"\bthan\b[^.;]*?\b(left|right|L|R)\b", text[match.end() : end]):
            at = (match.end() + other.start(1), match.end() + other.end(1))
            if not _tied(text, *at):
                blank.append(at)
        if match.re is _OUTWEIGHS:
            other_side = _SIDE_WORD.search(text, match.end(), end)
            if other_side and not _tied(text, *other_side.span()):
                blank.append(other_side.span())
    compared = _blanked(text, blank)
    return found, compared, _blanked(compared, tied)


def _blanked(text: str, spans: list[tuple[int, int]]) -> str:
    for start, end in spans:
        text = text[:start] + " " * (end - start) + text[end:]
    return text


def _sentence(text: str, position: int) -> tuple[int, int]:
    """Where the sentence around a position starts and ends."""
    ends = [m.start() for m in re.finditer(r"\.(?!\d)(?:\s|$)", text)]
    start = max((end + 1 for end in ends if end < position), default=0)
    return start, min((end for end in ends if end >= position), default=len(text))


def _side_name(word: str) -> str:
    return "left" if word.lower().startswith("l") else "right"


_NUMBER_AFTER = re.compile(
    r"(?:[- ]sided)?(?:'s)?(?: (?:side|part|half|volume|one|(?:lateral )?ventricles?|thalamus"
    r"|hippocampus|"
    r"(?:cerebral )?cortex|(?:cerebellar |cerebral )?hemisphere|portion|component|share"
    r"|compartment|"
    r"spaces?|fluid|deep gr[ae]y matter|white matter|figure|value|horn|cerebellum))?"
    r"\W*(?:with|at|of|is|has|holds?|measures|measuring|measured|contains|containing|amounts to"
    r"|by)?\W*" + r"-?\d[\d.,]*"
)
_NUMBER_BEFORE = re.compile(
    r"\d\s?(?:mL|ml|cm³|millilit\w+)?\s*\(?(?:on|in|at|for|to|of|from)?\s*(?:the|its|their)?\s*$"
)


def _tied(text: str, start: int, end: int) -> bool:
    """Whether a figure stands directly beside a side."""
    return bool(_NUMBER_AFTER.match(text, end) or _NUMBER_BEFORE.search(text[:start]))


def _directions(text: str) -> Iterator[Direction]:
    rest = _WHICH_END.sub(" end ", text)
    rest = _INDEX.sub(" ", rest)
    for pattern, level in ((_NEGATED_EXCESS, Level.WITHIN),):
        for match in pattern.finditer(rest):
            yield Direction(match[0], _by_noun(level, rest, match))
        rest = pattern.sub(lambda m: " " * len(m[0]), rest)
    for level, pattern in _WORDS_OF:
        for match in pattern.finditer(rest):
            if match[0].lower() == "between" and not re.match(
                rf"\W*(?:the\s+)?(?:end,?\s*(?:of\s+|at\s+|\()?|bounds of |figures )?{_NUMBER}",
                rest[match.end() :],
            ):
                continue
            yield Direction(match[0], _by_noun(level, rest, match))
        rest = pattern.sub(lambda m: " " * len(m[0]), rest)


_LIMIT_NOUN = re.compile(r"\b(?:limit|threshold|bound|mark)\b", re.IGNORECASE)
_BAND_NOUN = re.compile(
    r"\b(?:band|criterion|range|interval|end|reference|ceiling|floor|edge|cut-?off)\b",
    re.IGNORECASE,
)


def _by_noun(level: Level, text: str, match: re.Match[str]) -> Level:
    """A direction that is held against a limit tells of symmetry."""
    if level not in (Level.WITHIN, Level.OUTSIDE, Level.ABOVE, Level.BELOW):
        return level
    if level is Level.WITHIN and _LIMIT_NOUN.search(match[0]):
        return Level.SYMMETRIC
    clause = re.split(r"[.;](?!\d)", text[match.end() :], maxsplit=1)[0]
    limit, band = _LIMIT_NOUN.search(clause), _BAND_NOUN.search(clause)
    if limit and (not band or limit.start() < band.start()):
        return {
            Level.WITHIN: Level.SYMMETRIC,
            Level.BELOW: Level.SYMMETRIC,
            Level.OUTSIDE: Level.ASYMMETRIC,
            Level.ABOVE: Level.ASYMMETRIC,
        }[level]
    if not band and not limit:
        # "(limit 20 %, beyond)", "within 20 %": the noun was said before, or the unit tells.
        nouns = [
            *_LIMIT_NOUN.finditer(text[: match.start()]),
            *_BAND_NOUN.finditer(text[: match.start()]),
        ]
        last = max(nouns, key=lambda noun: noun.start(), default=None)
        told = last is not None and _LIMIT_NOUN.fullmatch(last[0]) is not None
        if told or re.match(r"\W*\d+(?:\.\d+)? ?%", clause):
            return {Level.OUTSIDE: Level.ASYMMETRIC, Level.WITHIN: Level.SYMMETRIC}.get(
                level, level
            )
    return level


@dataclass
class _Found:
    start: int
    end: int
    text: str
    value: float
    unit: str


_SIDE_WORD = re.compile(r"\b(?:left|right|Left|Right|LEFT|RIGHT|LT|RT|Lt|Rt|L|R)\b")
_LIST_JOINT = re.compile(r"\s*(?:,|/|-|and|to|or|,? respectively|versus|vs\.?|against|,\s*and)\s*")
_ASYMMETRY_NAME = (
    r"(?:asymmetry|AI|side difference|(?:left-right )?difference|side-to-side difference)"
    r"(?: (?:index|figure|value))?|index of asymmetry|index"
)
_KEYWORDS: dict[str, dict[Quantity, re.Pattern[str]]] = {
    "%": {
        Quantity.LIMIT: re.compile(r"\b(?:limit|threshold)\b", re.I),
        Quantity.ASYMMETRY: re.compile(rf"\b(?:{_ASYMMETRY_NAME})\b", re.I),
        Quantity.SHARE: re.compile(
            r"\b(?:intracranial|ICV|TIV|eTIV|skull|share|portion|proportion|percentage"
            r"|relative volume)\b",
            re.I,
        ),
    },
    "": {
        Quantity.LOW: re.compile(
            r"\b(?:lower|bottom|low)(?:most)? (?:end|bound|edge|limit|mark|margin)\b|\bfloor\b"
            r"|\bbegin(?:s|ning)\b|\bstart(?:s|ing)\b",
            re.I,
        ),
        Quantity.HIGH: re.compile(
            r"\b(?:upper|top|high)(?:most)? (?:end|bound|edge|limit|mark|margin)\b|\bceiling\b"
            r"|\bend(?:s|ing)\b",
            re.I,
        ),
        Quantity.END: re.compile(r"\b(?:criterion|cut-?off|threshold)\b", re.I),
        Quantity.RATIO: re.compile(
            r"\b(?:index|ratio|fraction|BPF|value|Evans|parenchyma)\b", re.I
        ),
    },
}
_HELD_AGAINST = re.compile(
    r"\b(?:within|beyond|exceed(?:s|ing)?|above|below|under|over|outside|than|inside)\W*$", re.I
)
_LIMIT_OF = re.compile(r" (?:for|of|on) (?:the |its )?(?:[a-z]+ )?", re.I)
_CRITERION = re.compile(r"\b(?:criterion|cut-?off)\b", re.I)
_PARTS: dict[str, re.Pattern[str]] = {
    "frontal_horns_mm": re.compile(r"\bhorns?\b", re.I),
    "inner_skull_mm": re.compile(r"\bskull\b", re.I),
}
_LINK = (
    r"of|for|at|across|between|in|as|is|are|the|its|a|being|was|here|measured|amounts|amounting|to|"
    r"reaches|reaching|largest|widest|maximal|maximum|greatest|inner|frontal|usual|total|upper|"
    r"lower|width|diameter|span|measure|measures|measuring|and|comes|with|stands|standing|by"
)
_DIRECTLY_AFTER = re.compile(rf"[^\w,;:.]*(?:(?:{_LINK})[^\w,;:.]+)*")
_DIRECTLY_BEFORE = re.compile(
    r"[^\w,;.)]*(?:(?:of|for|at|as|is|are|the|being|was|here|measured|amount(?:s|ing) to|"
    r"com(?:es|ing) to|reach(?:es|ing)|measur(?:e|es|ing)|stand(?:s|ing) at|with|by|width|widths|"
    r"diameter|span|distance|equals|calculated|found|determined|given|set|fixed|value)[^\w,;.)]+)*"
)


def _figures(text: str) -> tuple[list[Figure], list[str], list[_Found]]:
    found = _numbers(text)
    figures: list[Figure] = []
    unbound: list[str] = []
    taken: set[int] = set()
    for position, (one, other) in enumerate(pairwise(found)):
        if position in taken or not _is_band(text, one, other):
            continue
        taken |= {position, position + 1}
        for end, quantity in ((one, Quantity.LOW), (other, Quantity.HIGH)):
            figures.append(Figure(end.text, end.value, other.unit, quantity))
    rest = [number for position, number in enumerate(found) if position not in taken]
    volumes = [n for n in rest if n.unit == "mL" and not _is_end(text, n)]
    for unit in ("%", "", "mm", "mL"):
        named = [n for n in rest if n.unit == unit and n not in volumes]
        for number, known_as, name in _named(text, named, unit):
            if known_as is None:
                unbound.append(number.text)
            else:
                figures.append(Figure(number.text, number.value, unit, known_as, name))
    return figures, unbound, volumes


def _numbers(text: str) -> list[_Found]:
    found: list[_Found] = []
    for match in _TOKEN.finditer(text):
        value = parsed_number(match["number"]) if match["number"] else None
        if value is None:
            continue
        unit = (match["unit"] or "").lower()
        if unit:
            unit = _UNITS.get(unit, "mm" if unit.startswith("millim") else "mL")
        found.append(_Found(match.start(), match.end(), match[0], value, unit))
    # "8.8 and 8.1 mL": the unit stands once, behind the last.
    for earlier, later in reversed(list(pairwise(found))):
        if not earlier.unit and _LIST_JOINT.fullmatch(text[earlier.end : later.start]):
            earlier.unit = later.unit
    return found


def _is_band(text: str, one: _Found, other: _Found) -> bool:
    if one.unit != other.unit or one.unit in ("mm", "%"):
        return False
    between = text[one.end : other.start].strip()
    if between in ("to", "-", "up to"):
        return True
    if between != "and":
        return False
    before = text[max(0, one.start - 60) : one.start]
    after = text[other.end : other.end + 40]
    return bool(
        re.search(r"\b(?:band|range|interval|bounds|ends)\b[^.;\d]*$", before, re.I)
        or re.match(r"\s*\)?,?\s*(?:reference )?(?:band|range|interval)\b", after, re.I)
        or (re.search(r"\bbetween\W*$", before, re.I) and not _SIDE_WORD.search(after))
    )


def _is_end(text: str, number: _Found) -> bool:
    """Whether a figure stands directly behind words that lead to an end of a band."""
    before = text[max(0, number.start - 45) : number.start]
    if number.unit == "mL":
        before = before.replace("(", " ")
    return bool(
        re.search(
            r"\b(?:(?:end|bound|edge|limit) of (?:the|its) (?:reference )?band,?|extends to"
            r"|(?<!add )(?<!adds )(?<!adding )up to|runs to"
            r"|above|below|under|over|beyond|exceed\w*|short of|end|bound|edge|limit|criterion|"
            r"cut-?off|mark|margin|ceiling|floor|than|begins|starts|ends|beginning|starting|ending)"
            r"(?:\s|of|at|the|is|with|being|=)*$",
            before,
            re.I,
        )
    )


def _named(
    text: str, numbers: list[_Found], unit: str
) -> Iterator[tuple[_Found, Quantity | None, str]]:
    """Name figures of one unit by the words around them.

    A word directly behind a figure names it; else the last word before it that names no other
    figure, in the same sentence; else the first such word behind it.
    """
    kinds: dict[str, re.Pattern[str]] = (
        _PARTS
        if unit == "mm"
        else {quantity.value: p for quantity, p in _KEYWORDS["%" if unit == "%" else ""].items()}
    )
    words = sorted(
        (match.start(), match.end(), name)
        for name, pattern in kinds.items()
        for match in pattern.finditer(text)
    )
    taken: set[int] = set()
    chosen: dict[int, str] = {}
    for number in numbers:
        if unit == "%" and _HELD_AGAINST.search(text[: number.start]):
            chosen[number.start] = Quantity.LIMIT
            continue
        before = [at for at, word in enumerate(words) if word[1] <= number.start]
        between = text[words[before[-1]][1] : number.start] if before else ""
        # "exceeds the criterion: 0.31 was measured, (0.31 against 0.3)" names neither of the two.
        loose = unit == "" and re.search(r"[:(]", between) is not None
        if before and not loose and _DIRECTLY_BEFORE.fullmatch(between):
            at = before[-1]
            # "the limit for the asymmetry index is 20 %": the limit's figure, not the index's.
            if at and words[at - 1][2] == Quantity.LIMIT and words[at][2] == Quantity.ASYMMETRY:
                joined = text[words[at - 1][1] : words[at][0]]
                if at - 1 not in taken and _LIMIT_OF.fullmatch(joined):
                    at -= 1
            chosen[number.start] = words[at][2]
            taken.add(at)
    for number in numbers:
        after = [at for at, word in enumerate(words) if word[0] >= number.end]
        if (
            number.start not in chosen
            and after
            and after[0] not in taken
            and _DIRECTLY_AFTER.fullmatch(text[number.end : words[after[0]][0]])
        ):
            chosen[number.start] = words[after[0]][2]
            taken.add(after[0])
    for number in numbers:
        if number.start in chosen or unit == "":
            continue
        first, last = _sentence(text, number.start)
        before = [a for a, w in enumerate(words) if first <= w[0] < number.start and a not in taken]
        after = [a for a, w in enumerate(words) if number.end <= w[0] < last and a not in taken]
        if before:
            chosen[number.start] = words[before[-1]][2]
            # Words of the same kind before it name the same figure.
            taken |= {a for a in before if words[a][2] == words[before[-1]][2]}
        elif after:
            chosen[number.start] = words[after[0]][2]
            taken.add(after[0])
    for number in numbers:
        name = chosen.get(number.start)
        if unit == "mm":
            yield number, Quantity.WIDTH, name or ""
        elif unit == "%":
            yield number, Quantity(name) if name else None, ""
        else:
            end = unit == "mL" or _is_end(text, number)
            start, _ = _sentence(text, number.start)
            if end and name not in (Quantity.LOW, Quantity.HIGH):
                yield number, Quantity.END, ""
            elif name == Quantity.RATIO and _CRITERION.search(text, start, number.start):
                yield number, Quantity.UNNAMED, ""  # "the criterion for the index is 0.3"
            else:
                yield number, Quantity(name) if name else Quantity.UNNAMED, ""


def _volumes(text: str, numbers: list[_Found]) -> tuple[Figure, ...] | None:
    """Tie each side to its own figure: in a sentence the first side to the first, and so on.

    None where a side is left without a figure.
    """
    figures: list[Figure] = []
    cuts = [0, *(m.end() for m in re.finditer(r"\.(?!\d)\s", text)), len(text)]
    for start, end in pairwise(cuts):
        here = [n for n in numbers if start <= n.start < end]
        sides = list(_SIDE_WORD.finditer(text, start, end))
        if len(sides) > len(here):
            return None
        plain = _totals(text, here, sides, len(here) - len(sides)) if sides else here
        figures += [Figure(n.text, n.value, "mL", Quantity.VOLUME) for n in plain]
        halves = [n for n in here if n not in plain]
        figures += [
            Figure(number.text, number.value, "mL", Quantity.SIDE, _side_name(side[0]))
            for number, side in zip(halves, sides, strict=True)
        ]
    return tuple(figures)


def _totals(
    text: str, numbers: list[_Found], sides: list[re.Match[str]], count: int
) -> list[_Found]:
    """The ``count`` figures that stand farthest from any side."""
    if not count:
        return []

    def distance(number: _Found) -> tuple[int, int]:
        gaps = []
        for side in sides:
            between = (
                text[side.end() : number.start]
                if side.end() <= number.start
                else text[number.end : side.start()]
            )
            numbers_between = len(re.findall(r"\d+(?:\.\d+)?", between))
            gaps.append(
                len(between) + 40 * numbers_between + 12 * len(re.findall("[,;:(]", between))
            )
        named = re.search(
            r"\b(?:total|together|whole|overall|combined|sum)\b[^,;\d]*$",
            text[: number.start],
            re.I,
        ) or re.match(
            r"[^,;\d]{0,12}\b(?:in total|together|overall|altogether|combined)\b",
            text[number.end :],
            re.I,
        )
        return (1 if named else 0, min(gaps))

    return sorted(numbers, key=distance, reverse=True)[:count]
