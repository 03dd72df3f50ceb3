"""Orders of words and of symbols that say what no measurement proves.

Each stands for sentences that a reviewer found, with the rule that they break. A row of words is
searched before its phrases become symbols, a row of symbols afterwards.
"""

import re
from collections.abc import Iterator

from mri_analysis.reporting.prose.facts import Unread
from mri_analysis.reporting.prose.tokens import Figures, parsed_number

_WHOLE = r"(?:#[A-Z]*T[A-Z]*|FP)"
_SIDE = r"(?:LR|RR)"
_START = r"(?:^|[;.] )"
_LEFT_OR_RIGHT = r"(?:left|right)"


def _table(*rows: tuple[str, str]) -> tuple[tuple[str, re.Pattern[str]], ...]:
    return tuple((rule, re.compile(pattern)) for rule, pattern in rows)


_IN_WORDS = _table(
    # "of the cortex, 205 mL are left"; "the hippocampi are left with 5.3 mL"
    ("laterality", rf" #\S+ (?:is|are|was|were|remains?) {_LEFT_OR_RIGHT} (?:[.,;]|$)"),
    ("laterality", rf" (?:is|are|was|were) {_LEFT_OR_RIGHT} (?:with|at|of) "),
    ("laterality", r" (?:has|have|with|are|is) #\S+ (?:of \S+ )?left \. $"),
    ("laterality", rf" of (?:the )?\S+ , #\S+ {_LEFT_OR_RIGHT} \. $"),
    # one of a pair has a half of the figure
    ("number", r" (?:an?|one|each|either|every|neither) (?:ventricle|thalamus|hippocampus) "),
    ("laterality", r" there (?:is|are) #\S+ of (?:the )?\S+ left [.,]"),
    ("laterality", r" #\S+ left of (?:the )?#"),
    # a share is of a whole, not a volume of a share
    ("structure", r" intracranial volume of #[A-Z]*P"),
    # the index is made from the widths, and neither from the other
    (
        "structure",
        r" (?:inner skull|SKULL) (?:\S+ ){0,4}(?:gives?|yields?|makes?) (?:the )?frontal",
    ),
    ("vocabulary", r" resulting in "),
    ("number", r" (?:a|some|any) fraction of (?:the )?(?:brain )?parenchyma "),
    ("number", r" #[A-Z]*[LR][A-Z]* or #"),
    # a dash is no minus sign
    ("number", r" - #[A-Z]*A[A-Z]* (?!-)"),
    # the hemisphere is more than the half of a structure that is named elsewhere
    (
        "structure",
        r"^(?:(?! (?:cort|white|gr[ea]y|cerebell|csf|cerebrospinal|fluid)).)*"
        r" cerebral hemispheres? (?!(?:of|,) (?:the )?(?:cort|white|gr[ea]y))"
        r"(?!(?:\S+ )?(?:cort|white|deep|gr[ea]y|subcort))",
    ),
    ("structure", r" matter (?:\S+ ){0,3}; (?:the )?(?:left|right) cerebral hemisphere"),
    # the formula of the Evans index, turned over
    ("structure", r" (?:SKULL|inner skull) (?:\( )?#\S+ (?:/|:|to|over|divided|and|as num)"),
    # all of the intracranial space
    (
        "structure",
        r" (?:up|fills?|filling|occup\w+|covers?|equals?|is|comprises?)"
        r" the (?:whole|total|entire|overall|full) intracranial ",
    ),
    # what is left out of the outer fluid makes it the whole
    (
        "structure",
        r" (?:total|whole|entire|overall|all|sum)(?: of)?(?: the)?"
        r" (?:csf|cerebrospinal fluid)"
        r"(?! (?:volume |fluid |spaces? )?(?:[(,] )?(?:outside|external|beyond|extra))",
    ),
    ("structure", r" (?:csf|cerebrospinal fluid) (?:in total|altogether|overall) "),
    # causes
    (
        "direction",
        r" #[A-Z]*T[A-Z]* (?:, )?and (?:are|is) (?:therefore|thus|hence|so|accordingly)"
        r" a?symmetric",
    ),
    # "... and so is the volume", "as are both sides"
    (
        "direction",
        r" (?:(?:and|,|;) so|as) (?:is|are|was|were|does|do|lies|lie)"
        r" (?!within|above|below|beyond|outside|over|under|inside)",
    ),
    # "relative to an intracranial volume of 1307 mL": that is the brain's
    (
        "structure",
        r" (?:relative|related|relation|normali[sz]ed) to (?:an? |the )?"
        r"intracranial (?:volume|space) of #",
    ),
    # "... is beyond the limit, likewise the volume of 16.9 mL", "the volume of 16.9 mL too"
    (
        "direction",
        r" #[A-Z]*[MCE][A-Z]* (?:(?:limit|criterion|band) )?(?:[,;] )?(?:and )?(?:likewise|also)"
        r" (?:(?!is |are |has |have |measures? |lies |lie )[a-z,]+ ){0,8}#",
    ),
    ("direction", r" #[A-Z]*[TPLRHKQA][A-Z]* (?:of \S+ \S+ )?(?:too|as well) [.;]"),
    # "1067 to 1673 mL within the band", as if so far within
    ("direction", r" #[A-Z]*E[A-Z]* (?:within|inside|above|below|beyond|outside) the band "),
    # the limit as if it were the excess
    ("direction", r" limit by #"),
    # as if there had been an earlier report
    ("vocabulary", r" as (?:reported|it was|before|noted) "),
    (
        "vocabulary",
        r" been (?:#|a?symmetric|above|below|within|beyond|outside|reported)"
        r"| returns? (?:to|with|above|below|beyond)",
    ),
)
"""By rule, in a row of words; every word stands between single spaces."""

_IN_SYMBOLS = _table(
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
    ("number", rf"{_WHOLE} in both\b"),
    # "the left, 8.8 mL versus 8.1 mL on the right, makes up 1.1 %": both do
    ("number", rf"{_START}{_SIDE} (?:[,(] )?VS {_SIDE} (?:(?:[,)]|and|[a-z]+) )*(?:{_WHOLE}|FA)"),
    ("number", rf"{_START}{_SIDE} , {_SIDE} (?:, )?(?:(?:[a-z]+) )*(?:{_WHOLE})"),
    # "left 8.8 mL; right 8.1 mL and 1.1 % of intracranial volume"
    ("number", rf"{_START}{_SIDE} [,;] {_SIDE} and {_WHOLE}"),
    # the index of one side
    ("laterality", rf"^(?:N : )?(?:of )?{_SIDE} (?:[,(] )?(?:(?:with|and) )?FA\b"),
    ("number", r"\bhave both\b|\bboth (?:FP|#[A-Z]*T|volume\b)"),
    # the index is of both sides
    (
        "number",
        r"(?:^|[;.:] )(?:LR|RR) (?:, )?(?:has|have|shows?|exhibits?|demonstrate|carries) FA",
    ),
    # a figure behind its verdict, as if it were the distance
    ("direction", r"\bD\d+ with #[A-Z]*[TQ]"),
    (
        "direction",
        r"\bD\d+ (?:, )?(?:and )?(?:amounts|amount of|makes? up|makes?) (?:up )?#[A-Z]*[TQ]",
    ),
    # "... and so is the volume of 16.9 mL", "as are both sides"
    ("direction", r"\bD\d+ (?:[,;] )?(?:and|as) (?:is|are|was|were|does|do|lies|lie) (?!FP|D\d)"),
    ("direction", r"\bD\d+ ; (?:is|are|does|do) (?!FP)"),
    ("direction", r"\bD\d+ (?:, )?both\b"),
    ("direction", r"\bD\d+ in (?:volume|size)\b"),
    # "with 42.0 mL, the left ventricle holds 27.6 mL"
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
    ("vocabulary", r"\bin comparison ,|\bas in\b"),
    ("vocabulary", r"\b(?:was|were) (?:, )?and\b|\band (?:was|were) (?=[,.D])"),
    ("vocabulary", r"\bholds? (?:at|:)"),
    # of intracranial volume is a share, nothing else
    ("structure", r"\bFP of #"),
    # causes
    (
        "number",
        rf"{_WHOLE} (?:, )?(?:gives?|giving|yields?|makes?|accounts? for|amounts|results? in)"
        r" (?:\S+ )?FA",
    ),
    # what lies where
    ("direction", r"\bboth D\d|\bboth LR\b.* D\d"),
    ("direction", r"\( FA : D\d"),
    ("direction", r"\bD\d+ (?:, )?as (?:\w+ )?(?:is|are|does|do)\b"),
    ("direction", r"\bD\d+ of (?:N )?(?:volume|size)\b|\b(?:FA|LIMIT) of (?:N )?volume\b"),
    ("direction", r"\bvolume , (?:LOWEND|UPEND) ,"),
    ("number", rf"\bside (?:takes?|measures?|makes up|is|holds?) {_WHOLE}"),
    ("vocabulary", r"\b(?:was|were) (?:\w+ )*#\S+ (?:,|and) (?:is|are) (?:\w+ )*#"),
    # how an index is made
    ("structure", rf"\bFK (?:as|/ FH)\b|\bratio (?:of )?(?:FK|{_SIDE}|both)\b|\bFH as denom"),
    ("number", r"\brelative (?:N )?(?:volume )?(?:of N )?(?:is |= )?#[A-Z]*T"),
)
"""By rule, in a row of symbols."""


def in_words(row: str) -> Iterator[Unread]:
    """Misstatements in a row of words."""
    yield from _found(_IN_WORDS, row)


_SIDE_IN_BRACKETS = re.compile(
    r"(?P<number>-?\d[\d.,]*)(?P<between>[^\d(]*)\((?:(?:on|in|at) )?(?:the )?"
    r"(?P<side>left|right)(?: side| half| part)?\)"
)


def in_brackets(text: str, figures: Figures) -> Iterator[Unread]:
    """A side that stands in brackets behind another figure than its own: "42.0 mL (left)"."""
    for match in _SIDE_IN_BRACKETS.finditer(text):
        value = parsed_number(match["number"])
        letter = match["side"][0].upper()
        if not any(known == value and letter in figures[known, unit] for known, unit in figures):
            yield Unread("laterality", match[0])


def in_symbols(symbols: list[str]) -> Iterator[Unread]:
    """Misstatements in a row of symbols."""
    yield from _found(_IN_SYMBOLS, " ".join(symbols))


def _found(table: tuple[tuple[str, re.Pattern[str]], ...], row: str) -> Iterator[Unread]:
    for rule, pattern in table:
        for match in pattern.finditer(row):
            yield Unread(rule, match[0].strip())
