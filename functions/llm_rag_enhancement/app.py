"""Writes the cited draft report (state ``EnhanceWithLLM``)."""

import time
from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext
from botocore.exceptions import BotoCoreError, ClientError

from mri_analysis import wiring
from mri_analysis.contracts.report import DraftOutcome, LanguageModelUse
from mri_analysis.contracts.tasks import ReportReference, ReportTask
from mri_analysis.errors import AnalysisError
from mri_analysis.keys import StudyKeys
from mri_analysis.observability import logger, metrics, study_context, tracer
from mri_analysis.use_cases.draft_report import UnreachableModel, Writer
from mri_analysis.use_cases.write_report import write_report

_METRICS = {
    DraftOutcome.USED: "LanguageModelDraftUsed",
    DraftOutcome.UNAVAILABLE: "LanguageModelUnavailable",
    DraftOutcome.UNUSABLE: "LanguageModelAnswerUnusable",
    DraftOutcome.UNSUPPORTED: "LanguageModelDraftUnsupported",
    DraftOutcome.OBJECTED: "GuardrailObjected",
}


@logger.inject_lambda_context(log_event=False)
@tracer.capture_lambda_handler(capture_response=False)
@metrics.log_metrics(capture_cold_start_metric=True)
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Write ``report.json`` and ``report.md``; answer their keys."""
    started = time.perf_counter()
    task = ReportTask.model_validate(event)
    study_context(task)
    report = write_report(
        task,
        results=wiring.results(),
        jobs=wiring.jobs(),
        knowledge=wiring.knowledge(),
        writer=_writer(),
    )
    if report.language_model is not None:
        _measure(report.language_model)
    keys = StudyKeys(task.organization_id, task.job_id)
    return ReportReference(
        report_key=keys.report,
        report_markdown_key=keys.report_markdown,
        seconds=round(time.perf_counter() - started, 3),
    ).model_dump()


def _writer() -> Writer | None:
    """The model as it is set; one that cannot be set up counts as one that does not answer."""
    try:
        model = wiring.language_model()
        guardrail = wiring.output_guardrail() if model else None
    except AnalysisError as error:
        logger.error("the language model cannot be set up", reason=str(error))
        return Writer(UnreachableModel(str(error)))
    except (BotoCoreError, ClientError) as error:
        # What a service says may quote the request: its name is enough.
        logger.error("the language model cannot be set up", error=type(error).__name__)
        return Writer(UnreachableModel())
    return None if model is None else Writer(model, guardrail, wiring.token_prices())


def _measure(use: LanguageModelUse) -> None:
    """Count what became of the draft; rules are named, words of the model never."""
    logger.info(
        "language model asked",
        outcome=use.outcome.value,
        reason=use.reason,
        attempts=use.attempts,
        seconds=use.seconds,
        broken_rules=use.broken_rules,
    )
    metrics.add_metric(name=_METRICS[use.outcome], unit="Count", value=1)
    tokens = (use.input_tokens, use.cached_input_tokens, use.output_tokens)
    if None not in tokens:
        total = sum(count or 0 for count in tokens)
        metrics.add_metric(name="LanguageModelTokens", unit="Count", value=total)
    metrics.add_metric(name="LanguageModelViolations", unit="Count", value=len(use.broken_rules))
