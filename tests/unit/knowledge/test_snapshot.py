"""The snapshot: building it, opening it, searching it, and refusing what is no snapshot."""

import sqlite3
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from knowledge.build import build_snapshot, content_sha256, hpo_path
from mri_analysis.adapters.sqlite_knowledge import SqliteKnowledge, match_expression
from mri_analysis.contracts.knowledge import EntryKind
from mri_analysis.errors import KnowledgeUnavailable


@pytest.fixture(scope="module")
def snapshot(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("snapshot") / "knowledge base.sqlite"
    build_snapshot(path)
    return path


@pytest.fixture(scope="module")
def base(snapshot: Path) -> SqliteKnowledge:
    return SqliteKnowledge(snapshot)


def test_the_same_input_gives_the_same_bytes(snapshot: Path, tmp_path: Path):
    again = tmp_path / "again.sqlite"
    build_snapshot(again)
    assert again.read_bytes() == snapshot.read_bytes()


def test_the_manifest_counts_and_attributes(base: SqliteKnowledge):
    manifest = base.manifest
    assert manifest.hpo_release == "2025-01-16"
    assert manifest.counts["term"] == 2495
    assert manifest.counts["note"] >= 24
    assert manifest.counts["rule"] >= 12
    assert manifest.retrieval == "snapshot"
    assert any("2025-01-16, unaltered" in sentence for sentence in manifest.attributions)


def test_terms_are_quoted_unaltered(base: SqliteKnowledge):
    (term,) = base.passages(["HP:0002119"])
    assert term.text == "An increase in size of the ventricular system of the brain."
    assert f'def: "{term.text}"' in hpo_path().read_text(encoding="utf-8")
    assert term.sha256 == content_sha256(term.title, term.text)
    assert term.source_version == "2025-01-16"


# What a report asks, what a reader would type, and a synonym of each kind.
@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("lateral ventricular asymmetry", "HP:0100960"),
        ("ventriculomegaly enlarged ventricles", "HP:0002119"),
        ("dilated ventricles", "HP:0002119"),
        ("brain atrophy wasting loss of brain tissue", "HP:0012444"),
        ("abnormal subarachnoid space morphology", "HP:0012703"),
        ("abnormal cerebral cortex morphology", "HP:0002538"),
        ("abnormal cerebral white matter morphology", "HP:0002500"),
        ("abnormal basal ganglia morphology", "HP:0002134"),
        ("abnormal thalamus morphology", "HP:0010663"),
        ("abnormal cerebellum morphology", "HP:0001317"),
        ("hydrocephaly", "HP:0000238"),
        ("degeneration of cerebrum", "HP:0002059"),
    ],
)
def test_terms_are_found(base: SqliteKnowledge, query: str, expected: str):
    hits = base.search(query, limit=3, kinds=[EntryKind.TERM])
    assert expected == hits[0].passage.id


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("BPF method shift", "note.bpf-method-shift"),
        ("scanner hydration time of day", "note.scanner-hydration-hour"),
        ("test-retest repeatability", "note.test-retest"),
        ("skull-stripped input", "note.stripped-input"),
        ("gadolinium", "note.contrast-agent"),
        ("FLAIR image", "note.other-contrast"),
        ("pediatric infant", "note.children"),
        ("compare software update model versions", "note.model-versions"),
        ("Evans ratio age normal pressure hydrocephalus", "note.evans-index-elderly"),
        ("hippocampal volume too large", "note.hippocampus-bias"),
    ],
)
def test_notes_are_found(base: SqliteKnowledge, query: str, expected: str):
    hits = base.search(query, limit=3, kinds=[EntryKind.NOTE])
    assert expected in [hit.passage.id for hit in hits]
    assert [hit.score for hit in hits] == sorted((hit.score for hit in hits), reverse=True)


@pytest.mark.parametrize("kind", [EntryKind.NOTE, EntryKind.RULE, EntryKind.TERM])
def test_a_search_keeps_to_its_kinds_and_limit(base: SqliteKnowledge, kind: EntryKind):
    hits = base.search("brain images", limit=4, kinds=[kind])
    assert 0 < len(hits) <= 4
    assert {hit.kind for hit in hits} == {kind}


@pytest.mark.parametrize(
    "query",
    [
        '" OR 1=1',
        "*",
        "NEAR(",
        "NEAR(brain, 2",
        "title:brain",
        "brain AND NOT",
        '"unclosed',
        "'; DROP TABLE entries; --",
        "^brain",
        "",
        "\x00\u202ebrain",
        "- + { } ( )",
    ],
)
def test_query_syntax_is_harmless(base: SqliteKnowledge, query: str):
    base.search(query)
    assert base.passages(["HP:0002119"])


@settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))
@given(query=st.text(max_size=80))
def test_any_text_can_be_searched(base: SqliteKnowledge, query: str):
    assert len(base.search(query, limit=3)) <= 3


def test_a_query_becomes_quoted_tokens():
    assert match_expression('brain* OR "x" NEAR(the') == '"brain" OR "x" OR "near"'
    assert match_expression("the of") == '"the" OR "of"'
    assert match_expression("*") is None


def test_passages_come_in_the_order_asked_for(base: SqliteKnowledge):
    ids = ["note.draft", "HP:0002119", "unknown", "rule.review-by-reader"]
    assert [passage.id for passage in base.passages(ids)] == [ids[0], ids[1], ids[3]]
    assert base.passages([]) == []


def test_all_entries_come_for_an_index(base: SqliteKnowledge):
    entries = list(base.entries())
    counts = base.manifest.counts
    assert len(entries) == sum(number for kind, number in counts.items() if kind != "reference")
    assert [e for e in entries if e.kind is EntryKind.RULE] == base.rules()


def test_rules_and_references_come_whole(base: SqliteKnowledge):
    assert base.rules()[0].id == "rule.review-by-reader"
    assert all(rule.when is not None for rule in base.rules())
    assert len(base.references()) == base.manifest.counts["reference"]


def test_a_missing_file_is_unavailable_and_not_created(tmp_path: Path):
    path = tmp_path / "absent.sqlite"
    with pytest.raises(KnowledgeUnavailable, match="build it again"):
        SqliteKnowledge(path)
    assert not path.exists()


@pytest.mark.parametrize("content", [b"", b"not a database at all" * 100])
def test_another_file_is_unavailable(tmp_path: Path, content: bytes):
    path = tmp_path / "other.sqlite"
    path.write_bytes(content)
    with pytest.raises(KnowledgeUnavailable):
        SqliteKnowledge(path)


def test_a_truncated_snapshot_is_unavailable(snapshot: Path, tmp_path: Path):
    path = tmp_path / "cut.sqlite"
    path.write_bytes(snapshot.read_bytes()[: 64 * 1024])
    with pytest.raises(KnowledgeUnavailable):
        SqliteKnowledge(path).search("brain ventricles")


def test_another_schema_is_unavailable(snapshot: Path, tmp_path: Path):
    path = tmp_path / "newer.sqlite"
    path.write_bytes(snapshot.read_bytes())
    with sqlite3.connect(path) as db:
        db.execute("UPDATE manifest SET value = '99' WHERE key = 'schema_version'")
    db.close()
    with pytest.raises(KnowledgeUnavailable, match="schema 99"):
        SqliteKnowledge(path)


def test_the_snapshot_cannot_be_written(base: SqliteKnowledge):
    with pytest.raises(sqlite3.OperationalError, match="readonly"):
        base._db.execute("DELETE FROM entries")
