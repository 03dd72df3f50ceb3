"""Printing what becomes of several studies: while they are sent, and while they are analysed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn

from mri_analysis.errors import AnalysisError
from mri_client.errors import CommandError
from mri_client.reading_api import ApiProblem
from mri_client.study_access import Bytes, StudyAccess, StudyState
from mri_client.submissions import Outcome, scans_below, send_all
from mri_client.terminal import err, plain, print_json, print_line
from mri_client.watching import follow_states


class NothingToSend(CommandError):
    """A folder without a scan."""

    next_step = "Name files or a folder with NIfTI images (.nii, .nii.gz) or zip archives of DICOM."


def submit_many(
    access: StudyAccess,
    paths: Sequence[Path],
    *,
    resume: bool,
    wait: bool,
    timeout_s: float,
    as_json: bool,
) -> int:
    """Send the scans that ``paths`` name; answer the exit code.

    0: all were sent, and none of their studies is known to have failed. 1: some were refused, or
    failed. 2: the service did not answer; the same command goes on there.
    """
    scans, passed_over = scans_below(paths)
    if not scans:
        raise NothingToSend(f"{', '.join(map(str, paths))}: no scan there.")
    outcomes: list[Outcome] = []
    with _bars(quiet=as_json) as progress:
        for outcome in send_all(access, scans, resume=resume, progress=progress):
            outcomes.append(outcome)
            if not as_json:
                _print_outcome(outcome, len(outcomes), len(scans))
    ended: Exception | None = None
    if wait:
        job_ids = [outcome.job_id for outcome in outcomes if outcome.job_id]
        states = {}
        try:
            for state in follow_states(access, job_ids, timeout_s):
                states[state.job_id] = state
                if not as_json:
                    print_state(state)
        except (CommandError, AnalysisError, ApiProblem) as error:
            if not as_json:
                raise
            ended = error  # told beside the ids: without them nobody could go on
        outcomes = [
            replace(outcome, state=states.get(outcome.job_id or "")) for outcome in outcomes
        ]
    counts = _counts(outcomes)
    if as_json:
        files = [outcome.document() for outcome in outcomes]
        document: dict[str, Any] = {
            "files": files,
            "skipped": passed_over,
            "summary": counts,
        }
        if isinstance(ended, (CommandError, AnalysisError, ApiProblem)):
            document["error"] = {
                "code": ended.code,
                "message": str(ended),
                "next_step": ended.next_step,
            }
        print_json({"schema_version": 1, **document})
    else:
        _print_summary(outcomes, passed_over, counts)
    if ended is not None:
        return 2
    if any(outcome.trouble is not None and outcome.trouble.stops for outcome in outcomes):
        return 2
    return 1 if counts["failed"] else 0


def watch_many(
    access: StudyAccess, given: Sequence[str], *, timeout_s: float, as_json: bool
) -> int:
    """Print each change of these studies, or of those that run, until all have ended.

    Answers the exit code: 1 where one of them failed.
    """
    if given:
        job_ids = [access.whole_id(job_id) for job_id in given]
    else:
        job_ids = [state.job_id for state in access.newest(_MOST_WATCHED) if _runs(state)]
        if not job_ids and not as_json:
            print_line("no study is being analysed")
    failed = False
    for state in follow_states(access, job_ids, timeout_s):
        failed = failed or state.failed
        if as_json:
            print_json({"schema_version": 1, **state.document()}, indent=None)
        else:
            print_state(state)
    return 1 if failed else 0


def print_state(state: StudyState) -> None:
    """One line, which a pipe gets at once."""
    moment = f"{state.updated_at:%Y-%m-%d %H:%M:%S} UTC" if state.updated_at else "-"
    print_line(f"{moment}  {state.job_id}  {_words(state)}")


_MOST_WATCHED = 100


def _runs(state: StudyState) -> bool:
    return not state.ended and state.status.value != "awaiting_upload"


def _words(state: StudyState) -> str:
    if state.error is None:
        return state.status.value
    return (
        f"{state.status.value}  {state.error.code}: {state.error.message} "
        f"Next: {state.error.next_step}"
    )


def _print_outcome(outcome: Outcome, number: int, of: int) -> None:
    start = f"[{number}/{of}]  {outcome.file}"
    if outcome.trouble is not None:
        told = outcome.trouble
        err.print(plain(f"{start}  {told.code}: {told.message} Next: {told.next_step}"))
        return
    if not outcome.was_there:
        said = "sent"
    else:
        said = "there already" + (f", {_words(outcome.state)}" if outcome.state else "")
    print_line(f"{start}  job {outcome.job_id}  {said}")


def _counts(outcomes: Iterable[Outcome]) -> dict[str, int]:
    counts = {"files": 0, "sent": 0, "there_already": 0, "not_sent": 0, "failed": 0}
    for outcome in outcomes:
        counts["files"] += 1
        if outcome.trouble is not None:
            counts["not_sent"] += 1
        else:
            counts["there_already" if outcome.was_there else "sent"] += 1
        counts["failed"] += outcome.failed
    return counts


def _print_summary(
    outcomes: Sequence[Outcome], passed_over: Sequence[dict[str, str]], counts: dict[str, int]
) -> None:
    for passed in passed_over:
        err.print(plain(f"skipped: {passed['file']}: {passed['reason']}"))
    analysed = sum(outcome.trouble is None and outcome.failed for outcome in outcomes)
    print_line(
        f"{counts['files']} scans: {counts['sent']} sent, {counts['there_already']} there already, "
        f"{counts['not_sent']} not sent" + (f"; {analysed} failed" if analysed else "")
    )
    if counts["not_sent"]:
        print_line("The same command again sends what is missing.")
    if analysed:
        print_line("A failed study is analysed again by `mri retry JOB`.")


@contextmanager
def _bars(quiet: bool) -> Iterator[Callable[[Path], Bytes]]:
    """Bytes of the file that is being sent, on a terminal; a pipe gets the line of each file."""
    columns = (TextColumn("{task.description}", markup=False), BarColumn(), DownloadColumn())
    shown = Progress(*columns, console=err, transient=True, disable=quiet or not err.is_terminal)
    with shown:
        task = shown.add_task("", total=None)

        def of_file(scan: Path) -> Bytes:
            shown.reset(task, description=scan.name)

            def sent(done: int, size: int) -> None:
                shown.update(task, completed=done, total=size)

            return sent

        yield of_file
