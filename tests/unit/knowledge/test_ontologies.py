"""Optional terms of MONDO and UBERON."""

import importlib.util
import json
from pathlib import Path

import pytest
import yaml

from knowledge.build import HERE, ONTOLOGIES, build_snapshot
from knowledge.ontologies import ROOTS, installed_terms, load_terms
from knowledge.stored_entries import read_entries, write_entries
from mri_analysis.adapters.sqlite_knowledge import SqliteKnowledge
from mri_analysis.contracts.knowledge import EntryKind
from mri_analysis.passage_text import entry_flaw

SOURCES = yaml.safe_load((HERE / "manifest.yaml").read_text(encoding="utf-8"))["ontologies"]

# In the form of the package's files.
EXCERPT = {
    "MONDO:0005560": {
        "ancestors": {"MONDO:0002602": 1},
        "label": "brain disorder",
        "description": "A made-up definition of the root.",
        "synonyms": ["brain disease", "brain disorder"],
        "deprecated": False,
    },
    "MONDO:0000010": {
        "ancestors": {"MONDO:0005560": 2, "MONDO:0002602": 3},
        "label": "made-up disorder",
        "description": "A made-up disorder of the zonula.",
        "deprecated": False,
    },
    "MONDO:0000011": {
        "ancestors": {"MONDO:0005560": 1},
        "label": "no definition",
        "deprecated": False,
    },
    "MONDO:0000012": {
        "ancestors": {"MONDO:0005560": 1},
        "label": "obsolete",
        "description": "An obsolete one.",
        "deprecated": True,
    },
    "MONDO:0000013": {
        "ancestors": {"MONDO:0002602": 1},
        "label": "elsewhere",
        "description": "Not of the brain.",
        "deprecated": False,
    },
    "HP:0000014": {
        "ancestors": {"MONDO:0005560": 1},
        "label": "of another ontology",
        "description": "Imported.",
        "deprecated": False,
    },
}


def test_live_defined_terms_below_the_root_are_taken_as_they_are():
    entries = load_terms(EXCERPT, ROOTS["mondo"], "2026-05-05", SOURCES["mondo"])
    assert [entry.id for entry in entries] == ["MONDO:0000010", "MONDO:0005560"]
    root = entries[1]
    assert root.text == EXCERPT["MONDO:0005560"]["description"]
    assert root.synonyms == ["brain disease"]
    assert (root.licence, root.version) == ("CC BY 4.0", "2026-05-05")
    assert root.url == "http://purl.obolibrary.org/obo/MONDO_0005560"


def test_the_snapshot_takes_them_and_names_release_and_licence(tmp_path: Path):
    plain = build_snapshot(tmp_path / "plain.sqlite")
    assert "Mondo" not in plain["attributions"]
    entries = load_terms(EXCERPT, ROOTS["mondo"], "2026-05-05", SOURCES["mondo"])
    write_entries(tmp_path / ONTOLOGIES, entries)
    assert read_entries(tmp_path / ONTOLOGIES, EntryKind.TERM) == entries

    built = build_snapshot(tmp_path / "knowledge.sqlite")

    terms = [json.loads(manifest["counts"])["term"] for manifest in (plain, built)]
    assert terms[1] == terms[0] + 2
    assert any(
        "Mondo" in line and "2026-05-05" in line and "CC BY 4.0" in line
        for line in json.loads(built["attributions"])
    )
    (hit, *_) = SqliteKnowledge(tmp_path / "knowledge.sqlite").search("zonula")
    assert hit.passage.id == "MONDO:0000010"


@pytest.mark.skipif(
    importlib.util.find_spec("cellxgene_ontology_guide") is None
    or importlib.util.find_spec("zstandard") is None,
    reason="cellxgene-ontology-guide is not installed here (make knowledge-full)",
)
@pytest.mark.parametrize(("name", "least"), [("mondo", 1000), ("uberon", 1100)])
def test_the_package_holds_them(name: str, least: int):
    version, terms = installed_terms(name)
    entries = load_terms(terms, ROOTS[name], version, SOURCES[name])
    assert len(entries) >= least
    assert [entry.id for entry in entries if entry_flaw(entry)] == []
