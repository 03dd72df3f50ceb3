"""How well a search finds what was meant: held-out HPO synonyms, and clinicians' questions.

Two tasks, both scored by :func:`measure`, which takes the ``search`` of any knowledge base:

- *Held-out synonyms.* One synonym of each of some hundred nervous-system terms becomes the query
  and is taken out of the index; the term is to be found by its name, its definition and, in the
  variant ``others_kept``, its other synonyms. In the variant ``none_kept`` no term keeps any
  synonym: harder, and comparable with engines that index none.
- *Clinicians' questions* (``clinician_questions.yaml``): hand-written, searched among our notes in
  the product's own index.

Which synonyms are held out is decided by their SHA-256, so that every machine asks the same.
"""

import hashlib
import json
import re
import sqlite3
import tempfile
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import yaml

from knowledge.build import build_snapshot
from mri_analysis.adapters.sqlite_knowledge import SqliteKnowledge
from mri_analysis.contracts.knowledge import EntryKind
from mri_analysis.ports.knowledge import ScoredPassage

QUESTIONS = Path(__file__).with_name("clinician_questions.yaml")
HELD_OUT = 400
"""Queries of the first task; about one term in three that has a synonym."""

DEPTH = 10
"""Results asked for; the rank of a later one counts as not found."""

BOUNDS = {
    "others_kept": {"recall_at_5": 0.78, "mrr_at_10": 0.63},
    "none_kept": {"recall_at_5": 0.62, "mrr_at_10": 0.49},
    "questions": {"recall_at_5": 0.92, "mrr_at_10": 0.86},
}
"""A little under what was measured; a lower figure fails the tests."""


class Search(Protocol):
    """The ``search`` of a :class:`~mri_analysis.ports.knowledge.KnowledgeBase`."""

    def __call__(
        self, query: str, limit: int = 5, kinds: Collection[EntryKind] | None = None
    ) -> list[ScoredPassage]: ...


@dataclass(frozen=True)
class Query:
    """A text to search for, and the ids of the passages that answer it; any of them will do."""

    text: str
    answers: frozenset[str]
    kind: EntryKind


@dataclass(frozen=True)
class Scores:
    """Shares of the queries answered by the first result and within five, and the mean reciprocal
    rank of the first answer among ten."""

    queries: int
    recall_at_1: float
    recall_at_5: float
    mrr_at_10: float

    def document(self) -> dict[str, float]:
        """Rounded, for the file of results."""
        return {
            "queries": self.queries,
            "recall_at_1": round(self.recall_at_1, 3),
            "recall_at_5": round(self.recall_at_5, 3),
            "mrr_at_10": round(self.mrr_at_10, 3),
        }


def measure(search: Search, queries: Sequence[Query]) -> Scores:
    """Ask every query and score the rank of its first answer.

    Raises
    ------
    ValueError
        There is no query.
    """
    if not queries:
        raise ValueError("There is nothing to measure without queries.")
    ranks = [_rank(search, query) for query in queries]
    found = [rank for rank in ranks if rank is not None]
    return Scores(
        queries=len(queries),
        recall_at_1=sum(rank == 1 for rank in found) / len(queries),
        recall_at_5=sum(rank <= 5 for rank in found) / len(queries),
        mrr_at_10=sum(1 / rank for rank in found) / len(queries),
    )


def missed(search: Search, queries: Sequence[Query], within: int = 5) -> list[Query]:
    """The queries whose answer is not among the first ``within`` results."""
    ranks = ((query, _rank(search, query)) for query in queries)
    return [query for query, rank in ranks if rank is None or rank > within]


def clinician_questions() -> list[Query]:
    """The hand-written questions, searched among the notes."""
    return [
        Query(item["question"], frozenset(item["answers"]), EntryKind.NOTE)
        for item in yaml.safe_load(QUESTIONS.read_text(encoding="utf-8"))
    ]


def held_out_synonyms(
    names: Mapping[str, tuple[str, Sequence[str]]], count: int = HELD_OUT
) -> list[tuple[str, str]]:
    """Choose which synonym of which term becomes a query.

    Parameters
    ----------
    names
        Title and synonyms of each term, by id.
    count
        How many to choose.

    Returns
    -------
    list of (id, synonym)
        At most one of a term. A synonym that is also another name, of this term or of any other,
        once case and punctuation are set aside, is never chosen: its answer would be ambiguous or
        still in the index.
    """
    spelled: dict[str, int] = {}
    for title, synonyms in names.values():
        for name in (title, *synonyms):
            spelled[_plain(name)] = spelled.get(_plain(name), 0) + 1
    chosen = []
    for id_, (_, synonyms) in names.items():
        unique = [synonym for synonym in synonyms if spelled[_plain(synonym)] == 1]
        if unique:
            chosen.append((id_, min(unique, key=lambda synonym, id_=id_: _hash(id_, synonym))))  # type: ignore[misc]
    return sorted(chosen, key=lambda pair: _hash(*pair))[:count]


def without_synonyms(
    snapshot: Path, output: Path, held: Iterable[tuple[str, str]], *, keep_others: bool
) -> Path:
    """Write a copy of a snapshot whose index lacks the held-out synonyms.

    Parameters
    ----------
    snapshot, output
        The product's snapshot, and where the copy goes.
    held
        Term ids with the synonym to take out.
    keep_others
        False takes every synonym of every term out.
    """
    output.write_bytes(snapshot.read_bytes())
    taken = dict(held)
    db = sqlite3.connect(output, isolation_level=None)
    try:
        (definition,) = db.execute(
            "SELECT sql FROM sqlite_master WHERE name = 'entries_fts'"
        ).fetchone()
        db.execute("BEGIN")
        db.execute("DROP TABLE entries_fts")
        db.execute(definition)
        rows = db.execute("SELECT rowid, id, kind, title, synonyms, text, topics FROM entries")
        for rowid, id_, kind, title, synonyms, text, topics in rows.fetchall():
            kept = [s for s in json.loads(synonyms) if s != taken.get(id_)]
            if kind == EntryKind.TERM and not keep_others:
                kept = []
            db.execute(
                "INSERT INTO entries_fts (rowid, title, synonyms, text, topics) "
                "VALUES (?, ?, ?, ?, ?)",
                (rowid, title, "\n".join(kept), text, "\n".join(json.loads(topics))),
            )
        db.execute("COMMIT")
    finally:
        db.close()
    return output


def term_names(snapshot: Path) -> dict[str, tuple[str, list[str]]]:
    """Title and synonyms of each HPO term of a snapshot, by id."""
    with sqlite3.connect(f"file:{snapshot}?mode=ro", uri=True) as db:
        rows = db.execute(
            "SELECT id, title, synonyms FROM entries WHERE kind = 'term' AND id LIKE 'HP:%'"
        ).fetchall()
    db.close()
    return {id_: (title, json.loads(synonyms)) for id_, title, synonyms in rows}


def measure_snapshot(folder: Path) -> dict[str, Scores]:
    """Build the product's snapshot in ``folder`` and measure its search on every task."""
    snapshot = folder / "knowledge.sqlite"
    build_snapshot(snapshot)
    held = held_out_synonyms(term_names(snapshot))
    queries = [Query(synonym, frozenset([id_]), EntryKind.TERM) for id_, synonym in held]
    scores = {}
    for name, keep_others in (("others_kept", True), ("none_kept", False)):
        copy = without_synonyms(snapshot, folder / f"{name}.sqlite", held, keep_others=keep_others)
        scores[name] = _measured(copy, queries)
    scores["questions"] = _measured(snapshot, clinician_questions())
    return scores


def retrieval() -> dict[str, Any]:
    """The section of ``make bench``: each task's scores and the bounds the tests hold."""
    with tempfile.TemporaryDirectory() as folder:
        scores = measure_snapshot(Path(folder))
    return {name: score.document() | {"bounds": BOUNDS[name]} for name, score in scores.items()}


def _measured(snapshot: Path, queries: Sequence[Query]) -> Scores:
    base = SqliteKnowledge(snapshot)
    try:
        return measure(base.search, queries)
    finally:
        base.close()


def _rank(search: Search, query: Query) -> int | None:
    hits = search(query.text, limit=DEPTH, kinds=[query.kind])
    ids = [hit.passage.id for hit in hits[:DEPTH]]
    return next((rank for rank, id_ in enumerate(ids, start=1) if id_ in query.answers), None)


def _plain(name: str) -> str:
    return " ".join(re.findall(r"\w+", name.casefold()))


def _hash(id_: str, synonym: str) -> str:
    return hashlib.sha256(f"{id_}\n{synonym}".encode()).hexdigest()
