"""Verdicts that a sentence gives to one figure more than code did."""

import re

from mri_analysis.reporting.prose.matter import Matter
from mri_analysis.reporting.prose.words import MADE_OF, word_set

PAUSE = frozenset({".", ";"})
"""Signs that end a clause."""


def clause_start(symbols: list[str], at: int) -> int:
    """Where the clause of a symbol starts."""
    return max((i + 1 for i in range(at) if symbols[i] in PAUSE), default=0)


_FINITE = frozenset(
    f"""is are was were has have had amounts {" ".join(sorted(MADE_OF))} measure measures measured
    hold holds show shows stand stands display displays exhibit exhibits read reads give gives
    yields reach reaches equals total totals totalled totaled demonstrate""".split()
)
_OWN_VERB = re.compile(
    r"(?:it )?(?:is|are|was|were|lies?|falls?|sits?|stands?|do|does|remains?|stays?|keeps?|exceeds?"
    r"|surpass(?:es)?|cross(?:es)?) |(?:exceeds?|surpass(?:es)?) "
)
_PLURAL_VERB = re.compile(r"(?:are|were|lie|fall|sit|stand|exceed|surpass|cross|remain|stay) ")
_TWO = frozenset({"and", "FP", "FH", "FK", "HORNS", "SKULL"})
"""A band or criterion is of one thing, brain, fraction or index: two subjects share the verb."""
_MOVED = re.compile(
    r"^(?:has|have|had|having) |\b(?:falls?|falling|goes) to\b|\b(?:has|have|having) been\b"
    r"|\b(?:goes(?! past)|comes|coming|settles|lands|reaches|crosses|crossing|cross)\b"
    r"|\b(?:ranges|ranging)\b"
)
"""Gone below a band, or there for some time: a measurement tells of neither."""
_WHOLE = re.compile(r"#[A-Z]*T|FP")
_SIDE_FIGURE = frozenset({"FA", "ASYM", "LR", "RR"})
_LEVEL_SHARED = re.compile(
    # "its share and its volume lie within the band": the share has none
    r"FP (?:, )?and (?:\S+ ){0,3}#[A-Z]*T $"
    # the verdict told again, of the share
    r"|D\d+ [;.,] (?:and )?FP (?:[^#;.]+ )?$"
    # "the frontal horns and the Evans index lie above the criterion"
    r"|(?:^|[;.] )(?:F[HK]|HORNS|SKULL) (?:, )?(?:and|with) N (?:\S+ ){0,3}$"
)


def shares_its_verdict(matter: Matter, symbols: list[str], at: int, text: str) -> bool:
    """Whether a verdict is given to a second figure that has none: "the ventricles of 42.0 mL,
    asymmetry index 63.0 %, exceed the limit"."""
    if _subject_is_another(matter, symbols, at, text) or _heads_another(matter, symbols, at, text):
        return True
    if matter is Matter.LEVEL:
        return _level_is_shared(symbols, at, text)
    return _limit_is_shared(symbols, at, text)


_NOUNS = word_set(
    """total amount amounts size whole magnitude sum width widths dimension numerator denominator
    component components volumes values figures share proportion side halves"""
)
"""Of these none is held against a limit or a criterion."""
_OF_ITS_OWN = word_set("has have takes take occupies occupy fills fill")


def _subject_is_another(matter: Matter, symbols: list[str], at: int, text: str) -> bool:
    """Whether another figure, or a noun for one, stands where the verdict's subject stands."""
    before = [symbol for symbol in symbols[:at] if symbol not in (",", ":", "with", "(")]
    last = before[-1] if before else ""
    if last in _NOUNS and not (matter is Matter.LEVEL and last in ("total", "size", "amount")):
        return True
    if last not in ("FP", "FH", "FK"):
        return False
    return matter is Matter.SIDES or not _apposed(symbols[:at], text)


def _apposed(symbols: list[str], text: str) -> bool:
    """Whether the last figure is told beside the verdict's own: "the brain of 842 mL (81.8 % of
    intracranial volume) lies below"."""
    own = max((i for i, s in enumerate(symbols) if _OWN_LEVEL.match(s)), default=-1)
    between = symbols[own + 1 :]
    if any(re.fullmatch(r"D\d+", symbol) for symbol in between):
        return False
    if own < 0 or "." in between or "N" in between[1:] or _OF_ITS_OWN & set(between):
        return False
    if ";" in between and "(" not in symbols[max(0, own - 1) : own]:
        return False
    widths = {"FH", "FK"} & set(between)
    if widths and len(widths) < 2:
        return False
    start = clause_start(symbols, own)
    told = bool(_FINITE & set(symbols[start:own]))
    return not ("and" in between and "FP" in between and told and _OWN_VERB.match(f"{text} "))


def _heads_another(matter: Matter, symbols: list[str], at: int, text: str) -> bool:
    """Whether a verdict that stands before its figures stands before one that has none."""
    heading = symbols[at + 1 : at + 2] == [":"]
    turned = text.split()[0] in _REFERENCE_NAMES
    if not (turned or heading) and any(_FIGURE.match(symbol) for symbol in symbols[:at]):
        return False
    start = clause_start(symbols, at)
    end = next((i for i in range(at, len(symbols)) if symbols[i] in PAUSE), len(symbols))
    own = _OWN_SIDES if matter is Matter.SIDES else _OWN_LEVEL
    row = symbols[at + 1 : end]
    told = False
    for place, symbol in enumerate(row):
        if re.fullmatch(r"D\d+|UNJUDGED\S*", symbol):
            return False
        of_a_side = matter is Matter.SIDES and symbol in ("LR", "RR")
        listed = row[place - 1] in (",", "and") if place else True
        if of_a_side and (told or turned):
            wrong = listed and heading and at == start if told else turned
            return wrong and "(" not in row[max(0, place - 3) : place]
        if own.match(symbol):
            told = told or not of_a_side
        elif _FIGURE.match(symbol):
            if matter is Matter.LEVEL and told:
                return listed and (heading or text.endswith("are"))
            return "(" not in row[max(0, place - 3) : place]
    return False


_REFERENCE_NAMES = ("BAND", "CRIT", "LIMIT", "LOWEND", "UPEND")
_FIGURE = re.compile(r"FA|FP|FH|FK|LR|RR|#[A-Z]*[TQ]")
_OWN_SIDES = re.compile(r"FA|LR|RR")
_OWN_LEVEL = re.compile(r"#[A-Z]*[TQ]")


_AS_INTERVAL = re.compile(
    r"^(?:\w+ )*(?:estimated|determined|measured|calculated|computed|spans?) (?:\w+ )?"
    r"(?:within|between|in|inside) "
)


def as_interval(symbols: list[str], at: int, text: str) -> bool:
    """Whether a range is told as if the figure were known no better: "estimated between"."""
    return bool(_AS_INTERVAL.match(text)) or symbols[at - 1 : at] in (
        ["estimated"],
        ["spans"],
        ["span"],
    )


def _level_is_shared(symbols: list[str], at: int, text: str) -> bool:
    before = "".join(f"{symbol} " for symbol in symbols[:at])
    if text.startswith("both ") or _MOVED.search(text) or _LEVEL_SHARED.search(before):
        return True
    if "FP" in symbols[:at] and not re.search(r"#[A-Z]*[TQ]", before):
        return True  # "it makes up 81.8 % of intracranial volume, which is below the band"
    clause = symbols[clause_start(symbols, at) : at]
    return _PLURAL_VERB.match(text) is not None and bool(_TWO & set(clause))


_WHOLE_AND_SIDES = re.compile(r"#[A-Z]*T(?: \S+)* \( [LR]R (?:, |and )+[LR]R ,$")
"""Of these the index is no part: "171 mL (85.8 mL left, 85.2 mL right), below the limit"."""


def _limit_is_shared(symbols: list[str], at: int, text: str) -> bool:
    wholes = [i for i, symbol in enumerate(symbols[:at]) if _WHOLE.match(symbol)]
    if "both" in text.split():
        return bool(wholes) or bool({"LR", "RR"} & set(symbols[:at]))
    clause = symbols[clause_start(symbols, at) : at]
    if {"volumes", "halves", "values"} & set(clause) and not {"FA", "ASYM"} & set(clause):
        return _OWN_VERB.match(f"{text} ") is not None
    if _WHOLE_AND_SIDES.search(" ".join(clause)):
        return True
    if not wholes or not _OWN_VERB.match(f"{text} "):
        return False
    start = clause_start(symbols, at)
    clause = symbols[start:at]
    if not _SIDE_FIGURE & set(clause):
        # "the ventricles measure 16.9 mL with an asymmetry index of 7.3 %; they are within ..."
        last = next(s for s in reversed(symbols[:at]) if _WHOLE.match(s) or s in _SIDE_FIGURE)
        if "they" in clause or last not in _SIDE_FIGURE:
            return True
    # Behind a verb of its own the volume is told; without one it is a subject of this verb.
    first = next((i for i in wholes if i >= start), None)
    return first is not None and not _FINITE & set(symbols[start:first])


def of_one_side(symbols: list[str], at: int) -> bool:
    """Whether a symmetry, an index or a limit is said of one side: "the left ventricle, 8.8 mL, is
    symmetric", "the left ventricle (27.6 mL versus 14.4 mL on the right) is beyond the limit"."""
    start = clause_start(symbols, at)
    clause = symbols[start:at]
    if "FA" not in clause and _TOLD_OF_ONE.match("".join(f"{symbol} " for symbol in clause)):
        return True
    if {"FA", "ASYM", "N", "LARGER"} & set(clause):
        return False
    return len({"LR", "RR"} & set(clause)) == 1


_TOLD_OF_ONE = re.compile(r"(?:of |at )?[LR]R (?:, |\( )?VS [LR]R ")


def symmetric_volume(symbols: list[str], at: int) -> bool:
    """Whether a volume is called symmetric with no figure of a side: "16.9 mL, is symmetric",
    "symmetric at 16.9 mL"."""
    end = next((i for i in range(at, len(symbols)) if symbols[i] in PAUSE), len(symbols))
    behind = next((symbol for symbol in symbols[at + 1 : end] if _FIGURE.match(symbol)), "")
    if re.match("#[A-Z]*T", behind):
        return symbols[at + 1] not in (",", "(", ":") or not _tells_sides(symbols)
    whole = any(re.match(r"#[A-Z]*T", symbol) for symbol in symbols[:at])
    return whole and not _tells_sides(symbols)


def _tells_sides(symbols: list[str]) -> bool:
    return bool({"FA", "LR", "RR"} & set(symbols))
