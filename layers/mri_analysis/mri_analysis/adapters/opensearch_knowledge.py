"""Search in OpenSearch: by words (BM25) and, where the index has vectors, by nearness (k-NN).

Both queries go in one request and are joined here by their ranks, so that the same code serves
every kind of domain and collection, whatever pipelines it has.
"""

import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Any

from mri_analysis.adapters.deadline import within
from mri_analysis.adapters.opensearch_connection import OpenSearchConnection
from mri_analysis.adapters.opensearch_schema import (
    IndexManifest,
    entry_passage,
    kind_filter,
    read_entries,
    read_manifest,
    require_same_embedder,
)
from mri_analysis.adapters.rank_fusion import reciprocal_rank_fusion
from mri_analysis.contracts.knowledge import EntryKind, KnowledgeEntry
from mri_analysis.contracts.report import Passage
from mri_analysis.errors import EmbedderUnavailable, KnowledgeUnavailable
from mri_analysis.observability import logger, metrics
from mri_analysis.ports.embedding import Embedder
from mri_analysis.ports.knowledge import Found, ScoredPassage

WORDS_AND_VECTORS = "opensearch"
WORDS_ONLY = "opensearch, words only"
NO_VECTOR = "the embedding model did not answer"
EMBEDDING_S = 6.0
"""For the vector of one query, with all retries of the SDK; one takes a tenth of a second."""

_FIELDS = ["title^1.2", "synonyms^1.2", "text", "topics"]
_MAX_QUERY_CHARACTERS = 1000
_MAX_QUERY_WORDS = 64
_CANDIDATES = 50
"""Of each query; ranks beyond it add less than 1 % to a score."""

_TOLD_IDS = 20

_MANIFEST_SECONDS = 60.0
"""How long a manifest is taken to hold. A query by vectors names the embedder too, so that an alias
which moved in between mixes nothing."""


@dataclass(frozen=True)
class _Known:
    manifest: IndexManifest
    until: float


class OpenSearchKnowledge:
    """A :class:`~mri_analysis.ports.knowledge.PassageSearch` on the index behind ``alias``.

    Parameters
    ----------
    embedder
        Turns queries into vectors; None searches by words alone.
    embedding_s
        How long a query's vector is waited for.
    """

    def __init__(
        self,
        connection: OpenSearchConnection,
        alias: str,
        embedder: Embedder | None = None,
        clock: Callable[[], float] = time.monotonic,
        embedding_s: float = EMBEDDING_S,
    ) -> None:
        self._connection = connection
        self._alias = alias
        self._embedder = embedder
        self._clock = clock
        self._embedding_s = embedding_s
        self._known: _Known | None = None

    def find(
        self,
        query: str,
        limit: int,
        kinds: Collection[EntryKind],
        *,
        by_vectors: bool = True,
    ) -> Found | None:
        """The passages nearest to ``query``; None where there is no index or nothing in it.

        Raises
        ------
        KnowledgeIndexMismatch
            The index was made by another embedder or in another schema.
        KnowledgeUnavailable
        """
        manifest = self._manifest()
        if manifest is None:
            return None
        require_same_embedder(manifest, self._embedder)
        wanted, words = sorted(kinds), _plain(query)
        vector: list[float] | None = None
        no_vectors: str | None = None
        if by_vectors and self._embedder is not None and manifest.embedder is not None and words:
            vector = self._vector(words, self._embedder)
            no_vectors = NO_VECTOR if vector is None else None
        bodies = [word_query(words, wanted)]
        if vector is not None:
            bodies.append(vector_query(vector, wanted, manifest.embedder))
        rankings, entries = self._ask(bodies)
        compared = len(rankings) > 1
        if not entries and self._is_empty():
            return None
        ranked = reciprocal_rank_fusion(rankings)
        found = [
            ScoredPassage(entry_passage(entries[id_]), entries[id_].kind, score)
            for id_, score in ranked
            if entries[id_].kind in wanted
        ]
        return Found(
            passages=found[:limit],
            retrieval=WORDS_AND_VECTORS if compared else WORDS_ONLY,
            knowledge_version=manifest.knowledge_version,
            knowledge_sha256=manifest.content_sha256,
            no_vectors=no_vectors,
        )

    def passages(self, ids: Sequence[str]) -> list[Passage]:
        """The passages with these ids, in the order asked for; unknown ids are left out."""
        unique = list(dict.fromkeys(ids))
        if not unique or self._manifest() is None:
            return []
        body = {
            "size": 2 * len(unique),
            "query": {"terms": {"id": unique}},
            "_source": {"excludes": ["vector"]},
        }
        answer = self._connection.ask("POST", f"/{self._alias}/_search", body)
        found = {entry.id: entry for entry in _read_hits(answer.body)}
        return [entry_passage(found[id_]) for id_ in unique if id_ in found]

    def _manifest(self) -> IndexManifest | None:
        if self._known is not None and self._clock() < self._known.until:
            return self._known.manifest
        answer = self._connection.ask("GET", f"/{self._alias}/_mapping", accept=[404])
        if answer.status == 404:
            return None
        try:
            (index,) = answer.body.values()
            mappings = index["mappings"]
        except (AttributeError, TypeError, ValueError, KeyError):
            raise _unreadable() from None
        manifest = read_manifest(mappings)
        self._known = _Known(manifest, self._clock() + _MANIFEST_SECONDS)
        return manifest

    def _vector(self, words: str, embedder: Embedder) -> list[float] | None:
        """The query as a vector; None where the embedder fails or takes too long."""
        try:
            # The SDK's time-outs begin anew with each byte and each attempt.
            (vector,) = within(self._embedding_s, lambda: embedder.embed([words]))
        except (EmbedderUnavailable, TimeoutError):
            return None
        return vector

    def _ask(
        self, bodies: list[dict[str, Any]]
    ) -> tuple[list[list[str]], dict[str, KnowledgeEntry]]:
        """Ids in the order of each query, and the entries; a failed query by vectors is left out.

        Raises ``KnowledgeUnavailable`` where the query by words failed.
        """
        lines = [line for body in bodies for line in ({}, body)]
        answer = self._connection.ask("POST", f"/{self._alias}/_msearch", lines)
        try:
            responses = answer.body["responses"]
            failed = [response.get("status", 200) != 200 for response in responses]
        except (AttributeError, TypeError, KeyError):
            raise _unreadable() from None
        if len(responses) != len(bodies):
            raise _unreadable()
        if any(failed):
            # Perhaps the alias moved to an index of another form: look again before the next query.
            self._known = None
        if failed[0]:
            raise KnowledgeUnavailable("The search service could not search by words.")
        found = [_read_hits(r) for r, bad in zip(responses, failed, strict=True) if not bad]
        entries: dict[str, KnowledgeEntry] = {}
        for ranking in found:
            for entry in ranking:
                entries.setdefault(entry.id, entry)
        return [[entry.id for entry in ranking] for ranking in found], entries

    def _is_empty(self) -> bool:
        answer = self._connection.ask("GET", f"/{self._alias}/_count")
        try:
            return int(answer.body["count"]) == 0
        except (KeyError, TypeError, ValueError):
            raise _unreadable() from None


def word_query(words: str, kinds: list[EntryKind]) -> dict[str, Any]:
    """BM25 over titles, synonyms, texts and topics; ties in the order of the ids.

    Each word counts in the field that it fits best, as if all were one field: of 351 held-out
    synonyms of HPO terms 77 % find their term among five, with sums over the fields 68 %.
    """
    match = {"multi_match": {"query": words, "fields": _FIELDS, "type": "cross_fields"}}
    return {
        "size": _CANDIDATES,
        "query": {"bool": {"must": [match], "filter": [kind_filter(kinds)]}},
        "sort": [{"_score": "desc"}, {"id": "asc"}],
        "_source": {"excludes": ["vector"]},
    }


def vector_query(
    vector: list[float], kinds: list[EntryKind], embedder_id: str | None
) -> dict[str, Any]:
    """The nearest vectors of this embedder; the filter holds while the graph is walked."""
    filters = [kind_filter(kinds), {"term": {"embedder": embedder_id}}]
    nearest = {"vector": vector, "k": _CANDIDATES, "filter": {"bool": {"filter": filters}}}
    return {
        "size": _CANDIDATES,
        "query": {"knn": {"vector": nearest}},
        "_source": {"excludes": ["vector"]},
    }


def _plain(query: str) -> str:
    """A query of bounded length that is valid text."""
    words = query[:_MAX_QUERY_CHARACTERS].encode("utf-8", "ignore").decode().split()
    return " ".join(words[:_MAX_QUERY_WORDS])


def _read_hits(body: Any) -> list[KnowledgeEntry]:
    """Entries of a search's answer that pass the checks again; the others are counted."""
    try:
        sources = [hit["_source"] for hit in body["hits"]["hits"]]
    except (KeyError, TypeError):
        raise _unreadable() from None
    back = read_entries(sources)
    if back.refused:
        # Ids alone: the text is what somebody else may have written.
        logger.warning(
            "passages of the search index were dropped",
            count=len(back.refused),
            ids=sorted(set(back.refused))[:_TOLD_IDS],
        )
        metrics.add_metric(name="KnowledgePassagesDropped", unit="Count", value=len(back.refused))
    return back.entries


def _unreadable() -> KnowledgeUnavailable:
    return KnowledgeUnavailable("The search service's answer could not be read.")
