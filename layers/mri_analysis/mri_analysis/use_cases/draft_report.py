"""Let a language model draft a report, and keep the draft only if nothing in it is unsupported.

A draft that breaks a rule of the guard gets one more attempt with the violations. After that, and
whenever the model does not answer, the composed report stands. A language model can make a report
better; it can never fail a study.
"""

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

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
from mri_analysis.reporting.drafting import (
    PROMPT_VERSION,
    as_report,
    draft_request,
    in_draft,
    unfilled,
)
from mri_analysis.reporting.evidence import Evidence
from mri_analysis.reporting.guard import Violation, check_report
from mri_analysis.reporting.model_cost import TokenPrices, cost_usd

MOST_ATTEMPTS = 2
_LONGEST_KEPT = 20_000
"""Characters of an answer that is no draft: enough to see what a model does instead."""

_NOT_ITS_FORM = "The language model's answer is not of the form asked for."
_Number = TypeVar("_Number", int, float)

Compose = Callable[[LanguageModelUse], Report]
"""Writes the report of the fixed rules, telling what became of the model."""

Render = Callable[[Report], str]


class UnreachableModel:
    """Stands for a model whose settings, key or secret could not be read."""

    name = "not set up"

    def __init__(self, reason: str = "The language model is not set up as it must be.") -> None:
        self._reason = reason

    def draft(self, request: DraftRequest) -> DraftAnswer:
        raise LanguageModelUnavailable(self._reason)


@dataclass(frozen=True)
class Writer:
    """A language model with what belongs to its use."""

    model: LanguageModel
    guardrail: OutputGuardrail | None = None
    prices: TokenPrices = field(default_factory=TokenPrices)


@dataclass
class _Tally:
    """What the attempts used, and what became of each."""

    name: str
    prices: TokenPrices
    attempts: int = 0
    answers: list[DraftAnswer] = field(default_factory=list)
    seconds: float = 0.0
    broken_rules: set[str] = field(default_factory=set)
    drafts: list[dict[str, Any]] = field(default_factory=list)

    def ask(self, model: LanguageModel, request: DraftRequest) -> DraftAnswer:
        """One attempt; its seconds are counted also where it ends in an error."""
        self.attempts += 1
        started = time.perf_counter()
        try:
            answer = model.draft(request)
        except Exception:
            self.seconds += time.perf_counter() - started
            raise
        self.seconds += answer.seconds
        self.answers.append(answer)
        return answer

    def failed(self, reason: str, answer: str = "") -> None:
        """Keep for the record that the last attempt gave no draft, and what came instead."""
        kept = answer[:_LONGEST_KEPT] or None
        self.drafts.append({"draft": None, "answer": kept, "violations": [], "reason": reason})

    def use(self, outcome: DraftOutcome, reason: str | None = None) -> LanguageModelUse:
        cost = self._sum([cost_usd(answer, self.prices) for answer in self.answers])
        return LanguageModelUse(
            name=self.name,
            prompt_version=PROMPT_VERSION,
            outcome=outcome,
            reason=reason,
            attempts=self.attempts,
            broken_rules=sorted(self.broken_rules),
            input_tokens=self._sum([answer.input_tokens for answer in self.answers]),
            output_tokens=self._sum([answer.output_tokens for answer in self.answers]),
            cached_input_tokens=self._sum([answer.cached_input_tokens for answer in self.answers]),
            cost_usd=None if cost is None else round(cost, 6),
            seconds=round(self.seconds, 3),
        )

    def _sum(self, told: Sequence[_Number | None]) -> _Number | None:
        """The sum over all attempts; None where one of them did not tell."""
        known = [figure for figure in told if figure is not None]
        return sum(known[1:], known[0]) if known and len(known) == self.attempts else None


@dataclass(frozen=True)
class Drafted:
    """The report to keep, and every draft for the record."""

    report: Report
    drafts: list[dict[str, Any]]


def draft_report(evidence: Evidence, writer: Writer, compose: Compose, render: Render) -> Drafted:
    """Ask for a draft, check it, and answer the drafted report or the composed one."""
    tally = _Tally(writer.model.name, writer.prices)
    violations: Sequence[Violation] = ()

    def without(outcome: DraftOutcome, reason: str) -> Drafted:
        return Drafted(compose(tally.use(outcome, reason)), tally.drafts)

    while tally.attempts < MOST_ATTEMPTS:
        try:
            answer = tally.ask(writer.model, draft_request(evidence, violations))
            draft = Draft.model_validate(answer.content)
        except LanguageModelUnavailable as error:
            tally.failed(str(error))
            return without(DraftOutcome.UNAVAILABLE, str(error))
        except (LanguageModelAnswerUnusable, ValidationError) as error:
            # Its form is forced by a schema: the same question would get the same answer.
            # A validation error quotes the answer, and no word of it may be repeated.
            if isinstance(error, ValidationError):
                reason, instead = _NOT_ITS_FORM, json.dumps(answer.content, ensure_ascii=False)
            else:
                reason, instead = str(error), error.answer
            tally.failed(reason, instead)
            return without(DraftOutcome.UNUSABLE, reason)
        use = tally.use(DraftOutcome.USED)
        report, found = as_report(draft, compose(use), evidence, use)
        checked = in_draft(check_report(report, evidence), draft, evidence)
        known = unfilled(found)  # the guard would report each brace of them
        violations = [*found, *(violation for violation in checked if violation.where not in known)]
        tally.drafts.append(_record(draft, violations))
        if not violations:
            objection = _objection(writer.guardrail, render(report), evidence)
            if objection is not None:
                return without(DraftOutcome.OBJECTED, objection)
            return Drafted(report, tally.drafts)
        tally.broken_rules |= {violation.rule for violation in violations}
    rules = ", ".join(sorted(tally.broken_rules))
    return without(
        DraftOutcome.UNSUPPORTED, f"The drafts broke rules of the guard in all attempts: {rules}."
    )


def _objection(guardrail: OutputGuardrail | None, text: str, evidence: Evidence) -> str | None:
    """Why the guardrail keeps the report back; None where it lets it pass or there is none."""
    if guardrail is None:
        return None
    sources = [
        *(finding.text for finding in evidence.findings()),
        *(passage.text for passage in evidence.passages().values()),
    ]
    try:
        return "The guardrail objected." if guardrail.intervenes(text, sources) else None
    except LanguageModelUnavailable as error:
        # A report that should have been read and was not is not kept.
        return f"The guardrail could not be asked: {error}"


def _record(draft: Draft, violations: Sequence[Violation]) -> dict[str, Any]:
    return {
        "draft": draft.model_dump(),
        "answer": None,
        "violations": [
            {"rule": violation.rule, "where": violation.where, "message": violation.message}
            for violation in violations
        ],
        "reason": None,
    }
