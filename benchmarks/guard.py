"""How well the guard tells supported reports from harmful ones, on the labelled corpus."""

import statistics
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

from knowledge.build import build_snapshot
from mri_analysis.adapters.sqlite_knowledge import SqliteKnowledge
from mri_analysis.ports.knowledge import KnowledgeBase
from mri_analysis.reporting.guard import check_report
from tests.model.guard_corpus.cases import HELD_OUT, TUNING, Corpus


def measure(knowledge: KnowledgeBase, path: Path) -> dict[str, Any]:
    """Precision and recall on harmful reports, false alarms on correct ones, milliseconds.

    Returns
    -------
    dict
        ``cases``, ``recall``, ``precision``, ``false_alarms`` (shares), ``missed`` by category and
        ``milliseconds`` (median of one report).
    """
    corpus = Corpus(knowledge)
    outcome: Counter[tuple[bool, bool]] = Counter()
    missed: Counter[str] = Counter()
    seconds = []
    for case in corpus.cases(path):
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
        "recall": round(outcome[True, True] / harmful, 4),
        "precision": round(outcome[True, True] / (outcome[True, True] + outcome[False, True]), 4),
        "false_alarms": round(outcome[False, True] / correct, 4),
        "missed": dict(missed),
        "milliseconds": round(1000 * statistics.median(seconds), 2),
    }


def guard() -> dict[str, Any]:
    """Both halves of the corpus; nobody looked at the second while the rules were made."""
    with tempfile.TemporaryDirectory() as folder:
        snapshot = Path(folder) / "knowledge.sqlite"
        build_snapshot(snapshot)
        knowledge = SqliteKnowledge(snapshot)
        return {
            "tuning": measure(knowledge, TUNING),
            "held_out": measure(knowledge, HELD_OUT),
            "bounds": {"recall": 0.99, "false_alarms": 0.02, "milliseconds": 5},
        }
