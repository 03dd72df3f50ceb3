"""report.md: what a clinician reads."""

import re
from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from markdown_it import MarkdownIt

from mri_analysis.adapters.sqlite_knowledge import SqliteKnowledge
from mri_analysis.contracts.report import Report
from mri_analysis.contracts.segmentation import (
    Contrast,
    Measurements,
    QualityCheck,
    Structure,
    Verdict,
)
from mri_analysis.contracts.study import PreparedStudy
from mri_analysis.reporting.compose import write_report
from mri_analysis.reporting.describe import describe
from mri_analysis.reporting.evidence import Evidence, gather_evidence
from mri_analysis.reporting.guard import check_report
from mri_analysis.reporting.markdown import main_part, render_markdown

Build = Callable[..., Measurements]
Write = Callable[[Measurements], tuple[Report, Evidence]]


def page(write: Write, measurements: Measurements) -> str:
    report, evidence = write(measurements)
    return render_markdown(report, measurements, evidence.references)


def test_the_page_has_every_part(write: Write, stroke_study: Measurements):
    text = page(write, stroke_study)
    for heading in (
        "Key findings",
        "Background (quoted; says nothing about this patient)",
        "Recommended follow-up",
        "Confidence",
        "Not assessed",
        "Measurements",
        "Provenance",
        "Attributions",
    ):
        assert f"\n## {heading}\n" in text
    assert text.index("DRAFT, not signed") < text.index("## Key findings")
    assert text.index("Lesions are not looked for") < text.index("## Key findings")
    assert "(montage.png)" in text
    assert "2025-01-16" in text


def words(text: str) -> int:
    """Words and figures; the bars of tables are none."""
    return sum(any(c.isalnum() for c in token) for token in text.split())


def test_a_reader_finds_what_matters_on_the_first_page(write: Write, a_study: Build):
    report, _ = write(a_study())
    main = main_part(page(write, a_study()))

    headings = re.findall(r"^## (.+)$", main, re.MULTILINE)
    assert headings == [
        "Key findings",
        "Recommended follow-up",
        "Confidence",
        "Not assessed",
        "Measurements",
    ]
    assert words(main) < 700
    # Nothing of these is left to the annex
    assert "DRAFT, not signed" in main
    assert "Image checks (they say nothing about disease): **pass**" in main
    for sentence in report.not_assessed:
        assert sentence in main


def test_the_annex_holds_what_the_main_part_rests_on(write: Write, stroke_study: Measurements):
    report, _ = write(stroke_study)
    text = page(write, stroke_study)
    annex = text.removeprefix(main_part(text))

    assert main_part(text) != text
    for passage in report.passages:
        assert f"`{passage.id}`" in annex or plain(passage.source) in annex
    for statement in report.clinical_significance:
        assert plain(statement.text) in annex
    for attribution in report.attributions:
        assert plain(attribution) in annex
    assert annex.index("## Background") < annex.index("| Checked for |")


def plain(text: str) -> str:
    return re.sub(r"([\\`*_\[\]<>|#])", r"\\\1", " ".join(text.split()))


@pytest.mark.parametrize(
    ("value", "warn", "fail", "verdict", "row"),
    [
        (1.0, 2.1, 7.0, Verdict.PASS, "1 | at most 2.1 | at most 7"),
        (0.7, 0.65, 0.6, Verdict.PASS, "0.7 | at least 0.65 | at least 0.6"),
        (30.0, 20.0, None, Verdict.WARN, "30 | at most 20 | -"),
        (12.0, 20.0, None, Verdict.PASS, "12 | at most 20 | -"),
        (0.6, 0.15, None, Verdict.PASS, "0.6 | at least 0.15 | -"),
        (0.1, 0.15, None, Verdict.WARN, "0.1 | at least 0.15 | -"),
        (0.0, None, 0.0, Verdict.PASS, "0 | - | at most 0"),
        (2.0, None, 0.0, Verdict.FAIL, "2 | - | at most 0"),
        (0.15, 0.15, None, Verdict.PASS, "0.15 | 0.15 | -"),
        (None, None, None, Verdict.PASS, "- | - | -"),
    ],
)
def test_limits_tell_their_direction(
    write: Write,
    a_study: Build,
    value: float | None,
    warn: float | None,
    fail: float | None,
    verdict: Verdict,
    row: str,
):
    study = a_study()
    check = QualityCheck(
        code="some_check",
        verdict=verdict,
        value=value,
        warn_limit=warn,
        fail_limit=fail,
        message="Said.",
    )
    quality = study.quality.model_copy(update={"checks": [check]})
    text = page(write, study.model_copy(update={"quality": quality}))
    assert f"| some check | {verdict.value} | {row} |" in text


def test_the_sign_of_the_asymmetry_index_is_told_once_where_it_is_first_used(
    write: Write, stroke_study: Measurements
):
    text = page(write, stroke_study)
    assert text.count("positive means the patient's left is larger") == 1
    findings = text.split("## Key findings")[1].split("\n## ")[0]
    assert "positive means the patient's left is larger" in findings


def test_without_sides_among_the_key_findings_the_sign_is_told_at_the_table(
    write: Write, a_study: Build
):
    study = a_study(missing=frozenset({Structure.VENTRICLES}))
    text = page(write, study)
    assert "positive means" not in text.split("## Key findings")[1].split("\n## ")[0]
    assert "positive means" in text.split("## Measurements")[1].split("\n# Annex")[0]


def test_the_caveat_about_definitions_stands_beside_definitions_only(
    write: Write, a_study: Build, stroke_study: Measurements
):
    caveat = "A quoted definition is no evidence"
    ordinary, evidence = write(a_study())
    assert caveat not in page(write, a_study())
    assert not check_report(ordinary, evidence)

    flagged, _ = write(stroke_study)
    defined = [p for p in flagged.passages if ":" in p.id]
    assert defined
    assert caveat in page(write, stroke_study)


def test_a_band_without_its_origin_is_explained(write: Write, a_study: Build):
    report, evidence = write(a_study())
    told = [
        s.model_copy(update={"text": s.text.replace(" derived from published figures", "")})
        for s in report.key_findings
    ]
    text = render_markdown(
        report.model_copy(update={"key_findings": told}), a_study(), evidence.references
    )
    findings = text.split("## Key findings")[1].split("\n## ")[0]
    assert "derived from published figures; nobody published the bands" in findings
    assert "nobody published the bands" not in page(write, a_study())


def test_what_limits_rest_on_and_why_an_index_has_no_verdict_is_told_beside_them(
    write: Write, a_study: Build, stroke_study: Measurements
):
    def below(study: Measurements) -> str:
        return page(write, study).split("## Key findings")[1].split("\n## ")[0]

    assert "rest on a few heads" in below(a_study(evans_index=0.15))
    assert "it rules nothing out" in below(a_study(evans_index=0.15))
    # The stroke's index lies above its criterion
    assert "it rules nothing out" not in below(stroke_study)
    # Without a verdict for another reason it may lie above
    assert "it rules nothing out" not in below(a_study(evans_index=0.40, verdict=Verdict.FAIL))
    # Where no limit is used, none is explained
    assert "rest on a few heads" not in below(a_study(missing=frozenset({Structure.VENTRICLES})))


def test_the_source_of_a_band_is_a_title_and_an_address(write: Write, a_study: Build):
    annex = page(write, a_study()).split("# Annex")[1]
    (row,) = [line for line in annex.splitlines() if "brain volume | 933" in line]
    assert "Age-related changes in intracranial compartment volumes" in row
    assert "<https://doi.org/10.3171/jns.1996.84.6.0982>" in row


def test_every_band_is_printed_with_its_construction(write: Write, a_study: Build):
    text = page(write, a_study())
    table = text.split("## Bands, criteria and limits used")[1].split("\n## ")[0]
    for construction in (
        "mean - 2 SD of women (1289 ± 111) to mean + 2 SD of men (1469 ± 102)",
        "mean - 2 SD of women (1143 ± 105) to mean + 2 SD of men (1302 ± 112)",
        "a wide band of our own making",
    ):
        assert construction in table
    assert "published band" not in text.lower()


def test_every_marker_is_explained(write: Write, stroke_study: Measurements):
    text = page(write, stroke_study)
    used = set(re.findall(r"\\\[(\d+)\\\]", text))
    explained = set(re.findall(r"^(?:\||-) \\\[(\d+)\\\]", text, re.MULTILINE))
    assert used == explained == {str(n) for n in range(1, len(used) + 1)}


def test_figures_carry_no_noise_and_no_percentile(write: Write, stroke_study: Measurements):
    text = page(write, stroke_study)
    assert "percentile" not in text.lower()
    body = re.sub(r"`[^`]*`|<[^>]*>|doi \S+", "", text)
    assert not re.findall(r"\d\.\d{5,}", body)


def test_what_was_not_measured_says_so(write: Write, a_study: Build):
    text = page(write, a_study(missing=frozenset({Structure.THALAMUS}), evans_index=None))
    assert "| Thalami | not assessed |" in text
    assert "| Evans index | not assessed |" in text


def test_another_contrast_and_a_warning_are_said_at_the_top(write: Write, a_study: Build):
    study = a_study(contrast=Contrast.OTHER, verdict=Verdict.WARN)
    top = page(write, study).split("## Key findings")[0]
    assert "The tissue border was not refined" in top
    assert "gave a warning" in top


def test_tables_render_and_markup_in_messages_does_not(write: Write, a_study: Build):
    study = a_study(verdict=Verdict.WARN)
    checks = [
        check.model_copy(update={"message": "<b>x</b> | [a](http://b) ![c](d) *e*"})
        for check in study.quality.checks
    ]
    quality = study.quality.model_copy(update={"checks": checks})
    html = (
        MarkdownIt()
        .enable("table")
        .render(page(write, study.model_copy(update={"quality": quality})))
    )
    assert html.count("<table>") == 4
    assert "<b>" not in html
    assert "<em>" not in html
    assert 'href="http://b"' not in html
    assert html.count("<img") == 1


def test_the_description_reads_in_paragraphs(write: Write, stroke_study: Measurements):
    _, evidence = write(stroke_study)
    description = describe(stroke_study, evidence.references)
    paragraphs = description.text.split("\n\n")
    assert len(paragraphs) == 7
    assert paragraphs[1].startswith("Intracranial volume 1634 mL")
    assert paragraphs[4].startswith("Ventricles asymmetric: left 27.6 mL, right 14.4 mL")
    assert describe(stroke_study, evidence.references) == description


def test_decisions_about_the_upload_are_told(
    a_study: Build, stroke_study: Measurements, knowledge: SqliteKnowledge
):
    evidence = gather_evidence(stroke_study, knowledge)
    study = PreparedStudy(
        organization_id="clinic-a",
        job_id="job-1",
        source_format="nifti",
        image_key="k",
        source_sha256="a" * 64,
        shape=(256, 256, 256),
        spacing_mm=(1.0, 1.0, 1.0),
        orientation="LIA",
        data_type="float64",
        orientation_source="qform",
        notes=["Voxels of 64 bits were stored with 32."],
    )

    report = write_report(
        organization_id="clinic-a",
        job_id="job-1",
        description=describe(stroke_study, evidence.references),
        evidence=evidence,
        study=study,
        written_at=datetime(2026, 3, 1, 12, 30, tzinfo=UTC),
    )
    text = render_markdown(report, stroke_study, evidence.references)

    assert not check_report(report, evidence)
    assert "left and right from the qform" in text
    assert "Written on 2026-03-01 at 12:30 UTC by fixed rules" in text
    assert "Voxels of 64 bits were stored with 32." in text
