"""Findings: which status a measurement gets, and that words and status agree."""

from collections.abc import Callable

import pytest

from mri_analysis.adapters.sqlite_knowledge import SqliteKnowledge
from mri_analysis.contracts.report import Finding, FindingStatus
from mri_analysis.contracts.segmentation import (
    Contrast,
    Measurements,
    QualityCheck,
    Structure,
    Verdict,
)
from mri_analysis.reporting.findings import FLAGGED, find

Build = Callable[..., Measurements]


def by_id(measurements: Measurements, knowledge: SqliteKnowledge) -> dict[str, Finding]:
    return {finding.id: finding for finding in find(measurements, knowledge.references())}


def test_an_ordinary_head_has_no_flagged_finding(a_study: Build, knowledge: SqliteKnowledge):
    found = by_id(a_study(), knowledge)
    assert not [finding for finding in found.values() if finding.status in FLAGGED]
    assert found["finding.intracranial.volume"].text == (
        "Intracranial volume 1609 mL, within the band of 1067 to 1673 mL derived from published "
        "figures."
    )


@pytest.mark.parametrize(
    ("structure", "asymmetry", "status", "side"),
    [
        (Structure.VENTRICLES, 20.0, FindingStatus.SYMMETRIC, "both"),
        (Structure.VENTRICLES, 20.04, FindingStatus.SYMMETRIC, "both"),
        (Structure.VENTRICLES, 20.1, FindingStatus.ASYMMETRIC, "left"),
        (Structure.VENTRICLES, -47.0, FindingStatus.ASYMMETRIC, "right"),
        (Structure.HIPPOCAMPUS, 14.9, FindingStatus.SYMMETRIC, "both"),
        (Structure.HIPPOCAMPUS, -15.1, FindingStatus.ASYMMETRIC, "right"),
        (Structure.CORTEX, 12.1, FindingStatus.ASYMMETRIC, "left"),
        (Structure.CSF, 9.0, FindingStatus.SYMMETRIC, "both"),
    ],
)
def test_sides_are_called_only_beyond_the_limit(
    a_study: Build,
    knowledge: SqliteKnowledge,
    structure: Structure,
    asymmetry: float,
    status: FindingStatus,
    side: str,
):
    study = a_study(asymmetry_percent={structure: asymmetry})
    finding = by_id(study, knowledge)[f"finding.{structure.value}.asymmetry"]
    assert (finding.status, finding.side) == (status, side)
    assert (f"the {side} side is larger" in finding.text) == (status is FindingStatus.ASYMMETRIC)


@pytest.mark.parametrize(
    ("evans_index", "status"),
    [
        (0.304, FindingStatus.MEASURED),  # printed as 0.30, which is not above 0.3
        (0.305001, FindingStatus.ABOVE),
        (0.27, FindingStatus.MEASURED),  # below the criterion rules nothing out
    ],
)
def test_the_verdict_agrees_with_the_printed_figure(
    a_study: Build, knowledge: SqliteKnowledge, evans_index: float, status: FindingStatus
):
    finding = by_id(a_study(evans_index=evans_index), knowledge)["finding.ratio.evans_index"]
    assert finding.status is status


@pytest.mark.parametrize("volume_ml", [2.0, 6.5, 25.0])
def test_the_hippocampus_never_gets_a_volume_verdict(
    a_study: Build, knowledge: SqliteKnowledge, volume_ml: float
):
    found = by_id(a_study(volumes_ml={Structure.HIPPOCAMPUS: volume_ml}), knowledge)
    assert found["finding.hippocampus.volume"].status is FindingStatus.MEASURED


def test_without_the_tissue_border_its_figures_get_no_verdict(
    a_study: Build, knowledge: SqliteKnowledge
):
    study = a_study(contrast=Contrast.OTHER, asymmetry_percent={Structure.CORTEX: 40.0})
    found = by_id(study, knowledge)
    for id_ in ("cortex.volume", "cortex.asymmetry", "brain.volume", "csf.asymmetry"):
        assert found[f"finding.{id_}"].status is FindingStatus.MEASURED
    assert found["finding.intracranial.volume"].status is FindingStatus.WITHIN


@pytest.mark.parametrize("structure", [Structure.WHITE_MATTER, Structure.CEREBELLUM])
@pytest.mark.parametrize("asymmetry", [0.5, -21.2, 60.0])
def test_sides_without_a_healthy_range_get_no_verdict(
    a_study: Build, knowledge: SqliteKnowledge, structure: Structure, asymmetry: float
):
    study = a_study(asymmetry_percent={structure: asymmetry})
    finding = by_id(study, knowledge)[f"finding.{structure.value}.asymmetry"]
    assert (finding.status, finding.side) == (FindingStatus.MEASURED, None)
    assert finding.text.endswith("no verdict is given.")


def test_no_band_is_called_published(a_study: Build, knowledge: SqliteKnowledge):
    """The bands are our own construction: nobody published them."""
    found = by_id(a_study(), knowledge)
    bands = [finding.text for finding in found.values() if " band of " in finding.text]
    assert len(bands) == 3
    assert all(text.endswith(" derived from published figures.") for text in bands)


def test_a_failed_study_is_compared_with_nothing(a_study: Build, knowledge: SqliteKnowledge):
    found = by_id(a_study(verdict=Verdict.FAIL, evans_index=0.5), knowledge)
    assert {finding.status for finding in found.values()} == {FindingStatus.MEASURED}


def test_what_is_missing_is_not_assessed(a_study: Build, knowledge: SqliteKnowledge):
    study = a_study(missing=frozenset({Structure.THALAMUS}), evans_index=None)
    found = by_id(study, knowledge)
    assert found["finding.thalamus"].text == "Thalami: not assessed in this study."
    assert found["finding.ratio.evans_index"].status is FindingStatus.NOT_ASSESSED


def test_without_references_nothing_is_judged(a_study: Build):
    statuses = {finding.status for finding in find(a_study(), [])}
    assert statuses == {FindingStatus.MEASURED}


def test_without_the_skull_its_volume_and_what_needs_it_get_no_verdict(
    a_study: Build, knowledge: SqliteKnowledge
):
    study = a_study(evans_index=0.4)
    removed = QualityCheck(code="skull_removed", verdict=Verdict.WARN, message="Removed.")
    quality = study.quality.model_copy(update={"checks": [*study.quality.checks, removed]})

    found = by_id(study.model_copy(update={"quality": quality}), knowledge)

    for name in (
        "intracranial.volume",
        "brain.volume",
        "ratio.brain_parenchymal_fraction",
        "ratio.evans_index",
    ):
        assert found[f"finding.{name}"].status is FindingStatus.MEASURED
