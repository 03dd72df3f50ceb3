"""What a figure is held against: bands, criteria and limits, with their own figures."""

import re

from mri_analysis.reporting.prose.words import BE, any_of, figure, phrase, some_of

_LOW, _HIGH = figure("B"), figure("E")
_KIND = some_of(
    """reference usual corresponding ASYM derived stated applicable conventional asymmetry given
    upper N for"""
)
_LEADS = (
    "(?:(?:for|of|on) (?:ASYM|N volume|N|it|index|volume|fraction|value) |"
    + any_of(
        f"""of from between at : = , ( runs running run extends extending extend ranges ranging
        range reaches reaching spans spanning covers covering starts starting begins beginning
        ends ending
        lower upper end goes going stretches stretching bounded by with stated as DERIVED {BE}"""
    )
    + ")*"
)
_LEADS_OF_LIMIT = _LEADS.replace("N volume|", "").replace("|volume|fraction|value", "")
RANGE = phrase(rf"{_LOW}(?:to|-|and|up to|through) {_HIGH}")
BAND = (
    rf"{_KIND}(?:(?:limits|bounds|ends|span|confines) of )?{_KIND}"
    r"(?:band|range|interval|reference(?! limit| criterion| threshold| cut| for)) "
    r"(?:of values |values )?(?:DERIVED )?"
)
_END = "(?:end|bound|limit|edge|boundary|mark|margin)"
_OF_BAND = rf"(?:(?:of|in) {BAND}|{BAND})?"

REFERENCES: tuple[tuple[str, re.Pattern[str]], ...] = (
    (
        "LOWEND",
        phrase(
            rf"(?:band )?(?:lower|bottom|low|lowest) {_END} {_OF_BAND}(?:{_LEADS}{_LOW})?"
            rf"|{_LOW}(?:at |, |\( )?(?:lower|bottom) {_END} {_OF_BAND}"
            rf"|{_LOW}{some_of('at which with')}(?:{BAND})(?:begins|starts|start"
            rf"|beginning) (?:at )?"
        ),
    ),
    (
        "UPEND",
        phrase(
            rf"(?:band )?(?:upper|top|high|highest) {_END} {_OF_BAND}(?:{_LEADS}{_HIGH})?"
            rf"|{_HIGH}(?:at |of )?top of {BAND}"
            rf"|{_HIGH}(?:at |, |\( )?(?:upper|top) {_END} {_OF_BAND}"
        ),
    ),
    ("BAND", phrase(rf"{BAND}{_LEADS}RANGE |RANGE {BAND}|{BAND}")),
    (
        "CRIT",
        phrase(
            rf"{_KIND}(?:criterion|cutoff|cut off|threshold|limit) (?:value )?{_LEADS}{figure('C')}"
            rf"|{figure('C')}{_KIND}(?:criterion|cutoff|cut off|threshold) "
            rf"|{_KIND}(?:criterion|cutoff|cut off) (?:value )?"
        ),
    ),
    (
        "LIMIT",
        phrase(
            rf"{_KIND}(?:limit|threshold) (?:value )?(?:(?:for|of|on) )?(?:ASYM "
            rf"(?:of N )?)*(?!, at #){_LEADS_OF_LIMIT}{figure('M')}"
            rf"|{figure('M')}{_KIND}(?:limit|threshold) |{_KIND}(?:limit|threshold) (?:value )?"
        ),
    ),
)
"""By symbol, in the order in which they are looked for."""
REFERENCE = "(?:BAND|CRIT|LIMIT|LOWEND|UPEND) "

_WHOLE_BAND = (
    r"(?:, |; |\( )?(?:DERIVED )?(?:"
    + any_of(
        """extends extending runs running goes going reaches reaching ranges ranging spanning spans
        covers covering from with ends between are being at of"""
    )
    + r")*RANGE "
    rf"|(?:, |; |\( )?(?:begins|beginning|starts|starting) (?:at |with |from ){_LOW}"
    rf"(?:and (?:ends |extends |runs |goes |reaches |ending |going )(?:at |to |up to ){_HIGH})?"
    "|(?:, |and )*(?:was |were )?DERIVED "
)
_TOP = (
    rf"(?:(?:, |; )?(?:extends|runs|goes|ends|reaches)|(?:\( )?(?:extending|running|going|ending)) "
    rf"(?:up to|to|at) {_HIGH}"
)
"""Behind a comma "extending to 1526 mL" may be said of the figure."""
BOTH_ENDS: tuple[tuple[re.Pattern[str], str], ...] = (
    (
        phrase(rf"LOWEND (?:, |and |to )+UPEND (?:(?:, )?of {BAND}|(?:, )?of BAND )?"),
        "BAND ",
    ),
    (
        phrase(r"(?:above|over|beyond|past) LOWEND and (?:below|under) UPEND (?:of BAND )?"),
        "within BAND ",
    ),
    (phrase(rf"(?:(?<=BAND )|(?<=UPEND )|(?<=LOWEND ))(?:{_WHOLE_BAND}|{_TOP})"), ""),
)
"""A band that is described further: "the band, which extends to 1673 mL"."""
FURTHER = phrase(rf"(?<=D\d )(?:{_WHOLE_BAND})")
"""The same behind the symbol of a direction."""
