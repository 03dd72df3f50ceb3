"""Drafts as a language model gives them, made from the evidence of a study."""

import json
from typing import Any

from mri_analysis.contracts.report import Finding, FindingStatus
from mri_analysis.reporting.anatomy import RATIO_NAMES, STRUCTURE_NAMES
from mri_analysis.reporting.compose import KEY_FINDINGS
from mri_analysis.reporting.evidence import Evidence
from mri_analysis.reporting.findings import FLAGGED


def faithful_draft(evidence: Evidence) -> dict[str, Any]:
    """Every flagged and every usual finding in a sentence that its measurement supports."""
    claims = [
        {
            "text": _sentence(finding),
            "finding_ids": [finding.id],
            "cites": [
                *finding.measurement_ids,
                *([finding.reference.id] if finding.reference else []),
            ],
        }
        for finding in evidence.findings()
        if finding.measurement_ids and (finding.status in FLAGGED or finding.id in KEY_FINDINGS)
    ]
    return {"key_findings": claims, "quotations": []}


def _sentence(finding: Finding) -> str:
    id_ = finding.measurement_ids[0]
    names = RATIO_NAMES | {f"volume.{key.value}": name for key, name in STRUCTURE_NAMES.items()}
    name, reference = names[id_], finding.reference.id if finding.reference else ""
    if finding.status is FindingStatus.ASYMMETRIC:
        return (
            f"The {name} measure {{{{{id_}.left}}}} on the left and {{{{{id_}.right}}}} on the "
            f"right; the {finding.side} side is larger, and the asymmetry index of "
            f"{{{{{id_}.asymmetry}}}} lies beyond the limit of {{{{{reference}.limit}}}}."
        )
    if finding.status is FindingStatus.SYMMETRIC:
        return (
            f"The asymmetry index of the {name} is {{{{{id_}.asymmetry}}}}, within the limit of "
            f"{{{{{reference}.limit}}}}."
        )
    figure = f"{{{{{id_}.{'value' if id_.startswith('ratio.') else 'total'}}}}}"
    level = {
        FindingStatus.WITHIN: "within",
        FindingStatus.BELOW: "below",
        FindingStatus.ABOVE: "above",
    }.get(finding.status)
    if level is None:
        return f"The {name} came to {figure}; no verdict is given."
    has_band = finding.reference is not None and None not in (
        finding.reference.low,
        finding.reference.high,
    )
    against = "band" if has_band else "criterion"
    return f"At {figure}, the {name} lies {level} the {against} of {{{{{reference}.{against}}}}}."


def answered(body: dict[str, Any]) -> dict[str, Any]:
    """What an honest model makes of a question: a sentence for each finding it must mention.

    It knows the prompt only, in Bedrock's form or OpenAI's.
    """
    content = body["messages"][-1]["content"]
    asked = json.loads(content if isinstance(content, str) else content[0]["text"])
    return {
        "key_findings": [
            _claim(finding) for finding in asked["findings"] if finding["must_mention"]
        ],
        "quotations": [{"passage_id": passage["id"]} for passage in asked["passages"][:2]],
    }


def _claim(finding: dict[str, Any]) -> dict[str, Any]:
    measurement = finding["cite"][0]
    own = {name.strip("{}").rpartition(".")[2]: name for name in finding["figures"]}
    names = RATIO_NAMES | {f"volume.{key.value}": name for key, name in STRUCTURE_NAMES.items()}
    name, status = names[measurement], finding["status"]
    if status == "asymmetric":
        text = (
            f"On the left the {name} measure {own['left']}, on the right {own['right']}; the "
            f"{finding['larger_side']} side is larger and the index of {own['asymmetry']} exceeds "
            f"the limit of {own['limit']}."
        )
    elif status == "symmetric":
        text = f"{name}: asymmetry index {own['asymmetry']}, within the limit of {own['limit']}."
    elif status == "measured":
        text = f"For the {name}, {own.get('total', own.get('value'))} was measured."
    else:
        level = status.removesuffix("_reference")
        against = f"band of {own['band']}" if "band" in own else f"criterion of {own['criterion']}"
        text = f"The {name} of {own.get('total', own.get('value'))} lies {level} the {against}."
    return {"text": text, "finding_ids": [finding["id"]], "cites": finding["cite"]}
