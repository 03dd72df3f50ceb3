"""How a statement says where a figure lies."""

import re
from enum import StrEnum

from mri_analysis.reporting.prose.references import REFERENCE
from mri_analysis.reporting.prose.words import BE, figure, phrase, some_of


class Level(StrEnum):
    """Where a figure is said to lie."""

    WITHIN = "within"
    ABOVE = "above"
    BELOW = "below"
    OUTSIDE = "outside"
    """not told on which side"""
    SYMMETRIC = "symmetric"
    ASYMMETRIC = "asymmetric"


_VERB = some_of(
    f"""lies lie lying falls fall falling sits sit sitting stands standing remains remain
    remaining stays stay staying keeps keep keeping found located situated placed positioned comes
    coming ranges ranging reaches goes comes out settles lands rests resides places place it to both
    does do result value figure measured recorded reported calculated determined seen
    observed noted {BE}"""
)
_NOT_PASSED = """not (?:exceed|exceeding|cross|surpass|go beyond|go over|go above|lie beyond
    |lie outside|leave|beyond|outside|over|past)
    |without (?:exceeding|crossing|leaving)|nor (?:beyond|outside)"""
_PREPOSITIONS: tuple[tuple[Level, str], ...] = (
    (
        Level.WITHIN,
        f"""within|inside|in|into|between
        |(?:covered|contained|included|encompassed|comprised|enclosed|bracketed|bounded)
         (?:in|by|within)
        |respects|respecting|fits|satisfies|conforms (?:to|with)
        |conforming (?:to|with)|consistent with|agrees with|{_NOT_PASSED}""",
    ),
    (Level.OUTSIDE, "outside|beyond|out of"),
    (
        Level.ABOVE,
        """above|over|past|exceed|exceeds|exceeding|exceeded|surpass|surpasses|surpassing|cross|crosses
        |crossing|overshoots|overshooting|in excess of|>
        |(?:higher|greater|larger|more|bigger|wider) (?:in magnitude |in size )?than""",
    ),
    (
        Level.BELOW,
        """below|under|beneath|underneath|short of|<
        |(?:lower|less|smaller) (?:in magnitude |in size )?than""",
    ),
)


def _on_one_line(words: str) -> str:
    return re.sub(r"\n +(?=\|)", "", words).replace("\n         ", " ")


_OWN = some_of("ASYM corresponding reference usual derived stated applicable N asymmetry")
_THEN = (
    r"(?:(?:lies|lie|is|are|falls|fall|sits|sit|stands|stand) "
    r"(?=N |value |volumes? |figure |measured |#|ASYM |F|LEFT|RIGHT))?"
)
_AGAINST = tuple(
    (
        level,
        phrase(
            rf"(?P<verb>{_VERB})(?P<word>{_on_one_line(words)}) {_OWN}"
            r"(?:(?:limits|bounds|span|confines) of )?"
            rf"(?P<to>{REFERENCE}|RANGE |{figure('[MCBE]')}){_THEN}"
        ),
    )
    for level, words in _PREPOSITIONS
)
_PASSED = "exceeded|surpassed|crossed|overshot"
_IS = some_of("is are was were being been has have both")
_OBJECT = r"(?:, |and )*(?P<word>"
_TURNED = (
    (
        Level.WITHIN,
        phrase(
            rf"(?P<to>{REFERENCE}){_OBJECT}{_IS}(?:respected|kept|met|maintained|observed|satisfied"
            rf"|not (?:{_PASSED}))) (?:by (?!#))?"
        ),
    ),
    (
        Level.WITHIN,
        phrase(
            rf"(?P<to>{REFERENCE}){_OBJECT}contains|containing|covers|includes|encompasses"
            r"|comprises|brackets|accommodates|spans|encloses) "
        ),
    ),
    (Level.ABOVE, phrase(rf"(?P<to>{REFERENCE}){_OBJECT}{_IS}(?:{_PASSED})) (?:by (?!#))?")),
)
_BARE = tuple(
    (
        level,
        phrase(
            rf"(?P<verb>{_VERB})(?P<word>{words}) (?:it |them |range )?(?:as well )?(?=[,;.:(] "
            rf"|and |$)"
        ),
    )
    for level, words in (
        (Level.WITHIN, "within|inside|in it|in range|not exceeded"),
        (Level.OUTSIDE, "outside|beyond"),
        (Level.ABOVE, "above|over|exceeded|higher"),
        (Level.BELOW, "below|under|lower"),
    )
)
DIRECTIONS: tuple[tuple[Level, re.Pattern[str]], ...] = (*_AGAINST, *_TURNED, *_BARE)
"""A direction with what it is held against; the bare ones lean on what was named elsewhere."""
SYMMETRY: tuple[tuple[Level, re.Pattern[str]], ...] = tuple(
    (
        level,
        phrase(
            rf"(?:shows? |have |has |is |are |counts? as |regarded as )?(?P<word>{word}(?:al"
            rf"|ally)?) "
            r"(?:distributed |divided )?" + by
        ),
    )
    for level, word, by in (
        (Level.ASYMMETRIC, "asymmetric", ""),  # "asymmetric by the limit" tells an amount
        (Level.SYMMETRIC, "symmetric", "(?:by LIMIT )?"),
    )
)
MEASURES_EXCESS = frozenset(
    {
        "above",
        "below",
        "over",
        "under",
        "beyond",
        "outside",
        "past",
        "beneath",
        "underneath",
        "short",
        "higher",
        "lower",
        "greater",
        "larger",
        "bigger",
        "wider",
        "smaller",
        "more",
        "less",
        "in",
    }
)
"""Words that tell a distance when a figure stands directly before them."""
