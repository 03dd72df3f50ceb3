"""The search index as it is written: made anew beside the one in use, and a site's documents in it.

Readers ask an alias. A re-index fills an index of its own, counts it, and only then moves the
alias, in one request: whatever fails before leaves the alias as it was. The index before stays for
one generation, so that the alias can be moved back by hand.

No entry is given an ``_id``, as serverless vector collections refuse one. A request whose fate is
unknown could therefore store entries twice, and is not repeated: a re-index fails at its count, a
document is put right when it is ingested again. One writer works at a time (``opensearch_writer``).
"""

import re
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from mri_analysis.adapters.opensearch_connection import OpenSearchConnection
from mri_analysis.adapters.opensearch_schema import (
    IndexManifest,
    embedded_text,
    entry_document,
    index_body,
    kind_filter,
    read_entries,
    read_manifest,
    require_same_embedder,
)
from mri_analysis.adapters.opensearch_writer import SoleWriter
from mri_analysis.contracts.knowledge import EntryKind, KnowledgeEntry
from mri_analysis.errors import (
    DocumentsUnreadable,
    KnowledgeIndexBusy,
    KnowledgeIndexMismatch,
    KnowledgeUnavailable,
)
from mri_analysis.ports.embedding import Embedder
from mri_analysis.ports.knowledge import (
    IndexChange,
    KnowledgeManifest,
    RebuiltIndex,
    StoredDocument,
    stored_documents,
)

_BATCH_ENTRIES = 200
_PAGE = 500
_LARGEST_PAGE = 10_000
"""OpenSearch gives no more at once (index.max_result_window)."""
_ATTEMPTS = 4
_IDENTITY = ["id", "sha256"]
_TOLD_NAMES = 10
_LATER = frozenset({429, 503})
"""Statuses of single entries that may be taken a moment later."""


class OpenSearchIndex:
    """Writes the index behind ``alias``; a :class:`~mri_analysis.ports.knowledge.DocumentIndex`.

    Parameters
    ----------
    embedder
        Makes the vectors; None for an index of words alone.
    settle_s
        How long to wait until what was written is counted. A collection has no refresh: it shows
        new entries after some seconds.
    """

    def __init__(
        self,
        connection: OpenSearchConnection,
        alias: str,
        embedder: Embedder | None = None,
        settle_s: float = 120.0,
        pause: Callable[[float], None] = time.sleep,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._connection = connection
        self._alias = alias
        self._embedder = embedder
        self._settle_s = settle_s
        self._pause = pause
        self._now = now

    def manifest(self) -> IndexManifest | None:
        """What the index in use holds; None where there is none yet."""
        live = self._live()
        return None if live is None else live[1]

    def rebuild(
        self,
        entries: Iterable[KnowledgeEntry],
        knowledge: KnowledgeManifest,
        *,
        keep_documents: bool = True,
    ) -> RebuiltIndex:
        """Make a new index of ``entries`` and of the documents in use, then move the alias to it.

        Parameters
        ----------
        knowledge
            Of the snapshot that the entries are from.
        keep_documents
            Whether the documents that were ingested are carried over.

        Raises
        ------
        DocumentsUnreadable
            A document that was ingested cannot be carried over.
        KnowledgeIndexBusy
            Somebody else is writing.
        KnowledgeUnavailable, KnowledgeIndexMismatch, EmbedderUnavailable
            The alias is where it was, as with the two above.
        """
        writer = SoleWriter(self._connection, self._alias, self._now)
        with writer.alone():
            return self._rebuild(list(entries), knowledge, keep_documents, writer)

    def _rebuild(
        self,
        own: list[KnowledgeEntry],
        knowledge: KnowledgeManifest,
        keep_documents: bool,
        writer: SoleWriter,
    ) -> RebuiltIndex:
        previous = self._live_name()
        documents: list[KnowledgeEntry] = []
        if keep_documents and previous is not None:
            self._live()  # an index that cannot be read has documents nobody can carry over
            documents = self._documents_to_carry()
        made_at = self._now()
        manifest = IndexManifest(
            embedder=self._embedder.id if self._embedder else None,
            dimension=self._embedder.dimension if self._embedder else None,
            knowledge_version=knowledge.version,
            hpo_release=knowledge.hpo_release,
            content_sha256=knowledge.content_sha256,
            entries=len(own),
            made_at=made_at,
        )
        name = _generation(self._alias, knowledge.version, made_at)
        sharded = self._connection.service == "es"
        self._connection.ask("PUT", f"/{name}", index_body(manifest, sharded=sharded), repeat=False)
        try:
            self._add(name, [*own, *documents], manifest)
            self._settle(name, {"match_all": {}}, len(own) + len(documents))
            writer.require()
            self._move_alias(name)
        except BaseException:
            self._discard_unless_live(name)
            raise
        self._drop_old_generations(name, previous)
        return RebuiltIndex(
            index=name, previous=previous, entries=len(own), document_pieces=len(documents)
        )

    def replace_document(self, document: str, pieces: Sequence[KnowledgeEntry]) -> IndexChange:
        """Make ``pieces`` all there is of ``document``; see the port.

        New pieces come before old ones go: a failure in between leaves too much, never too little.
        """
        if any(p.document != document or p.kind is not EntryKind.DOCUMENT for p in pieces):
            raise ValueError("a piece of another document")
        self._writable()
        plan = self._plan(document, pieces)
        if not plan.missing and not plan.surplus:
            return IndexChange(added=0, removed=0, unchanged=plan.kept)
        with SoleWriter(self._connection, self._alias, self._now).alone():
            manifest = self._writable()
            plan = self._plan(document, pieces)
            name = self._live_name() or self._alias
            self._add(name, plan.missing, manifest)
            self._bulk(name, [[{"delete": {"_id": id_}}] for id_ in plan.surplus])
            self._settle_document(name, document, pieces)
        return IndexChange(added=len(plan.missing), removed=len(plan.surplus), unchanged=plan.kept)

    def _plan(self, document: str, pieces: Sequence[KnowledgeEntry]) -> "_Plan":
        """What is to be added and removed so that ``pieces`` are all there is."""
        missing: dict[tuple[object, object], KnowledgeEntry] = {
            (piece.id, piece.sha256): piece for piece in pieces
        }
        kept = 0
        surplus: list[str] = []
        for hit in self._hits(_of_document(document), _IDENTITY):
            if missing.pop(_identity(hit), None) is not None:
                kept += 1
            else:
                surplus.append(str(hit["_id"]))
        return _Plan(list(missing.values()), surplus, kept)

    def documents(self) -> Mapping[str, int]:
        """Names of the documents and how many pieces each has; empty where there is no index."""
        body = {
            "size": 0,
            "query": kind_filter([EntryKind.DOCUMENT]),
            "aggs": {"documents": {"terms": {"field": "document", "size": 10000}}},
        }
        answer = self._connection.ask("POST", f"/{self._alias}/_search", body, accept=[404])
        if answer.status == 404:
            return {}
        with _readable():
            buckets = answer.body["aggregations"]["documents"]["buckets"]
            return {str(b["key"]): int(b["doc_count"]) for b in buckets}

    def stored_documents(self) -> list[StoredDocument]:
        """The documents with their origins, in the order of their names."""
        if self._live_name() is None:
            return []
        fields = ["document", "source", "licence", "version"]
        hits = self._hits(kind_filter([EntryKind.DOCUMENT]), fields)
        told = ([str(hit["_source"].get(field) or "") for field in fields] for hit in hits)
        return stored_documents((row[0], row[1], row[2], row[3]) for row in told)

    # ---- reading ----

    def _live(self) -> tuple[str, IndexManifest] | None:
        """Name and manifest of the index behind the alias."""
        answer = self._connection.ask("GET", f"/{self._alias}/_mapping", accept=[404])
        if answer.status == 404:
            return None
        with _readable():
            ((name, found),) = answer.body.items()
            return str(name), read_manifest(found["mappings"])

    def _live_name(self) -> str | None:
        answer = self._connection.ask("GET", f"/{self._alias}/_alias", accept=[404])
        if answer.status == 404:
            return None
        with _readable():
            (name,) = answer.body
        if name == self._alias:
            raise KnowledgeIndexMismatch(
                f"{self._alias} is an index, where an alias of this name is needed; remove it."
            )
        return str(name)

    def _writable(self) -> IndexManifest:
        live = self._live()
        if live is None:
            raise KnowledgeUnavailable("There is no search index yet; run mri knowledge reindex.")
        manifest = live[1]
        require_same_embedder(manifest, self._embedder)
        if manifest.embedder is not None and self._embedder is None:
            raise KnowledgeIndexMismatch(
                "The search index has vectors, and no embedder is set to make further ones."
            )
        return manifest

    def _documents_to_carry(self) -> list[KnowledgeEntry]:
        """All pieces of documents; those that a lost answer left twice once."""
        back = read_entries(
            hit["_source"] for hit in self._hits(kind_filter([EntryKind.DOCUMENT]), None)
        )
        if back.refused:
            names = sorted(set(back.refused_documents))
            of = f" (of {', '.join(names[:_TOLD_NAMES])})" if names else ""
            raise DocumentsUnreadable(
                f"{len(back.refused)} pieces of documents in the index cannot be read{of}."
            )
        return list({(entry.id, entry.sha256): entry for entry in back.entries}.values())

    def _hits(self, query: dict[str, Any], fields: list[str] | None) -> Iterator[dict[str, Any]]:
        """All hits, page by page in the order of their ids.

        An id may stand more than once, and no other field tells such entries apart everywhere
        (``_id`` does not sort in all services). So no page ends within an id: the last id of a full
        page is read again with the next one.
        """
        body: dict[str, Any] = {
            "size": _PAGE,
            "query": query,
            "sort": [{"id": "asc"}],
            "_source": fields if fields is not None else {"excludes": ["vector"]},
        }
        while True:
            hits = self._page(body)
            full = len(hits) >= body["size"]
            if full:
                whole = [hit for hit in hits if hit["sort"] != hits[-1]["sort"]]
                if not whole:
                    if body["size"] >= _LARGEST_PAGE:
                        raise KnowledgeUnavailable("The search index holds one id too often.")
                    body["size"] = min(2 * body["size"], _LARGEST_PAGE)
                    continue
                hits = whole
            yield from hits
            if not full:
                return
            body |= {"search_after": hits[-1]["sort"], "size": _PAGE}

    def _page(self, body: dict[str, Any]) -> list[dict[str, Any]]:
        answer = self._connection.ask("POST", f"/{self._alias}/_search", body)
        with _readable():
            hits: list[dict[str, Any]] = answer.body["hits"]["hits"]
            for hit in hits:
                if not isinstance(hit["_source"], dict) or not isinstance(hit["sort"], list):
                    raise TypeError
        return hits

    # ---- writing ----

    def _add(self, name: str, entries: list[KnowledgeEntry], manifest: IndexManifest) -> None:
        for start in range(0, len(entries), _BATCH_ENTRIES):
            batch = entries[start : start + _BATCH_ENTRIES]
            vectors: Sequence[list[float] | None] = [None] * len(batch)
            if self._embedder is not None and manifest.embedder is not None:
                vectors = self._embedder.embed([embedded_text(entry) for entry in batch])
            documents = [
                entry_document(entry, manifest.embedder, vector)
                for entry, vector in zip(batch, vectors, strict=True)
            ]
            self._bulk(name, [[{"index": {}}, document] for document in documents])

    def _bulk(self, name: str, actions: list[list[dict[str, Any]]]) -> None:
        """Send actions in batches; those that the service was too busy for are sent again."""
        for start in range(0, len(actions), _BATCH_ENTRIES):
            waiting = actions[start : start + _BATCH_ENTRIES]
            for attempt in range(1, _ATTEMPTS + 1):
                statuses = self._bulk_statuses(name, waiting)
                refused = {s for s in statuses if s >= 300 and s not in _LATER and s != 404}
                if refused:
                    raise KnowledgeUnavailable(
                        f"The search service refused {sum(s in refused for s in statuses)} of "
                        f"{len(waiting)} entries ({', '.join(map(str, sorted(refused)))})."
                    )
                later = zip(waiting, statuses, strict=True)
                waiting = [action for action, status in later if status in _LATER]
                if not waiting:
                    break
                if attempt == _ATTEMPTS:
                    raise KnowledgeUnavailable(
                        f"The search service was too busy for {len(waiting)} entries."
                    )
                self._pause(2.0 ** (attempt - 1))

    def _bulk_statuses(self, name: str, actions: list[list[dict[str, Any]]]) -> list[int]:
        lines = [line for action in actions for line in action]
        answer = self._connection.ask("POST", f"/{name}/_bulk", lines, repeat=False)
        with _readable():
            items = answer.body["items"]
            statuses = [int(next(iter(item.values()))["status"]) for item in items]
        if len(statuses) != len(actions):
            raise KnowledgeUnavailable("The search service answered for another number of entries.")
        return statuses

    def _settle(self, name: str, query: dict[str, Any], expected: int) -> None:
        """Wait until a new index shows as many entries as were written."""
        self._refresh(name)
        ends = time.monotonic() + self._settle_s
        while (found := self._count(name, query)) != expected:
            if time.monotonic() >= ends or found > expected:
                raise KnowledgeUnavailable(
                    f"The search index holds {found} entries where {expected} were written."
                )
            self._pause(2.0)

    def _settle_document(self, name: str, document: str, pieces: Sequence[KnowledgeEntry]) -> None:
        """Wait until a search finds these pieces and no others.

        Not their number: a collection shows additions and deletions at moments of its own, so that
        the number may be right before anything is seen, or too large for a while.
        """
        self._refresh(name)
        ends = time.monotonic() + self._settle_s
        expected: Counter[tuple[object, object]] = Counter(
            {(piece.id, piece.sha256): 1 for piece in pieces}
        )
        while Counter(map(_identity, self._hits(_of_document(document), _IDENTITY))) != expected:
            if time.monotonic() >= ends:
                raise KnowledgeUnavailable(
                    "The search index does not show the document as it was written; ingest or "
                    "remove it again."
                )
            self._pause(2.0)

    def _refresh(self, name: str) -> None:
        if self._connection.service == "es":
            self._connection.ask("POST", f"/{name}/_refresh")

    def _count(self, name: str, query: dict[str, Any]) -> int:
        answer = self._connection.ask("POST", f"/{name}/_count", {"query": query})
        with _readable():
            return int(answer.body["count"])

    # ---- generations ----

    def _move_alias(self, name: str) -> None:
        """Put the alias on ``name`` alone.

        A writer that had been taken for dead may move it at the same time. Then the youngest index
        is kept by both: whoever looks last finds one.
        """
        self._point_to(name, [])
        for _ in range(_ATTEMPTS):
            holders = self._generations(lambda aliases: self._alias in aliases)
            if len(holders) <= 1:
                break
            self._point_to(max(holders, key=lambda held: _made(self._alias, held) or ""), holders)
        if holders != [name]:
            raise KnowledgeIndexBusy("Another re-index ended at the same time; its index is used.")

    def _point_to(self, name: str, holders: Sequence[str]) -> None:
        others = holders or self._generations(lambda aliases: self._alias in aliases)
        actions = [
            {"remove": {"index": other, "alias": self._alias}} for other in others if other != name
        ]
        actions.append({"add": {"index": name, "alias": self._alias}})
        self._connection.ask("POST", "/_aliases", {"actions": actions})

    def _discard_unless_live(self, name: str) -> None:
        """A failed index goes, unless the alias was moved to it after all."""
        with suppress(KnowledgeUnavailable):
            if name not in self._generations(lambda aliases: self._alias in aliases):
                self._connection.ask("DELETE", f"/{name}", accept=[404])

    def _drop_old_generations(self, name: str, previous: str | None) -> None:
        """Keep the index before; older ones go. One that stays for a failure goes next time."""
        limit = _made(self._alias, previous) if previous else None
        with suppress(KnowledgeUnavailable):
            for old in self._generations(lambda aliases: self._alias not in aliases):
                made = _made(self._alias, old)
                # Younger ones may be what somebody else is filling just now.
                if old not in (name, previous) and made and limit and made < limit:
                    self._connection.ask("DELETE", f"/{old}", accept=[404])

    def _generations(self, wanted: Callable[[Any], bool]) -> list[str]:
        answer = self._connection.ask("GET", f"/{self._alias}-*/_alias", accept=[404])
        if answer.status == 404:
            return []
        with _readable():
            return sorted(name for name, of in answer.body.items() if wanted(of["aliases"]))


@dataclass(frozen=True)
class _Plan:
    """What makes a document what it shall be."""

    missing: list[KnowledgeEntry]
    surplus: list[str]
    """``_id`` of each"""
    kept: int


class _readable:
    """An answer of another form than OpenSearch's is an answer that cannot be read."""

    def __enter__(self) -> None: ...

    def __exit__(self, kind: Any, error: Any, traceback: Any) -> None:
        if isinstance(error, (KeyError, TypeError, ValueError, AttributeError, StopIteration)):
            raise KnowledgeUnavailable("The search service's answer could not be read.") from None


def _identity(hit: dict[str, Any]) -> tuple[object, object]:
    return hit["_source"].get("id"), hit["_source"].get("sha256")


def _of_document(document: str) -> dict[str, Any]:
    filters = [kind_filter([EntryKind.DOCUMENT]), {"term": {"document": document}}]
    return {"bool": {"filter": filters}}


def _generation(alias: str, version: str, made_at: datetime) -> str:
    """``mri-knowledge-2026-11-20261123t040000000000``: index names have small letters only."""
    plain = re.sub(r"[^a-z0-9.]+", "-", version.lower()).strip("-.")
    return f"{alias}-{plain}-{made_at:%Y%m%dt%H%M%S%f}"


def _made(alias: str, name: str) -> str | None:
    """When a generation was made, in a form that sorts; None for an index of another kind."""
    found = re.fullmatch(re.escape(alias) + r"-.*-(\d{8}t\d{12})", name)
    return found[1] if found else None
