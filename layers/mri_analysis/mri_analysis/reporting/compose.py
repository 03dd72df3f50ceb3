"""The report writer without a model: findings, quoted notes and definitions, and rules."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from mri_analysis.contracts.report import (
    Description,
    Finding,
    Report,
    Statement,
    StatementKind,
)
from mri_analysis.contracts.segmentation import Measurements, Verdict
from mri_analysis.contracts.study import PreparedStudy
from mri_analysis.reporting import figures
from mri_analysis.reporting.anatomy import BRAIN_PARENCHYMAL_FRACTION, EVANS_INDEX
from mri_analysis.reporting.describe import (
    contrast_sentence,
    not_assessed_sentences,
    quality_sentences,
)
from mri_analysis.reporting.evidence import Evidence
from mri_analysis.reporting.findings import FLAGGED, compared_measurements

WRITER = "mri-analysis report writer 1.0.0"

DISCLAIMER = (
    "Draft for a trained reader, made by software from measured volumes. It is not a diagnosis and "
    "is no medical report until a qualified person has checked it against the images and signed it."
)

NONE_OUTSIDE = (
    "None of the compared figures lies outside its band, criterion or limit; this says nothing "
    "about what was not assessed."
)
"""The one measured statement that denies something and cites many figures: code has counted."""

CONTRAST_ID = "image.contrast"
VERDICT_ID = "quality.verdict"
MODE_ID = "report.mode"

_ALWAYS_KEY = frozenset(
    {
        "finding.intracranial.volume",
        "finding.brain.volume",
        f"finding.{BRAIN_PARENCHYMAL_FRACTION}",
        "finding.ventricles.volume",
        f"finding.{EVANS_INDEX}",
        "finding.ventricles.asymmetry",
    }
)


def write_report(
    *,
    organization_id: str,
    job_id: str,
    description: Description,
    evidence: Evidence,
    study: PreparedStudy | None = None,
    written_at: datetime | None = None,
) -> Report:
    """Write the report of a study from its description and the gathered evidence.

    ``study`` tells in the provenance what had to be decided when the upload was read, and
    ``written_at`` (UTC) when the report was written.
    """
    measurements = evidence.measurements
    key_findings = _key_findings(description.findings)
    significance = [
        Statement(kind=StatementKind.QUOTED, text=passage.text, cites=[passage.id])
        for passage in evidence.quotations
    ]
    follow_up = [
        Statement(kind=StatementKind.RULE, text=rule.text, cites=[rule.id, *measurement_ids])
        for rule, measurement_ids in evidence.applicable_rules()
    ]
    available = evidence.passages()
    cited = dict.fromkeys(
        cite for statement in [*key_findings, *significance, *follow_up] for cite in statement.cites
    )
    return Report(
        organization_id=organization_id,
        job_id=job_id,
        disclaimer=DISCLAIMER,
        verdict=measurements.quality.verdict,
        key_findings=key_findings,
        clinical_significance=significance,
        recommended_follow_up=follow_up,
        confidence=confidence_statements(measurements),
        not_assessed=not_assessed_sentences(measurements, description.findings),
        confidence_scores=confidence_scores(measurements),
        passages=[available[cite] for cite in cited if cite in available],
        attributions=list(evidence.manifest.attributions),
        provenance=_provenance(description, evidence, study)
        | ({"written_at": written_at.isoformat(timespec="seconds")} if written_at else {}),
    )


def confidence_statements(measurements: Measurements) -> list[Statement]:
    """The confidence section. It is always written here, whoever writes the rest of the report."""
    verdict, *reasons = quality_sentences(measurements)
    failed = [c for c in measurements.quality.checks if c.verdict is not Verdict.PASS]
    statements = [
        _confidence(verdict, VERDICT_ID),
        *(
            _confidence(reason, f"quality.{check.code}")
            for reason, check in zip(reasons, failed, strict=True)
        ),
        _confidence(contrast_sentence(measurements), CONTRAST_ID),
    ]
    for check in measurements.quality.checks:
        if "confidence" in check.code and check.value is not None:
            shown = figures.printed(check.value, 2)
            text = f"Mean confidence of the segmentation {shown}: how sure it is, not how right."
            statements.append(_confidence(text, f"quality.{check.code}"))
    statements.append(
        _confidence(
            "Written by fixed rules from the measurements; no language model was used.",
            MODE_ID,
        )
    )
    return statements


def confidence_scores(measurements: Measurements) -> dict[str, float]:
    """The segmentation's mean confidence, where the quality check measured it."""
    for check in measurements.quality.checks:
        if "confidence" in check.code and check.value is not None:
            return {"segmentation": round(check.value, 4)}
    return {}


def _confidence(text: str, cite: str) -> Statement:
    return Statement(kind=StatementKind.CONFIDENCE, text=text, cites=[cite])


def _key_findings(findings: Sequence[Finding]) -> list[Statement]:
    flagged = [finding for finding in findings if finding.status in FLAGGED]
    usual = [
        finding
        for finding in findings
        if finding.id in _ALWAYS_KEY and finding not in flagged and finding.measurement_ids
    ]
    statements = [_measured(finding) for finding in flagged]
    compared = compared_measurements(findings)
    if compared and not flagged:
        statements.append(Statement(kind=StatementKind.MEASURED, text=NONE_OUTSIDE, cites=compared))
    return statements + [_measured(finding) for finding in usual]


def _measured(finding: Finding) -> Statement:
    cites = list(finding.measurement_ids)
    if finding.reference is not None:
        cites.append(finding.reference.id)
    return Statement(kind=StatementKind.MEASURED, text=finding.text, cites=cites)


def _provenance(
    description: Description, evidence: Evidence, study: PreparedStudy | None
) -> dict[str, Any]:
    engine, manifest = evidence.measurements.engine, evidence.manifest
    return {
        "engine": {
            "name": engine.name,
            "version": engine.version,
            "weights_sha256": engine.weights_sha256,
            "refined": engine.refined,
            "parameters": dict(engine.parameters),
        },
        "knowledge": {
            "version": manifest.version,
            "hpo_release": manifest.hpo_release,
            "content_sha256": manifest.content_sha256,
            "retrieval": manifest.retrieval,
        },
        "describer": description.writer,
        "writer": WRITER,
        "upload": None
        if study is None
        else {
            "sha256": study.source_sha256,
            "data_type": study.data_type,
            "orientation_from": study.orientation_source,
            "notes": list(study.notes),
        },
    }
