"""The groundedness guard: checks a report claim by claim against what it cites.

It accepts what it can prove and refuses the rest. A measured statement is a closed world about one
measurement: each number, side, direction, structure and word in it must be one that the cited
measurement supports, so that a sentence the guard does not understand is a violation and not a
pass. The findings are decided again here; what the report or a description says about them counts
for nothing.
"""

import re
from collections.abc import Callable, Iterator, Sequence
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
from mri_analysis.contracts.segmentation import (
    FRONTAL_HORN_WIDTH,
    INNER_SKULL_WIDTH,
    Measurements,
)
from mri_analysis.reporting import figures
from mri_analysis.reporting.compose import (
    DISCLAIMER,
    NONE_OUTSIDE,
    confidence_scores,
    confidence_statements,
    must_be_told,
)
from mri_analysis.reporting.describe import not_assessed_sentences
from mri_analysis.reporting.evidence import Evidence
from mri_analysis.reporting.findings import FLAGGED, compared_measurements, ratio_decimals
from mri_analysis.reporting.observations import observation_statements
from mri_analysis.reporting.prose import Level, Matter, Measured, Quantity, Reading, read


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


_PUBLISHED_BAND = re.compile(
    r"\bpublished (?:reference )?(?:band|range|interval|criterion)\b", re.I
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
        self._readings: dict[tuple[str, ...], Reading] = {}
        self.applicable = {rule.id: (rule, ids) for rule, ids in evidence.applicable_rules()}

    def is_measurement(self, cite: str) -> bool:
        return cite in self.volumes or cite in self.ratios

    def reading(self, statement: Statement) -> Reading:
        """What the words of a statement say; each is read once."""
        key = (statement.text, *statement.cites)
        if key not in self._readings:
            measured = [cite for cite in statement.cites if self.is_measurement(cite)]
            self._readings[key] = (
                read(statement.text, Measured(measured[0], self._figures(statement)))
                if measured
                else Reading()
            )
        return self._readings[key]

    def cited_references(self, statement: Statement) -> list[Reference]:
        cited = [self.references[cite] for cite in statement.cites if cite in self.references]
        return [reference for reference in cited if reference.measurement_id in statement.cites]

    def _figures(self, statement: Statement) -> dict[tuple[float, str], str]:
        """By value and unit: what figures it is, rounded as they are printed."""
        letters: dict[tuple[float, str], str] = {}

        def allow(quantity: Quantity, value: float | None, unit: str) -> None:
            if value is not None:
                letters[value, unit] = letters.get((value, unit), "") + quantity

        for cite in statement.cites:
            if (volume := self.volumes.get(cite)) is not None:
                allow(Quantity.TOTAL, _printed_volume(volume.total_ml), "mL")
                allow(Quantity.LEFT, _printed_volume(volume.left_ml), "mL")
                allow(Quantity.RIGHT, _printed_volume(volume.right_ml), "mL")
                allow(Quantity.SHARE, _printed(volume.percent_of_icv, 1), "%")
                allow(Quantity.ASYMMETRY, _printed(volume.asymmetry_percent, 1), "%")
            if (ratio := self.ratios.get(cite)) is not None:
                allow(Quantity.RATIO, _printed(ratio.value, ratio_decimals(cite)), "")
                for name, quantity in _WIDTHS.items():
                    allow(quantity, _printed(ratio.parts.get(name), 1), "mm")
        for reference in self.cited_references(statement):
            low, high = reference.low, reference.high
            if reference.quantity == "asymmetry_percent":
                bound = high if high is not None else low
                allow(Quantity.LIMIT, None if bound is None else abs(bound), "%")
            elif low is None:
                allow(Quantity.CRITERION, high, reference.unit)
            else:
                allow(Quantity.LOW, low, reference.unit)
                allow(Quantity.HIGH, high, reference.unit)
        return letters

    def asymmetric_sides(self, statement: Statement) -> set[str]:
        """The larger sides that a finding on a cited measurement names."""
        return {
            finding.side
            for finding in self.findings
            if finding.status is FindingStatus.ASYMMETRIC
            and finding.side is not None
            and set(finding.measurement_ids) & set(statement.cites)
        }

    def statuses(self, statement: Statement) -> dict[Matter, FindingStatus]:
        """What code decided on level and sides of the cited measurement."""
        return {
            _matter(finding): finding.status
            for finding in self.findings
            if any(id_ in statement.cites for id_ in finding.measurement_ids)
        }


_WIDTHS = {FRONTAL_HORN_WIDTH: Quantity.HORNS, INNER_SKULL_WIDTH: Quantity.SKULL}


def _matter(finding: Finding) -> Matter:
    return Matter.SIDES if finding.id.endswith(".asymmetry") else Matter.LEVEL


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
    if _PUBLISHED_BAND.search(statement.text):
        yield "number", "nobody published the band: it is derived from published figures"


def _as_measured(
    statement: Statement, report: Report, context: _Context
) -> Iterator[tuple[str, str]]:
    """Figures, sides and directions are those of the cited measurement."""
    if statement.text == NONE_OUTSIDE:
        return
    reading = context.reading(statement)
    if not reading.named:
        yield "structure", "does not name what it cites"
    for unread in reading.unread:
        yield unread.rule, f"'{unread.text}' is nothing the cited measurement can prove here"
    larger = context.asymmetric_sides(statement)
    for side in reading.larger_sides:
        if side not in larger:
            yield "laterality", f"the {side} side is not the larger one of the cited measurement"
    statuses = context.statuses(statement)
    for direction in reading.directions:
        status = statuses.get(direction.matter)
        if not direction.proven or status not in _STATUS_OF[direction.level]:
            yield "direction", f"'{direction.text}' does not agree with the cited measurement"
    asymmetric = statuses.get(Matter.SIDES) is FindingStatus.ASYMMETRIC
    told = any(d.matter is Matter.SIDES for d in reading.directions)
    if reading.says_asymmetry and not (asymmetric or Matter.SIDES in reading.withheld):
        yield "direction", "names an asymmetry that no verdict supports"
    # "42.0 mL, 27.6 mL on the left and 14.4 mL on the right; no verdict is given on this volume"
    of_the_whole = Quantity.TOTAL in reading.figures and Quantity.ASYMMETRY not in reading.figures
    withheld = reading.withheld and (reading.withholds_more_than_level or not of_the_whole)
    if withheld and asymmetric and not told and reading.figures & _SIDE_FIGURES:
        yield "direction", "says that there is no verdict beside sides that have one"
    if reading.states_reference and not reading.figures & _OWN_FIGURES:
        yield "number", "states a figure it is held against and not its own"
    if reading.withholds_symmetry and statuses.get(Matter.SIDES) is FindingStatus.SYMMETRIC:
        yield "direction", "says that the sides have no verdict, but they have one"
    for matter in reading.withheld:
        if not _may_be_withheld(matter, reading, statuses):
            yield "direction", "says that there is no verdict, but there is one"
    if reading.mentions_reference and not reading.directions:
        yield "direction", "names a band, criterion or limit and not where the figure lies"
    held = reading.mentions_reference or any(d.held for d in reading.directions)
    if held and not context.cited_references(statement):
        yield "citation", "mentions a band, criterion or limit without citing it"
    if not (reading.figures or reading.directions or reading.larger_sides):
        yield "vocabulary", "states no figure, side or direction"


_STATUS_OF: dict[Level, frozenset[FindingStatus]] = {
    Level.WITHIN: frozenset({FindingStatus.WITHIN}),
    Level.ABOVE: frozenset({FindingStatus.ABOVE}),
    Level.BELOW: frozenset({FindingStatus.BELOW}),
    Level.OUTSIDE: frozenset({FindingStatus.ABOVE, FindingStatus.BELOW}),
    Level.SYMMETRIC: frozenset({FindingStatus.SYMMETRIC}),
    Level.ASYMMETRIC: frozenset({FindingStatus.ASYMMETRIC}),
}


def _may_be_withheld(
    matter: Matter, reading: Reading, statuses: dict[Matter, FindingStatus]
) -> bool:
    status = statuses.get(matter)
    if matter is Matter.SIDES and Quantity.ASYMMETRY not in reading.figures:
        # The two volumes of the sides alone are held against nothing.
        return status in (FindingStatus.MEASURED, FindingStatus.SYMMETRIC)
    return status is FindingStatus.MEASURED


def _verbatim(statement: Statement, report: Report, context: _Context) -> Iterator[tuple[str, str]]:
    if len(statement.cites) != 1 or statement.cites[0] not in context.quotable:
        yield "quotation", "a quotation cites exactly one note or definition"
    elif statement.text != context.passages[statement.cites[0]].text:
        yield "quotation", f"is not the text of {statement.cites[0]}"


def _recommendation(
    statement: Statement, report: Report, context: _Context
) -> Iterator[tuple[str, str]]:
    rule_id = next(iter(statement.cites), "")
    if rule_id not in context.applicable:
        yield "rule", f"{rule_id or 'no source'} is no follow-up rule that applies to this study"
        return
    rule, called_by = context.applicable[rule_id]
    if statement.text != rule.text:
        yield "rule", f"is not the text of {rule_id}"
    if not set(statement.cites[1:]) <= set(called_by):
        yield "rule", f"cites measurements that did not call {rule_id}"


_CHECKS: dict[StatementKind, tuple[_Check, ...]] = {
    StatementKind.MEASURED: (
        _citations,
        _one_measurement,
        _asserts_measurement,
        _as_measured,
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
        if must_be_told(finding) and not any(
            _tells(finding, statement, context) for statement in report.key_findings
        ):
            yield Violation("omission", "key_findings", f"{finding.id} is not mentioned")
    yield from _repetitions(report)
    recommended = {
        cite for statement in report.recommended_follow_up for cite in statement.cites[:1]
    }
    for rule_id in context.applicable:
        if rule_id not in recommended:
            yield Violation(
                "omission", "recommended_follow_up", f"{rule_id} applies but is missing"
            )
    for sentence in not_assessed_sentences(context.measurements, context.findings):
        if sentence not in report.not_assessed:
            yield Violation("omission", "not_assessed", f"missing: {sentence}")


def _repetitions(report: Report) -> Iterator[Violation]:
    told: set[str] = set()
    for position, statement in enumerate(report.key_findings):
        if statement.text in told:
            yield Violation("repetition", f"key_findings[{position}]", "is told twice")
        told.add(statement.text)


def _tells(finding: Finding, statement: Statement, context: _Context) -> bool:
    """Whether a statement says what was found with its figure, a side difference with its side."""
    if not set(finding.measurement_ids) <= set(statement.cites):
        return False
    reading, matter = context.reading(statement), _matter(finding)
    if finding.status not in FLAGGED:
        return bool({Quantity.TOTAL, Quantity.RATIO} & reading.figures)
    told = any(
        direction.matter is matter and finding.status in _STATUS_OF[direction.level]
        for direction in reading.directions
    )
    if matter is Matter.LEVEL:
        return told and bool({Quantity.TOTAL, Quantity.RATIO} & reading.figures)
    sides = bool(reading.larger_sides) or {Quantity.LEFT, Quantity.RIGHT} <= reading.figures
    return told and sides and bool(_SIDE_FIGURES & reading.figures)


_OWN_FIGURES = frozenset(
    {
        Quantity.TOTAL,
        Quantity.RATIO,
        Quantity.ASYMMETRY,
        Quantity.LEFT,
        Quantity.RIGHT,
    }
)
_SIDE_FIGURES = frozenset({Quantity.ASYMMETRY, Quantity.LEFT, Quantity.RIGHT})


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
