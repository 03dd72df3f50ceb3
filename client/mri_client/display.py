"""Showing a study in the terminal."""

from rich.console import Group, RenderableType
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

from mri_analysis.contracts.report import DraftOutcome, LanguageModelUse
from mri_client.executions import STAGES, Execution, Stage
from mri_client.studies import Progress

_DESCRIPTIONS = {
    "PrepareStudy": "check and scrub the upload",
    "SegmentImage": "find and label the brain",
    "CheckQuality": "is the result plausible?",
    "RefuseStudy": "the scan is refused",
    "ImageToText": "measured facts in words",
    "KeepMeasuredDescription": "no answer of the vision-language model in time",
    "EnhanceWithLLM": "retrieve knowledge, write the draft, check it",
    "StoreResults": "one transaction in the database",
    "NotifyUser": "tell subscribers",
    "HandleError": "record what went wrong",
}


def stage_table(progress: Progress) -> RenderableType:
    """The stages of a study: done, running and to come."""
    if progress.execution is None:
        return Spinner("dots", "uploaded, waiting for the pipeline")
    table = Table.grid(padding=(0, 2))
    shown = {stage.name: stage for stage in progress.execution.stages}
    to_come = STAGES if progress.execution.running and "HandleError" not in shown else ()
    for name in [*shown, *(name for name in to_come if name not in shown)]:
        if name in _DESCRIPTIONS:
            table.add_row(*_row(name, shown.get(name)))
    return Group(table, _total(progress.execution))


def draft_line(use: LanguageModelUse) -> str:
    """What became of a language model's draft, in one line."""
    if use.outcome is DraftOutcome.USED:
        return f"A language model ({use.name}) worded the key findings."
    reason = use.reason or "no reason was recorded"
    return f"The language model's draft was not used ({use.outcome.value}): {reason}"


def wrote_something(use: LanguageModelUse) -> bool:
    """Whether the record of drafts holds anything that the model wrote."""
    return use.outcome is not DraftOutcome.UNAVAILABLE or use.attempts > 1


def _row(name: str, stage: Stage | None) -> tuple[RenderableType, ...]:
    description = Text(_DESCRIPTIONS[name], style="dim")
    if stage is None:
        return Text(" "), Text(name, style="dim"), Text(""), description
    if stage.status == "running":
        mark: RenderableType = Spinner("dots")
    else:
        mark = Text("✓", "green") if stage.status == "done" else Text("✗", "red")
    seconds = "" if stage.seconds is None else f"{stage.seconds:.2f} s"
    if stage.attempts > 1:
        seconds += f"  (attempt {stage.attempts})"
    return mark, Text(name, "bold"), Text(seconds, justify="right"), description


def _total(execution: Execution) -> Text:
    return Text("" if execution.seconds is None else f"in all {execution.seconds:.1f} s", "dim")
