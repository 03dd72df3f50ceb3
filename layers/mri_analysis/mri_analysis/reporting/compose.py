"""The report writer without a model: findings, quoted notes and definitions, and rules."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from mri_analysis.contracts.report import (
    Description,
    DraftOutcome,
    Finding,
    LanguageModelUse,
    Passage,
    Report,
    Statement,
    StatementKind,
)
from mri_analysis.contracts.segmentation import Measurements, Verdict
from mri_analysis.contracts.study import PreparedStudy
from mri_analysis.reporting import figures
from mri_analysis.reporting.anatomy import (
    BRAIN_PARENCHYMAL_FRACTION,
    EVANS_INDEX,
    RATIO_NAMES,
    STRUCTURE_NAMES,
)
from mri_analysis.reporting.describe import (
    contrast_sentence,
    not_assessed_sentences,
    quality_sentences,
)
from mri_analysis.reporting.evidence import Evidence
from mri_analysis.reporting.findings import FLAGGED, compared_measurements
from mri_analysis.reporting.observations import observation_statements
from mri_analysis.reporting.provenance import upload_provenance

WRITER = "mri-analysis report writer 1.1.0"

DISCLAIMER = (
    "Draft for a trained reader, made by software from measured volumes. It is not a diagnosis and "
    "is no medical report until a qualified person has checked it against the images and signed it."
)

NONE_OUTSIDE = (
    "None of the compared figures lies outside its band, criterion or limit; this says nothing "
    "about what was not assessed."
)
"""The one measured statement that denies something and cites many figures: code has counted."""

DEFINITION_CAVEAT = "note.definition-is-not-evidence"
_EXPLAINING = ("note.", "document.")
"""Ids of passages that define no term; all others are of an ontology."""

CONTRAST_ID = "image.contrast"
VERDICT_ID = "quality.verdict"
MODE_ID = "report.mode"

KEY_FINDINGS = frozenset(
    {
        "finding.intracranial.volume",
        "finding.brain.volume",
        f"finding.{BRAIN_PARENCHYMAL_FRACTION}",
        "finding.ventricles.volume",
        f"finding.{EVANS_INDEX}",
        "finding.ventricles.asymmetry",
    }
)
"""Findings a report tells also where nothing is flagged."""


def must_be_told(finding: Finding) -> bool:
    """Whether a report may not leave a finding out, whoever writes it.

    Sides that do not differ may be left out: nothing follows from them.
    """
    if finding.status in FLAGGED:
        return True
    sides = finding.id.endswith(".asymmetry")
    return finding.id in KEY_FINDINGS and not sides and bool(finding.measurement_ids)


def write_report(
    *,
    organization_id: str,
    job_id: str,
    description: Description,
    evidence: Evidence,
    study: PreparedStudy | None = None,
    written_at: datetime | None = None,
    language_model: LanguageModelUse | None = None,
) -> Report:
    """Write the report of a study from its description and the gathered evidence.

    ``study`` tells in the provenance what had to be decided when the upload was read, and
    ``written_at`` (UTC) when the report was written. ``language_model`` tells of a model whose
    draft was not used.
    """
    measurements = evidence.measurements
    key_findings = _key_findings(description.findings)
    significance = [quoted(passage) for passage in quotations(evidence.quotations)]
    follow_up = [
        Statement(kind=StatementKind.RULE, text=rule.text, cites=[rule.id, *measurement_ids])
        for rule, measurement_ids in evidence.applicable_rules()
    ]
    return Report(
        organization_id=organization_id,
        job_id=job_id,
        language_model=language_model,
        disclaimer=DISCLAIMER,
        verdict=measurements.quality.verdict,
        key_findings=key_findings,
        clinical_significance=significance,
        recommended_follow_up=follow_up,
        confidence=confidence_statements(measurements, language_model),
        unverified_observations=observation_statements(evidence.reading),
        not_assessed=not_assessed_sentences(measurements, description.findings),
        confidence_scores=confidence_scores(measurements),
        passages=cited_passages(evidence, [*key_findings, *significance, *follow_up]),
        attributions=list(evidence.manifest.attributions),
        provenance=_provenance(description, evidence, study)
        | ({"written_at": written_at.isoformat(timespec="seconds")} if written_at else {}),
    )


def quotations(found: Sequence[Passage]) -> list[Passage]:
    """What is quoted of the passages found: the caveat about definitions only beside one."""
    defined = any(not passage.id.startswith(_EXPLAINING) for passage in found)
    return [passage for passage in found if defined or passage.id != DEFINITION_CAVEAT]


def quoted(passage: Passage) -> Statement:
    """A passage, word for word."""
    return Statement(kind=StatementKind.QUOTED, text=passage.text, cites=[passage.id])


def cited_passages(evidence: Evidence, statements: Sequence[Statement]) -> list[Passage]:
    """Every passage, rule and reference that is cited, each once, in the order of the report."""
    available = evidence.passages()
    cited = dict.fromkeys(cite for statement in statements for cite in statement.cites)
    return [available[cite] for cite in cited if cite in available]


_COMPOSED = "Written by fixed rules from the measurements"
_HOW_WRITTEN: dict[DraftOutcome | None, str] = {
    None: f"{_COMPOSED}; no language model wrote any of it.",
    DraftOutcome.USED: (
        "A language model worded the key findings; code filled in every figure, quoted every "
        "passage and checked each sentence against the measurements. Any band named in them is "
        "derived from published figures; nobody published the band."
    ),
    DraftOutcome.UNAVAILABLE: f"{_COMPOSED}; the language model did not answer.",
    DraftOutcome.UNUSABLE: f"{_COMPOSED}; the language model's answer could not be used.",
    DraftOutcome.UNSUPPORTED: (
        f"{_COMPOSED}; the language model's draft was thrown away, because it did not pass the "
        "check against the measurements."
    ),
    DraftOutcome.OBJECTED: (
        f"{_COMPOSED}; the language model's draft was thrown away, because the guardrail did not "
        "let it pass."
    ),
}


def confidence_statements(
    measurements: Measurements, language_model: LanguageModelUse | None = None
) -> list[Statement]:
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
            _HOW_WRITTEN[None if language_model is None else language_model.outcome], MODE_ID
        )
    )
    return statements


def confidence_scores(measurements: Measurements) -> dict[str, float]:
    """The segmentation's mean confidence, where the quality check measured it, and the coverage:
    the share of volumes and ratios that were measured.
    """
    expected = len(STRUCTURE_NAMES) + len(RATIO_NAMES)
    measured = len(measurements.volumes) + len(measurements.ratios)
    scores = {"coverage": round(min(1.0, measured / expected), 4)}
    for check in measurements.quality.checks:
        if "confidence" in check.code and check.value is not None:
            scores["segmentation"] = round(check.value, 4)
    return scores


def _confidence(text: str, cite: str) -> Statement:
    return Statement(kind=StatementKind.CONFIDENCE, text=text, cites=[cite])


def _key_findings(findings: Sequence[Finding]) -> list[Statement]:
    flagged = [finding for finding in findings if finding.status in FLAGGED]
    usual = [
        finding
        for finding in findings
        if finding.id in KEY_FINDINGS and finding not in flagged and finding.measurement_ids
    ]
    return [
        *(_measured(finding) for finding in flagged),
        *none_outside(findings),
        *(_measured(finding) for finding in usual),
    ]


def none_outside(findings: Sequence[Finding]) -> list[Statement]:
    """The sentence that nothing lies outside, where figures were compared and none does."""
    compared = compared_measurements(findings)
    if not compared or any(finding.status in FLAGGED for finding in findings):
        return []
    return [Statement(kind=StatementKind.MEASURED, text=NONE_OUTSIDE, cites=compared)]


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
        "upload": None if study is None else upload_provenance(study),
    }
