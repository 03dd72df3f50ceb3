"""How well the guard tells supported reports from harmful ones, on the labelled corpus."""

import statistics
import tempfile
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from knowledge.build import build_snapshot
from mri_analysis.adapters.sqlite_knowledge import SqliteKnowledge
from mri_analysis.reporting.guard import check_report
from tests.model.guard_corpus.cases import (
    HELD_OUT,
    HELD_OUT_SENTENCES,
    OPEN,
    TUNING,
    TUNING_SENTENCES,
    Case,
    Corpus,
)


def measure(corpus: Corpus, cases: Iterable[Case]) -> dict[str, Any]:
    """Precision and recall on harmful reports, false alarms on correct ones, milliseconds.

    Returns
    -------
    dict
        ``cases``, ``recall``, ``precision``, ``false_alarms`` (shares), ``missed`` by category and
        ``milliseconds`` (median of one report). None where there is nothing to measure.
    """
    outcome: Counter[tuple[bool, bool]] = Counter()
    missed: Counter[str] = Counter()
    seconds = []
    for case in cases:
        started = time.perf_counter()
        refused = bool(check_report(case.report, corpus.evidence(case.study)))
        seconds.append(time.perf_counter() - started)
        outcome[case.harmful, refused] += 1
        if case.harmful and not refused:
            missed[case.category] += 1
    harmful = outcome[True, True] + outcome[True, False]
    correct = outcome[False, True] + outcome[False, False]
    return {
        "cases": harmful + correct,
        "harmful": harmful,
        "recall": round(outcome[True, True] / harmful, 4) if harmful else None,
        "precision": round(
            outcome[True, True] / max(1, sum(n for (_, r), n in outcome.items() if r)), 4
        ),
        "false_alarms": round(outcome[False, True] / correct, 4) if correct else None,
        "missed": dict(missed),
        "milliseconds": round(1000 * statistics.median(seconds), 2) if seconds else None,
    }


def tuning(corpus: Corpus) -> Iterator[Case]:
    """What was looked at while the rules were made."""
    yield from corpus.cases(*TUNING)
    yield from corpus.sentences(*TUNING_SENTENCES)


def held_out(corpus: Corpus) -> Iterator[Case]:
    """What nobody looked at who made the rules; its first figures stand in ``docs/language.md``."""
    yield from corpus.cases(*HELD_OUT)
    yield from corpus.sentences(*HELD_OUT_SENTENCES)


def guard() -> dict[str, Any]:
    """Both halves of the corpus."""
    with tempfile.TemporaryDirectory() as folder:
        snapshot = Path(folder) / "knowledge.sqlite"
        build_snapshot(snapshot)
        corpus = Corpus(SqliteKnowledge(snapshot))
        return {
            "tuning": measure(corpus, tuning(corpus)),
            "held_out": measure(corpus, held_out(corpus)),
            "open": measure(corpus, corpus.sentences(*OPEN)),
            "bounds": {"recall": 0.99, "false_alarms": 0.02, "milliseconds": 5},
        }
