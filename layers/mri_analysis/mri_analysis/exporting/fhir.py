"""A study as a FHIR R4B bundle: the report, an observation for each figure, and what made them.

Figures are those of ``measurements.json``, unrounded, with UCUM units. SNOMED CT codes stand where
one fits; everything has its own code and words. The patient is not in it: who takes the bundle over
knows whose study it is.
"""

import base64
import uuid
from collections.abc import Iterator, Sequence
from datetime import datetime
from html import escape
from typing import Any

from mri_analysis.contracts.job import ReviewStatus
from mri_analysis.contracts.report import Finding, FindingStatus
from mri_analysis.contracts.review import ReviewedReport
from mri_analysis.contracts.segmentation import (
    Engine,
    Measurements,
    Structure,
    Verdict,
    VolumeMeasurement,
)
from mri_analysis.exporting.codes import LEFT, RIGHT, STRUCTURES, VOLUME, Code
from mri_analysis.reporting.anatomy import RATIO_NAMES, STRUCTURE_NAMES, capitalised
from mri_analysis.reporting.findings import COMPARED, find
from mri_analysis.reporting.reviewed import edited, standing, title
from mri_analysis.reporting.verdicts import WORDS, held_against

Resource = dict[str, Any]

_SNOMED = "http://snomed.info/sct"
_UCUM = "http://unitsofmeasure.org"
_TERMINOLOGY = "http://terminology.hl7.org/CodeSystem"
_OWN = "urn:mri-analysis:measurement"
_NAMESPACE = uuid.UUID("5c1b3d0e-8f0a-5f44-9d41-0f2f6c2f7a10")

_REPORT_STATUS = {
    ReviewStatus.DRAFT: "preliminary",
    ReviewStatus.SIGNED: "final",
    ReviewStatus.AMENDED: "appended",  # "modified by adding new content"; what was signed stands
    # Never final, so not "entered-in-error"; it is not available and has no figures.
    ReviewStatus.REJECTED: "cancelled",
}
_OBSERVATION_STATUS = {
    ReviewStatus.DRAFT: "preliminary",
    ReviewStatus.SIGNED: "final",
    ReviewStatus.AMENDED: "final",
}
_INTERPRETATIONS = {FindingStatus.BELOW: ("L", "Low"), FindingStatus.ABOVE: ("H", "High")}
"""Within a band there is none: "normal" would say more than the band does."""


def fhir_bundle(
    review: ReviewedReport,
    measurements: Measurements,
    findings: Sequence[Finding],
    page: str,
    at: datetime,
) -> Resource:
    """A ``Bundle`` of type collection.

    Parameters
    ----------
    review
        The report as it stands. A rejected one comes without figures: nobody may take them over.
    measurements
        Of the same study.
    findings
        Those of ``description.json``: only references that the study was described with count.
    page
        The report as Markdown.
    at
        When the bundle is made; it stands for when the report came to be only where that is not
        known, as of reports before 1.1.
    """
    references = [finding.reference for finding in findings if finding.reference is not None]
    judged = find(measurements, references)
    rejected = review.review_status is ReviewStatus.REJECTED
    device, study = _device(measurements.engine), _imaging_study()
    observed = (
        []
        if rejected
        else [*_observations(review, measurements, judged), _quality(review, measurements)]
    )
    since = _came_to_be(review, at)
    report = _report(review, page, observed) | {"issued": since}
    made = {
        "Device/segmentation": device,
        "ImagingStudy/study": study,
        **{f"Observation/{one['code']['coding'][-1]['code']}": one for one in observed},
        "DiagnosticReport/report": report,
        "Provenance/report": _provenance(review) | {"recorded": since},
    }
    addresses = {name: f"urn:uuid:{_uuid(review.job_id, name)}" for name in made}
    return {
        "resourceType": "Bundle",
        "type": "collection",
        "timestamp": at.isoformat(),
        "entry": [
            {"fullUrl": addresses[name], "resource": _linked(resource, addresses)}
            for name, resource in made.items()
        ],
    }


# ---- resources -----------------------------------------------------------------------------------


def _report(review: ReviewedReport, page: str, observed: Sequence[Resource]) -> Resource:
    report = edited(review.report, review.sections)
    state, sentences = standing(review, report.disclaimer)
    said = [statement.text for statement in report.key_findings]
    said += [f"Seen by the reader: {text}" for text in review.sections.reader_observations]
    if report.verdict is Verdict.FAIL:
        said.insert(0, "The quality check failed: do not use the figures of this study.")
    if report.verdict is Verdict.WARN:
        said.insert(0, "The quality check gave a warning: see the report before using a figure.")
    said += [f"Addendum of {one.reviewer_name}: {one.text}" for one in review.addenda]
    if review.review_status is ReviewStatus.REJECTED:
        said = []
    conclusion = " ".join([state, sentences, *said, "Not assessed:", *report.not_assessed])
    lines = [f"<p><b>{escape(state)}</b> {escape(sentences)}</p>"]
    lines += [f"<p>{escape(sentence)}</p>" for sentence in said]
    lines += [f"<p>Not assessed: {escape(sentence)}</p>" for sentence in report.not_assessed]
    made: Resource = {
        "resourceType": "DiagnosticReport",
        "text": _narrative(lines),
        "identifier": [{"system": "urn:mri-analysis:job", "value": review.job_id}],
        "status": _REPORT_STATUS[review.review_status],
        "category": [_coded(f"{_TERMINOLOGY}/v2-0074", "RAD", "Radiology")],
        "code": {
            "coding": [{"system": _OWN, "code": "brain-volumetry"}],
            "text": f"Brain MRI volumetry: {title(review)}",
        },
        "subject": _NOBODY,
        "imagingStudy": [{"reference": "ImagingStudy/study"}],
        "conclusion": conclusion,
        "presentedForm": [
            {
                "contentType": "text/markdown",
                "language": "en",
                "data": base64.b64encode(page.encode()).decode(),
                "title": f"Brain MRI volumetry: {title(review)}",
            }
        ],
    }
    if observed:
        made["result"] = [
            {"reference": f"Observation/{one['code']['coding'][-1]['code']}"} for one in observed
        ]
    if review.decision is not None:
        made["resultsInterpreter"] = [{"display": review.decision.reviewer_name}]
    return made


def _observations(
    review: ReviewedReport, measurements: Measurements, findings: Sequence[Finding]
) -> Iterator[Resource]:
    by_id = {finding.id: finding for finding in findings}
    status = _OBSERVATION_STATUS[review.review_status]
    for structure, name in STRUCTURE_NAMES.items():
        volume = measurements.volume(structure)
        if volume is None:
            missing = _observation(status, f"volume.{structure.value}.total_ml", f"{name}, total")
            missing["dataAbsentReason"] = _coded(
                f"{_TERMINOLOGY}/data-absent-reason", "not-performed", "Not Performed"
            )
            yield missing | _body_site(structure, None)
            continue
        yield from _of_volume(status, volume, by_id)
    ratios = {ratio.id: ratio for ratio in measurements.ratios}
    for id_, name in RATIO_NAMES.items():
        ratio = ratios.get(id_)
        if ratio is None:
            continue
        found = _observation(status, id_, name)
        found["valueQuantity"] = _quantity(ratio.value, "1")
        found["method"] = {"text": ratio.definition}
        yield found | _judgement(by_id.get(f"finding.{id_}"), "1")


def _of_volume(
    status: str, volume: VolumeMeasurement, by_id: dict[str, Finding]
) -> Iterator[Resource]:
    name, structure = STRUCTURE_NAMES[volume.structure], volume.structure
    level = by_id.get(f"finding.{structure.value}.volume")
    quantity = None if level is None or level.reference is None else level.reference.quantity
    sides = by_id.get(f"finding.{structure.value}.asymmetry")
    method = {"method": {"text": f"segmentation, {volume.method.value.replace('_', ' ')}"}}
    figures = (
        ("total_ml", f"{name}, total", volume.total_ml, "mL", None),
        ("left_ml", f"{name}, left", volume.left_ml, "mL", LEFT),
        ("right_ml", f"{name}, right", volume.right_ml, "mL", RIGHT),
        ("percent_of_icv", f"{name}, of intracranial volume", volume.percent_of_icv, "%", None),
        ("asymmetry_percent", f"{name}, asymmetry index", volume.asymmetry_percent, "%", None),
    )
    for key, words, value, unit, side in figures:
        if value is None:
            continue
        found = _observation(status, f"{volume.id}.{key}", words)
        if unit == "mL":
            found["code"]["coding"].insert(0, _snomed(VOLUME))
        found["valueQuantity"] = _quantity(value, unit)
        judged = sides if key == "asymmetry_percent" else (level if key == quantity else None)
        yield found | method | _body_site(structure, side) | _judgement(judged, unit)


def _observation(status: str, code: str, words: str) -> Resource:
    return {
        "resourceType": "Observation",
        "status": status,
        "category": [_coded(f"{_TERMINOLOGY}/observation-category", "imaging", "Imaging")],
        "code": {"coding": [{"system": _OWN, "code": code}], "text": capitalised(words)},
        "subject": _NOBODY,
        "device": {"reference": "Device/segmentation"},
        "derivedFrom": [{"reference": "ImagingStudy/study"}],
    }


def _quality(review: ReviewedReport, measurements: Measurements) -> Resource:
    found = _observation(
        _OBSERVATION_STATUS[review.review_status], "quality", "image checks; nothing about disease"
    )
    found["valueString"] = measurements.quality.verdict.value
    reasons = measurements.quality.reasons()
    if reasons:
        found["note"] = [{"text": reason} for reason in reasons]
    return found


def _judgement(finding: Finding | None, unit: str) -> Resource:
    """Band or limit with its verdict; empty where the report gives none."""
    if finding is None or finding.reference is None or finding.status not in COMPARED:
        return {}
    reference = finding.reference
    band: Resource = {
        "text": f"{held_against(finding)}; {reference.population}; {reference.method}; "
        f"{reference.source}"
    }
    if reference.low is not None:
        band["low"] = _quantity(reference.low, unit)
    if reference.high is not None:
        band["high"] = _quantity(reference.high, unit)
    verdict: Resource = {"text": WORDS[finding.status]}
    if finding.status in _INTERPRETATIONS:
        code, display = _INTERPRETATIONS[finding.status]
        system = f"{_TERMINOLOGY}/v3-ObservationInterpretation"
        verdict["coding"] = [{"system": system, "code": code, "display": display}]
    return {"referenceRange": [band], "interpretation": [verdict]}


def _device(engine: Engine) -> Resource:
    return {
        "resourceType": "Device",
        "status": "active",
        "deviceName": [{"name": engine.name, "type": "model-name"}],
        "version": [
            {"value": engine.version},
            {"type": {"text": "weights sha256"}, "value": engine.weights_sha256},
        ],
        "note": [{"text": "Research software; no medical device."}],
    }


def _imaging_study() -> Resource:
    """Without UIDs: those of the hospital are not kept with the results."""
    modality = {
        "system": "http://dicom.nema.org/resources/ontology/DCM",
        "code": "MR",
        "display": "Magnetic Resonance",
    }
    return {
        "resourceType": "ImagingStudy",
        "status": "available",
        "modality": [modality],
        "subject": _NOBODY,
    }


def _provenance(review: ReviewedReport) -> Resource:
    known = review.report.provenance
    assembler = _coded(f"{_TERMINOLOGY}/provenance-participant-type", "assembler", "Assembler")
    agents: list[Resource] = [
        {"type": assembler, "who": {"reference": "Device/segmentation"}},
        {"type": assembler, "who": {"display": str(known.get("writer", "report writer"))}},
    ]
    if review.decision is not None:
        verifier = _coded(f"{_TERMINOLOGY}/provenance-participant-type", "verifier", "Verifier")
        agents.append({"type": verifier, "who": {"display": review.decision.reviewer_name}})
    made: Resource = {
        "resourceType": "Provenance",
        "target": [{"reference": "DiagnosticReport/report"}],
        "agent": agents,
    }
    upload = known.get("upload") or {}
    if "sha256" in upload:
        source = {"system": "urn:mri-analysis:upload-sha256", "value": upload["sha256"]}
        made["entity"] = [{"role": "source", "what": {"identifier": source}}]
    return made


# ---- parts ---------------------------------------------------------------------------------------

_NOBODY: Resource = {"display": "De-identified: the patient is not named here"}


def _body_site(structure: Structure, side: Code | None) -> Resource:
    code = STRUCTURES.get(structure)
    words = STRUCTURE_NAMES[structure] + (f", {side.meaning.lower()}" if side else "")
    site: Resource = {"text": words}
    # One structure without a side is what the code says; a side of it is told in words alone.
    if code is not None and side is None:
        site["coding"] = [_snomed(code)]
    return {"bodySite": site}


def _snomed(code: Code) -> Resource:
    return {"system": _SNOMED, "code": code.value, "display": code.meaning}


def _coded(system: str, code: str, display: str) -> Resource:
    return {"coding": [{"system": system, "code": code, "display": display}]}


def _quantity(value: float, unit: str) -> Resource:
    return {"value": value, "unit": unit, "system": _UCUM, "code": unit}


def _narrative(lines: Sequence[str]) -> Resource:
    body = "".join(lines)
    return {"status": "generated", "div": f'<div xmlns="http://www.w3.org/1999/xhtml">{body}</div>'}


def _came_to_be(review: ReviewedReport, at: datetime) -> str:
    """When what stands in the report did."""
    moments = [change.at for change in review.revisions] + [added.at for added in review.addenda]
    if review.decision is not None:
        moments.append(review.decision.at)
    if moments:
        return max(moments).isoformat()
    return str(review.report.provenance.get("written_at") or at.isoformat())


def _uuid(job_id: str, name: str) -> uuid.UUID:
    return uuid.uuid5(_NAMESPACE, f"{job_id}\n{name}")


def _linked(node: Any, addresses: dict[str, str]) -> Any:
    """The same with references by name as addresses within the bundle."""
    if isinstance(node, dict):
        return {
            key: addresses[value] if key == "reference" else _linked(value, addresses)
            for key, value in node.items()
        }
    if isinstance(node, list):
        return [_linked(child, addresses) for child in node]
    return node
