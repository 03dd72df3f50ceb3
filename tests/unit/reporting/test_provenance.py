"""Where a report comes from, as its reader is told."""

from collections.abc import Callable

import pytest

from mri_analysis.contracts.report import Report
from mri_analysis.contracts.segmentation import Measurements
from mri_analysis.contracts.study import Acquisition, PreparedStudy, SeriesChoice
from mri_analysis.reporting.evidence import Evidence
from mri_analysis.reporting.provenance import provenance_lines, upload_provenance

Write = Callable[[Measurements], tuple[Report, Evidence]]

STUDY = PreparedStudy(
    organization_id="clinic-a",
    job_id="job-1",
    source_format="dicom",
    image_key="k",
    source_sha256="a" * 64,
    shape=(256, 256, 256),
    spacing_mm=(1.0, 1.0, 1.0),
    orientation="LIA",
    data_type="int16",
    orientation_source="sform",
    series=SeriesChoice(
        number=2, description="series 3, T1-weighted, 192 slices", reason="its slices are thin"
    ),
)
NOTHING_SAID = Acquisition(**dict.fromkeys(Acquisition.model_fields))
SAID = Acquisition(
    vendor="Siemens",
    field_strength_tesla=3.0,
    weighting="T1-weighted",
    three_dimensional=True,
    contrast_agent=False,
    repetition_time_ms=2300.0,
    echo_time_ms=2.98,
    inversion_time_ms=900.0,
    flip_angle_degrees=9.0,
    age_years=90,
    sex="female",
)


@pytest.fixture
def told(write: Write, stroke_study: Measurements) -> Callable[[PreparedStudy], dict[str, str]]:
    report, _ = write(stroke_study)

    def lines(study: PreparedStudy) -> dict[str, str]:
        provenance = report.provenance | {"upload": upload_provenance(study)}
        changed = report.model_copy(update={"provenance": provenance})
        return dict(provenance_lines(changed, stroke_study.engine))

    return lines


def test_series_that_was_analysed_is_told_with_the_reason(told) -> None:
    lines = told(STUDY.model_copy(update={"acquisition": SAID}))

    assert lines["Series"] == (
        "number 2 of the DICOM upload (series 3, T1-weighted, 192 slices). "
        "Why this one: its slices are thin."
    )
    assert lines["Acquisition, as its headers say"] == (
        "Siemens, 3 T, T1-weighted, 3-D acquisition, no contrast agent, repetition time 2300 ms, "
        "echo time 2.98 ms, inversion time 900 ms, flip angle 9°, 90 years or older, female"
    )


def test_headers_that_say_nothing_are_told_so(told) -> None:
    lines = told(STUDY.model_copy(update={"acquisition": NOTHING_SAID}))

    assert lines["Acquisition, as its headers say"] == "nothing"


def test_nifti_upload_has_no_series(told) -> None:
    lines = told(STUDY.model_copy(update={"source_format": "nifti", "series": None}))

    assert "Series" not in lines
    assert lines["Upload"].startswith(f"sha256 {'a' * 64}, voxels int16, left and right")
