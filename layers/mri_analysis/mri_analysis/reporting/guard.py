"""The groundedness guard: checks a report claim by claim against what it cites.

It accepts what it can prove and refuses the rest. A measured statement is a closed world about one
measurement: each number, side, direction, structure and word in it must be one that the cited
measurement supports, so that a sentence the guard does not understand is a violation and not a
pass. The findings are decided again here; what the report or a description says about them counts
for nothing.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from mri_analysis.contracts.report import (
    DraftOutcome,
    Finding,
    FindingStatus,
    Reference,
    Report,
    Statement,
    StatementKind,
)
from mri_analysis.contracts.segmentation import Measurements
from mri_analysis.reporting import figures
from mri_analysis.reporting.anatomy import BRAIN_PARENCHYMAL_FRACTION, MENTIONS
from mri_analysis.reporting.compose import (
    DISCLAIMER,
    NONE_OUTSIDE,
    confidence_scores,
    confidence_statements,
)
from mri_analysis.reporting.describe import not_assessed_sentences
from mri_analysis.reporting.evidence import Evidence
from mri_analysis.reporting.findings import FLAGGED, compared_measurements, ratio_decimals
from mri_analysis.reporting.lexicon import VOCABULARY
from mri_analysis.reporting.observations import observation_statements
from mri_analysis.reporting.prose import NO_VERDICT, Figure, Level, Quantity, Reading, read


@dataclass(frozen=True)
class Violation:
    """One thing a report says, or leaves out, that the evidence does not support."""

    rule: str
    """stable name, for metrics: 'number', 'laterality', 'direction', 'omission', ..."""
    where: str
    """section and position, for example 'key_findings[2]'"""
    message: str


_SECTIONS = {
    "key_findings": StatementKind.MEASURED,
    "clinical_significance": StatementKind.QUOTED,
    "recommended_follow_up": StatementKind.RULE,
    "confidence": StatementKind.CONFIDENCE,
}


def _any_of(words: str) -> re.Pattern[str]:
    return re.compile(rf"\b(?:{'|'.join(words.split())})\b", re.IGNORECASE)


_NUMBER_WORD = re.compile(
    r"\b(one|two|three|four|five|six|seven|eight|nine|ten|twice|thrice|half|halve\w*|thirds?"
    r"|quarters?|"
    r"double\w*|triple\w*|dozen\w*|twofold|hundred\w*|tenth\w*|fifths?|percentage points?)\b"
    r"(?<!the two)",
    re.IGNORECASE,
)
_PUBLISHED_BAND = re.compile(
    r"\bpublished (?:reference )?(?:band|range|interval|criterion)\b", re.I
)
_WHOLE = r"(?:intracranial (?:volume|space|compartment|cavity)|ICV|e?TIV)"
_SHARE_OF = re.compile(
    rf"(?:%|per ?cent)\s*\)?,?\s*(?:(?:of|in) )?(?:the |its |total )?(?:total )?{_WHOLE}\b"
    rf"|\b(?:share|part|percentage|proportion|portion) (?:of|in) (?:the )?{_WHOLE}\b"
    rf"|\b(?:relative|related|in relation) to (?:the )?{_WHOLE}\b"
    rf"|^of the {_WHOLE}\b|\bintracranial share\b|\b(?:half|side) of the brain\b",
    re.IGNORECASE,
)
"""The intracranial volume as what a share is taken of."""
_AS_WHOLE = re.compile(
    rf"\b(?:of|in|to|from) (?:the |its )?(?:total )?{_WHOLE}\b"
    r"|\bratio of brain (?:volume|tissue)(?= to\b)",
    re.IGNORECASE,
)
_COUNTED_SIDES = re.compile(
    r"\b(?:left|right|larger|smaller|greater|other|each|latter)(?:-hand)? (?:half|one)\b"
    r"|\b(?:the|its|both|these|of) two\b|\btwo (?:\w+ )?(?:halves|sides|hemispheres|thalami"
    r"|hippocampi|"
    r"ventricles|volumes|widths|parts|values|figures)\b|\b(?:both|ventricular|cerebellar"
    r"|cortical|lateral) halves\b"
    r"|\b(?:cerebellum|ventricle|thalamus|hippocampus|cortex|hemisphere) one\b",
    re.IGNORECASE,
)
_NEGATION = re.compile(
    r"\b(no|not|none|never|without|neither|nor|absen\w+|negative|free of|lack\w*|cannot|exclu\w+|"
    r"un\w*likely|\w+n't)\b",
    re.IGNORECASE,
)
_PERMITTED_NEGATION = re.compile(
    r"\b(?:does|do|is|are) not (?:exceed|pass|cross|reach|surpass|go beyond|lie beyond|lie outside|"
    r"leave|beyond|outside|over|past)\b|\b(?:doesn't|isn't|aren't) (?:exceed|pass|cross|beyond"
    r"|outside)\b"
    r"|\bwithout (?:exceeding|passing|crossing|reaching|leaving)\b"
    r"|\bnot (?:beyond|outside|compared|judged|exceeding|exceeded|held)\b",
    re.IGNORECASE,
)
_UNMEASURED = _any_of(
    r"""lesion\w* tumou?r\w* mass(?:es)? infarct\w* stroke\w* isch\w*mi\w+ h\w*morrhag\w+ bleed\w*
    microbleed\w* aneurysm\w* enhanc\w+ demyelinat\w+ hyperintens\w+ hypointens\w+ plaque\w* cyst\w*
    hydroceph\w+ dementia\w* alzheimer\w* parkinson\w* scleros\w+ metasta\w+ abscess\w* o?edema\w*
    fracture\w* malform\w+ atroph\w+ wasting degenerat\w+ gliosis haematoma hematoma herniat\w+
    shift\w* encephal\w+ patholog\w+ disease\w* disorder\w* syndrome\w* abnormal\w*"""
)
_FORBIDDEN = _any_of(
    r"""diagnos\w* percentile\w* centile\w* z-?score\w* patient\w* suggest\w* compatible\swith
    treat\w* therap\w* dose\w* medicat\w* risk\w* confirm\w* rules?\sout ruled\sout likel\w*
    probabl\w* possibl\w* urgent\w* emergen\w* years? aged? history normal\w* unremarkable
    healthy impair\w* evidence\sof due\sto because cause\w* recommend\w* signif\w* mild\w*
    moderate\w* severe\w* marked\w*"""
)


def check_report(report: Report, evidence: Evidence) -> list[Violation]:
    """Check every statement of a report.

    Parameters
    ----------
    report
        Of any writer, already validated against its schema.
    evidence
        From :func:`~mri_analysis.reporting.evidence.gather_evidence`, for the same study.

    Returns
    -------
    list of Violation
        Empty if and only if every rule holds: citations exist, a measured statement rests on one
        measurement, numbers with units and sides belong to it, direction agrees with the status
        decided by code, what was not assessed is neither denied nor asserted, quotations are
        verbatim, recommendations are rules that apply, no flagged finding is left out, and
        confidence and disclaimer are those of the code.
    """
    findings = evidence.findings()
    context = _Context(evidence, findings)
    violations: list[Violation] = []
    for section, kind in _SECTIONS.items():
        statements: list[Statement] = getattr(report, section)
        for position, statement in enumerate(statements):
            where = f"{section}[{position}]"
            if statement.kind is not kind:
                violations.append(
                    Violation("kind", where, f"a {statement.kind} statement does not belong here")
                )
            checks = _CHECKS[statement.kind]
            violations += [
                Violation(rule, where, message)
                for check in checks
                for rule, message in check(statement, report, context)
            ]
    violations += _passages(report, context)
    violations += _omissions(report, context)
    violations += _written_by_code(report, context)
    return violations


class _Context:
    """The evidence, indexed for one pass of the guard."""

    def __init__(self, evidence: Evidence, findings: Sequence[Finding]) -> None:
        self.measurements: Measurements = evidence.measurements
        self.findings = findings
        self.manifest = evidence.manifest
        self.reading_of_images = evidence.reading
        self.volumes = {volume.id: volume for volume in evidence.measurements.volumes}
        self.ratios = {ratio.id: ratio for ratio in evidence.measurements.ratios}
        self.passages = evidence.passages()
        self.quotable = {passage.id for passage in evidence.quotable()}
        self.references = {reference.id: reference for reference in evidence.references}
        self._readings: dict[str, Reading] = {}
        self.applicable = {rule.id: (rule, ids) for rule, ids in evidence.applicable_rules()}

    def is_measurement(self, cite: str) -> bool:
        return cite in self.volumes or cite in self.ratios

    def reading(self, statement: Statement) -> Reading:
        """What the words of a statement say; each is read once."""
        if statement.text not in self._readings:
            self._readings[statement.text] = read(statement.text, VOCABULARY)
        return self._readings[statement.text]

    def cited_references(self, statement: Statement) -> list[Reference]:
        cited = [self.references[cite] for cite in statement.cites if cite in self.references]
        return [reference for reference in cited if reference.measurement_id in statement.cites]

    def allowed_figures(
        self, statement: Statement
    ) -> dict[tuple[Quantity, str, str], tuple[float, ...]]:
        """By quantity, name and unit: the figures as they are printed, nothing rounder or finer."""
        allowed: dict[tuple[Quantity, str, str], tuple[float, ...]] = {}

        def allow(quantity: Quantity, value: float | None, unit: str, name: str = "") -> None:
            if value is not None:
                key = (quantity, name, unit)
                allowed[key] = (*allowed.get(key, ()), value)

        for cite in statement.cites:
            if (volume := self.volumes.get(cite)) is not None:
                allow(Quantity.VOLUME, _printed_volume(volume.total_ml), "mL")
                for name, side in (("left", volume.left_ml), ("right", volume.right_ml)):
                    allow(Quantity.SIDE, _printed_volume(side), "mL", name)
                allow(Quantity.SHARE, _printed(volume.percent_of_icv, 1), "%")
                allow(Quantity.ASYMMETRY, _printed(volume.asymmetry_percent, 1), "%")
            if (ratio := self.ratios.get(cite)) is not None:
                for quantity in (Quantity.RATIO, Quantity.UNNAMED):
                    allow(quantity, _printed(ratio.value, ratio_decimals(cite)), "")
                widths = {n: w for n, w in ratio.parts.items() if n.endswith("_mm")}
                for name, width in widths.items():
                    allow(Quantity.WIDTH, _printed(width, 1), "mm", name)
                    allow(Quantity.WIDTH, _printed(width, 1), "mm")
        for reference in self.cited_references(statement):
            if reference.quantity == "asymmetry_percent":
                bound = reference.high if reference.high is not None else reference.low
                allow(Quantity.LIMIT, None if bound is None else abs(bound), "%")
                continue
            for quantity, end in ((Quantity.LOW, reference.low), (Quantity.HIGH, reference.high)):
                allow(quantity, end, reference.unit)
                allow(Quantity.END, end, reference.unit)
                allow(Quantity.UNNAMED, end, reference.unit)
        return allowed

    def asymmetric_sides(self, statement: Statement) -> set[str]:
        """The larger sides that a finding on a cited measurement names."""
        return {
            finding.side
            for finding in self.findings
            if finding.status is FindingStatus.ASYMMETRIC
            and finding.side is not None
            and set(finding.measurement_ids) & set(statement.cites)
        }

    def cited_statuses(self, statement: Statement) -> set[FindingStatus]:
        return {
            finding.status
            for finding in self.findings
            if any(id_ in statement.cites for id_ in finding.measurement_ids)
        }


def _printed(value: float | None, decimals: int) -> float | None:
    return None if value is None else figures.rounded(value, decimals)


def _printed_volume(value: float | None) -> float | None:
    return None if value is None else _printed(value, figures.decimals_of_volume(value))


_Check = Callable[[Statement, Report, _Context], Iterator[tuple[str, str]]]


def _citations(
    statement: Statement, report: Report, context: _Context
) -> Iterator[tuple[str, str]]:
    shown = {passage.id for passage in report.passages}
    for cite in statement.cites:
        if not context.is_measurement(cite) and cite not in shown:
            yield "citation", f"{cite} is neither a measurement of this study nor a cited passage"


def _one_measurement(
    statement: Statement, report: Report, context: _Context
) -> Iterator[tuple[str, str]]:
    # With two measurements cited, nothing binds a number or a direction to its structure:
    # "cortex 463 mL and white matter 602 mL" holds the right figures in the wrong places.
    measured = [cite for cite in statement.cites if context.is_measurement(cite)]
    if statement.text == NONE_OUTSIDE:
        if set(statement.cites) != set(compared_measurements(context.findings)):
            yield "binding", "cites other figures than those that were compared"
        return
    if len(set(measured)) > 1:
        yield "binding", f"rests on {len(set(measured))} measurements: state each by itself"
    for cite in statement.cites:
        reference = context.references.get(cite)
        if reference is not None and reference.measurement_id not in measured:
            yield "citation", f"{cite} is no reference of the cited measurement"
        elif reference is None and cite in context.passages:
            yield "citation", f"{cite} is no figure a measurement can be held against"


def _asserts_measurement(
    statement: Statement, report: Report, context: _Context
) -> Iterator[tuple[str, str]]:
    if not any(context.is_measurement(cite) for cite in statement.cites):
        yield "assertion", "a statement about the study must cite a measurement of it"
    for match in _UNMEASURED.finditer(statement.text):
        yield "not_assessed", f"'{match[0]}' is not measured: neither assert nor deny it"
    for match in _FORBIDDEN.finditer(statement.text):
        yield "forbidden", f"'{match[0]}' goes beyond what a measurement says"
    if statement.text == NONE_OUTSIDE:
        if any(finding.status in FLAGGED for finding in context.findings):
            yield "direction", "says that nothing lies outside, but a finding does"
        return
    rest = NO_VERDICT.sub(" ", statement.text)
    for match in _NEGATION.finditer(_PERMITTED_NEGATION.sub(" ", rest)):
        yield "not_assessed", f"'{match[0]}': a measurement cannot deny anything"
    for word in _NUMBER_WORD.finditer(_COUNTED_SIDES.sub(" ", statement.text)):
        yield "number", f"'{word[0]}': write numbers in digits"
    if _PUBLISHED_BAND.search(statement.text):
        yield "number", "nobody published the band: it is derived from published figures"


def _as_measured(
    statement: Statement, report: Report, context: _Context
) -> Iterator[tuple[str, str]]:
    """Figures, sides and directions are those of the cited measurement."""
    if statement.text == NONE_OUTSIDE:
        return
    reading = context.reading(statement)
    for word in reading.unknown:
        # Digits in another guise are a matter of numbers, everything else one of words.
        rule = "number" if any(character.isnumeric() for character in word) else "vocabulary"
        yield rule, f"'{word}' is no word a measurement can prove"
    for piece in reading.unbound:
        yield "number", f"'{piece}' is tied to nothing that was measured"
    allowed = context.allowed_figures(statement)

    def wrong(figures_read: Iterable[Figure]) -> list[Figure]:
        return [
            figure
            for figure in figures_read
            if figure.value not in allowed.get((figure.quantity, figure.name, figure.unit), ())
        ]

    volumes = min((wrong(way) for way in reading.volumes), key=len, default=None)
    if volumes is None:
        yield "laterality", "a side is named that no figure belongs to"
    for figure in [*wrong(reading.figures), *(volumes or ())]:
        yield "number", f"'{figure.text}' is no {figure.quantity} of the cited measurement"
    larger = context.asymmetric_sides(statement)
    for side in reading.larger_sides:
        if side not in larger:
            yield "laterality", f"the {side} side is not the larger one of the cited measurement"
    statuses = context.cited_statuses(statement)
    for direction in reading.directions:
        if not _STATUS_OF[direction.level] & statuses:
            yield "direction", f"'{direction.text}' does not agree with the cited measurement"
    if reading.withholds_verdict and FindingStatus.MEASURED not in statuses:
        yield "direction", "says that there is no verdict, but there is one"
    if reading.mentions_reference and not reading.withholds_verdict:
        if not reading.directions:
            yield "direction", "names a band, criterion or limit and not where the figure lies"
        held = any(direction.level in _HELD_AGAINST for direction in reading.directions)
        if held and not context.cited_references(statement):
            yield "citation", "mentions a band, criterion or limit without citing it"
    states = (reading.figures, reading.directions, reading.larger_sides)
    if not any(states) and not any(reading.volumes) and not reading.withholds_verdict:
        yield "vocabulary", "states no figure, side or direction"


_STATUS_OF: dict[Level, frozenset[FindingStatus]] = {
    Level.WITHIN: frozenset({FindingStatus.WITHIN}),
    Level.ABOVE: frozenset({FindingStatus.ABOVE}),
    Level.BELOW: frozenset({FindingStatus.BELOW}),
    Level.OUTSIDE: frozenset({FindingStatus.ABOVE, FindingStatus.BELOW}),
    Level.SYMMETRIC: frozenset({FindingStatus.SYMMETRIC}),
    Level.ASYMMETRIC: frozenset({FindingStatus.ASYMMETRIC}),
}
_HELD_AGAINST = frozenset({Level.WITHIN, Level.ABOVE, Level.BELOW, Level.OUTSIDE})


def _structures(
    statement: Statement, report: Report, context: _Context
) -> Iterator[tuple[str, str]]:
    text = _SHARE_OF.sub(" ", statement.text)
    shares = any(f.quantity is Quantity.SHARE for f in context.reading(statement).figures)
    if shares or BRAIN_PARENCHYMAL_FRACTION in statement.cites:
        text = _AS_WHOLE.sub(" ", text)
    named: set[str] = set()
    for measurement_id, mention in MENTIONS:
        if mention.search(text):
            named.add(measurement_id)
            text = mention.sub(" ", text)
    for measurement_id in sorted(named - set(statement.cites)):
        yield "structure", f"names {measurement_id} without citing it"
    cited = [cite for cite in statement.cites if context.is_measurement(cite)]
    # The count over all compared figures names none, also where only one was compared.
    if len(cited) == 1 and not named and statement.text != NONE_OUTSIDE:
        yield "structure", f"does not name {cited[0]}"


def _verbatim(statement: Statement, report: Report, context: _Context) -> Iterator[tuple[str, str]]:
    if len(statement.cites) != 1 or statement.cites[0] not in context.quotable:
        yield "quotation", "a quotation cites exactly one note or definition"
    elif statement.text != context.passages[statement.cites[0]].text:
        yield "quotation", f"is not the text of {statement.cites[0]}"


def _recommendation(
    statement: Statement, report: Report, context: _Context
) -> Iterator[tuple[str, str]]:
    rule_id, *measurement_ids = statement.cites
    if rule_id not in context.applicable:
        yield "rule", f"{rule_id} is no follow-up rule that applies to this study"
        return
    rule, called_by = context.applicable[rule_id]
    if statement.text != rule.text:
        yield "rule", f"is not the text of {rule_id}"
    if not set(measurement_ids) <= set(called_by):
        yield "rule", f"cites measurements that did not call {rule_id}"


_CHECKS: dict[StatementKind, tuple[_Check, ...]] = {
    StatementKind.MEASURED: (
        _citations,
        _one_measurement,
        _asserts_measurement,
        _as_measured,
        _structures,
    ),
    StatementKind.QUOTED: (_citations, _verbatim),
    StatementKind.RULE: (_citations, _recommendation),
    StatementKind.CONFIDENCE: (),  # compared as a whole by _written_by_code
}


def _passages(report: Report, context: _Context) -> Iterator[Violation]:
    for position, passage in enumerate(report.passages):
        if context.passages.get(passage.id) != passage:
            yield Violation(
                "passage", f"passages[{position}]", f"{passage.id} is not as it was retrieved"
            )


def _omissions(report: Report, context: _Context) -> Iterator[Violation]:
    for finding in context.findings:
        if finding.status in FLAGGED and not any(
            _tells(finding, statement, context) for statement in report.key_findings
        ):
            yield Violation("omission", "key_findings", f"{finding.id} is not mentioned")
    recommended = {statement.cites[0] for statement in report.recommended_follow_up}
    for rule_id in context.applicable:
        if rule_id not in recommended:
            yield Violation(
                "omission", "recommended_follow_up", f"{rule_id} applies but is missing"
            )
    for sentence in not_assessed_sentences(context.measurements, context.findings):
        if sentence not in report.not_assessed:
            yield Violation("omission", "not_assessed", f"missing: {sentence}")


def _tells(finding: Finding, statement: Statement, context: _Context) -> bool:
    """Whether a statement says what was found, a side difference with its larger side."""
    if not set(finding.measurement_ids) <= set(statement.cites):
        return False
    reading = context.reading(statement)
    if not any(finding.status in _STATUS_OF[d.level] for d in reading.directions):
        return False
    if finding.status is not FindingStatus.ASYMMETRIC:
        return True
    sides = max(
        (sum(figure.quantity is Quantity.SIDE for figure in way) for way in reading.volumes),
        default=0,
    )
    return bool(reading.larger_sides) or sides > 1


def _written_by_code(report: Report, context: _Context) -> Iterator[Violation]:
    measurements = context.measurements
    expected = {
        "confidence": confidence_statements(measurements, report.language_model),
        "unverified_observations": observation_statements(context.reading_of_images),
        "confidence_scores": confidence_scores(measurements),
        "disclaimer": DISCLAIMER,
        "verdict": measurements.quality.verdict,
        "attributions": list(context.manifest.attributions),
    }
    for field, value in expected.items():
        if getattr(report, field) != value:
            yield Violation(field, field, "is not what the code writes for this study")
    used = report.language_model is not None and report.language_model.outcome is DraftOutcome.USED
    if used != (report.mode == "language_model"):
        yield Violation("mode", "mode", "does not tell who wrote the report")
    known = set(not_assessed_sentences(measurements, context.findings))
    for position, sentence in enumerate(report.not_assessed):
        if sentence not in known:
            yield Violation(
                "not_assessed", f"not_assessed[{position}]", "is no sentence of this analysis"
            )
