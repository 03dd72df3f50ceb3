"""Port to the knowledge base: search, lookup by id, follow-up rules and reference figures.

Rules and references are read whole, never searched: which of them apply is decided by code from the
measurements, and a ranking must not be able to hide one.
"""

from collections.abc import Collection, Mapping, Sequence
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
