"""Reads the corpus: each case becomes a whole report, as it would lie before the guard."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from mri_analysis.contracts.report import Report, Statement, StatementKind
from mri_analysis.ports.knowledge import KnowledgeBase
from mri_analysis.reporting.compose import write_report
from mri_analysis.reporting.describe import describe
from mri_analysis.reporting.evidence import Evidence, gather_evidence
from tests.model.guard_corpus.studies import STUDIES

FOLDER = Path(__file__).parent
TUNING = tuple(FOLDER / f"tuning{which}.yaml" for which in ("", "_second", "_correct"))
"""Whole reports that were looked at while the rules were made."""
TUNING_SENTENCES = tuple(
    FOLDER / f"{name}.yaml"
    for name in (
        "sentences",
        "misleading",
        "misleading_second",
        "misleading_third",
        "misleading_fourth",
        "misleading_fifth",
        "misleading_sixth",
    )
)
"""The same for single sentences: each is put behind the composed report of its study."""
OPEN: tuple[Path, ...] = (FOLDER / "misleading_open.yaml",)
"""Misleading sentences that are known to pass."""
HELD_OUT: tuple[Path, ...] = (FOLDER / "held_out.yaml",)
HELD_OUT_SENTENCES = (
    FOLDER / "held_out_sentences.yaml",
    FOLDER / "held_out_sentences_second.yaml",
)
"""What nobody looked at who made the rules."""

_KINDS = {
    "key_findings": StatementKind.MEASURED,
    "clinical_significance": StatementKind.QUOTED,
    "recommended_follow_up": StatementKind.RULE,
    "confidence": StatementKind.CONFIDENCE,
    "unverified_observations": StatementKind.OBSERVED,
}


@dataclass(frozen=True)
class Case:
    """One labelled report."""

    id: str
    harmful: bool
    category: str
    why: str
    study: str
    report: Report


class Corpus:
    """Builds the cases of one file; the evidence of a study is gathered once."""

    def __init__(self, knowledge: KnowledgeBase) -> None:
        self._knowledge = knowledge
        self._evidence: dict[str, Evidence] = {}

    def evidence(self, study: str) -> Evidence:
        if study not in self._evidence:
            self._evidence[study] = gather_evidence(STUDIES[study], self._knowledge)
        return self._evidence[study]

    def cases(self, *paths: Path) -> Iterator[Case]:
        """The whole reports of some files, in their order."""
        for path in paths:
            yield from self._cases(path)

    def sentences(self, *paths: Path) -> Iterator[Case]:
        """The single sentences of some files, each in a report that is sound but for it."""
        for path in paths:
            for position, entry in enumerate(_entries(path)):
                yield self._sentence(f"{path.stem}-{position}", entry)

    def _cases(self, path: Path) -> Iterator[Case]:
        correct: dict[str, tuple[str, Report]] = {}
        for entry in _entries(path):
            if entry["label"] == "correct":
                study, report = entry["study"], self._written(entry)
                correct[entry["id"]] = (study, report)
            else:
                study, report = correct[entry["base"]]
                report = _edited(report, entry["edits"])
            yield Case(
                id=entry["id"],
                harmful=entry["label"] == "harmful",
                category=entry["category"],
                why=entry.get("why", ""),
                study=study,
                report=report,
            )

    def _sentence(self, case_id: str, entry: dict[str, Any]) -> Case:
        report = self.composed(entry["study"], case_id)
        added = [*report.key_findings, _statement("key_findings", entry)]
        return Case(
            id=case_id,
            harmful=entry["label"] == "harmful",
            category=entry.get("family", "sentence"),
            why=entry["text"],
            study=entry["study"],
            report=_with_passages(
                report.model_copy(update={"key_findings": added}), self.evidence(entry["study"])
            ),
        )

    def composed(self, study: str, job_id: str) -> Report:
        """The report of the fixed rules."""
        evidence = self.evidence(study)
        return write_report(
            organization_id="corpus",
            job_id=job_id,
            description=describe(evidence.measurements, evidence.references),
            evidence=evidence,
        )

    def _written(self, entry: dict[str, Any]) -> Report:
        evidence = self.evidence(entry["study"])
        composed = self.composed(entry["study"], entry["id"])
        findings = [_statement("key_findings", fields) for fields in entry["key_findings"]]
        return _with_passages(composed.model_copy(update={"key_findings": findings}), evidence)


@cache
def _entries(path: Path) -> list[dict[str, Any]]:
    loaded: list[dict[str, Any]] = yaml.safe_load(path.read_text(encoding="utf-8"))
    return loaded


def _statement(section: str, fields: dict[str, Any]) -> Statement:
    # Without validation: a harmful case may cite nothing at all.
    return Statement.model_construct(
        kind=_KINDS[section], text=fields["text"], cites=list(fields.get("cites") or [])
    )


def _with_passages(report: Report, evidence: Evidence) -> Report:
    """Show every passage that is cited, as code does for any writer."""
    available = evidence.passages()
    cited = dict.fromkeys(
        cite
        for section in ("key_findings", "clinical_significance", "recommended_follow_up")
        for statement in getattr(report, section)
        for cite in statement.cites
    )
    shown = [available[cite] for cite in cited if cite in available]
    return report.model_copy(update={"passages": shown})


def _edited(report: Report, edits: list[dict[str, Any]]) -> Report:
    sections = {section: list(getattr(report, section)) for section in [*_KINDS, "not_assessed"]}
    for edit in edits:
        section, at = edit["section"], edit.get("at", 0)
        entries = sections[section]
        if edit["op"] == "drop":
            del entries[at]
            continue
        new = edit["text"] if section == "not_assessed" else _statement(section, edit)
        if edit["op"] == "replace":
            entries[at] = new
        else:
            entries.insert(len(entries) if at == -1 else at, new)
    return report.model_copy(update=sections)
