"""Symbols back into words, for those who are told what was refused."""

import re
from collections.abc import Sequence

_WORDS = {
    "N": "(name)",
    "VS": "against",
    "ASYM": "asymmetry",
    "FA": "(asymmetry index)",
    "FP": "(share)",
    "FH": "(frontal horns)",
    "FK": "(inner skull)",
    "HORNS": "frontal horns",
    "SKULL": "inner skull",
    "LR": "(left figure)",
    "RR": "(right figure)",
    "LEFT": "left",
    "RIGHT": "right",
    "LARGER": "larger",
    "ICV": "intracranial volume",
    "BAND": "band",
    "CRIT": "criterion",
    "LIMIT": "limit",
    "LOWEND": "lower end",
    "UPEND": "upper end",
    "RANGE": "(range)",
    "DERIVED": "derived from published figures",
    "UNJUDGED": "no verdict",
    "UNJUDGED-LEVEL": "no verdict",
    "UNJUDGED-SIDES": "no verdict on the sides",
}
_SIGN = re.compile(r" ([.,;:)])")


def worded(text: str, directions: Sequence[str]) -> str:
    """A part of a row of symbols as a reader of the statement would write it.

    Parameters
    ----------
    text
        Tokens or symbols, between single spaces.
    directions
        The words of each direction, by the number in its symbol.

    >>> worded("D0 , with #T", ["lies below BAND"])
    'lies below band, with (figure)'
    """
    row = re.sub(r"\bD(\d+)\b", lambda match: directions[int(match[1])], text)
    words = ("(figure)" if word[0] == "#" else _WORDS.get(word, word) for word in row.split())
    return _SIGN.sub(r"\1", " ".join(words))
