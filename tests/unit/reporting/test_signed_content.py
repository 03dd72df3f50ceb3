"""A signature is for what was signed, also after the contract of reports has grown."""

import hashlib
import json
from collections.abc import Callable

import pytest

from mri_analysis.contracts.report import Report
from mri_analysis.contracts.review import content_sha256, sections_of
from mri_analysis.contracts.segmentation import Measurements
from mri_analysis.reporting.evidence import Evidence

Build = Callable[..., Measurements]
SINCE = {"works", "rests_on", "open_with", "remarks"}
"""Fields that came in after the first signature."""


def without(node: object) -> object:
    if isinstance(node, dict):
        return {key: without(value) for key, value in node.items() if key not in SINCE}
    return [without(item) for item in node] if isinstance(node, list) else node


@pytest.fixture
def report(write: Callable[[Measurements], tuple[Report, Evidence]], a_study: Build) -> Report:
    """As it is read back from object storage."""
    return Report.model_validate_json(write(a_study())[0].model_dump_json())


def test_the_hash_of_a_report_that_was_signed_before_does_not_change(report: Report):
    stored = without(report.model_dump(mode="json"))
    old = Report.model_validate_json(json.dumps(stored))
    sections = sections_of(old)
    signed = {"report": stored, "sections": sections.model_dump(mode="json")}
    canonical = json.dumps(signed, sort_keys=True, separators=(",", ":"), ensure_ascii=False)

    assert content_sha256(old, sections) == hashlib.sha256(canonical.encode()).hexdigest()


def test_every_field_of_a_report_is_signed(report: Report):
    sections = sections_of(report)
    changed = report.model_copy(update={"disclaimer": "Another."})

    assert content_sha256(changed, sections) != content_sha256(report, sections)
