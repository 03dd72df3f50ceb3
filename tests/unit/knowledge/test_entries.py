"""Lint of the knowledge base's own entries: what an editor can get wrong."""

import re
from pathlib import Path

import pytest
import yaml

import knowledge
from knowledge.build import content_sha256, load_notes, load_references, load_rules
from mri_analysis.contracts.knowledge import KnowledgeEntry
from mri_analysis.contracts.report import FindingStatus, Reference

HERE = Path(knowledge.__file__).parent
OWN = yaml.safe_load((HERE / "manifest.yaml").read_text(encoding="utf-8"))["own"]
NOTES = load_notes(HERE / "notes", OWN)
RULES = load_rules(HERE / "rules", OWN)
REFERENCES = load_references(HERE / "references.yaml")
ENTRIES = [*NOTES, *RULES]
BY_ID = {entry.id: entry for entry in ENTRIES}


def test_there_are_enough_entries_and_no_id_twice():
    ids = [item.id for item in [*ENTRIES, *REFERENCES]]
    assert len(ENTRIES) >= 30
    assert len(ids) == len(set(ids))


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.id)
def test_an_entry_is_complete(entry: KnowledgeEntry):
    assert entry.id.startswith(f"{entry.kind.value}.")
    assert re.fullmatch(r"\d+\.\d+\.\d+", entry.version)
    assert entry.licence == "CC BY 4.0"
    assert len(entry.rests_on) > 10
    assert entry.topics
    assert 40 < len(entry.text) < 700
    assert entry.text.endswith(".")
    assert entry.sha256 == content_sha256(entry.title, entry.text)
    assert "percentile" not in entry.text.lower()


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.id)
def test_entries_named_as_grounds_exist(entry: KnowledgeEntry):
    for named in re.findall(r"(?:note|rule)\.[a-z0-9-]+", entry.rests_on):
        assert named in BY_ID


@pytest.mark.parametrize("note", NOTES, ids=lambda note: note.id)
def test_a_note_with_figures_names_a_paper_or_a_measurement(note: KnowledgeEntry):
    figures = re.findall(r"\d*\.\d+|\d+ %", note.text)
    source = r"\d{4}|doi|PMC|model card|Anat|Morphol|normal young adults"
    assert not figures or re.search(source, note.rests_on)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.id)
def test_a_rule_has_a_condition_and_no_urgent_or_drug_advice(rule: KnowledgeEntry):
    assert rule.when is not None
    assert rule.when.model_dump(exclude_none=True, exclude_defaults=True)
    if rule.when.finding_status is not None:
        assert rule.when.finding_status in set(FindingStatus)
    forbidden = r"urgent|emergenc|immediate|refer to|biopsy|drug|dose|treat|diagnos"
    assert not re.search(forbidden, rule.text, re.IGNORECASE)
    if not rule.when.always and rule.when.verdict is None:
        assert rule.text.startswith(("Consider ", "Judge "))


@pytest.mark.parametrize("reference", REFERENCES, ids=lambda reference: reference.id)
def test_a_reference_names_population_method_source_and_difference(reference: Reference):
    assert reference.measurement_id
    assert reference.quantity
    for field in ("statistic", "population", "method", "source", "method_difference"):
        assert getattr(reference, field), field
    if reference.decides:
        assert reference.low is not None or reference.high is not None
    for bound in (reference.low, reference.high):
        if bound is not None:
            assert f"{abs(bound):.10g}" in reference.statistic


@pytest.mark.parametrize("reference", [r for r in REFERENCES if r.decides], ids=lambda r: r.id)
def test_every_verdict_that_can_be_given_has_a_follow_up_rule(reference: Reference):
    if reference.quantity == "asymmetry_percent":
        possible = {"asymmetric"}
    else:
        possible = {"below_reference"} if reference.low is not None else set()
        possible |= {"above_reference"} if reference.high is not None else set()
    for status in possible:
        assert any(
            rule.when is not None
            and rule.when.finding_status == status
            and reference.measurement_id
            in (rule.when.measurement_id, f"volume.{rule.when.structure or ''}")
            for rule in RULES
        ), status


def test_asymmetry_limits_agree_with_their_note():
    limits = {r.high for r in REFERENCES if r.quantity == "asymmetry_percent" and r.decides}
    assert limits == {20, 15, 12}
    assert all(f"{limit:.0f} %" in BY_ID["note.asymmetry-limits"].text for limit in limits if limit)


@pytest.mark.parametrize("name", ["white-matter", "cerebellum"])
def test_sides_without_a_healthy_range_decide_nothing(name: str):
    reference = next(r for r in REFERENCES if r.id == f"reference.asymmetry.{name}")
    assert not reference.decides
    assert (reference.low, reference.high) == (None, None)
    assert "no healthy range" in reference.statistic
    structure = reference.measurement_id
    assert not [r.id for r in RULES if r.when and f"volume.{r.when.structure}" == structure]


def test_no_band_is_called_published():
    texts = [f"{entry.title} {entry.text}" for entry in ENTRIES]
    assert not [text for text in texts if "published band" in text.lower()]


def test_side_figures_are_those_of_the_model_card():
    card = (HERE.parent / "models/segmentation/MODEL_CARD.md").read_text(encoding="utf-8")
    (table,) = re.findall(r"^Side differences .*?\n\n((?:\|.*\n)+)", card, re.M)
    rows = dict(re.findall(r"^\| (ventricles|CSF|cortex|white matter) \| (.+) \|$", table, re.M))
    names = {"white-matter": "white matter", "csf": "CSF"}
    for key in ("ventricles", "csf", "cortex", "white-matter"):
        reference = next(r for r in REFERENCES if r.id == f"reference.asymmetry.{key}")
        figures = re.findall(r"[+-]\d+(?:\.\d)?", reference.statistic)
        assert figures, reference.id
        assert set(figures) <= set(re.findall(r"[+-][\d.]+", rows[names.get(key, key)]))


@pytest.mark.parametrize(
    ("id_", "low", "high"),
    [
        ("reference.intracranial.matsumae-1996", 1289 - 2 * 111, 1469 + 2 * 102),
        ("reference.brain.matsumae-1996", 1143 - 2 * 105, 1302 + 2 * 112),
        ("reference.bpf.vagberg-2016", 0.784 - 0.073, 0.857 + 0.064),
    ],
)
def test_bands_follow_from_the_published_figures(id_: str, low: float, high: float):
    reference = next(reference for reference in REFERENCES if reference.id == id_)
    assert (reference.low, reference.high) == pytest.approx((low, high))
