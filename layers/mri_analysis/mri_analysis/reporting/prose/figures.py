"""Where figures stand: beside what they are, sides beside their own."""

import re

from mri_analysis.reporting.prose.names import ASYMMETRY_OF, PART
from mri_analysis.reporting.prose.words import (
    CLOSELY,
    PLAIN,
    PLAINLY,
    any_of,
    figure,
    phrase,
    some_of,
    word_set,
)

_TAKEN = "(?:occupied|taken up|accounted for|made up|constituted|formed|filled|taken)"
_BY_IT = rf"(?:(?:is |are |being )?{_TAKEN} by (?=N ))?"
_SHARE = "(?:share|percentage|proportion|fraction)"
_OF_WHOLE = some_of(", of in for from relative related to share part portion percentage proportion")
_IS_THE = rf"(?:{CLOSELY}|as |for |, |of |\( |in |at |across |wide )*"
_BETWEEN = (
    f"(?:{any_of(' '.join(sorted(PLAIN - {'.'})))}|N |LEFT |RIGHT |#[A-Z]*[LR][A-Z]* |on |from )*"
)
_SHARES = some_of("share percentage proportion fraction portion part relative volume as of in to")
_SHARES_AFTER = some_of("share percentage proportion fraction part")

FIGURES: tuple[tuple[re.Pattern[str], str], ...] = (
    (
        phrase(
            rf"ASYM {ASYMMETRY_OF}{PLAINLY}{figure('A')}|{figure('A')}{_IS_THE}ASYM {ASYMMETRY_OF}"
        ),
        "FA ",
    ),
    # "the asymmetry index, with 20.1 mL on the left and 19.6 mL on the right, is 2.1 %"
    (phrase(rf"ASYM (?P<between>{_BETWEEN}){figure('A')}"), r"FA \g<between>"),
    (
        phrase(
            r"(?:relative|in relation|related|normali[sz]ed|as (?:percentage|share)) (?:to|of) ICV "
            rf"((?:(?:[^#.;\s]+|#T) )*){figure('P')}"
        ),
        r"\1FP ",
    ),
    (
        phrase(
            rf"{figure('P')}{_OF_WHOLE}ICV {_BY_IT}"
            rf"|{figure('P')}(?:when )?(?:expressed )?as {_SHARE} of ICV "
            rf"|{_SHARES}"
            rf"ICV {_SHARES_AFTER}{PLAINLY}{figure('P')}{_BY_IT}"
            rf"|(?:(?:relative|intracranial) )+{_SHARE} (?:(?:of|in) N )?{PLAINLY}{figure('P')}"
            rf"|{_SHARE} (?:(?:of|in) N )?{PLAINLY}{figure('P')}(?:of|in) ICV "
        ),
        "FP ",
    ),
    (
        phrase(rf"HORNS {PLAINLY}{figure('H')}(?:wide |across )?|{figure('H')}{_IS_THE}HORNS "),
        "FH ",
    ),
    (
        phrase(rf"SKULL {PLAINLY}{figure('K')}(?:wide |across )?|{figure('K')}{_IS_THE}SKULL "),
        "FK ",
    ),
    (
        phrase(rf"{figure('H')}(?:/|:|to|and|over|by|divided by|relative to) {figure('K')}"),
        "FH , FK ",
    ),
)
"""Figures with the words that name them, and their symbols."""

_OR = (
    r"(?:,? ?and|/|-|,|versus|vs|against|to|compared with|compared to"
    r"|(?:is |being )?(?:larger|smaller|greater|bigger) than|exceeds|exceeding|>|over) "
)
_AND = r"(?:,? ?and|/|-|,|versus|vs|against|compared with|compared to) "
_ON = r"(?:(?:on|in|at|for|to|of|from|\() )*"


def _pair(first: str, second: str) -> tuple[re.Pattern[str], re.Pattern[str]]:
    one, other = figure(first[0]), figure(second[0])
    respectively = r"(?:,? ?respectively )?"
    return (
        phrase(
            rf"{first} (?P<joint>{_OR}){second} {PART}(?:(?:of )?N "
            rf")?{PLAINLY}{one}(?:{_AND})+{other}"
            rf"{respectively}"
        ),
        phrase(
            rf"{one}(?:{_AND})+{other}{respectively}{_ON}(?:N )?{_ON}{first} "
            rf"(?P<joint>{_OR}){_ON}{second} "
            rf"{PART}"
            rf"{respectively}"
        ),
    )


PAIRED = (*_pair("LEFT", "RIGHT"), *_pair("RIGHT", "LEFT"))
"""Two sides, then their two figures in the same order."""


_OF_BOTH_SIDES = word_set(
    ". ; total whole sum both sides halves combined together overall altogether and joint"
)
"""Between a side and its figure these tell of more than the side."""


def _beside(side: str) -> str:
    own = figure(side[0])
    plainly = some_of(" ".join(sorted(PLAIN - _OF_BOTH_SIDES)))
    lying = f"(?:{CLOSELY}|lies |lie |lying |belongs? |belonging |pertains? |seen |located )*"
    return (
        rf"{side} (?:, )?(?:N )?{plainly}(?:to )?{own}(?!(?:on |in |at |\( )?{side} )"
        rf"|{own}(?:of (?:it|them|N|ICV) )?{lying}{_ON}{side} "
    )


SIDE_FIGURE = phrase(rf"(?P<left>{_beside('LEFT')})|(?P<right>{_beside('RIGHT')})")
LARGER_SIDE = phrase(
    r"(?:(?P<larger>larger|greater|bigger)|(?P<smaller>smaller)) (?P<first>LEFT |RIGHT )"
)
"""A side with an adjective: "27.6 mL on the larger left side"."""
LARGER_FIGURE = phrase(
    rf"(?P<side>LEFT(?= [^#]*#[A-Z]*L)|RIGHT(?= [^#]*#[A-Z]*R)) (?:, "
    rf")?{some_of('is are being was as with and')}"
    rf"(?P<word>larger|smaller|greater|bigger) {some_of('one side of two both N volume')}"
    rf"(?:(?:,|:|with|at|\(|having|measuring|holding|measures"
    rf"|is) )+(?P<figure>#[A-Z]*[LR][A-Z]* )"
    r"(?:(?:versus|vs|against|compared with|compared to) (?P<second>#[A-Z]*[LR][A-Z]* )"
    r"(?!(?:on |in |at |\( )?(?:LEFT|RIGHT) ))?"
)
"""A side that is said to be larger before its figure is told."""

_SIDE = "(?:LEFT|RIGHT|LR|RR) "
_OF_BOTH = some_of(
    "side sides half one volume volumes N part share portion value figure hemisphere of two both"
)
_THAN = (
    rf"(?:(?:, |\) )?(?:than|compared with|compared to|versus|over) "
    rf"{some_of('that those one on of in at for , (')}(?P<second>{_SIDE}))?"
)
_SIDE_NOUN = r"(?:side|half|one|part|hemisphere|(?:volume|N)(?! [:(,]| volumes? [:(,])) "
_IS_ON = some_of(
    "is are being was lies lying sits found measured located on in at : ( = that of seen"
)
COMPARED: tuple[re.Pattern[str], ...] = (
    *(
        phrase(pattern)
        for adjective, name in (
            ("larger|greater|bigger|largest", "larger"),
            ("smaller|smallest", "smaller"),
        )
        for pattern in (
            rf"(?P<first>LEFT |RIGHT ){some_of('is are being was as')}(?P<{name}>{adjective}) "
            rf"{_OF_BOTH}{_THAN}",
            rf"(?P<{name}>{adjective}) (?:{_SIDE_NOUN}{_OF_BOTH}{_IS_ON}"
            rf"|{some_of('is being lies found on in at that of')})(?P<first>{_SIDE}){_THAN}",
            rf"(?P<first>LEFT |RIGHT |(?:LR|RR) (?={any_of('is are being was , : ) with and as')}))"
            rf"{some_of('is are being was , : ) with and as side')}(?P<{name}>{adjective}) "
            rf"{_OF_BOTH}{_THAN}",
        )
    ),
    phrase(
        rf"(?P<first>{_SIDE})(?:, )?(?P<larger>exceeds|exceeding|outweighs|surpasses|over|>) "
        rf"{some_of('that of on value volume')}(?P<second>{_SIDE})"
    ),
    phrase(r"(?P<first>(?:LR|RR) )(?P<smaller>smaller) (?=[,;.])"),
    phrase(rf"(?P<larger>in favou?r of|predominance of) (?P<first>{_SIDE})"),
    phrase(rf"(?P<first>{_SIDE})(?P<larger>predominance|dominance|predominating) "),
)
"""Which side is larger."""
