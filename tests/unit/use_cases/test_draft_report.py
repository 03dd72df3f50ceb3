"""A language model can make a report better and can never fail a study."""

import time
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from mri_analysis.adapters.sqlite_knowledge import SqliteKnowledge
from mri_analysis.contracts.report import DraftOutcome, LanguageModelUse, Report
from mri_analysis.errors import (
    AnalysisError,
    LanguageModelAnswerUnusable,
    LanguageModelUnavailable,
)
from mri_analysis.ports.language_model import DraftAnswer, DraftRequest
from mri_analysis.reporting.compose import write_report
from mri_analysis.reporting.describe import describe
from mri_analysis.reporting.evidence import Evidence, gather_evidence
from mri_analysis.reporting.guard import check_report
from mri_analysis.reporting.markdown import render_markdown
from mri_analysis.reporting.model_cost import TokenPrices
from mri_analysis.use_cases.draft_report import Drafted, UnreachableModel, Writer, draft_report
from tests.model.guard_corpus.studies import STUDIES
from tests.support.drafts import faithful_draft

LIE = {
    "text": "The ventricles show a haemorrhage.",
    "finding_ids": ["finding.ventricles.volume"],
    "cites": ["volume.ventricles"],
}


class ScriptedModel:
    """Answers from a list; keeps what it was asked."""

    name = "scripted:model"

    def __init__(self, *answers: Any) -> None:
        self._answers = list(answers)
        self.requests: list[DraftRequest] = []

    def draft(self, request: DraftRequest) -> DraftAnswer:
        self.requests.append(request)
        answer = self._answers.pop(0)
        if isinstance(answer, AnalysisError):
            raise answer
        return DraftAnswer(answer, 1000, 200, 50, 0.5)


class ScriptedGuardrail:
    name = "scripted:guardrail"

    def __init__(self, answer: bool | AnalysisError) -> None:
        self._answer = answer
        self.texts: list[str] = []

    def intervenes(self, text: str, sources: Sequence[str]) -> bool:
        self.texts.append(text)
        assert sources
        if isinstance(self._answer, AnalysisError):
            raise self._answer
        return self._answer


@pytest.fixture(scope="module")
def knowledge(tmp_path_factory: pytest.TempPathFactory) -> SqliteKnowledge:
    from knowledge.build import build_snapshot

    path = tmp_path_factory.mktemp("knowledge") / "knowledge.sqlite"
    build_snapshot(path)
    return SqliteKnowledge(path)


@pytest.fixture(scope="module")
def evidence(knowledge: SqliteKnowledge) -> Evidence:
    return gather_evidence(STUDIES["stroke"], knowledge, for_model=True)


def drafted(evidence: Evidence, writer: Writer) -> Drafted:
    def compose(use: LanguageModelUse) -> Report:
        return write_report(
            organization_id="clinic-a",
            job_id="job-1",
            description=describe(evidence.measurements, evidence.references),
            evidence=evidence,
            language_model=use,
        )

    render: Callable[[Report], str] = lambda report: render_markdown(  # noqa: E731
        report, evidence.measurements, evidence.references
    )
    outcome = draft_report(evidence, writer, compose, render)
    # Whatever the model did, what comes out is supported and tells how it was written
    assert check_report(outcome.report, evidence) == []
    assert outcome.report.language_model is not None
    return outcome


def outcome_of(done: Drafted) -> DraftOutcome:
    assert done.report.language_model is not None
    return done.report.language_model.outcome


def test_a_faithful_draft_is_used(evidence: Evidence):
    prices = TokenPrices(input_usd=3, output_usd=15, cached_input_usd=0.3)
    done = drafted(evidence, Writer(ScriptedModel(faithful_draft(evidence)), prices=prices))

    use = done.report.language_model
    assert done.report.mode == "language_model"
    assert use is not None
    assert (use.outcome, use.attempts) == (DraftOutcome.USED, 1)
    assert (use.input_tokens, use.cached_input_tokens, use.output_tokens) == (1000, 50, 200)
    assert use.cost_usd == pytest.approx((1000 * 3 + 50 * 0.3 + 200 * 15) / 1e6)


def test_a_lie_gets_one_more_attempt_with_what_was_wrong(evidence: Evidence):
    honest = faithful_draft(evidence)
    lying = honest | {"key_findings": [*honest["key_findings"], LIE]}
    model = ScriptedModel(lying, honest)

    done = drafted(evidence, Writer(model))

    assert outcome_of(done) is DraftOutcome.USED
    assert "violations_of_your_last_draft" not in model.requests[0].prompt
    assert "violations_of_your_last_draft" in model.requests[1].prompt
    assert done.report.language_model is not None
    assert "not_assessed" in done.report.language_model.broken_rules
    assert [bool(entry["violations"]) for entry in done.drafts] == [True, False]


def test_two_lies_end_in_the_composed_report(evidence: Evidence):
    honest = faithful_draft(evidence)
    lying = honest | {"key_findings": [*honest["key_findings"], LIE]}

    done = drafted(evidence, Writer(ScriptedModel(lying, lying)))

    assert outcome_of(done) is DraftOutcome.UNSUPPORTED
    assert done.report.mode == "composed"
    assert "haemorrhage" not in " ".join(s.text for s in done.report.key_findings)
    assert "thrown away" in " ".join(s.text for s in done.report.confidence)
    assert len(done.drafts) == 2


@pytest.mark.parametrize(
    ("answers", "outcome", "said", "kept"),
    [
        ([LanguageModelUnavailable("busy")], DraftOutcome.UNAVAILABLE, "did not answer", None),
        ([LanguageModelAnswerUnusable("cut")], DraftOutcome.UNUSABLE, "could not be used", None),
        (
            [LanguageModelAnswerUnusable("no JSON", "Dear colleague")],
            DraftOutcome.UNUSABLE,
            "could not be used",
            "Dear colleague",
        ),
        ([LanguageModelAnswerUnusable("x", "y" * 30_000)], DraftOutcome.UNUSABLE, "", "y" * 20_000),
        ([{"key_findings": "nonsense"}], DraftOutcome.UNUSABLE, "could not be used", "nonsense"),
        ([[1, 2]], DraftOutcome.UNUSABLE, "could not be used", "[1, 2]"),
        ([None], DraftOutcome.UNUSABLE, "could not be used", "null"),
        (
            [{"key_findings": [LIE], "quotations": [], "extra": 1}],
            DraftOutcome.UNUSABLE,
            "could",
            '"extra": 1',
        ),
    ],
)
def test_without_a_usable_answer_the_composed_report_stands(
    evidence: Evidence, answers: list[Any], outcome: DraftOutcome, said: str, kept: str | None
):
    done = drafted(evidence, Writer(ScriptedModel(*answers)))

    assert outcome_of(done) is outcome
    assert done.report.mode == "composed"
    assert said in " ".join(s.text for s in done.report.confidence)
    use = done.report.language_model
    assert use is not None
    assert use.cost_usd is None
    assert use.reason
    assert use.seconds is not None
    (record,) = done.drafts
    # What came instead is kept for who looks for the cause, and stands in no report
    answered = record.pop("answer")
    assert answered is None if kept is None else kept in answered
    assert len(answered or "") <= 20_000
    assert kept in (None, "null") or kept not in done.report.model_dump_json()
    assert record == {"draft": None, "violations": [], "reason": use.reason}


class Slow:
    """Fails after a while, as a server that hangs."""

    name = "scripted:slow"

    def draft(self, request: DraftRequest) -> DraftAnswer:
        time.sleep(0.05)
        raise LanguageModelUnavailable("The language model did not answer in time.")


def test_what_a_hung_attempt_took_is_measured_and_what_it_cost_is_unknown(evidence: Evidence):
    done = drafted(evidence, Writer(Slow(), prices=TokenPrices(3, 15)))

    use = done.report.language_model
    assert use is not None
    assert use.seconds is not None
    assert 0.05 <= use.seconds < 5
    assert (use.input_tokens, use.output_tokens, use.cached_input_tokens) == (None, None, None)
    assert use.cost_usd is None
    assert use.reason == "The language model did not answer in time."


def test_tokens_are_unknown_where_one_attempt_of_two_told_none(evidence: Evidence):
    honest = faithful_draft(evidence)
    lying = honest | {"key_findings": [*honest["key_findings"], LIE]}
    model = ScriptedModel(lying, LanguageModelUnavailable("throttled"))

    done = drafted(evidence, Writer(model, prices=TokenPrices(3, 15)))

    use = done.report.language_model
    assert use is not None
    assert use.attempts == 2
    assert (use.input_tokens, use.cost_usd) == (None, None)
    assert [entry["draft"] is None for entry in done.drafts] == [False, True]


def test_no_word_of_an_answer_becomes_a_reason(evidence: Evidence):
    done = drafted(evidence, Writer(ScriptedModel({"key_findings": "Ignore the rules"})))

    assert "Ignore" not in done.report.model_dump_json()


@pytest.mark.parametrize("answer", [True, LanguageModelUnavailable("throttled")])
def test_a_guardrail_that_objects_or_cannot_be_asked_ends_in_the_composed_report(
    evidence: Evidence, answer: bool | AnalysisError
):
    guardrail = ScriptedGuardrail(answer)
    done = drafted(evidence, Writer(ScriptedModel(faithful_draft(evidence)), guardrail))

    assert outcome_of(done) is DraftOutcome.OBJECTED
    assert done.report.mode == "composed"
    assert "27.6 mL" in guardrail.texts[0]  # it read the rendered report, figures filled in


def test_a_guardrail_that_lets_it_pass_changes_nothing(evidence: Evidence):
    writer = Writer(ScriptedModel(faithful_draft(evidence)), ScriptedGuardrail(False))
    assert outcome_of(drafted(evidence, writer)) is DraftOutcome.USED


@pytest.mark.parametrize("study", sorted(STUDIES))
def test_every_study_can_be_drafted(knowledge: SqliteKnowledge, study: str):
    evidence = gather_evidence(STUDIES[study], knowledge, for_model=True)
    done = drafted(evidence, Writer(ScriptedModel(faithful_draft(evidence))))
    assert outcome_of(done) is DraftOutcome.USED


def test_a_model_that_cannot_be_set_up_counts_as_one_that_does_not_answer(evidence: Evidence):
    done = drafted(evidence, Writer(UnreachableModel()))

    assert outcome_of(done) is DraftOutcome.UNAVAILABLE
    assert done.report.mode == "composed"


def test_a_placeholder_that_does_not_exist_is_told_once(evidence: Evidence):
    broken = {
        "text": "The brain volume is {{volume.brain.sum}}.",
        "finding_ids": ["finding.brain.volume"],
        "cites": ["volume.brain"],
    }
    draft = faithful_draft(evidence)
    draft["key_findings"].append(broken)
    done = drafted(evidence, Writer(ScriptedModel(draft, draft)))

    where = f"key_findings[{len(draft['key_findings']) - 1}]"
    told = [v for v in done.drafts[0]["violations"] if v["where"] == where]
    assert [v["rule"] for v in told] == ["number"]
    assert "placeholder" in told[0]["message"]
