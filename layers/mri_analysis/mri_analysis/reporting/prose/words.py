"""Plain words of measuring: the ground that every phrase stands on.

A phrase is a pattern over a row of :mod:`~mri_analysis.reporting.prose.tokens`, in which every
token is followed by one space.
"""

import re

from mri_analysis.reporting.anatomy import BRAIN_PARENCHYMAL_FRACTION, EVANS_INDEX


def phrase(pattern: str) -> re.Pattern[str]:
    """A pattern that starts at a token."""
    return re.compile(rf"(?<= )(?:{pattern})")


def any_of(words: str) -> str:
    """One of some words, with the space behind it."""
    return f"(?:{'|'.join(map(re.escape, dict.fromkeys(words.split())))}) "


def some_of(words: str) -> str:
    """Any number of some words."""
    return f"(?:{any_of(words)})*"


def word_set(words: str) -> frozenset[str]:
    """Some words, to ask whether one is among them."""
    return frozenset(words.split())


def figure(letter: str) -> str:
    """A number that may be a certain :class:`~mri_analysis.reporting.prose.tokens.Quantity`."""
    return f"#[A-Z]*{letter}[A-Z]* "


BE = "is are was were be been being has have having"
_STATED = """
    amount amounting amounts assessed attains attributed calculated carries carry come comes
    computed count demonstrate determined display equalling equals estimated exhibit expressed found
    give given gives giving hold holds measure measured measures measuring noted obtained
    presented provides quantified reaches read reads recorded registers reported result
    resulting results segmented show shows span spanning spans stand stands stated sum sums
    total totals yield yielding yields
"""
_MADE = """
    account accounting accounts comprise comprised comprises comprising constitute
    constitutes constituting contain contains contribute contributes contributing encloses
    fill fills made make makes making occupies occupy represent representing represents take
    takes taking up
"""
_NOUNS = """
    absolute altogether amount amounts analysis bilateral both calculation combined
    distribution estimate figure figures halves joint measurement overall quotient ratio
    result segmentation sides size status terms together total value vol volume volumes
    volumetric volumetrically volumetry whole width widths
"""
MADE_OF = frozenset(_MADE.split())
"""Verbs of a whole and its parts."""
PLAIN = frozenset(
    f"""{BE} {_STATED} {_MADE} {_NOUNS}
    , ; : . ( / = - & of at as for with in and side it they respect regard regards
    regarding concerning relating related relation relative relates comparing comparison
    corresponding meaning follows derived returned returns
    """.split()
)
"""Words and signs that tell nothing by themselves: they may stand anywhere."""
WIDTHS = word_set("width widths dimension")
"""Plain words in a statement about the Evans index only."""
NOT_PLAIN_FOR = {
    EVANS_INDEX: frozenset({"volume", "volumes", "volumetric", "size", "sum", "total"}),
    BRAIN_PARENCHYMAL_FRACTION: frozenset({"volume", "volumes", "volumetric", "size", "sum"}),
}
"""Plain words that make no sense in a statement about one measurement."""
PLAIN_FOR = {
    BRAIN_PARENCHYMAL_FRACTION: frozenset({"fraction", "ICV"}),
    EVANS_INDEX: frozenset(
        {
            "index",
            "component",
            "components",
            "dividing",
            "numerator",
            "denominator",
            "quotient",
        }
    ),
    "volume.csf": frozenset({"fluid"}),
}
"""Words that are plain in a statement about one measurement."""
_NOT_CLOSE = {
    ".",
    ";",
    ",",
    ":",
    "(",
    "/",
    "=",
    "-",
    "&",
    "+",
    "and",
    "of",
    "at",
    "as",
    "for",
    "with",
    "in",
}
CLOSELY = some_of(" ".join(sorted(PLAIN - _NOT_CLOSE)))
"""Plain words without signs and joining words: what stands between a figure and where it lies."""
PLAINLY = some_of(" ".join(sorted(PLAIN - {".", ";"})))
"""What may stand between a name and its figure."""

_TO = (
    r"(?:comes? out|came out|works? out|worked out|comes? in|came in|turns? out) at "
    r"|(?:amount(?:s|ed|ing)?|comes? out|comes?|coming|came"
    r"|corresponds?|corresponding|corresponded"
    r"|equivalent|equates?|equating|equal|adds? up|adding up|sums?"
    r"|summing|sums? up|totals? up|relates?|computes?|computed|measured) to "
)
_DERIVED = (
    r",? ?(?:(?:as|that|which|is|was|were|are|been|has|have) )*"
    r"(?:derived|taken|drawn|obtained|made|compiled|calculated|computed)? ?from published figures "
)
AMOUNTS = phrase(rf"(?:as )?{_TO}")
"""Amounting to: one plain word, "amounts"."""
DERIVED = phrase(_DERIVED)
"""Where a band comes from; nothing else comes from there."""
DROPPED = phrase(
    r"(?:to begin )?(?:with|in) (?:regard|respect|relation) (?:to|of) |as regards "
    r"|as (?:to|for) "
    r"|(?:found|determined|measured|calculated|seen|computed|estimated|said|found) to (?:be"
    r"|measure|total|have|amount to) "
    r"|which means that |means that "
    r"|to begin with |(?:when )?(?:looking|turning) (?:at|to) |when it comes to |in terms of "
    r"|with reference to |as far as (?=\S+ (?:\S+ )*concerned )|(?:is |are )?concerned , "
    r"|in (?:numbers|figures|detail) |in (?:the )?sense that |among (?:the )?volumes "
    r"|in (?:turn|addition|all) |for (?:its|their) part |(?:by|in) contrast |n \. b \. "
    r"|(?:when )?taken (?:as (?:a )?whole|together) |by volume |as well "
    r"|(?<=, )too (?=,)|(?<=[A-Za-z] )too (?=[,.;])|put at |two (?=sides |halves |volumes "
    r"|widths |thalami |hippocampi |hemispheres )|finds its place "
    r"|lateral (?=halves |sides |parts )|it (?:has|is) to be (?:added|noted) that "
    r"|(?:in|of|on|for) (?:this|the|present|current) (?:present |current )?"
    r"(?:study|image|scan|examination|mri|segmentation|analysis|dataset) |"
    + any_of(
        """the a an its their this these those that such own respective thus therefore
        hence so accordingly however likewise also moreover additionally furthermore here namely ie
        eg which whose itself thereby there while whilst whereas whereby where placing"""
    )
)
"""Words that carry nothing, wherever they stand: taken out first."""


def abbreviated(text: str) -> str:
    """The text with names of statuses in words, without signs that only stand in the way."""
    text = re.sub(r"\b(within|below|above)_reference\b", r"\1 reference", text)
    text = text.replace("+/-", "±")
    return re.sub(r"\b(i\.e|e\.g|vs)\.", lambda match: match[1].replace(".", ""), text)
