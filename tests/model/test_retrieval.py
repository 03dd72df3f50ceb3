"""The search of the knowledge base finds what was meant as often as the benchmark measured."""

import sqlite3
from collections.abc import Collection
from pathlib import Path

import pytest

from benchmarks.retrieval import (
    BOUNDS,
    HELD_OUT,
    Query,
    Scores,
    clinician_questions,
    held_out_synonyms,
    measure,
    measure_snapshot,
    missed,
    term_names,
    without_synonyms,
)
from mri_analysis.adapters.sqlite_knowledge import SqliteKnowledge
from mri_analysis.contracts.knowledge import EntryKind
from mri_analysis.contracts.report import Passage
from mri_analysis.ports.knowledge import ScoredPassage


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("retrieval")


@pytest.fixture(scope="module")
def scores(folder: Path) -> dict[str, Scores]:
    return measure_snapshot(folder)


class OneAnswer:
    """A search that gives the same ids whatever is asked, and remembers what was."""

    def __init__(self, *ids: str) -> None:
        self.ids = ids
        self.asked: list[tuple[str, int, Collection[EntryKind] | None]] = []

    def search(
        self, query: str, limit: int = 5, kinds: Collection[EntryKind] | None = None
    ) -> list[ScoredPassage]:
        self.asked.append((query, limit, kinds))
        return [
            ScoredPassage(
                Passage(
                    id=id_,
                    source="test",
                    source_version="1",
                    licence="test",
                    title=id_,
                    text=id_,
                    url=None,
                    sha256="0" * 64,
                ),
                EntryKind.NOTE,
                1.0,
            )
            for id_ in self.ids
        ]


def a_query(*answers: str) -> Query:
    return Query("which one?", frozenset(answers), EntryKind.NOTE)


@pytest.mark.parametrize("task", sorted(BOUNDS))
@pytest.mark.parametrize("figure", ["recall_at_5", "mrr_at_10"])
def test_the_search_is_as_good_as_measured(scores: dict[str, Scores], task: str, figure: str):
    measured, bound = getattr(scores[task], figure), BOUNDS[task][figure]
    assert measured >= bound
    # A bound far below the figure would let the search grow worse unseen: raise it.
    assert measured - bound < 0.1


def test_every_task_asks_enough(scores: dict[str, Scores]):
    assert scores["others_kept"].queries == scores["none_kept"].queries == HELD_OUT >= 200
    assert scores["questions"].queries >= 40


def test_every_note_named_as_an_answer_exists(scores: dict[str, Scores], folder: Path):
    questions = clinician_questions()
    named = {id_ for question in questions for id_ in question.answers}
    base = SqliteKnowledge(folder / "knowledge.sqlite")
    assert {passage.id for passage in base.passages(sorted(named))} == named
    assert len({question.text for question in questions}) == len(questions)


def test_the_answer_of_a_query_is_not_its_own_wording(scores: dict[str, Scores], folder: Path):
    """A held-out synonym is out of the index; the others of its term stay or go with it."""
    names = term_names(folder / "knowledge.sqlite")
    held = held_out_synonyms(names)
    for variant, keep_others in (("others_kept", True), ("none_kept", False)):
        with sqlite3.connect(f"file:{folder / variant}.sqlite?mode=ro", uri=True) as db:
            for id_, synonym in held[:40]:
                words = " AND ".join(f'"{word}"' for word in synonym.split())
                (hits,) = db.execute(
                    "SELECT count(*) FROM entries_fts JOIN entries e ON e.rowid = entries_fts.rowid"
                    " WHERE e.id = ? AND entries_fts MATCH ?",
                    (id_, f"synonyms: ({words})"),
                ).fetchone()
                others = " ".join(s for s in names[id_][1] if s != synonym)
                if not keep_others or not others:
                    assert hits == 0, (variant, id_)
        db.close()


def test_a_synonym_left_in_the_index_is_found(scores: dict[str, Scores], folder: Path):
    """The task is hard because the synonym is gone: in the product's own index it is found."""
    snapshot = folder / "knowledge.sqlite"
    held = held_out_synonyms(term_names(snapshot), 100)
    queries = [Query(synonym, frozenset([id_]), EntryKind.TERM) for id_, synonym in held]
    whole = measure(SqliteKnowledge(snapshot).search, queries)
    assert whole.recall_at_5 > scores["others_kept"].recall_at_5 + 0.1


def test_the_choice_is_the_same_everywhere_and_never_ambiguous():
    names = {
        "HP:1": ("Large head", ("Big head", "big-head", "Macrocephaly")),
        "HP:2": ("Small head", ("Microcephaly", "Big brain")),
        "HP:3": ("Big brain", ()),
        "HP:4": ("Cleft", ("Cleft",)),
    }
    held = held_out_synonyms(names)
    assert dict(held) == {"HP:1": "Macrocephaly", "HP:2": "Microcephaly"}
    assert held_out_synonyms(dict(reversed(names.items()))) == held
    assert held_out_synonyms(names, 1) == held[:1]


def test_a_copy_without_synonyms_leaves_the_snapshot_alone(
    scores: dict[str, Scores], folder: Path, tmp_path: Path
):
    snapshot = folder / "knowledge.sqlite"
    before = snapshot.read_bytes()
    copy = without_synonyms(snapshot, tmp_path / "copy.sqlite", [], keep_others=False)
    assert snapshot.read_bytes() == before
    assert SqliteKnowledge(copy).search("brain", kinds=[EntryKind.TERM])


@pytest.mark.parametrize(
    ("ids", "expected"),
    [
        (("right",), (1.0, 1.0, 1.0)),
        (("wrong", "right"), (0.0, 1.0, 0.5)),
        (("a", "b", "c", "d", "right"), (0.0, 1.0, 0.2)),
        (("a", "b", "c", "d", "e", "right"), (0.0, 0.0, 1 / 6)),
        ((*"abcdefghij", "right"), (0.0, 0.0, 0.0)),
        ((), (0.0, 0.0, 0.0)),
    ],
)
def test_ranks_become_scores(ids: tuple[str, ...], expected: tuple[float, float, float]):
    scores = measure(OneAnswer(*ids).search, [a_query("right", "also right")])
    assert (scores.recall_at_1, scores.recall_at_5, scores.mrr_at_10) == pytest.approx(expected)
    assert scores.queries == 1


def test_scores_are_means_over_the_queries():
    knowledge = OneAnswer("first", "second")
    scores = measure(knowledge.search, [a_query("first"), a_query("second"), a_query("absent")])
    assert scores.document() == {
        "queries": 3,
        "recall_at_1": 0.333,
        "recall_at_5": 0.667,
        "mrr_at_10": 0.5,
    }
    assert knowledge.asked == [("which one?", 10, [EntryKind.NOTE])] * 3
    assert missed(knowledge.search, [a_query("second"), a_query("absent")]) == [a_query("absent")]


def test_nothing_asked_is_no_score():
    with pytest.raises(ValueError, match="without queries"):
        measure(OneAnswer().search, [])
