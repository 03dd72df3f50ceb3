"""Let a language model draft a report, and keep the draft only if nothing in it is unsupported.

A draft that breaks a rule of the guard gets one more attempt with the violations. After that, and
whenever the model does not answer, the composed report stands. A language model can make a report
better; it can never fail a study.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from pydantic import ValidationError

from mri_analysis.contracts.draft import Draft
from mri_analysis.contracts.report import DraftOutcome, LanguageModelUse, Report
from mri_analysis.errors import LanguageModelAnswerUnusable, LanguageModelUnavailable
from mri_analysis.ports.language_model import (
    DraftAnswer,
    DraftRequest,
    LanguageModel,
    OutputGuardrail,
)
from mri_analysis.reporting.drafting import PROMPT_VERSION, as_report, draft_request
from mri_analysis.reporting.evidence import Evidence
from mri_analysis.reporting.guard import Violation, check_report
from mri_analysis.reporting.model_cost import TokenPrices, cost_usd

MOST_ATTEMPTS = 2

Compose = Callable[[LanguageModelUse], Report]
"""Writes the report of the fixed rules, telling what became of the model."""

Render = Callable[[Report], str]


class UnreachableModel:
    """Stands for a model whose settings, key or secret could not be read."""

    name = "not set up"

    def draft(self, request: DraftRequest) -> DraftAnswer:
        raise LanguageModelUnavailable("The language model is not set up as it must be.")


@dataclass(frozen=True)
class Writer:
    """A language model with what belongs to its use."""

    model: LanguageModel
    guardrail: OutputGuardrail | None = None
    prices: TokenPrices = field(default_factory=TokenPrices)


@dataclass
class _Tally:
    """What the attempts used."""

    name: str
    prices: TokenPrices
    attempts: int = 0
    answers: list[DraftAnswer] = field(default_factory=list)
    broken_rules: set[str] = field(default_factory=set)

    def use(self, outcome: DraftOutcome) -> LanguageModelUse:
        costs = [cost_usd(answer, self.prices) for answer in self.answers]
        known = [cost for cost in costs if cost is not None]
        return LanguageModelUse(
            name=self.name,
            prompt_version=PROMPT_VERSION,
            outcome=outcome,
            attempts=self.attempts,
            broken_rules=sorted(self.broken_rules),
            input_tokens=sum(answer.input_tokens for answer in self.answers),
            output_tokens=sum(answer.output_tokens for answer in self.answers),
            cached_input_tokens=sum(answer.cached_input_tokens for answer in self.answers),
            cost_usd=round(sum(known), 6) if known and len(known) == len(costs) else None,
            seconds=round(sum(answer.seconds for answer in self.answers), 3),
        )


@dataclass(frozen=True)
class Drafted:
    """The report to keep, and every draft for the record."""

    report: Report
    drafts: list[dict[str, Any]]


def draft_report(evidence: Evidence, writer: Writer, compose: Compose, render: Render) -> Drafted:
    """Ask for a draft, check it, and answer the drafted report or the composed one."""
    tally = _Tally(writer.model.name, writer.prices)
    drafts: list[dict[str, Any]] = []
    violations: Sequence[Violation] = ()
    while tally.attempts < MOST_ATTEMPTS:
        tally.attempts += 1
        try:
            answer = writer.model.draft(draft_request(evidence, violations))
            tally.answers.append(answer)
            draft = Draft.model_validate(answer.content)
        except LanguageModelUnavailable:
            return Drafted(compose(tally.use(DraftOutcome.UNAVAILABLE)), drafts)
        except (LanguageModelAnswerUnusable, ValidationError):
            # Its form is forced by a schema: the same question would get the same answer.
            return Drafted(compose(tally.use(DraftOutcome.UNUSABLE)), drafts)
        use = tally.use(DraftOutcome.USED)
        report, found = as_report(draft, compose(use), evidence, use)
        violations = [*found, *check_report(report, evidence)]
        drafts.append(_record(draft, violations))
        if not violations:
            if _objects(writer.guardrail, render(report), evidence):
                return Drafted(compose(tally.use(DraftOutcome.OBJECTED)), drafts)
            return Drafted(report, drafts)
        tally.broken_rules |= {violation.rule for violation in violations}
    return Drafted(compose(tally.use(DraftOutcome.UNSUPPORTED)), drafts)


def _objects(guardrail: OutputGuardrail | None, text: str, evidence: Evidence) -> bool:
    if guardrail is None:
        return False
    sources = [
        *(finding.text for finding in evidence.findings()),
        *(passage.text for passage in evidence.passages().values()),
    ]
    try:
        return guardrail.intervenes(text, sources)
    except LanguageModelUnavailable:
        return True  # a report that should have been read and was not is not kept


def _record(draft: Draft, violations: Sequence[Violation]) -> dict[str, Any]:
    return {
        "draft": draft.model_dump(),
        "violations": [
            {"rule": violation.rule, "where": violation.where, "message": violation.message}
            for violation in violations
        ],
    }
