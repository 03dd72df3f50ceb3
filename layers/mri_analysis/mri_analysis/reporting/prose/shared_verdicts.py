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
_TO_LOWER = re.compile(r"\b(?:falls?|falling|goes) to\b")
"""Fallen to below a band: it was not there before."""
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
    clause = symbols[clause_start(symbols, at) : at]
    if matter is Matter.LEVEL:
        before = "".join(f"{symbol} " for symbol in symbols[:at])
        both = text.startswith("both ")
        return both or bool(_TO_LOWER.search(text) or _LEVEL_SHARED.search(before))
    whole = next((i for i, s in enumerate(clause) if re.match(r"#[A-Z]*T|FP", s)), None)
    if text.startswith("both "):
        return any(re.match(r"#[A-Z]*T|FP", symbol) for symbol in symbols[:at])
    # Behind a verb of its own the volume is told; without one it is a subject of this verb.
    told = whole is None or bool(_FINITE & set(clause[:whole]))
    return not told and bool(_OWN_VERB.match(f"{text} "))


def symmetric_volume(symbols: list[str], at: int) -> bool:
    """Whether a volume is called symmetric with no figure of a side: "16.9 mL, is symmetric"."""
    whole = any(re.match(r"#[A-Z]*T", symbol) for symbol in symbols[:at])
    return whole and not {"FA", "LR", "RR"} & set(symbols)
