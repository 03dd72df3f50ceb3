"""What a report may rest on: the measurements, and the passages that were found for them.

Gathered once by :func:`gather_evidence`, the only place of this package that asks the knowledge
base. Writer and guard then work on the same frozen evidence.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from mri_analysis.contracts.knowledge import EntryKind, KnowledgeEntry
from mri_analysis.contracts.observations import ReadingStatus, VisionLanguageReading
from mri_analysis.contracts.report import Finding, FindingStatus, Passage, Reference
from mri_analysis.contracts.segmentation import Contrast, Measurements, Verdict
from mri_analysis.errors import KnowledgeUnavailable
from mri_analysis.ports.knowledge import KnowledgeBase, KnowledgeManifest
from mri_analysis.reporting.anatomy import BRAIN_PARENCHYMAL_FRACTION, EVANS_INDEX
from mri_analysis.reporting.findings import FLAGGED, find
from mri_analysis.reporting.site_documents import site_documents, volumetry_documents

_CAVEAT = "note.definition-is-not-evidence"
_MODEL_NOTE = "note.language-model-text"
_MOST_OFFERED = 8
_MOST_OFFERED_DOCUMENTS = 3
_STUDY_NOTES = (
    "note.volumetry-limits",
    "note.published-figures",
)

_NOTES_BY_STATUS: dict[tuple[str, FindingStatus | None], tuple[str, ...]] = {
    (BRAIN_PARENCHYMAL_FRACTION, FindingStatus.BELOW): ("note.bpf-method-shift", "note.bpf-age"),
    (BRAIN_PARENCHYMAL_FRACTION, FindingStatus.ABOVE): ("note.bpf-method-shift",),
    ("volume.ventricles", FindingStatus.ASYMMETRIC): ("note.ventricular-variant",),
    ("volume.csf", FindingStatus.ASYMMETRIC): ("note.arachnoid-cyst",),
    ("volume.hippocampus", FindingStatus.ASYMMETRIC): ("note.hippocampus-side",),
    ("volume.hippocampus", None): ("note.hippocampus-bias",),
    ("volume.intracranial", FindingStatus.BELOW): ("note.intracranial-volume",),
    ("volume.intracranial", FindingStatus.ABOVE): ("note.intracranial-volume",),
    ("volume.brain", FindingStatus.BELOW): ("note.brain-volume-reference",),
    ("volume.brain", FindingStatus.ABOVE): ("note.brain-volume-reference",),
    (EVANS_INDEX, FindingStatus.MEASURED): ("note.evans-index-engine",),
    (EVANS_INDEX, FindingStatus.ABOVE): (
        "note.evans-index",
        "note.evans-index-elderly",
        "note.evans-index-engine",
        "note.ventricles-elderly",
    ),
    ("volume.thalamus", FindingStatus.ASYMMETRIC): (
        "note.thalamus-deep-grey",
        "note.subcortical-asymmetry",
    ),
    ("volume.deep_grey", FindingStatus.ASYMMETRIC): (
        "note.thalamus-deep-grey",
        "note.subcortical-asymmetry",
    ),
}
"""Notes for a measurement; with None, for any status."""

_TERM_QUERIES: dict[tuple[str, FindingStatus], str] = {
    ("volume.ventricles", FindingStatus.ASYMMETRIC): "lateral ventricular asymmetry",
    ("volume.csf", FindingStatus.ASYMMETRIC): "abnormal subarachnoid space morphology",
    ("volume.cortex", FindingStatus.ASYMMETRIC): "abnormal cerebral cortex morphology",
    ("volume.deep_grey", FindingStatus.ASYMMETRIC): "abnormal basal ganglia morphology",
    ("volume.thalamus", FindingStatus.ASYMMETRIC): "abnormal thalamus morphology",
    (EVANS_INDEX, FindingStatus.ABOVE): "ventriculomegaly enlarged ventricles",
    (BRAIN_PARENCHYMAL_FRACTION, FindingStatus.BELOW): "brain atrophy wasting loss of brain tissue",
}
"""Definition to quote for a flagged finding; none for the hippocampus: its volumes are biased."""


@dataclass(frozen=True)
class Evidence:
    """Everything a report on one study may cite."""

    measurements: Measurements
    references: tuple[Reference, ...]
    rules: tuple[KnowledgeEntry, ...]
    quotations: tuple[Passage, ...]
    """notes and definitions to quote, in the order of the report"""
    manifest: KnowledgeManifest
    offered: tuple[Passage, ...] = ()
    """further notes and documents that a writer may choose to quote"""
    model_note: Passage | None = None
    """what a report must explain whose sentences a language model wrote"""
    reading: VisionLanguageReading | None = None
    """of a vision-language model; nothing in a report rests on it"""

    def findings(self) -> list[Finding]:
        """The findings, decided from the measurements."""
        return list(self._decided)

    @cached_property
    def _decided(self) -> tuple[Finding, ...]:
        # Neither part changes, and a draft, its report and the guard ask for them several times.
        return tuple(find(self.measurements, self.references))

    def passages(self) -> dict[str, Passage]:
        """Quotations, rules and references by id."""
        return dict(self._passages)

    @cached_property
    def _passages(self) -> dict[str, Passage]:
        everything = [
            *self.quotable(),
            *(rule_passage(rule) for rule in self.rules),
            *(reference_passage(reference, self.manifest.version) for reference in self.references),
        ]
        return {passage.id: passage for passage in everything}

    def quotable(self) -> list[Passage]:
        """Everything a report may quote."""
        note = [] if self.model_note is None else [self.model_note]
        return [*self.quotations, *note, *self.offered]

    def applicable_rules(self) -> list[tuple[KnowledgeEntry, list[str]]]:
        """The rules that hold for this study, each with the measurement ids that called it."""
        findings = self.findings()
        matched = ((rule, _match(rule, findings, self.measurements)) for rule in self.rules)
        return [(rule, ids) for rule, ids in matched if ids is not None]


def gather_evidence(
    measurements: Measurements,
    knowledge: KnowledgeBase,
    reading: VisionLanguageReading | None = None,
    *,
    for_model: bool = False,
) -> Evidence:
    """Collect what a report on these measurements may cite.

    Parameters
    ----------
    measurements, knowledge
        Of one study; where passages come from.
    reading
        Of a vision-language model, if one was asked.
    for_model
        Whether to look for further passages that a language model may choose from.

    Raises
    ------
    KnowledgeUnavailable
        The knowledge base cannot be read, or lacks the caveat every report carries.
    """
    references = tuple(knowledge.references())
    findings = find(measurements, references)
    notes = knowledge.passages([_CAVEAT, *_note_ids(findings, measurements, reading)])
    if not notes or notes[0].id != _CAVEAT:
        raise KnowledgeUnavailable(f"The knowledge base lacks {_CAVEAT}; build it again.")
    quotations = {_CAVEAT: notes[0]} | _definitions(findings, knowledge)
    quotations |= {note.id: note for note in notes}
    documents = site_documents(findings, knowledge)
    quotations |= documents.quoted
    offered: list[Passage] = []
    model_note: Passage | None = None
    if for_model:
        offered = _offered(findings, knowledge, quotations, documents.further)
        model_note = next(iter(knowledge.passages([_MODEL_NOTE])), None)
    return Evidence(
        measurements=measurements,
        references=references,
        rules=tuple(knowledge.rules()),
        quotations=tuple(quotations.values()),
        manifest=knowledge.manifest,
        offered=tuple(offered),
        model_note=model_note,
        reading=reading,
    )


def _definitions(findings: Sequence[Finding], knowledge: KnowledgeBase) -> dict[str, Passage]:
    found: dict[str, Passage] = {}
    for finding in findings:
        for measurement_id in finding.measurement_ids:
            query = _TERM_QUERIES.get((measurement_id, finding.status))
            if query is not None:
                for hit in knowledge.search(query, limit=1, kinds=[EntryKind.TERM]):
                    found.setdefault(hit.passage.id, hit.passage)
    return found


def _offered(
    findings: Sequence[Finding],
    knowledge: KnowledgeBase,
    quoted: Mapping[str, Passage],
    documents: Mapping[str, Passage],
) -> list[Passage]:
    flagged = [finding for finding in findings if finding.status in FLAGGED]
    queries = [_query(finding) for finding in flagged] or [
        "brain volumetry within published figures"
    ]
    found: dict[str, Passage] = {}
    for query in queries:
        for hit in knowledge.search(query, limit=3, kinds=[EntryKind.NOTE]):
            if hit.passage.id not in quoted and hit.passage.id != _MODEL_NOTE:
                found.setdefault(hit.passage.id, hit.passage)
    fitting = documents if flagged else volumetry_documents(knowledge)
    kept = dict(list(fitting.items())[:_MOST_OFFERED_DOCUMENTS])
    return [*list(found.values())[: _MOST_OFFERED - len(kept)], *kept.values()]


def _query(finding: Finding) -> str:
    """Words to look for: of code alone, nothing from the upload."""
    key = finding.id.removeprefix("finding.").removeprefix("ratio.").split(".")[0]
    direction = {
        FindingStatus.ABOVE: "large",
        FindingStatus.BELOW: "small",
        FindingStatus.ASYMMETRIC: "asymmetry",
    }.get(finding.status, "volume")
    return f"{key.replace('_', ' ')} {direction}"


def rule_passage(rule: KnowledgeEntry) -> Passage:
    """A follow-up rule in the form that is cited."""
    return Passage(
        id=rule.id,
        source=rule.source,
        source_version=rule.version,
        licence=rule.licence,
        title=rule.title,
        text=rule.text,
        url=rule.url,
        sha256=rule.sha256,
    )


def reference_passage(reference: Reference, knowledge_version: str) -> Passage:
    """A reference in the form that is cited: with construction, population and method."""
    title = "Published figure"
    if reference.quantity == "asymmetry_percent":
        title = "Limit of the method"
    elif reference.low is not None and reference.high is not None:
        title = "Band derived from published figures"
    text = (
        f"{reference.statistic}. Population: {reference.population}. Method: {reference.method}. "
        f"Difference from this engine: {reference.method_difference}."
    )
    return Passage(
        id=reference.id,
        source=reference.source,
        source_version=knowledge_version,
        licence="CC BY 4.0",
        title=title,
        text=text,
        url=reference.url,
        sha256=hashlib.sha256(f"{title}\n{text}".encode()).hexdigest(),
    )


def _note_ids(
    findings: Sequence[Finding],
    measurements: Measurements,
    reading: VisionLanguageReading | None,
) -> list[str]:
    ids: list[str] = []
    if reading is not None and reading.status is ReadingStatus.ANSWERED:
        ids.append("note.unverified-observations")
    if measurements.contrast is Contrast.OTHER:
        ids.append("note.other-contrast")
    if measurements.quality.verdict is not Verdict.PASS:
        ids.append("note.low-quality")
    failed = [c.code for c in measurements.quality.checks if c.verdict is not Verdict.PASS]
    if any("field_of_view" in code for code in failed):
        ids.append("note.field-of-view")
    if "skull_removed" in failed:
        ids.append("note.stripped-input")
    for finding in findings:
        for measurement_id in finding.measurement_ids:
            ids += _NOTES_BY_STATUS.get((measurement_id, None), ())
            ids += _NOTES_BY_STATUS.get((measurement_id, finding.status), ())
    if any(finding.status is FindingStatus.ASYMMETRIC for finding in findings):
        ids += ["note.asymmetry-meaning", "note.asymmetry-index"]
    return list(dict.fromkeys([*ids, *_STUDY_NOTES]))


def _match(
    rule: KnowledgeEntry, findings: Sequence[Finding], measurements: Measurements
) -> list[str] | None:
    when = rule.when
    if when is None:
        return None
    about_study = [
        when.verdict is None or when.verdict is measurements.quality.verdict,
        when.contrast is None or when.contrast is measurements.contrast,
    ]
    if not all(about_study):
        return None
    about_finding = (when.finding_status, when.structure, when.measurement_id)
    if all(part is None for part in about_finding):
        stated = when.always or when.verdict is not None or when.contrast is not None
        return [] if stated else None
    wanted = when.measurement_id or (f"volume.{when.structure.value}" if when.structure else None)
    called = [
        finding.measurement_ids
        for finding in findings
        if (when.finding_status is None or finding.status.value == when.finding_status)
        and (wanted is None or wanted in finding.measurement_ids)
    ]
    return list(dict.fromkeys(id_ for ids in called for id_ in ids)) if called else None
