"""The FHIR bundle: valid R4B, the same figures, and nothing said that the report does not say."""

import base64
import json
from collections.abc import Iterator
from typing import Any

import pytest
from fhir.resources.R4B.bundle import Bundle
from pydicom.sr.codedict import codes

from mri_analysis.contracts.job import ReviewStatus
from mri_analysis.contracts.segmentation import Measurements, Structure, Verdict
from mri_analysis.exporting import codes as ours
from mri_analysis.exporting.fhir import fhir_bundle
from mri_analysis.reporting.findings import COMPARED, find
from tests.support.measurements import some_measurements
from tests.unit.exporting.conftest import AT, Reviewed

STROKE = some_measurements(
    volumes_ml={Structure.VENTRICLES: 42.0},
    asymmetry_percent={Structure.VENTRICLES: 63.0, Structure.CSF: 27.0},
    evans_index=0.34,
    missing=frozenset({Structure.BRAINSTEM}),
)
STATUSES = list(ReviewStatus)

# Required bindings of R4B, from hl7.org/fhir/R4B: fhir.resources takes any word.
VALUE_SETS = {
    ("DiagnosticReport", "status"): {
        *("registered", "partial", "preliminary", "final", "amended", "corrected", "appended"),
        *("cancelled", "entered-in-error", "unknown"),
    },
    ("Observation", "status"): {
        *("registered", "preliminary", "final", "amended", "corrected", "cancelled"),
        *("entered-in-error", "unknown"),
    },
    ("ImagingStudy", "status"): {
        *("registered", "available", "cancelled", "entered-in-error", "unknown"),
    },
    ("Device", "status"): {"active", "inactive", "entered-in-error", "unknown"},
}
DEVICE_NAMES = {
    *("udi-label-name", "user-friendly-name", "patient-reported-name", "manufacturer-name"),
    *("model-name", "other"),
}
NARRATIVES = {"generated", "extensions", "additional", "empty"}
ENTITY_ROLES = {"derivation", "revision", "quotation", "source", "removal"}


def bundle(
    reviewed: Reviewed,
    measurements: Measurements = STROKE,
    status: ReviewStatus = ReviewStatus.DRAFT,
    **options: Any,
) -> dict[str, Any]:
    review, evidence = reviewed(measurements, status, **options)
    findings = find(measurements, evidence.references)
    found = fhir_bundle(review, measurements, findings, "# Page", AT)
    read: dict[str, Any] = json.loads(json.dumps(found))
    return read


def resources(found: dict[str, Any], kind: str) -> list[dict[str, Any]]:
    made = [entry["resource"] for entry in found["entry"]]
    return [resource for resource in made if resource["resourceType"] == kind]


def figures(found: dict[str, Any]) -> dict[str, tuple[float, str]]:
    return {
        one["code"]["coding"][-1]["code"]: (
            one["valueQuantity"]["value"],
            one["valueQuantity"]["code"],
        )
        for one in resources(found, "Observation")
        if "valueQuantity" in one
    }


def walk(node: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(node, dict):
        for key, value in node.items():
            yield key, value
            yield from walk(value)
    if isinstance(node, list):
        for child in node:
            yield from walk(child)


@pytest.mark.parametrize("status", STATUSES)
def test_it_is_valid_r4b_with_the_codes_of_its_value_sets(
    reviewed: Reviewed, status: ReviewStatus
) -> None:
    found = bundle(reviewed, status=status)

    Bundle.model_validate(found)
    assert found["type"] == "collection"
    for (kind, field), allowed in VALUE_SETS.items():
        assert {one[field] for one in resources(found, kind)} <= allowed
    (device,) = resources(found, "Device")
    assert {name["type"] for name in device["deviceName"]} <= DEVICE_NAMES
    (report,) = resources(found, "DiagnosticReport")
    assert report["text"]["status"] in NARRATIVES
    (provenance,) = resources(found, "Provenance")
    assert {entity["role"] for entity in provenance.get("entity", [])} <= ENTITY_ROLES


@pytest.mark.parametrize("status", STATUSES)
def test_references_lead_to_entries_of_the_bundle(reviewed: Reviewed, status: ReviewStatus) -> None:
    found = bundle(reviewed, status=status)

    addresses = [entry["fullUrl"] for entry in found["entry"]]
    linked = [value for key, value in walk(found) if key == "reference"]
    assert len(set(addresses)) == len(addresses)
    assert set(linked) <= set(addresses)
    assert linked


def test_figures_are_those_of_the_measurements_unrounded(reviewed: Reviewed) -> None:
    expected: dict[str, tuple[float, str]] = {}
    for volume in STROKE.volumes:
        for key, unit in (
            ("total_ml", "mL"),
            ("left_ml", "mL"),
            ("right_ml", "mL"),
            ("percent_of_icv", "%"),
            ("asymmetry_percent", "%"),
        ):
            value = getattr(volume, key)
            if value is not None:
                expected[f"{volume.id}.{key}"] = (value, unit)
    expected |= {ratio.id: (ratio.value, "1") for ratio in STROKE.ratios}

    assert figures(bundle(reviewed)) == expected


def test_what_was_not_measured_says_so_and_has_no_figure(reviewed: Reviewed) -> None:
    (missing,) = (
        one
        for one in resources(bundle(reviewed), "Observation")
        if one["code"]["coding"][-1]["code"] == "volume.brainstem.total_ml"
    )

    assert missing["dataAbsentReason"]["coding"][0]["code"] == "not-performed"
    assert not {"valueQuantity", "referenceRange", "interpretation"} & set(missing)


def test_only_a_figure_with_a_verdict_has_a_range(reviewed: Reviewed) -> None:
    _, evidence = reviewed(STROKE)
    judged = [f for f in find(STROKE, evidence.references) if f.status in COMPARED and f.reference]

    ranged = [one for one in resources(bundle(reviewed), "Observation") if "referenceRange" in one]

    assert len(ranged) == len(judged) > 3
    words = {one["code"]["text"]: one["interpretation"][0] for one in ranged}
    assert words["Ventricles, asymmetry index"] == {"text": "asymmetric"}
    assert words["Evans index"]["coding"][0]["code"] == "H"
    for one in ranged:
        (band,) = one["referenceRange"]
        assert "low" in band or "high" in band
        assert len(band["text"]) > 40  # population, method and source
        if one["interpretation"][0]["text"] == "within":
            assert "coding" not in one["interpretation"][0]


@pytest.mark.parametrize(
    ("status", "said", "state"),
    [
        (ReviewStatus.DRAFT, "preliminary", "DRAFT, not signed."),
        (ReviewStatus.SIGNED, "final", "Signed by Dr. Reviewer"),
        (ReviewStatus.AMENDED, "appended", "Signed by Dr. Reviewer"),
        (ReviewStatus.REJECTED, "cancelled", "REJECTED. Not for clinical use."),
    ],
)
def test_report_says_what_state_it_is_in(
    reviewed: Reviewed, status: ReviewStatus, said: str, state: str
) -> None:
    (report,) = resources(bundle(reviewed, status=status), "DiagnosticReport")

    assert report["status"] == said
    assert report["conclusion"].startswith(state)
    assert state.split(",")[0].split(" by")[0] in report["text"]["div"]
    assert "Lesions" in report["conclusion"]  # what was not assessed
    page = base64.b64decode(report["presentedForm"][0]["data"]).decode()
    assert page == "# Page"
    assert ("resultsInterpreter" in report) is (status is not ReviewStatus.DRAFT)


def test_rejected_report_hands_out_no_figure(reviewed: Reviewed) -> None:
    found = bundle(reviewed, status=ReviewStatus.REJECTED)

    assert resources(found, "Observation") == []
    (report,) = resources(found, "DiagnosticReport")
    assert "result" not in report
    assert "Ventricles" not in report["conclusion"]


def test_quality_stands_before_the_findings(reviewed: Reviewed) -> None:
    found = bundle(reviewed, some_measurements(verdict=Verdict.FAIL))

    (report,) = resources(found, "DiagnosticReport")
    assert "do not use the figures" in report["conclusion"].partition("Intracranial")[0]
    (quality,) = (o for o in resources(found, "Observation") if "valueString" in o)
    assert quality["valueString"] == "fail"
    assert quality["note"]
    assert not any("referenceRange" in one for one in resources(found, "Observation"))


def test_markup_in_words_is_escaped_in_the_narrative(reviewed: Reviewed) -> None:
    found = bundle(
        reviewed,
        change=lambda s: s.model_copy(update={"reader_observations": ["<script>x</script> & y"]}),
    )

    (report,) = resources(found, "DiagnosticReport")
    assert "<script>" not in report["text"]["div"]
    assert "&lt;script&gt;x&lt;/script&gt; &amp; y" in report["text"]["div"]
    assert "<script>x</script> & y" in report["conclusion"]


def test_nobody_is_named_but_who_signed(reviewed: Reviewed) -> None:
    found = bundle(reviewed, status=ReviewStatus.SIGNED)

    assert resources(found, "Patient") == []
    subjects = {json.dumps(value) for key, value in walk(found) if key == "subject"}
    assert subjects == {'{"display": "De-identified: the patient is not named here"}'}


def test_same_study_has_the_same_addresses_and_another_has_others(reviewed: Reviewed) -> None:
    first, second = bundle(reviewed), bundle(reviewed, status=ReviewStatus.SIGNED)

    assert [e["fullUrl"] for e in first["entry"]] == [e["fullUrl"] for e in second["entry"]]


def test_codes_are_those_of_dicoms_own_tables() -> None:
    """pydicom's dictionary is made from PS3.16."""
    named = {
        Structure.INTRACRANIAL: "IntracranialStructure",
        Structure.BRAIN: "Brain",
        Structure.VENTRICLES: "BrainVentricle",
        Structure.CSF: "CerebrospinalFluid",
        Structure.CORTEX: "CerebralCortex",
        Structure.WHITE_MATTER: "CerebralWhiteMatter",
        Structure.THALAMUS: "Thalamus",
        Structure.HIPPOCAMPUS: "Hippocampus",
        Structure.CEREBELLUM: "Cerebellum",
        Structure.BRAINSTEM: "BrainStem",
    }
    assert set(named) == set(ours.STRUCTURES) == set(Structure) - {Structure.DEEP_GREY}
    for structure, name in named.items():
        assert getattr(codes.SCT, name).value == ours.STRUCTURES[structure].value
    for code, name in ((ours.VOLUME, "Volume"), (ours.LEFT, "Left"), (ours.RIGHT, "Right")):
        assert getattr(codes.SCT, name).value == code.value
