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


class DocumentIndex(Protocol):
    """Where a site's own documents are kept, so that they are found beside notes and terms."""

    def replace_document(self, document: str, pieces: Sequence[KnowledgeEntry]) -> IndexChange:
        """Make ``pieces`` all there is of ``document``; an empty sequence removes it.

        A piece that is there already, by id and checksum, is left alone. Raises
        ``KnowledgeUnavailable`` or ``KnowledgeIndexMismatch``.
        """
        ...

    def documents(self) -> Mapping[str, int]:
        """Names of the documents and how many pieces each has."""
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

        Raises ``KnowledgeUnavailable``, ``KnowledgeIndexMismatch`` or ``EmbedderUnavailable``; the
        index in use is then what it was.
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


class PassageSearch(Protocol):
    """A search service: finds passages, and knows neither rules nor reference figures.

    Every method may raise ``KnowledgeUnavailable`` or ``KnowledgeIndexMismatch``.
    """

    def find(self, query: str, limit: int, kinds: Collection[EntryKind]) -> Found | None:
        """The passages nearest to ``query``, best first; None where there is nothing to search."""
        ...

    def passages(self, ids: Sequence[str]) -> list[Passage]:
        """The passages with these ids, in the order asked for; unknown ids are left out."""
        ...
