"""Paragraphs cut into pieces that a search can find and a report can quote.

A piece ends at the end of a sentence. The next piece of the same section begins with its last one
or two sentences, so that a thought over the border is whole in one of them. The same document
always gives the same pieces.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from knowledge.documents.document import Block

LIMIT = 1000
"""Characters of a piece at most; a sentence that is longer is cut between words."""
TARGET = 800
"""Characters after which a piece ends with the sentence."""
OVERLAP = 200
"""Characters that are repeated at most, in whole sentences."""
_OVERLAP_SENTENCES = 2

_END = re.compile(r"[.!?…][\"'\u201d\u2019)\]]*(?=\s+[\"'\u201c\u2018(\[]?[^\Wa-z_])")
_ABBREVIATION = re.compile(
    r"(?:\b(?:e\.g|i\.e|cf|vs|etc|al|approx|fig|figs|tab|eq|no|nos|vol|pp|ed|eds|dr|prof|mr|mrs|"
    r"ms|st|resp|incl|ca|max|min|sec|ref|refs|dept|univ)|\b[A-Za-z])\.[\"'\u201d\u2019)\]]*$",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Sentence:
    """A sentence, or a part of one that is too long, and the block it is from."""

    text: str
    block: Block
    position: int
    """in the document, from 0"""


def sentences(text: str) -> list[str]:
    """Cut ``text`` at the ends of its sentences; white space becomes single spaces.

    Joined with single spaces, the parts are the text again.
    """
    text = " ".join(text.split())
    parts: list[str] = []
    begin = 0
    for end in _END.finditer(text):
        if not _ABBREVIATION.search(text, max(begin, end.end() - 12), end.end()):
            parts.append(text[begin : end.end()])
            begin = end.end() + 1
    if begin < len(text):
        parts.append(text[begin:])
    return parts


def document_sentences(blocks: Sequence[Block]) -> list[Sentence]:
    """All sentences in their order, those above :data:`LIMIT` cut between words."""
    texts = (
        (part, block)
        for block in blocks
        for sentence in sentences(block.text)
        for part in _parts(sentence)
    )
    return [Sentence(text, block, position) for position, (text, block) in enumerate(texts)]


def pieces(parts: Sequence[Sentence]) -> Iterator[tuple[Sentence, ...]]:
    """Pack sentences into pieces, each with the sentences it repeats at its beginning.

    No piece crosses a heading, or holds passages of different origin. Joined with spaces, none is
    longer than :data:`LIMIT`.
    """
    piece: list[Sentence] = []
    length = 0
    for sentence in parts:
        if piece and _section(piece[-1].block) != _section(sentence.block):
            yield tuple(piece)
            piece, length = [], 0
        elif piece and (length >= TARGET or length + 1 + len(sentence.text) > LIMIT):
            yield tuple(piece)
            piece = _overlap(piece, sentence)
            length = _length(piece)
        length += len(sentence.text) + bool(piece)
        piece.append(sentence)
    if piece:
        yield tuple(piece)


def piece_text(piece: Sequence[Sentence]) -> str:
    """The text of a piece."""
    return " ".join(sentence.text for sentence in piece)


def _section(block: Block) -> tuple[str, ...]:
    return (block.heading, block.source, block.licence, block.url, *block.synonyms)


def _length(piece: Sequence[Sentence]) -> int:
    return max(sum(len(sentence.text) + 1 for sentence in piece) - 1, 0)


def _overlap(piece: Sequence[Sentence], following: Sentence) -> list[Sentence]:
    repeated: list[Sentence] = []
    # Never the whole piece: it would begin anew with each sentence.
    for sentence in reversed(piece[1:][-_OVERLAP_SENTENCES:]):
        longer = [sentence, *repeated]
        if _length(longer) > OVERLAP or _length([*longer, following]) > LIMIT:
            break
        repeated = longer
    return repeated


def _parts(sentence: str) -> Iterator[str]:
    """A sentence in parts of at most :data:`LIMIT`, cut between words where it has any."""
    while len(sentence) > LIMIT:
        cut = sentence.rfind(" ", 1, LIMIT + 1)
        if cut < 1:
            yield sentence[:LIMIT]
            sentence = sentence[LIMIT:]
        else:
            yield sentence[:cut]
            sentence = sentence[cut + 1 :]
    if sentence:
        yield sentence
