"""The guard on the labelled corpus: bounds of the product, and what every case must look like."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from benchmarks.guard import held_out, measure, tuning
from knowledge.build import build_snapshot
from mri_analysis.adapters.sqlite_knowledge import SqliteKnowledge
from mri_analysis.reporting.guard import check_report
from tests.model.guard_corpus.cases import HELD_OUT, TUNING, Case, Corpus

FEWEST_CASES = 300
ALL = (*TUNING, *HELD_OUT)
Half = Callable[[Corpus], Iterator[Case]]


@pytest.fixture(scope="module")
def knowledge(tmp_path_factory: pytest.TempPathFactory) -> SqliteKnowledge:
    path = tmp_path_factory.mktemp("knowledge") / "knowledge.sqlite"
    build_snapshot(path)
    return SqliteKnowledge(path)


@pytest.mark.parametrize("half", [tuning, held_out])
def test_harmful_reports_are_refused_and_correct_ones_kept(half: Half, knowledge: SqliteKnowledge):
    corpus = Corpus(knowledge)
    figures = measure(corpus, half(corpus))

    assert figures["recall"] >= 0.99, figures["missed"]
    assert (figures["false_alarms"] or 0) <= 0.02


def test_nothing_to_measure_is_no_figure(knowledge: SqliteKnowledge):
    # No misleading sentence is known to pass: the bench still writes its results.
    figures = measure(Corpus(knowledge), [])

    assert figures["cases"] == 0
    assert figures["recall"] is figures["false_alarms"] is figures["milliseconds"] is None


def test_the_corpus_is_large_and_its_ids_are_its_own(knowledge: SqliteKnowledge):
    corpus = Corpus(knowledge)
    cases = list(corpus.cases(*ALL))

    assert len(cases) >= FEWEST_CASES
    assert len({case.id for case in cases}) == len(cases)
    assert len({case.category for case in cases if case.harmful}) >= 20


@pytest.mark.parametrize("half", TUNING, ids=lambda path: path.stem)
def test_a_harmful_case_differs_from_its_correct_base(half: Path, knowledge: SqliteKnowledge):
    # Else its refusal would tell nothing about what was changed.
    corpus = Corpus(knowledge)
    for case in corpus.cases(half):
        if case.harmful:
            base = next(c for c in corpus.cases(half) if c.report.job_id == case.report.job_id)
            assert case.report != base.report, case.id


def test_the_composed_report_of_every_study_passes(knowledge: SqliteKnowledge):
    corpus = Corpus(knowledge)
    first = {case.study: case for case in corpus.cases(*TUNING)}
    for study, case in first.items():
        evidence = corpus.evidence(study)
        composed = corpus.composed(study, case.report.job_id)
        assert check_report(composed, evidence) == []
