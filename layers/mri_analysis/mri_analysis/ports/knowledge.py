"""Port to the knowledge base: search, lookup by id, follow-up rules and reference figures.

Rules and references are read whole, never searched: which of them apply is decided by code from the
measurements, and a ranking must not be able to hide one.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from mri_analysis.contracts.knowledge import EntryKind, KnowledgeEntry
from mri_analysis.contracts.report import Passage, Reference


@dataclass(frozen=True)
class ScoredPassage:
    """A passage and how well it matched; larger is better, comparable within one search only."""

    passage: Passage
    kind: EntryKind
    score: float


@dataclass(frozen=True)
class KnowledgeManifest:
    """What a knowledge base holds and what its licences ask to be shown."""

    schema_version: int
    version: str
    """of our own notes, rules and references"""
    hpo_release: str
    content_sha256: str
    counts: Mapping[str, int]
    attributions: tuple[str, ...]
    retrieval: str
    """how passages were found, for the provenance: 'snapshot', 'opensearch', ..."""


class KnowledgeBase(Protocol):
    """Anything passages can be quoted from. Every method may raise ``KnowledgeUnavailable``."""

    def search(
        self, query: str, limit: int = 5, kinds: Collection[EntryKind] | None = None
    ) -> list[ScoredPassage]:
        """The passages nearest to ``query``, best first; an empty list where nothing matches."""
        ...

    def passages(self, ids: Sequence[str]) -> list[Passage]:
        """The passages with these ids, in the order asked for; unknown ids are left out."""
        ...

    def rules(self) -> list[KnowledgeEntry]:
        """All follow-up rules, in the order they are to be printed."""
        ...

    def references(self) -> list[Reference]:
        """All reference figures."""
        ...

    @property
    def manifest(self) -> KnowledgeManifest:
        """Versions, counts and attributions."""
        ...


@dataclass(frozen=True)
class IndexChange:
    """What an ingestion changed."""

    added: int
    removed: int
    unchanged: int


@dataclass(frozen=True)
class RebuiltIndex:
    """What a re-index made."""

    index: str
    previous: str | None
    """the index before, which is kept for one generation"""
    entries: int
    document_pieces: int
    """of a site's own documents, carried over"""


@dataclass(frozen=True)
class StoredDocument:
    """A document of the site's own as it is kept."""

    name: str
    pieces: int
    sources: tuple[str, ...]
    """of its pieces, each once: passages of a JSON Lines file may have origins of their own"""
    licences: tuple[str, ...]
    versions: tuple[str, ...]
    """two where a replacement was cut off"""


def stored_documents(pieces: Iterable[tuple[str, str, str, str]]) -> list[StoredDocument]:
    """Documents by name, from the document's name, source, licence and version of each piece."""
    by_name: dict[str, list[tuple[str, str, str]]] = {}
    for name, *origin in pieces:
        by_name.setdefault(name, []).append((origin[0], origin[1], origin[2]))
    return [
        StoredDocument(
            name, len(of), *(tuple(dict.fromkeys(column)) for column in zip(*of, strict=True))
        )
        for name, of in sorted(by_name.items())
    ]


class DocumentIndex(Protocol):
    """Where a site's own documents are kept, so that they are found beside notes and terms."""

    def replace_document(self, document: str, pieces: Sequence[KnowledgeEntry]) -> IndexChange:
        """Make ``pieces`` all there is of ``document``; an empty sequence removes it.

        A piece that is there already, by id and checksum, is left alone. Raises
        ``KnowledgeUnavailable``, ``KnowledgeIndexMismatch`` or ``KnowledgeIndexBusy``.
        """
        ...

    def documents(self) -> Mapping[str, int]:
        """Names of the documents and how many pieces each has."""
        ...

    def stored_documents(self) -> Sequence[StoredDocument]:
        """The documents with their origins, in the order of their names."""
        ...


class SearchIndex(DocumentIndex, Protocol):
    """The whole search index, which is made anew from a snapshot."""

    def rebuild(
        self,
        entries: Iterable[KnowledgeEntry],
        knowledge: KnowledgeManifest,
        *,
        keep_documents: bool = True,
    ) -> RebuiltIndex:
        """Replace the entries of the index in use in one step, documents carried over.

        Raises ``KnowledgeUnavailable``, ``KnowledgeIndexMismatch``, ``KnowledgeIndexBusy``,
        ``DocumentsUnreadable`` or ``EmbedderUnavailable``; the index in use is then what it was.
        """
        ...


@dataclass(frozen=True)
class Found:
    """What a search service found."""

    passages: Sequence[ScoredPassage]
    retrieval: str
    """how: 'opensearch', or 'opensearch, words only' where no vectors were compared"""
    knowledge_version: str
    knowledge_sha256: str
    """of the snapshot that the index was made from"""
    no_vectors: str | None = None
    """why words had to do, where the embedder was asked and failed"""


class PassageSearch(Protocol):
    """A search service: finds passages, and knows neither rules nor reference figures.

    Every method may raise ``KnowledgeUnavailable`` or ``KnowledgeIndexMismatch``.
    """

    def find(
        self,
        query: str,
        limit: int,
        kinds: Collection[EntryKind],
        *,
        by_vectors: bool = True,
    ) -> Found | None:
        """The passages nearest to ``query``, best first; None where there is nothing to search.

        Parameters
        ----------
        by_vectors
            Whether an embedder, where there is one, is asked.
        """
        ...

    def passages(self, ids: Sequence[str]) -> list[Passage]:
        """The passages with these ids, in the order asked for; unknown ids are left out."""
        ...
