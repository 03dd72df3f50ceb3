"""Verdicts that a sentence gives to one figure more than code did."""

import re

from mri_analysis.reporting.prose.matter import Matter
from mri_analysis.reporting.prose.words import MADE_OF

PAUSE = frozenset({".", ";"})
"""Signs that end a clause."""


def clause_start(symbols: list[str], at: int) -> int:
    """Where the clause of a symbol starts."""
    return max((i + 1 for i in range(at) if symbols[i] in PAUSE), default=0)


_FINITE = frozenset(
    f"""is are was were has have had amounts {" ".join(sorted(MADE_OF))} measure measures measured
    hold holds show shows stand stands display displays exhibit exhibits read reads give gives
    yields reach reaches equals total totals totalled totaled""".split()
)
_OWN_VERB = re.compile(
    r"(?:it )?(?:is|are|was|were|lies?|falls?|sits?|stands?|do|does|remains?|stays?|keeps?|exceeds?"
    r"|surpass(?:es)?|cross(?:es)?) |(?:exceeds?|surpass(?:es)?) "
)
_PLURAL_VERB = re.compile(r"(?:are|were|lie|fall|sit|stand|exceed|surpass|cross|remain|stay) ")
_TWO = frozenset({"and", "FP", "FH", "FK", "HORNS", "SKULL"})
"""A band or criterion is of one thing, brain, fraction or index: two subjects share the verb."""
_MOVED = re.compile(
    r"\b(?:falls?|falling|goes) to\b|\b(?:has|have|having) been\b"
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
    r"|(?:^|[;.] )(?:F[HK]|HORNS|SKULL) (?:, )?and N (?:\S+ ){0,3}$"
)


def shares_its_verdict(matter: Matter, symbols: list[str], at: int, text: str) -> bool:
    """Whether a verdict is given to a second figure that has none: "the ventricles of 42.0 mL,
    asymmetry index 63.0 %, exceed the limit"."""
    if matter is Matter.LEVEL:
        return _level_is_shared(symbols, at, text)
    return _limit_is_shared(symbols, at, text)


def _level_is_shared(symbols: list[str], at: int, text: str) -> bool:
    before = "".join(f"{symbol} " for symbol in symbols[:at])
    if text.startswith("both ") or _MOVED.search(text) or _LEVEL_SHARED.search(before):
        return True
    if "FP" in symbols[:at] and not re.search(r"#[A-Z]*[TQ]", before):
        return True  # "it makes up 81.8 % of intracranial volume, which is below the band"
    clause = symbols[clause_start(symbols, at) : at]
    return _PLURAL_VERB.match(text) is not None and bool(_TWO & set(clause))


def _limit_is_shared(symbols: list[str], at: int, text: str) -> bool:
    wholes = [i for i, symbol in enumerate(symbols[:at]) if _WHOLE.match(symbol)]
    if text.startswith("both "):
        return bool(wholes)
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


def symmetric_volume(symbols: list[str], at: int) -> bool:
    """Whether a volume is called symmetric with no figure of a side: "16.9 mL, is symmetric"."""
    whole = any(re.match(r"#[A-Z]*T", symbol) for symbol in symbols[:at])
    return whole and not {"FA", "LR", "RR"} & set(symbols)
