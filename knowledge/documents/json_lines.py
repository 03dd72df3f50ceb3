"""JSON Lines: one object a line, each a passage with a title and perhaps an origin of its own."""

import json

from knowledge.documents.document import LONGEST_LINE, Block
from mri_analysis.errors import DocumentLineMalformed

_TEXTS = ("title", "text", "source", "licence", "url")


def read_json_lines(text: str) -> list[Block]:
    """The passages of a JSON Lines text; blank lines are passed over.

    Each line is an object with ``text``, and optionally ``title``, ``source``, ``licence``,
    ``url`` (texts) and ``synonyms`` (a list of texts). No other key is taken.

    Raises
    ------
    DocumentLineMalformed
        A line is anything else. Its number is told, never its content.
    """
    return [
        _block(line, number)
        for number, line in enumerate(text.split("\n"), start=1)
        if line.strip()
    ]


def _block(line: str, number: int) -> Block:
    try:
        fields = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise DocumentLineMalformed(f"Line {number} is no JSON.") from error
    if not isinstance(fields, dict):
        raise DocumentLineMalformed(f"Line {number} is no JSON object.")
    synonyms = fields.pop("synonyms", [])
    known = set(fields) <= set(_TEXTS) and all(isinstance(fields[key], str) for key in fields)
    if (
        not known
        or not isinstance(synonyms, list)
        or not all(isinstance(synonym, str) for synonym in synonyms)
    ):
        raise DocumentLineMalformed(
            f"Line {number} has a key that is not known, or a value of another type."
        )
    if any(
        len(line) > LONGEST_LINE
        for line in [*synonyms, *(fields[key] for key in fields if key != "text")]
    ):
        raise DocumentLineMalformed(
            f"Line {number} has a title, origin or synonym of more than {LONGEST_LINE} characters."
        )
    if not fields.get("text", "").strip():
        raise DocumentLineMalformed(f"Line {number} has no text.")
    return Block(
        fields["text"],
        " ".join(fields.get("title", "").split()),
        number,
        number,
        source=fields.get("source", ""),
        licence=fields.get("licence", ""),
        url=fields.get("url", ""),
        synonyms=tuple(synonyms),
    )
