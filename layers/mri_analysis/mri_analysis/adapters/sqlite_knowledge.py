"""The knowledge base as a read-only SQLite file with a full-text index (FTS5).

The default on one machine, and the fallback where a search service fails. The file is opened
immutable: no lock, no journal, so that it may lie on a read-only file system such as a Lambda
layer.
"""

import json
import re
import sqlite3
import threading
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

from mri_analysis.contracts.knowledge import EntryKind, KnowledgeEntry
from mri_analysis.contracts.report import Passage, Reference
from mri_analysis.errors import KnowledgeUnavailable
from mri_analysis.ports.knowledge import KnowledgeManifest, ScoredPassage

SCHEMA_VERSION = 1
"""Of the snapshot's tables; ``knowledge/build.py`` writes the same number."""

_MAX_TOKENS = 48
_TOKEN = re.compile(r"\w+")
_WEIGHTS = "2.0, 2.0, 1.0, 1.0"
"""bm25 weights of title, synonyms, text and topics, in the order of the index's columns."""

_STOP_WORDS = frozenset(
    [
        "a",
        "an",
        "and",
        "are",
        "as",
        "at",
        "be",
        "by",
        "for",
        "from",
        "in",
        "into",
        "is",
        "it",
        "of",
        "on",
        "or",
        "than",
        "that",
        "the",
        "this",
        "to",
        "was",
        "what",
        "with",
    ]
)


def match_expression(query: str) -> str | None:
    """Turn free text into an FTS5 expression of quoted tokens joined by OR.

    Raw text never reaches MATCH: operators, column filters, quotes and stars of the query are
    dropped with everything else that is no letter or digit.

    Returns
    -------
    str or None
        None where the query holds no token.
    """
    tokens = [token.lower() for token in _TOKEN.findall(query)]
    kept = [token for token in tokens if token not in _STOP_WORDS] or tokens
    unique = list(dict.fromkeys(kept))[:_MAX_TOKENS]
    return " OR ".join(f'"{token}"' for token in unique) or None


class SqliteKnowledge:
    """A :class:`~mri_analysis.ports.knowledge.KnowledgeBase` on a snapshot file.

    Parameters
    ----------
    path
        The snapshot made by ``knowledge/build.py``.

    Raises
    ------
    KnowledgeUnavailable
        The file is missing, is no snapshot, or has another schema version.
    """

    def __init__(self, path: str | Path) -> None:
        self._lock = threading.Lock()
        try:
            self._db = sqlite3.connect(
                f"file:{quote(str(path))}?mode=ro&immutable=1", uri=True, check_same_thread=False
            )
            stored = dict(self._db.execute("SELECT key, value FROM manifest"))
            self._manifest = KnowledgeManifest(
                schema_version=int(stored["schema_version"]),
                version=stored["version"],
                hpo_release=stored["hpo_release"],
                content_sha256=stored["content_sha256"],
                counts=json.loads(stored["counts"]),
                attributions=tuple(json.loads(stored["attributions"])),
                retrieval="snapshot",
            )
        except (sqlite3.Error, KeyError, ValueError) as error:
            raise KnowledgeUnavailable(
                "The knowledge snapshot is missing or damaged; build it again."
            ) from error
        if self._manifest.schema_version != SCHEMA_VERSION:
            raise KnowledgeUnavailable(
                f"The knowledge snapshot has schema {self._manifest.schema_version}, this version "
                f"reads {SCHEMA_VERSION}; build it again."
            )

    @property
    def manifest(self) -> KnowledgeManifest:
        """Versions, counts and attributions of the snapshot."""
        return self._manifest

    def search(
        self, query: str, limit: int = 5, kinds: Collection[EntryKind] | None = None
    ) -> list[ScoredPassage]:
        """The passages nearest to ``query`` by BM25, best first; ties in the order of their ids."""
        expression = match_expression(query)
        wanted = list(EntryKind) if kinds is None else sorted(kinds)
        if expression is None or not wanted or limit < 1:
            return []
        rows = self._query(
            f"SELECT e.*, -bm25(entries_fts, {_WEIGHTS}) AS score "
            "FROM entries_fts JOIN entries e ON e.rowid = entries_fts.rowid "
            f"WHERE entries_fts MATCH ? AND e.kind IN ({', '.join('?' * len(wanted))}) "
            "ORDER BY score DESC, e.id LIMIT ?",
            [expression, *(kind.value for kind in wanted), limit],
        )
        return [ScoredPassage(_passage(row), EntryKind(row["kind"]), row["score"]) for row in rows]

    def passages(self, ids: Sequence[str]) -> list[Passage]:
        """The passages with these ids, in the order asked for; unknown ids are left out."""
        if not ids:
            return []
        rows = self._query(f"SELECT * FROM entries WHERE id IN ({', '.join('?' * len(ids))})", ids)
        found = {row["id"]: _passage(row) for row in rows}
        return [found[id_] for id_ in dict.fromkeys(ids) if id_ in found]

    def rules(self) -> list[KnowledgeEntry]:
        """All follow-up rules, in the order of their file."""
        rows = self._query("SELECT * FROM entries WHERE kind = ? ORDER BY rowid", ["rule"])
        return [_entry(row) for row in rows]

    def references(self) -> list[Reference]:
        """All reference figures, in the order of their file."""
        rows = self._query("SELECT body FROM reference_figures ORDER BY rowid", [])
        return [Reference.model_validate_json(row["body"]) for row in rows]

    def entries(self) -> Iterator[KnowledgeEntry]:
        """Every entry, in the order of the file; what a search index is made from."""
        for row in self._query("SELECT * FROM entries ORDER BY rowid", []):
            yield _entry(row)

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    def _query(self, sql: str, parameters: Sequence[Any]) -> list[dict[str, Any]]:
        try:
            with self._lock:
                cursor = self._db.execute(sql, parameters)
                names = [column[0] for column in cursor.description]
                return [dict(zip(names, row, strict=True)) for row in cursor]
        except sqlite3.Error as error:
            raise KnowledgeUnavailable(
                "The knowledge snapshot could not be read; build it again."
            ) from error


def _passage(row: dict[str, Any]) -> Passage:
    return Passage(
        id=row["id"],
        source=row["source"],
        source_version=row["version"],
        licence=row["licence"],
        title=row["title"],
        text=row["text"],
        url=row["url"],
        sha256=row["sha256"],
    )


def _entry(row: dict[str, Any]) -> KnowledgeEntry:
    return KnowledgeEntry(
        id=row["id"],
        kind=EntryKind(row["kind"]),
        version=row["version"],
        title=row["title"],
        text=row["text"],
        synonyms=json.loads(row["synonyms"]),
        topics=json.loads(row["topics"]),
        rests_on=row["rests_on"],
        source=row["source"],
        licence=row["licence"],
        url=row["url"],
        when=json.loads(row["condition"]) if row["condition"] else None,
        sha256=row["sha256"],
    )
