"""From a document to entries of the knowledge base: cut, screened, named by their content."""

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from knowledge.build import content_sha256
from knowledge.documents.chunks import Sentence, document_sentences, piece_text, pieces
from knowledge.documents.document import Block, Document, document_name
from knowledge.documents.parsing import KINDS
from mri_analysis.contracts.knowledge import EntryKind, KnowledgeEntry
from mri_analysis.errors import DocumentNameRefused, DocumentSuspicious
from mri_analysis.passage_screening import addresses_a_model, flagged
from mri_analysis.ports.knowledge import DocumentIndex, IndexChange
from mri_analysis.use_cases.index_knowledge import ingest_document

_LONGEST_TITLE = 200
_PLACES_TOLD = 10


@dataclass(frozen=True)
class Screened:
    """The entries of a document, and the places (first, last line or page) that were left out."""

    entries: list[KnowledgeEntry]
    left_out: list[tuple[int, int]]


@dataclass(frozen=True)
class Ingested:
    """What became of a document."""

    document: Document
    change: IndexChange
    left_out: list[tuple[int, int]]


def ingest(document: Document, index: DocumentIndex) -> Ingested:
    """Make ``document`` part of ``index``, in place of an earlier version of the same name.

    Raises
    ------
    DocumentSuspicious
        Every piece addresses a language model. The index keeps what it had.
    KnowledgeUnavailable, KnowledgeIndexMismatch, EmbedderUnavailable
        From the index.
    """
    screened = document_entries(document)
    change = ingest_document(document.name, screened.entries, index)
    return Ingested(document, change, screened.left_out)


def document_entries(document: Document) -> Screened:
    """Cut ``document`` and leave out the pieces with a sentence that addresses a model."""
    parts = document_sentences(document.blocks)
    suspicious = flagged([part.text for part in parts]) | _in_suspicious_blocks(parts)
    entries: dict[str, KnowledgeEntry] = {}
    left_out: list[tuple[int, int]] = []
    for piece in pieces(parts):
        if any(part.position in suspicious for part in piece):
            left_out.append(_place(piece))
        else:
            entry = _entry(document, piece)
            entries[entry.id] = entry
    if not entries:
        places = dict.fromkeys(place_words(document.unit, *place) for place in left_out)
        told = ", ".join(list(places)[:_PLACES_TOLD])
        raise DocumentSuspicious(
            f"All text of the document reads like instructions to a language model ({told})."
        )
    return Screened(list(entries.values()), left_out)


def place_words(unit: str, first: int, last: int) -> str:
    """``line 3`` or ``pages 4 to 5``."""
    return f"{unit} {first}" if first == last else f"{unit}s {first} to {last}"


def documents_below(folder: Path) -> list[tuple[Path, str]]:
    """Files of the known kinds below ``folder`` with the names they get, in a fixed order.

    The name is made of the path below the folder. Hidden files and links are passed over.
    """
    return [
        (path, document_name(str(path.relative_to(folder).with_suffix(""))))
        for path in sorted(_files(folder))
        if path.suffix.lower() in KINDS
    ]


def refuse_shared_names(names: Iterable[str]) -> Mapping[str, DocumentNameRefused]:
    """A refusal for each name that stands more than once."""
    seen: set[str] = set()
    shared: dict[str, DocumentNameRefused] = {}
    for name in names:
        if name in seen:
            shared[name] = DocumentNameRefused(f"Two files would have the name {name}.")
        seen.add(name)
    return shared


def _files(folder: Path) -> Iterator[Path]:
    for path in folder.iterdir():
        if path.name.startswith(".") or path.is_symlink():
            continue
        if path.is_dir():
            yield from _files(path)
        elif path.is_file():
            yield path


def _in_suspicious_blocks(parts: Sequence[Sentence]) -> set[int]:
    judged: dict[tuple[str, ...], bool] = {}

    def suspicious(block: Block) -> bool:
        lines = (block.heading, block.source, block.licence, block.url, *block.synonyms)
        if lines not in judged:
            judged[lines] = any(addresses_a_model(line) for line in lines if line)
        return judged[lines]

    return {part.position for part in parts if suspicious(part.block)}


def _place(piece: Sequence[Sentence]) -> tuple[int, int]:
    return min(part.block.first for part in piece), max(part.block.last for part in piece)


def _entry(document: Document, piece: Sequence[Sentence]) -> KnowledgeEntry:
    block = piece[0].block
    place = place_words(document.unit, *_place(piece))
    text = piece_text(piece)
    title = _title(document, block, place)
    source = block.source or document.source
    licence = block.licence or document.licence
    url = block.url or document.url
    rests_on = f"document {document.name}, {place}, file sha256 {document.version}"
    # Everything a reader is shown has part in the id: a citation never changes its meaning.
    shown = "\n".join([title, text, source, licence, url or "", rests_on, *block.synonyms])
    return KnowledgeEntry(
        id=f"document.{document.name}.{hashlib.sha256(shown.encode()).hexdigest()[:12]}",
        kind=EntryKind.DOCUMENT,
        version=document.version,
        title=title,
        text=text,
        synonyms=list(block.synonyms),
        rests_on=rests_on,
        source=source,
        licence=licence,
        url=url,
        document=document.name,
        sha256=content_sha256(title, text),
    )


def _title(document: Document, block: Block, place: str) -> str:
    heading = block.heading.removeprefix(document.title).removeprefix(" > ")
    title = f"{document.title} > {heading}" if heading else document.title
    if len(title) > _LONGEST_TITLE:
        title = title[: _LONGEST_TITLE - 1] + "…"
    return f"{title}, {place}" if document.unit == "page" else title
