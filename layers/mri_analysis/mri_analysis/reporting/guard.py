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
    Finding,
    FindingStatus,
    Report,
    Statement,
    StatementKind,
)
from mri_analysis.contracts.segmentation import (
    Measurements,
    RatioMeasurement,
    VolumeMeasurement,
)
from mri_analysis.reporting import figures
from mri_analysis.reporting.anatomy import MENTIONS
from mri_analysis.reporting.compose import (
    DISCLAIMER,
    NONE_OUTSIDE,
    confidence_scores,
    confidence_statements,
)
from mri_analysis.reporting.describe import not_assessed_sentences
from mri_analysis.reporting.evidence import Evidence
from mri_analysis.reporting.findings import FLAGGED, compared_measurements, larger_side


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


_NUMBER = r"-?\d[\d.,]*(?<![.,])"
_REFERENCE_PHRASE = re.compile(
    rf"(?:the )?(?:band of (?P<low>{_NUMBER}) to (?P<high>{_NUMBER})(?P<band_unit> mL| %)?"
    rf" derived from published figures"
    rf"|(?P<name>usual criterion|limit) of (?P<bound>{_NUMBER})(?P<unit> mL| %)?)"
)
_SIDE_VOLUME = re.compile(rf"\b(left|right)(?: volume| side)?:? ({_NUMBER}) mL\b", re.IGNORECASE)
_FIGURE = re.compile(
    rf"(?<![\w.])({_NUMBER})(?:\s*(mL|ml|mm|cm³|%(?: of (?:the )?intracranial volume)?))?"
)
_LARGER = re.compile(r"\bthe (left|right) side is (larger|smaller)\b", re.IGNORECASE)
_SIDE = re.compile(r"\b(left|right|bilateral\w*|unilateral\w*)\b", re.IGNORECASE)
_INDEX = re.compile(r"\basymmetry index\b", re.IGNORECASE)
_NUMBER_WORD = re.compile(
    r"\b(one|two|three|four|five|six|seven|eight|nine|ten|twice|thrice|half|halve\w*|third|quarter|"
    r"double\w*|triple\w*|dozen\w*)\b",
    re.IGNORECASE,
)

_STATUS_WORDS: tuple[tuple[FindingStatus, re.Pattern[str]], ...] = (
    (FindingStatus.ASYMMETRIC, re.compile(r"\bbeyond the limit of\b|\basymmetr\w*", re.IGNORECASE)),
    (FindingStatus.SYMMETRIC, re.compile(r"\bwithin the limit of\b|\bsymmetr\w*", re.IGNORECASE)),
    (
        FindingStatus.ABOVE,
        re.compile(
            r"\b(above|over|exceed\w*|enlarg\w*|increas\w*|dilat\w*|ventriculomegal\w*|elevated|"
            r"high\w*|big\w*|wide\w*|larger?|largest|greater|expan\w*|prominent|excess\w*|more)\b",
            re.IGNORECASE,
        ),
    ),
    (
        FindingStatus.BELOW,
        re.compile(
            r"\b(below|under|reduc\w*|decreas\w*|shr[aiu]nk\w*|loss\w*|lost|small\w*|low\w*|"
            r"diminish\w*|declin\w*|thin\w*|narrow\w*|less|fewer)\b",
            re.IGNORECASE,
        ),
    ),
    (
        FindingStatus.WITHIN,
        re.compile(r"\b(within|inside|in range|typical\w*|average)\b", re.IGNORECASE),
    ),
)

_PERMITTED_NEGATION = re.compile(
    r"\bno verdict is given\b|\bcerebrospinal fluid outside the ventricles\b", re.IGNORECASE
)
_DENIES_ALL = re.compile(r"\bnone of\b", re.IGNORECASE)
_NEGATION = re.compile(
    r"\b(no|not|none|never|without|neither|nor|absen\w+|negative|free of|lack\w*|cannot|exclu\w+|"
    r"un\w*likely|outside|\w+n't)\b",
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
    r"""diagnos\w* percentile\w* centile\w* z-?score\w* patient\w* suggest\w* consistent\swith
    compatible\swith indicat\w* treat\w* therap\w* dose\w* medicat\w* risk\w* confirm\w*
    rules?\sout ruled\sout likel\w* probabl\w* possibl\w* urgent\w* emergen\w* years? aged?
    history normal\w* unremarkable healthy impair\w* evidence\sof due\sto because cause\w*
    recommend\w* signif\w* mild\w* moderate\w* severe\w* marked\w*"""
)

_WORDS = """
    a all an and are as at both by compared derived difference differ differs each figure figures
    fraction from
    has have in index is it larger left measure measured measures ml mm cm of on or parenchymal
    ratio respectively right shows side sides smaller study than that the their these this to
    together total usual verdict volume volumes which while with volumetric whole given no above
    below beyond within inside over under high higher low lower reduced increased decreased
    enlarged dilated exceed exceeds elevated asymmetric asymmetrical asymmetry symmetric
    symmetrical band criterion limit published reference ventriculomegaly basal bpf brain
    brainstem cerebellar cerebellum cerebral cerebrospinal cortex cortical csf deep evans fluid
    ganglia gray grey hippocampal hippocampi hippocampus icv intracranial matter outside stem
    thalami thalamic thalamus ventricles ventricular white
"""
_VOCABULARY = frozenset(_WORDS.split())
"""Words a measured statement may be made of. What is not here cannot be proved: refused."""


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
        self.volumes = {volume.id: volume for volume in evidence.measurements.volumes}
        self.ratios = {ratio.id: ratio for ratio in evidence.measurements.ratios}
        self.passages = evidence.passages()
        self.quotable = {passage.id for passage in evidence.quotations}
        self.references = {reference.id: reference for reference in evidence.references}
        self.applicable = {rule.id: (rule, ids) for rule, ids in evidence.applicable_rules()}

    def is_measurement(self, cite: str) -> bool:
        return cite in self.volumes or cite in self.ratios

    def cited_volumes(self, statement: Statement) -> list[VolumeMeasurement]:
        return [self.volumes[cite] for cite in statement.cites if cite in self.volumes]

    def cited_ratios(self, statement: Statement) -> list[RatioMeasurement]:
        return [self.ratios[cite] for cite in statement.cites if cite in self.ratios]

    def cited_statuses(self, statement: Statement) -> set[FindingStatus]:
        return {
            finding.status
            for finding in self.findings
            if any(id_ in statement.cites for id_ in finding.measurement_ids)
        }


_Check = Callable[[Statement, Report, _Context], Iterator[tuple[str, str]]]


def _known_words(
    statement: Statement, report: Report, context: _Context
) -> Iterator[tuple[str, str]]:
    if statement.text == NONE_OUTSIDE:
        return
    for word in re.findall(r"[^\W\d_]+", statement.text):
        if word.lower() not in _VOCABULARY:
            yield "vocabulary", f"'{word}' is no word a measurement can prove"


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
    if _DENIES_ALL.search(statement.text) and any(f.status in FLAGGED for f in context.findings):
        yield "direction", "says that nothing lies outside, but a finding does"
    if statement.text == NONE_OUTSIDE:
        return
    for match in _NEGATION.finditer(_PERMITTED_NEGATION.sub(" ", statement.text)):
        yield "not_assessed", f"'{match[0]}': a measurement cannot deny anything"


def _numbers(statement: Statement, report: Report, context: _Context) -> Iterator[tuple[str, str]]:
    text = statement.text
    for match in _REFERENCE_PHRASE.finditer(text):
        if not _is_cited_reference(match, statement, context):
            yield "number", f"'{match[0]}' is not the cited reference"
    text = _REFERENCE_PHRASE.sub(" ", text)
    volumes, ratios = context.cited_volumes(statement), context.cited_ratios(statement)
    for match in _SIDE_VOLUME.finditer(text):
        side, number = match[1].lower(), match[2]
        values = [volume.left_ml if side == "left" else volume.right_ml for volume in volumes]
        if not _rounds_to(number, values):
            yield "number", f"'{match[0]}' is not the {side} volume of a cited measurement"
    text = _SIDE_VOLUME.sub(" ", text)
    allowed: dict[str, list[float | None]] = {
        "mL": [volume.total_ml for volume in volumes],
        "%": [volume.asymmetry_percent for volume in volumes],
        "% of intracranial volume": [volume.percent_of_icv for volume in volumes],
        "mm": [part for ratio in ratios for part in ratio.parts.values()],
        "": [ratio.value for ratio in ratios],
    }
    for match in _FIGURE.finditer(text):
        unit = (match[2] or "").replace("the ", "").replace("ml", "mL").replace("cm³", "mL")
        if not _rounds_to(match[1], allowed[unit]):
            yield "number", f"'{match[0]}' is not a value of a cited measurement"
    rest = _FIGURE.sub(" ", text)
    for leftover in re.finditer(r"\w*[\d½¼¾]\w*", rest):
        yield "number", f"'{leftover[0]}' is not a plain number with a known unit"
    for word in _NUMBER_WORD.finditer(rest):
        yield "number", f"'{word[0]}': write numbers in digits"


def _is_cited_reference(match: re.Match[str], statement: Statement, context: _Context) -> bool:
    for cite in statement.cites:
        reference = context.references.get(cite)
        if reference is None or reference.measurement_id not in statement.cites:
            continue
        if (match["unit"] or match["band_unit"] or "").strip() != reference.unit:
            continue
        low = None if reference.low is None else figures.limit(reference.low)
        high = None if reference.high is None else figures.limit(reference.high)
        if match["bound"] is None:
            if (match["low"], match["high"]) == (low, high):
                return True
        elif match["name"] == "limit":
            if reference.quantity == "asymmetry_percent" and match["bound"] in (
                high,
                (low or "").lstrip("-"),
            ):
                return True
        elif (low is None or high is None) and match["bound"] in (low, high):
            return True
    return False


def _rounds_to(number: str, values: Sequence[float | None]) -> bool:
    """Whether one of the values, rounded to the decimals written, is the number written."""
    digits = number.replace(",", "")
    if not re.fullmatch(r"-?\d+(?:\.\d+)?", digits):
        return False
    decimals = len(digits.partition(".")[2])
    tolerance = 0.5 * 10.0**-decimals + 1e-9
    return any(value is not None and abs(float(digits) - value) <= tolerance for value in values)


def _structures(
    statement: Statement, report: Report, context: _Context
) -> Iterator[tuple[str, str]]:
    text = re.sub(r"% of (?:the )?intracranial volume", " ", statement.text)
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


def _laterality(
    statement: Statement, report: Report, context: _Context
) -> Iterator[tuple[str, str]]:
    volumes = context.cited_volumes(statement)
    for match in _LARGER.finditer(statement.text):
        side, word = match[1].lower(), match[2].lower()
        larger = side if word == "larger" else {"left": "right", "right": "left"}[side]
        if not volumes or any(larger_side(volume) != larger for volume in volumes):
            yield "laterality", f"'{match[0]}' contradicts the cited measurement"
    rest = _SIDE_VOLUME.sub(" ", _LARGER.sub(" ", statement.text))
    for match in _SIDE.finditer(rest):
        yield "laterality", f"'{match[0]}' is bound to no measured side"


def _direction(
    statement: Statement, report: Report, context: _Context
) -> Iterator[tuple[str, str]]:
    statuses = context.cited_statuses(statement)
    rest = _LARGER.sub(" ", statement.text)
    rest = _INDEX.sub(" ", rest)
    for status, words in _STATUS_WORDS:
        match = words.search(rest)
        if match and status not in statuses:
            yield "direction", f"'{match[0]}' does not agree with the cited measurement"
        rest = words.sub(" ", rest)


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
        _known_words,
        _one_measurement,
        _asserts_measurement,
        _numbers,
        _structures,
        _laterality,
        _direction,
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
    words = dict(_STATUS_WORDS)
    for finding in context.findings:
        if finding.status not in FLAGGED:
            continue
        told = [
            _INDEX.sub(" ", statement.text)
            for statement in report.key_findings
            if set(finding.measurement_ids) <= set(statement.cites)
        ]
        if finding.status is FindingStatus.ASYMMETRIC:
            told = [text for text in told if _LARGER.search(text)]
        if not any(words[finding.status].search(text) for text in told):
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


def _written_by_code(report: Report, context: _Context) -> Iterator[Violation]:
    measurements = context.measurements
    expected = {
        "confidence": confidence_statements(measurements),
        "confidence_scores": confidence_scores(measurements),
        "disclaimer": DISCLAIMER,
        "verdict": measurements.quality.verdict,
        "attributions": list(context.manifest.attributions),
    }
    for field, value in expected.items():
        if getattr(report, field) != value:
            yield Violation(field, field, "is not what the code writes for this study")
    known = set(not_assessed_sentences(measurements, context.findings))
    for position, sentence in enumerate(report.not_assessed):
        if sentence not in known:
            yield Violation(
                "not_assessed", f"not_assessed[{position}]", "is no sentence of this analysis"
            )
