"""A language model drafts reports over HTTP: good, lying, broken or slow, the study is completed,
nothing unsupported is kept, and the report tells how it was written.
"""

import json
from typing import Any

import pytest

from mri_analysis.contracts.job import JobStatus
from mri_analysis.contracts.report import DraftOutcome, Report
from mri_analysis.keys import StudyKeys
from tests.integration.chain_language.conftest import MODEL_ID
from tests.support import scripted_language_model as scripted
from tests.support.brains import as_upload, small_brain
from tests.support.chain import Chain
from tests.support.drafts import answered
from tests.support.scripted_language_model import Behaviour, ScriptedLanguageModel, answer
from tests.support.scripted_vision_language import (
    Reply,
    ScriptedVisionLanguage,
    observation,
    observations,
)


def report_of(chain: Chain) -> tuple[StudyKeys, Report]:
    study = chain.put(as_upload(small_brain()))
    job = chain.ended(study)
    assert job.status is JobStatus.COMPLETED, job.error
    return study, Report.model_validate_json(chain.result(study, "report.json"))


def lying(body: dict[str, Any]) -> dict[str, Any]:
    """An honest draft with one sentence too many."""
    draft = answered(body)
    lie = {
        "text": "The cortex shows a haemorrhage, and the ventricles are normal.",
        "finding_ids": ["finding.cortex.volume"],
        "cites": ["volume.cortex"],
    }
    return draft | {"key_findings": [*draft["key_findings"], lie]}


def test_an_honest_draft_becomes_the_report(
    language_chain: Chain, bedrock: ScriptedLanguageModel, image_model: ScriptedVisionLanguage
):
    study, report = report_of(language_chain)

    assert report.mode == "language_model"
    assert report.language_model is not None
    assert report.language_model.name == f"bedrock:{MODEL_ID}"
    assert report.language_model.cost_usd is not None
    assert report.language_model.cost_usd > 0
    assert len(bedrock.requests) == 1
    assert len(bedrock.guardrail_requests) >= 1
    # Every citation resolves to a measurement or to a passage a reader can open
    measured = language_chain.document(study, "measurements.json")
    ids = {entry["id"] for entry in [*measured["volumes"], *measured["ratios"]]}
    shown = {passage.id for passage in report.passages}
    for statement in [*report.key_findings, *report.clinical_significance]:
        assert set(statement.cites) <= ids | shown
    for passage in report.passages:
        assert passage.text
        assert passage.source
        assert passage.licence
    page = language_chain.result(study, "report.md").decode()
    assert "a language model, each sentence checked against the measurements" in page
    assert MODEL_ID in page


def test_a_lie_is_mended_when_it_is_told(
    language_chain: Chain, bedrock: ScriptedLanguageModel, image_model: ScriptedVisionLanguage
):
    bedrock.script(answer(lying), answer(answered))

    study, report = report_of(language_chain)

    assert report.mode == "language_model"
    assert len(bedrock.requests) == 2
    assert "shows a haemorrhage" not in language_chain.result(study, "report.md").decode()
    kept = language_chain.document(study, "drafts.json")["drafts"]
    assert [bool(entry["violations"]) for entry in kept] == [True, False]


def test_a_liar_is_replaced_by_the_fixed_rules(
    language_chain: Chain, bedrock: ScriptedLanguageModel, image_model: ScriptedVisionLanguage
):
    bedrock.script(answer(lying))

    study, report = report_of(language_chain)

    assert report.mode == "composed"
    assert report.language_model is not None
    assert report.language_model.outcome is DraftOutcome.UNSUPPORTED
    assert "not_assessed" in report.language_model.broken_rules
    page = language_chain.result(study, "report.md").decode()
    assert "shows a haemorrhage" not in page
    assert "thrown away" in page


@pytest.mark.parametrize(
    ("behaviour", "outcome"),
    [
        (scripted.throttle(), DraftOutcome.UNAVAILABLE),
        (scripted.server_error(503), DraftOutcome.UNAVAILABLE),
        (scripted.validation_exception(), DraftOutcome.UNAVAILABLE),
        (scripted.access_denied(), DraftOutcome.UNAVAILABLE),
        (scripted.close_connection(), DraftOutcome.UNAVAILABLE),
        (scripted.slow_drip(), DraftOutcome.UNAVAILABLE),
        (scripted.silence(), DraftOutcome.UNAVAILABLE),
        (scripted.refuse(), DraftOutcome.UNUSABLE),
        (scripted.no_tool(), DraftOutcome.UNUSABLE),
        (scripted.tool_input("text"), DraftOutcome.UNUSABLE),
        (scripted.length_stop(answered), DraftOutcome.UNUSABLE),
        (scripted.oversized(), DraftOutcome.UNUSABLE),
        (answer({"key_findings": [], "quotations": []}), DraftOutcome.UNUSABLE),
    ],
    ids=[
        "throttled",
        "server_error",
        "end_of_life",
        "denied",
        "closed",
        "slow_drip",
        "silent",
        "refusal",
        "no_tool",
        "text_for_tool",
        "length",
        "oversized",
        "empty_draft",
    ],
)
def test_without_a_usable_answer_the_fixed_rules_write(
    language_chain: Chain,
    bedrock: ScriptedLanguageModel,
    image_model: ScriptedVisionLanguage,
    behaviour: Behaviour,
    outcome: DraftOutcome,
):
    bedrock.script(behaviour)

    _, report = report_of(language_chain)

    assert report.mode == "composed"
    assert report.language_model is not None
    assert report.language_model.outcome is outcome
    assert bedrock.requests, "the circuit was open: nothing was asked"
    assert report.key_findings


def test_a_model_that_keeps_failing_is_left_alone(
    language_chain: Chain, bedrock: ScriptedLanguageModel, image_model: ScriptedVisionLanguage
):
    bedrock.script(scripted.access_denied())
    asked = []
    for _ in range(7):
        report_of(language_chain)
        asked.append(len(bedrock.requests))

    assert asked[-1] == asked[-2], "the circuit stayed closed"


def test_a_guardrail_that_objects_ends_in_the_fixed_rules(
    language_chain: Chain, bedrock: ScriptedLanguageModel, image_model: ScriptedVisionLanguage
):
    bedrock.guardrail_intervenes = True

    _, report = report_of(language_chain)

    assert report.mode == "composed"
    assert report.language_model is not None
    assert report.language_model.outcome is DraftOutcome.OBJECTED


def test_what_an_image_model_says_stays_unverified_beside_a_drafted_report(
    language_chain: Chain, bedrock: ScriptedLanguageModel, image_model: ScriptedVisionLanguage
):
    image_model.reply = Reply(observations(observation("focal_lesion", "frontal", "left", "high")))

    study, report = report_of(language_chain)

    assert report.mode == "language_model"
    (said,) = report.unverified_observations
    assert "focal lesion" in said.text
    page = language_chain.result(study, "report.md").decode()
    assert "## Unverified observations of an image model" in page
    assert "focal lesion" not in " ".join(s.text for s in report.key_findings)
    # The drafting model is not told: it could only repeat what nobody verified
    assert "lesion" not in json.dumps([json.loads(q.prompt) for q in bedrock.requests])
