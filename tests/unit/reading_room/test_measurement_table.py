"""The table of measurements: figures as printed, verdicts with what they rest on, escaped text."""

import re
from html import unescape

import pytest

from knowledge.build import build_snapshot
from mri_analysis.adapters.sqlite_knowledge import SqliteKnowledge
from mri_analysis.contracts.report import Description
from mri_analysis.contracts.segmentation import Contrast, Measurements, Structure, Verdict
from mri_analysis.reporting.describe import describe
from mri_analysis.reporting.evidence import gather_evidence
from reading_room.measurement_table import ratio_table, volume_table
from tests.support.measurements import some_measurements


@pytest.fixture(scope="module")
def knowledge(tmp_path_factory: pytest.TempPathFactory) -> SqliteKnowledge:
    path = tmp_path_factory.mktemp("knowledge") / "knowledge.sqlite"
    build_snapshot(path)
    return SqliteKnowledge(path)


def described(measurements: Measurements, knowledge: SqliteKnowledge) -> Description:
    return describe(measurements, gather_evidence(measurements, knowledge).references)


def row(table: str, name: str) -> str:
    found = re.search(rf'<tbody><tr><th scope="rowgroup">{name}</th>.*?</tbody>', table)
    assert found, name
    return found[0]


def test_verdict_stands_beside_its_figure_with_its_band_and_source(
    knowledge: SqliteKnowledge,
) -> None:
    measurements = some_measurements()
    table = volume_table(measurements, described(measurements, knowledge))

    brain = row(table, "Brain volume")
    assert "1307" in brain
    assert "Volume: within, band 933 to 1526 mL" in brain
    assert "49 healthy adults" in brain
    assert 'href="https://doi.org/10.3171/jns.1996.84.6.0982"' in brain


def test_flagged_sides_are_told_with_their_limit(knowledge: SqliteKnowledge) -> None:
    measurements = some_measurements(
        volumes_ml={Structure.VENTRICLES: 42.0}, asymmetry_percent={Structure.VENTRICLES: 63.0}
    )
    ventricles = row(volume_table(measurements, described(measurements, knowledge)), "Ventricles")

    assert "27.6 / 14.4" in ventricles
    assert "Sides: <strong>asymmetric</strong>, limit 20 %" in ventricles
    assert "Volume: no verdict</summary>" in ventricles
    assert "no verdict rests on it" in ventricles


@pytest.mark.parametrize(
    ("measurements", "reason"),
    [
        (some_measurements(verdict=Verdict.FAIL), "The quality check failed"),
        (some_measurements(contrast=Contrast.OTHER), "The tissue border was not refined"),
    ],
    ids=["failed", "not refined"],
)
def test_verdict_that_is_withheld_says_why(
    measurements: Measurements, reason: str, knowledge: SqliteKnowledge
) -> None:
    cortex = row(volume_table(measurements, described(measurements, knowledge)), "Cortex")

    assert "Sides: no verdict</summary>" in cortex
    assert reason in cortex
    assert "within" not in cortex


def test_low_evans_index_has_no_verdict_and_says_why(knowledge: SqliteKnowledge) -> None:
    measurements = some_measurements(evans_index=0.25)
    evans = row(ratio_table(measurements, described(measurements, knowledge)), "Evans index")

    assert "Value: no verdict</summary>" in evans
    assert "rules nothing out" in evans


def test_what_was_not_measured_is_not_assessed(knowledge: SqliteKnowledge) -> None:
    measurements = some_measurements(missing=frozenset({Structure.THALAMUS}), evans_index=None)
    description = described(measurements, knowledge)

    assert "not assessed" in row(volume_table(measurements, description), "Thalami")
    assert "not assessed" in row(ratio_table(measurements, description), "Evans index")


def test_text_of_a_reference_is_no_markup(knowledge: SqliteKnowledge) -> None:
    measurements = some_measurements()
    description = described(measurements, knowledge)
    hostile = '<img src=x onerror="window.hit=1">'
    findings = [
        finding.model_copy(
            update={
                "reference": finding.reference.model_copy(
                    update={
                        "source": hostile,
                        "population": hostile,
                        "url": "javascript:window.hit=1",
                    }
                )
            }
        )
        if finding.reference
        else finding
        for finding in description.findings
    ]
    table = volume_table(measurements, description.model_copy(update={"findings": findings}))

    assert "<img" not in table
    assert hostile in unescape(table)
    assert "javascript:" not in table
