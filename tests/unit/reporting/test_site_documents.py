"""Which passages of a site's documents stand in a report: those that name structure and finding."""

from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any

import pytest

from knowledge.build import DOCUMENTS, build_snapshot
from knowledge.documents.store import DocumentStore
from mri_analysis.adapters.sqlite_knowledge import SqliteKnowledge
from mri_analysis.contracts.knowledge import EntryKind, KnowledgeEntry
from mri_analysis.contracts.report import FindingStatus, Passage
from mri_analysis.contracts.segmentation import Structure
from mri_analysis.ports.knowledge import KnowledgeBase, ScoredPassage
from mri_analysis.reporting.evidence import gather_evidence
from mri_analysis.reporting.findings import FLAGGED
from mri_analysis.reporting.site_documents import (
    _FOUND,
    _STRUCTURES,
    MOST_DOCUMENTS,
    document_query,
    is_relevant,
    site_documents,
)
from tests.support.measurements import some_measurements
from tests.support.site_passages import (
    EVANS_ABOVE,
    FINDINGS,
    SITE_PIECES,
    SITE_RIGHT,
    V_ASYMMETRIC,
    site_finding,
    site_piece,
)


def passage(of: KnowledgeEntry) -> Passage:
    return Passage(
        id=of.id,
        source=of.source,
        source_version=of.version,
        licence=of.licence,
        title=of.title,
        text=of.text,
        sha256=of.sha256,
    )


@pytest.fixture(scope="module")
def with_documents(
    tmp_path_factory: pytest.TempPathFactory,
) -> Callable[[list[KnowledgeEntry]], SqliteKnowledge]:
    def built(pieces: list[KnowledgeEntry]) -> SqliteKnowledge:
        folder: Path = tmp_path_factory.mktemp("site")
        DocumentStore(folder / DOCUMENTS).replace_document("site", pieces)
        build_snapshot(folder / "knowledge.sqlite")
        return SqliteKnowledge(folder / "knowledge.sqlite")

    return built


@pytest.fixture(scope="module")
def site(with_documents: Callable[[list[KnowledgeEntry]], SqliteKnowledge]) -> SqliteKnowledge:
    return with_documents(SITE_PIECES)


@pytest.mark.parametrize("of", FINDINGS, ids=str)
def test_only_what_has_to_do_with_a_finding_is_quoted(
    site: SqliteKnowledge, of: tuple[str, FindingStatus]
) -> None:
    found = site_documents([site_finding(of)], site)

    right = {id_ for id_, labels in SITE_RIGHT.items() if of in labels}
    assert {*found.quoted, *found.further} <= right
    assert bool(found.quoted) is bool(right)


@pytest.mark.parametrize("of", FINDINGS, ids=str)
def test_the_floor_takes_what_fits_and_nothing_else(of: tuple[str, FindingStatus]) -> None:
    taken = {entry.id for entry in SITE_PIECES if is_relevant(passage(entry), site_finding(of))}

    assert taken == {id_ for id_, labels in SITE_RIGHT.items() if of in labels}


@pytest.mark.parametrize(
    "text",
    [
        "Asymmetric ventricles are common.",
        "ASYMMETRY of the Lateral Ventricles is common.",
        "An asymmetrically large ventricular system is common.",
        "Ventricular asymmetries are common.",
    ],
)
def test_each_form_of_a_word_is_found(
    with_documents: Callable[[list[KnowledgeEntry]], SqliteKnowledge], text: str
) -> None:
    noise = [site_piece(100 + n, "Guide", f"Room {n} holds volume forms.") for n in range(40)]
    site = with_documents([*noise, site_piece(1, "Guide", text)])

    assert list(site_documents([site_finding(V_ASYMMETRIC)], site).quoted) == [
        site_piece(1, "x", "x").id
    ]


def test_a_title_counts_as_a_sentence_and_two_sentences_are_not_one() -> None:
    def fits(title: str, text: str) -> bool:
        return is_relevant(passage(site_piece(1, title, text)), site_finding(V_ASYMMETRIC))

    assert fits("Guide > Asymmetric ventricles", "Compare with earlier images.")
    assert not fits("Guide", "The ventricles are outlined. An asymmetric gait is noted.")
    assert not fits("Ventricles", "An asymmetric gait is noted.")
    assert not fits("Guide", "Interventricular symmetry")


class Ranked:
    """A search that always answers the same, best first."""

    def __init__(self, *entries: KnowledgeEntry) -> None:
        self.entries = entries
        self.asked: list[tuple[str, Collection[EntryKind] | None]] = []

    def search(
        self, query: str, limit: int = 5, kinds: Collection[EntryKind] | None = None
    ) -> list[ScoredPassage]:
        self.asked.append((query, kinds))
        hits = [ScoredPassage(passage(e), EntryKind.DOCUMENT, 1.0) for e in self.entries]
        return hits[:limit]


def test_the_next_finding_takes_the_next_best_and_they_are_few() -> None:
    text = "Asymmetric or enlarged ventricles are told."
    base: Any = Ranked(*(site_piece(number, "Guide", text) for number in range(9)))
    findings = [site_finding(V_ASYMMETRIC), site_finding(EVANS_ABOVE)] * 3

    found = site_documents(findings, base)

    assert list(found.quoted) == [
        site_piece(number, "x", "x").id for number in range(MOST_DOCUMENTS)
    ]
    assert not set(found.quoted) & set(found.further)
    assert len(base.asked) == MOST_DOCUMENTS


def test_a_passage_of_three_findings_is_quoted_once() -> None:
    base: Any = Ranked(site_piece(1, "Guide", "Asymmetric or enlarged ventricles are told."))
    findings = [site_finding(V_ASYMMETRIC), site_finding(EVANS_ABOVE), site_finding(V_ASYMMETRIC)]

    assert len(site_documents(findings, base).quoted) == 1


def test_a_quiet_study_asks_for_no_document() -> None:
    base: Any = Ranked(site_piece(1, "Guide", "Asymmetric ventricles are told."))
    quiet = site_finding((V_ASYMMETRIC[0], FindingStatus.SYMMETRIC))

    assert site_documents([quiet], base).quoted == {}
    assert base.asked == []


def test_every_structure_and_status_has_words_that_a_search_takes_whole() -> None:
    """Of a query SQLite's full text gets 48 words, the search service 64."""
    measured = {f"volume.{structure.value}" for structure in Structure}
    assert measured <= set(_STRUCTURES)
    assert set(_FOUND) == FLAGGED
    for measurement in _STRUCTURES:
        for status in FLAGGED:
            assert len(document_query(site_finding((measurement, status))).split()) <= 48


def test_a_quiet_study_is_offered_what_speaks_of_volumetry_and_its_references(
    with_documents: Callable[[list[KnowledgeEntry]], SqliteKnowledge],
) -> None:
    speaks = site_piece(
        99, "House rules", "Brain volumetry within published figures is read twice."
    )
    base = with_documents([*SITE_PIECES, speaks])

    evidence = gather_evidence(some_measurements(), base, for_model=True)

    assert not [f for f in evidence.findings() if f.status in FLAGGED]
    assert [p.id for p in evidence.quotations if p.id.startswith("document.")] == []
    assert [p.id for p in evidence.offered if p.id.startswith("document.")] == [speaks.id]


def test_a_report_quotes_the_document_and_offers_the_further_ones(site: SqliteKnowledge) -> None:
    study = some_measurements(asymmetry_percent={Structure.VENTRICLES: 40.0})
    base: KnowledgeBase = site

    evidence = gather_evidence(study, base, for_model=True)

    quoted = [p.id for p in evidence.quotations if p.id.startswith("document.")]
    offered = [p.id for p in evidence.offered if p.id.startswith("document.")]
    right = {id_ for id_, labels in SITE_RIGHT.items() if V_ASYMMETRIC in labels}
    assert len(quoted) == 1
    assert offered
    assert {*quoted, *offered} <= right
    assert not set(quoted) & set(offered)
