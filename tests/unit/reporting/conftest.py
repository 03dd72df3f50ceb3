"""Studies to write about, and a snapshot to quote from."""

from collections.abc import Callable
from pathlib import Path

import pytest

from knowledge.build import build_snapshot
from mri_analysis.adapters.sqlite_knowledge import SqliteKnowledge
from mri_analysis.contracts.report import Report
from mri_analysis.contracts.segmentation import Measurements, Structure
from mri_analysis.reporting.compose import write_report
from mri_analysis.reporting.describe import describe
from mri_analysis.reporting.evidence import Evidence, gather_evidence
from tests.support.measurements import some_measurements


@pytest.fixture(scope="session")
def a_study() -> Callable[..., Measurements]:
    """The builder: ``a_study(evans_index=0.34)``."""
    return some_measurements


@pytest.fixture(scope="session")
def stroke_study() -> Measurements:
    """Ventricles and outer fluid larger on the left, Evans index above the criterion."""
    return some_measurements(
        volumes_ml={Structure.VENTRICLES: 42.0},
        asymmetry_percent={Structure.VENTRICLES: 63.0, Structure.CSF: 27.0},
        evans_index=0.34,
    )


@pytest.fixture(scope="session")
def knowledge(tmp_path_factory: pytest.TempPathFactory) -> SqliteKnowledge:
    path: Path = tmp_path_factory.mktemp("knowledge") / "knowledge.sqlite"
    build_snapshot(path)
    return SqliteKnowledge(path)


@pytest.fixture(scope="session")
def write(knowledge: SqliteKnowledge) -> Callable[[Measurements], tuple[Report, Evidence]]:
    """Write the report of a study; gives the report and the evidence it was written from."""

    def written(measurements: Measurements) -> tuple[Report, Evidence]:
        evidence = gather_evidence(measurements, knowledge)
        report = write_report(
            organization_id="clinic-a",
            job_id="job-1",
            description=describe(measurements, evidence.references),
            evidence=evidence,
        )
        return report, evidence

    return written
