"""Lint of the knowledge base's own entries: what an editor can get wrong."""

import hashlib
import re
from pathlib import Path

import pytest
import yaml

import knowledge
from knowledge.build import content_sha256, load_notes, load_references, load_rules
from mri_analysis.contracts.knowledge import KnowledgeEntry
from mri_analysis.contracts.report import FindingStatus, Reference
from mri_analysis.contracts.segmentation import Contrast, Measurements, Structure, Verdict
from mri_analysis.ports.knowledge import KnowledgeManifest
from mri_analysis.reporting.evidence import Evidence
from tests.support.measurements import some_measurements

HERE = Path(knowledge.__file__).parent
OWN = yaml.safe_load((HERE / "manifest.yaml").read_text(encoding="utf-8"))["own"]
NOTES = load_notes(HERE / "notes", OWN)
RULES = load_rules(HERE / "rules", OWN)
REFERENCES = load_references(HERE / "references.yaml")
ENTRIES = [*NOTES, *RULES]
BY_ID = {entry.id: entry for entry in ENTRIES}
MANIFEST = yaml.safe_load((HERE / "manifest.yaml").read_text(encoding="utf-8"))

SOURCE = re.compile(
    r"\d{4}|doi|PMC\d+|model card|Anat|Morphol|normal young adults|^Reasoning|^Definition used"
    r"|^Design of this product|references of this knowledge base|of this project"
)
"""A paper, a measurement of our own, or plain reasoning that says so."""

ABOUT_A_PATIENT = re.compile(
    r"\b(?:this|the|your) (?:patient|person|case) (?:has|had|shows|suffers|is|was|needs|should)\b"
    r"|\b(?:this|the) scan shows\b|\bpatient's (?:brain|scan|disease|volume)",
    re.IGNORECASE,
)
RANK = re.compile(r"percentile|\bquartile|quantile|decile|z-score", re.IGNORECASE)


def test_there_are_enough_entries_and_no_id_twice():
    ids = [item.id for item in [*ENTRIES, *REFERENCES]]
    assert len(NOTES) >= 45
    assert len(RULES) >= 18
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
    assert not RANK.search(entry.text), "a rank needs age, sex and the same method"
    assert not ABOUT_A_PATIENT.search(entry.text)


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.id)
def test_entries_named_as_grounds_exist(entry: KnowledgeEntry):
    for named in re.findall(r"(?:note|rule)\.[a-z0-9-]+", entry.rests_on):
        assert named in BY_ID


@pytest.mark.parametrize("note", NOTES, ids=lambda note: note.id)
def test_a_note_with_figures_names_a_paper_or_a_measurement(note: KnowledgeEntry):
    figures = re.findall(r"\d*\.\d+|\d+ %", note.text)
    source = r"\d{4}|doi|PMC|model card|Anat|Morphol|normal young adults"
    assert not figures or re.search(source, note.rests_on)


@pytest.mark.parametrize("note", NOTES, ids=lambda note: note.id)
def test_a_note_is_short_and_says_what_it_rests_on(note: KnowledgeEntry):
    assert 30 <= len(note.text.split()) <= 90
    assert SOURCE.search(note.rests_on)
    assert note.synonyms, "words a reader would type"
    assert not re.search(r"[*_`#\[\]|<>]|https?:", note.text), "quoted as it is: no markup"
    if note.url is not None:
        assert note.url.startswith("https://")
        assert re.search(r"PMC|doi|\d{4}|AJNR|Neurosurg", note.rests_on)


@pytest.mark.parametrize("note", NOTES, ids=lambda note: note.id)
def test_a_note_recommends_nothing_but_care(note: KnowledgeEntry):
    """Recommendations belong to the rules; a note may say how to read or compare figures."""
    advice = r"\b(?:refer(?:ral)? to|biops\w+|prescri\w+|dos(?:e|age)|should be treated)\b"
    assert not re.search(advice, note.text, re.IGNORECASE)


def test_no_two_notes_say_the_same():
    texts = {note.id: set(re.findall(r"\w+", note.text.lower())) for note in NOTES}
    titles = [entry.title.lower() for entry in ENTRIES]
    assert len(titles) == len(set(titles))
    ids = sorted(texts)
    alike = [
        (a, b)
        for i, a in enumerate(ids)
        for b in ids[i + 1 :]
        if len(texts[a] & texts[b]) / len(texts[a] | texts[b]) > 0.6
    ]
    assert not alike


def test_an_identifier_of_a_paper_is_whole():
    """A cut or mistyped identifier leads a reader nowhere."""
    for entry in ENTRIES:
        for doi in re.findall(r"\bdoi ?:? ?(\S+?)[;,)]?(?:\s|$)", entry.rests_on):
            assert re.fullmatch(r"10\.\d{4,5}/\S+[A-Za-z0-9]", doi), (entry.id, doi)
        for number in re.findall(r"PMC(\d*)", entry.rests_on):
            assert len(number) in (7, 8), (entry.id, number)
        if entry.url is not None and "doi.org/" in entry.url:
            assert entry.url.split("doi.org/")[1].split("/")[0].startswith("10.")


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
    # Its source can be opened: a paper by its address, our own card by its place in the source.
    if reference.source.startswith("Model card"):
        assert (Path(__file__).parents[3] / "models/segmentation/MODEL_CARD.md").exists()
        assert "models/segmentation/MODEL_CARD.md" in reference.source
    else:
        assert (reference.url or "").startswith("https://")
        assert len(reference.source) > 80, "authors, title, journal, year, pages"
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


def follow_up(study: Measurements) -> list[str]:
    """Ids of the rules a study calls, asked as a report asks."""
    manifest = KnowledgeManifest(1, MANIFEST["version"], "none", "0" * 64, {}, (), "snapshot")
    evidence = Evidence(study, tuple(REFERENCES), tuple(RULES), (), manifest)
    return [rule.id for rule, _ in evidence.applicable_rules()]


EVERY_STUDY = ["rule.review-by-reader", "rule.clinical-correlation"]
LITTLE_BRAIN = {Structure.CORTEX: 300.0, Structure.WHITE_MATTER: 250.0}
WIDE_FLUID = {Structure.CSF: 470.0, Structure.CORTEX: 520.0, Structure.WHITE_MATTER: 400.0}
LARGE_BRAIN = {Structure.CORTEX: 850.0, Structure.WHITE_MATTER: 700.0}
STUDIES = {
    "ordinary head": some_measurements(),
    "warning": some_measurements(verdict=Verdict.WARN),
    "failed": some_measurements(verdict=Verdict.FAIL),
    "other contrast": some_measurements(contrast=Contrast.OTHER),
    "without Evans index": some_measurements(evans_index=None),
    "wide frontal horns": some_measurements(evans_index=0.36),
    "wide frontal horns, other contrast": some_measurements(
        evans_index=0.36, contrast=Contrast.OTHER
    ),
    "wide fluid spaces": some_measurements(volumes_ml=WIDE_FLUID),
    "wide fluid spaces, warning": some_measurements(volumes_ml=WIDE_FLUID, verdict=Verdict.WARN),
    "hardly any fluid": some_measurements(volumes_ml={Structure.CSF: 60.0}),
    "small head": some_measurements(volumes_ml=LITTLE_BRAIN | {Structure.CSF: 150.0}),
    "large head": some_measurements(volumes_ml=LARGE_BRAIN),
    **{
        f"{structure.value} larger on the left": some_measurements(
            asymmetry_percent={structure: 40.0}
        )
        for structure in (
            Structure.VENTRICLES,
            Structure.CSF,
            Structure.CORTEX,
            Structure.DEEP_GREY,
            Structure.THALAMUS,
            Structure.HIPPOCAMPUS,
        )
    },
    "asymmetric, warning": some_measurements(
        asymmetry_percent={Structure.VENTRICLES: 40.0}, verdict=Verdict.WARN
    ),
    "asymmetric, other contrast": some_measurements(
        asymmetry_percent={Structure.VENTRICLES: 40.0}, contrast=Contrast.OTHER
    ),
}
CALLED = {name: follow_up(study) for name, study in STUDIES.items()}


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.id)
def test_every_rule_is_called_by_some_study(rule: KnowledgeEntry):
    assert any(rule.id in called for called in CALLED.values())


def test_an_ordinary_head_calls_only_the_two_rules_of_every_study():
    assert CALLED["ordinary head"] == EVERY_STUDY
    always = set.intersection(*(set(called) for called in CALLED.values()))
    assert always == set(EVERY_STUDY)


def test_a_report_keeps_short():
    """One abnormality brings at most four recommendations beyond those of every study."""
    assert max(len(called) for called in CALLED.values()) <= len(EVERY_STUDY) + 4


@pytest.mark.parametrize("name", [name for name in STUDIES if "failed" in name])
def test_a_failed_study_is_recommended_nothing_that_rests_on_its_figures(name: str):
    assert CALLED[name] == [*EVERY_STUDY, "rule.quality-fail"]


def test_figures_about_this_engine_are_those_of_the_model_card():
    card = (HERE.parent / "models/segmentation/MODEL_CARD.md").read_text(encoding="utf-8")
    rows = {
        cells[0]: cells[1:]
        for cells in (
            [cell.strip() for cell in line.strip("|").split("|")]
            for line in card.splitlines()
            if line.startswith("| ") and line.count("|") == 16
        )
    }
    head = rows["scan"]
    column = {name: head.index(name) for name in ("ICV", "CSF", "cerebellum", "BPF")}
    s1, healthy = rows["S1, T1"], rows["healthy head, T1, conformed"]
    defaced = rows["defaced head, T1, 0.66 mm"]
    stroke = [row for name, row in rows.items() if name.startswith(("stroke (left)", "same"))]

    shares = sorted(
        round(100 * float(row[column["CSF"]]) / float(row[column["ICV"]]), 1)
        for row in (s1, healthy)
    )
    assert f"{shares[0]} and {shares[1]} %" in BY_ID["note.csf-share"].text

    sequence = BY_ID["note.sequence-effect"].text
    fluid = [row[column["CSF"]] for row in stroke]
    fractions = [row[column["BPF"]] for row in stroke]
    assert f"{fluid[0]}, {fluid[1]} and {fluid[2]} mL" in sequence
    assert f"{fractions[0]}, {fractions[1]} and {fractions[2]}" in sequence

    cerebella = sorted(int(row[column["cerebellum"]]) for row in (s1, healthy, defaced))
    assert f"{cerebella[0]} to {cerebella[-1]} mL" in BY_ID["note.cerebellum-reference"].text


def test_what_changed_has_another_version():
    """A report names the version it rests on: two contents may not share one."""
    own = [entry.model_dump_json() for entry in [*NOTES, *RULES]]
    content = "\n".join([*own, *(reference.model_dump_json() for reference in REFERENCES)])
    digest = hashlib.sha256(content.encode()).hexdigest()

    assert (MANIFEST["version"], digest) == (
        "1.3.1",
        "ff526ef66ed3ca30835127ba7a89c34bc02464569f92c69d6fcb2c12232ac959",
    ), "raise `version` in knowledge/manifest.yaml, then write both here"
