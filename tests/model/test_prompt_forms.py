"""What the prompt promises: its forms, with names, sides, directions and figures exchanged, pass.

Each form is made of every finding of every study of the corpus that it can be made of.
"""

from collections.abc import Iterator

import pytest

from knowledge.build import build_snapshot
from mri_analysis.adapters.sqlite_knowledge import SqliteKnowledge
from mri_analysis.contracts.draft import Draft
from mri_analysis.contracts.report import DraftOutcome, Finding, FindingStatus, LanguageModelUse
from mri_analysis.contracts.segmentation import Structure
from mri_analysis.reporting.anatomy import RATIO_NAMES, STRUCTURE_NAMES
from mri_analysis.reporting.compose import write_report
from mri_analysis.reporting.describe import describe
from mri_analysis.reporting.drafting import PROMPT_VERSION, as_report, placeholders
from mri_analysis.reporting.evidence import Evidence, gather_evidence
from mri_analysis.reporting.guard import check_report
from mri_analysis.reporting.verdicts import bounds
from tests.model.guard_corpus.studies import STUDIES
from tests.support.drafts import faithful_draft

USED = LanguageModelUse(
    name="scripted", prompt_version=PROMPT_VERSION, outcome=DraftOutcome.USED, attempts=1
)
PLURAL = ("ventricles", "thalami", "hippocampi")
DIRECTIONS = {
    FindingStatus.WITHIN: "within",
    FindingStatus.BELOW: "below",
    FindingStatus.ABOVE: "above",
}


@pytest.fixture(scope="module")
def knowledge(tmp_path_factory: pytest.TempPathFactory) -> SqliteKnowledge:
    path = tmp_path_factory.mktemp("knowledge") / "knowledge.sqlite"
    build_snapshot(path)
    return SqliteKnowledge(path)


@pytest.mark.parametrize("study", STUDIES)
def test_every_form_of_every_finding_passes(study: str, knowledge: SqliteKnowledge) -> None:
    evidence = gather_evidence(STUDIES[study], knowledge, for_model=True)
    composed = write_report(
        organization_id="clinic-a",
        job_id="job-1",
        description=describe(evidence.measurements, evidence.references),
        evidence=evidence,
        language_model=USED,
    )
    refused = []
    told = 0
    for finding in evidence.findings():
        for text in forms(finding, evidence):
            told += 1
            draft = faithful_draft(evidence)
            others = [c for c in draft["key_findings"] if c["finding_ids"] != [finding.id]]
            reference = [finding.reference.id] if finding.reference else []
            claim = {
                "text": text,
                "finding_ids": [finding.id],
                "cites": [*finding.measurement_ids, *reference],
            }
            draft["key_findings"] = [*others, claim]
            report, found = as_report(Draft.model_validate(draft), composed, evidence, USED)
            problems = [*found, *check_report(report, evidence)]
            refused += [(text, problem.rule, problem.message) for problem in problems]
    assert told > 20
    assert refused == []


def forms(finding: Finding, evidence: Evidence) -> Iterator[str]:
    """The prompt's forms for one finding, with and without their optional parts."""
    if not finding.measurement_ids:
        return
    measured = finding.measurement_ids[0]
    names = placeholders(evidence)
    if measured.startswith("ratio."):
        yield from _ratio(finding, measured, names)
    elif finding.id.endswith(".asymmetry"):
        yield from _sides(finding, measured, names)
    else:
        yield from _level(finding, measured, names)


def _held(finding: Finding) -> str:
    assert finding.reference is not None
    kind = next(iter(bounds(finding.reference)))
    named = {"band": "band", "criterion": "usual criterion", "limit": "limit"}[kind]
    return f"the {named} of {{{{{finding.reference.id}.{kind}}}}}"


def _name(measured: str) -> str:
    return STRUCTURE_NAMES[Structure(measured.removeprefix("volume."))]


def _level(finding: Finding, measured: str, names: dict[str, str]) -> Iterator[str]:
    name = _name(measured)
    several = name in PLURAL
    total = f"{{{{{measured}.total}}}}"
    share = f"{measured}.share"
    verb = "measure" if several else "measures"
    if finding.status is FindingStatus.MEASURED:
        yield f"The {name} {verb} {total}; no verdict is given on this volume."
        yield f"The {name} {verb} {total}; no verdict is given."
        if share in names:
            yield f"The {name} {verb} {total}, {{{{{share}}}}} of intracranial volume; no verdict is given on this volume."  # noqa: E501
        return
    where = f"{DIRECTIONS[finding.status]} {_held(finding)}"
    yield f"The {name} is {total}, {where}."
    yield f"The {name} of {total} lies {where}."
    if share in names:
        yield f"The {name} of {total} ({{{{{share}}}}} of intracranial volume) lies {where}."


def _sides(finding: Finding, measured: str, names: dict[str, str]) -> Iterator[str]:
    name = _name(measured)
    several = name in PLURAL
    be, verb = ("are", "measure") if several else ("is", "measures")
    total = f"{{{{{measured}.total}}}}"
    sides = f"{{{{{measured}.left}}}} on the left and {{{{{measured}.right}}}} on the right"
    index = f"{{{{{measured}.asymmetry}}}}"
    if finding.status is FindingStatus.MEASURED:
        yield f"The {name} {verb} {total}: {sides}; no verdict is given."
        yield f"The {name} {verb} {sides}; no verdict is given."
        return
    held = _held(finding)
    if finding.status is FindingStatus.ASYMMETRIC:
        yield (
            f"The {name} {be} asymmetric: {sides}; the {finding.side} side is larger, and the "
            f"asymmetry index of {index} is beyond {held}."
        )
        yield f"The {name} {verb} {sides}, with an asymmetry index of {index}, beyond {held}."
        return
    yield f"The {name} {verb} {sides}, with an asymmetry index of {index}, within {held}."
    yield f"The {name} {verb} {total}, {sides}. The asymmetry index of {index} does not exceed {held}."  # noqa: E501
    yield f"The {name} {be} symmetric: {sides}; the asymmetry index of {index} is within {held}."


def _ratio(finding: Finding, measured: str, names: dict[str, str]) -> Iterator[str]:
    name = RATIO_NAMES[measured]
    value = f"{{{{{measured}.value}}}}"
    none = finding.status is FindingStatus.MEASURED
    where = "" if none else f"{DIRECTIONS[finding.status]} {_held(finding)}"
    if none:
        yield f"The {name} is {value}; no verdict is given."
    else:
        yield f"The {name} is {value}, {where}."
        yield f"The {name} is {value}, which lies {where}."
    if f"{measured}.frontal_horn_width" in names:
        widths = (
            f"The frontal horns measure {{{{{measured}.frontal_horn_width}}}} and the inner skull "
            f"{{{{{measured}.inner_skull_width}}}}, which gives an Evans index of {value}; "
        )
        yield widths + ("no verdict is given." if none else f"it lies {where}.")
