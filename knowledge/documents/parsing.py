"""The bytes of a document as paragraphs of visible text."""

from dataclasses import dataclass, field, replace

from knowledge.documents.document import Block
from knowledge.documents.limits import Limits
from mri_analysis.errors import DocumentEmpty, DocumentNotText, DocumentTooLarge
from mri_analysis.passage_text import visible

KINDS = {".md": "markdown", ".markdown": "markdown", ".pdf": "pdf", ".jsonl": "json lines"}


@dataclass(frozen=True)
class Parsed:
    """What a file says about itself, and its paragraphs."""

    fields: dict[str, str]
    blocks: list[Block]
    empty_pages: list[int] = field(default_factory=list)
    removed_characters: int = 0


def parsed(kind: str, data: bytes, limits: Limits) -> Parsed:
    """Read ``data`` as one of :data:`KINDS`. Raises the subclasses of ``DocumentError``."""
    # Readers of one kind need not load those of the others: pypdf alone takes 0.2 s.
    if kind == "pdf":
        from knowledge.documents.pdf_text import read_pdf

        title, blocks, empty = read_pdf(data, limits)
        fields = {"title": title} if title else {}
    else:
        text, empty, fields = _text(data, limits), [], {}
        if kind == "markdown":
            from knowledge.documents.markdown_text import read_markdown

            fields, blocks = read_markdown(text)
        else:
            from knowledge.documents.json_lines import read_json_lines

            blocks = read_json_lines(text)
    if len(blocks) > limits.blocks:
        raise DocumentTooLarge(f"The document has more than {limits.blocks} paragraphs.")
    return _visible(Parsed(fields, blocks, empty))


def _text(data: bytes, limits: Limits) -> str:
    if b"\x00" in data:
        raise DocumentNotText("The file holds binary data, not text.")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise DocumentNotText("The file is no UTF-8 text.") from error
    if len(text) > limits.characters:
        raise DocumentTooLarge(
            f"The document has {len(text)} characters; {limits.characters} can be read."
        )
    return text


def _visible(found: Parsed) -> Parsed:
    removed = 0

    def shown(text: str) -> str:
        nonlocal removed
        kept, count = visible(text)
        removed += count
        return kept

    def line(text: str) -> str:
        return " ".join(shown(text).split())

    blocks = [
        replace(
            block,
            text=shown(block.text),
            heading=line(block.heading),
            source=line(block.source),
            licence=line(block.licence),
            url=line(block.url),
            synonyms=tuple(filter(None, map(line, block.synonyms))),
        )
        for block in found.blocks
    ]
    blocks = [block for block in blocks if block.text.strip()]
    if not blocks:
        raise DocumentEmpty("The document holds no text.")
    fields = {name: line(value) for name, value in found.fields.items()}
    return Parsed(fields, blocks, found.empty_pages, removed)
