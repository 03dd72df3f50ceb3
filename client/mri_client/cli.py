"""The command ``mri``.

Exit codes: 0 done, 1 the study failed, 2 the command could not do its work (wrong use, no stack,
no such job, waited too long).
"""

import json
import logging
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.live import Live
from rich.markdown import Markdown
from typer.completion import get_completion_script  # type: ignore[attr-defined]

from mri_analysis.contracts.api import ExportFile
from mri_analysis.contracts.report import LanguageModelUse, Report
from mri_client.bids import write_dataset
from mri_client.display import draft_line, stage_table, wrote_something
from mri_client.knowledge_commands import app as knowledge_commands
from mri_client.many_studies import submit_many, watch_many
from mri_client.operator_access import OperatorAccess
from mri_client.review_commands import add_to as add_review_commands
from mri_client.review_commands import signed_in_api
from mri_client.signed_in_access import SignedInAccess
from mri_client.signed_in_studies import get_files, retry_study, show_status
from mri_client.stack import Stack, StackUnreachable
from mri_client.studies import (
    DRAFTS,
    Progress,
    Submission,
    fetch,
    find_job_id,
    follow,
    known_organization,
    language_model_use,
    progress,
    retry,
    submit,
)
from mri_client.study_access import StudyAccess
from mri_client.terminal import (
    AsJson,
    Commands,
    JobId,
    err,
    out,
    plain,
    print_json,
    print_line,
    print_table,
    reported,
)

app = typer.Typer(
    name="mri",
    cls=Commands,
    help="Brain MRI in, measured and cited draft report out.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
app.add_typer(knowledge_commands)

StackFile = Annotated[
    Path | None,
    typer.Option("--stack", help="Stack file; default $MRI_STACK or out/local/stack.json."),
]
Organization = Annotated[str, typer.Option("--organization", help="Whose study it is.")]
SignedIn = Annotated[
    bool,
    typer.Option("--signed-in", help="Over the REST API, as the person of `mri login`."),
]
Timeout = Annotated[float, typer.Option("--timeout", min=0, help="Seconds to wait at most.")]

_ORGANIZATION = "demo"


class Shell(StrEnum):
    """Shells that complete."""

    BASH = "bash"
    ZSH = "zsh"
    FISH = "fish"


@app.callback()
def quietly(context: typer.Context) -> None:
    """Brain MRI in, measured and cited draft report out."""
    # The layer logs for machines, on standard output; a person gets a sentence instead. By name,
    # because importing the logger costs half a second, and while the command runs: the functions
    # of a local stack are processes of their own, other callers of this module are not.
    if "POWERTOOLS_LOG_LEVEL" not in os.environ:
        name = os.environ.get("POWERTOOLS_SERVICE_NAME", "service_undefined")
        log = logging.getLogger(name)
        log.addFilter(_nothing)
        context.call_on_close(lambda: log.removeFilter(_nothing))


def _nothing(record: logging.LogRecord) -> bool:
    return False


@app.command("submit")
def submit_command(
    paths: Annotated[
        list[Path], typer.Argument(help="NIfTI images, zip archives of DICOM, or folders of them.")
    ],
    wait: Annotated[
        bool, typer.Option("--wait", help="Show the stages until the study ends.")
    ] = False,
    resume: Annotated[
        bool | None,
        typer.Option(
            "--resume/--new",
            help="Whether content that arrived before is left as it is; by default of several "
            "files and of folders, not of one file.",
        ),
    ] = None,
    subject: Annotated[
        str | None,
        typer.Option(
            "--subject",
            help="Patient number or study code that all these scans are of, with --signed-in. "
            "Links studies of one subject; only a keyed hash of it is kept.",
        ),
    ] = None,
    organization: Organization = _ORGANIZATION,
    timeout: Timeout = 1800,
    stack_file: StackFile = None,
    signed_in: SignedIn = False,
    as_json: AsJson = False,
) -> None:
    """Submit scans. Of several, each is told; the same command again sends what is missing."""
    many = len(paths) > 1 or paths[0].is_dir() or resume is not None
    with reported(as_json):
        if subject is not None and not signed_in:
            raise typer.BadParameter("--subject goes with --signed-in.")
        if not many and not signed_in:
            stack = Stack.load(stack_file)
            submission = submit(stack, paths[0], organization)
            _follow_or_tell(stack, submission, wait, timeout, as_json)
            return
        with _access(signed_in, stack_file, organization, subject) as access:
            status = submit_many(
                access,
                paths,
                resume=many and resume is not False,
                wait=wait,
                timeout_s=timeout,
                as_json=as_json,
            )
    raise typer.Exit(status)


@app.command("watch")
def watch_command(
    job_ids: Annotated[
        list[str] | None,
        typer.Argument(help="Jobs, or how their ids begin; without them all that run."),
    ] = None,
    organization: Organization = _ORGANIZATION,
    timeout: Timeout = 1800,
    stack_file: StackFile = None,
    signed_in: SignedIn = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON document a line.")
    ] = False,
) -> None:
    """Follow jobs until each has ended: a line for each change."""
    with reported(as_json), _access(signed_in, stack_file, organization) as access:
        status = watch_many(access, job_ids or [], timeout_s=timeout, as_json=as_json)
    raise typer.Exit(status)


@app.command()
def completion(
    shell: Annotated[Shell, typer.Argument(help="The shell that you type in.")],
    as_json: AsJson = False,
) -> None:
    """Print what makes a shell complete these commands.

    For bash: put `source <(mri completion bash)` into ~/.bashrc.
    """
    script = get_completion_script(prog_name="mri", complete_var="_MRI_COMPLETE", shell=shell.value)
    if as_json:
        print_json({"schema_version": 1, "shell": shell.value, "script": script})
    else:
        print(script)


@contextmanager
def _access(
    signed_in: bool, stack_file: Path | None, organization: str, subject: str | None = None
) -> Iterator[StudyAccess]:
    if signed_in:
        with _signed_in(stack_file, organization, subject) as access:
            yield access
    else:
        yield OperatorAccess(Stack.load(stack_file), organization)


@contextmanager
def _signed_in(
    stack_file: Path | None, organization: str, subject: str | None = None
) -> Iterator[SignedInAccess]:
    if stack_file is not None or organization != _ORGANIZATION:
        raise typer.BadParameter("--signed-in goes without --stack and --organization.")
    with signed_in_api() as api:
        yield SignedInAccess(api, subject)


@app.command("retry")
def retry_command(
    job_id: JobId,
    series: Annotated[
        int | None, typer.Option(min=1, help="Of a DICOM upload: the series to analyse.")
    ] = None,
    wait: Annotated[bool, typer.Option("--wait", help="Show the stages until it ends.")] = False,
    organization: Organization = _ORGANIZATION,
    timeout: Timeout = 1800,
    stack_file: StackFile = None,
    signed_in: SignedIn = False,
    as_json: AsJson = False,
) -> None:
    """Analyse the upload of a failed job again."""
    with reported(as_json):
        if signed_in:
            with _signed_in(stack_file, organization) as access:
                status = retry_study(
                    access,
                    job_id,
                    series=series,
                    wait=wait,
                    timeout_s=timeout,
                    as_json=as_json,
                )
            raise typer.Exit(status)
        stack = Stack.load(stack_file)
        job_id = find_job_id(stack, known_organization(organization), job_id)
        again = retry(stack, organization, job_id, series)
        _follow_or_tell(stack, again, wait, timeout, as_json)


@app.command()
def status(
    job_id: Annotated[str | None, typer.Argument(help="A job; without it the newest ones.")] = None,
    organization: Organization = _ORGANIZATION,
    stack_file: StackFile = None,
    signed_in: SignedIn = False,
    as_json: AsJson = False,
) -> None:
    """Show one job with its stages, or the newest jobs."""
    with reported(as_json):
        if signed_in:
            with _signed_in(stack_file, organization) as access:
                raise typer.Exit(show_status(access, job_id, as_json=as_json))
        stack = Stack.load(stack_file)
        known_organization(organization)
        if job_id is None:
            _print_jobs(stack, organization, as_json)
            return
        job_id = find_job_id(stack, organization, job_id)
        now = progress(stack, organization, job_id)
    if as_json:
        print_json(_document(job_id, now))
    else:
        print_table(stage_table(now))
        _print_outcome(job_id, now, language_model_use(stack, organization, job_id))
    raise typer.Exit(1 if now.ended and not now.succeeded else 0)


@app.command()
def get(
    job_id: JobId,
    folder: Annotated[Path, typer.Option("--out", help="Where the files go.")] = Path("."),
    drafts: Annotated[
        bool,
        typer.Option("--drafts", help="Also a language model's drafts, with the rules they broke."),
    ] = False,
    pdf: Annotated[bool, typer.Option("--pdf", help="The report as PDF.")] = False,
    seg: Annotated[bool, typer.Option("--seg", help="The labels as DICOM SEG.")] = False,
    sr: Annotated[bool, typer.Option("--sr", help="Report and figures as DICOM.")] = False,
    fhir: Annotated[bool, typer.Option("--fhir", help="A FHIR R4B bundle.")] = False,
    csv: Annotated[bool, typer.Option("--csv", help="The measurements as a table.")] = False,
    everything: Annotated[bool, typer.Option("--zip", help="All of these in one file.")] = False,
    organization: Organization = _ORGANIZATION,
    stack_file: StackFile = None,
    signed_in: SignedIn = False,
    as_json: AsJson = False,
) -> None:
    """Download the results of a job; with --pdf to --zip these files alone (--signed-in).

    DICOM files stand in the study that was uploaded, and name the patient as it does.
    """
    chosen = {
        ExportFile.REPORT_PDF: pdf,
        ExportFile.SEGMENTATION: seg,
        ExportFile.STRUCTURED_REPORT: sr,
        ExportFile.REPORT_DICOM: sr,
        ExportFile.FHIR: fhir,
        ExportFile.MEASUREMENTS: csv,
        ExportFile.EVERYTHING: everything,
    }
    wanted = [file for file, asked in chosen.items() if asked]
    with reported(as_json):
        if wanted and not signed_in:
            raise typer.BadParameter("The API makes these files: add --signed-in.")
        if signed_in:
            if drafts:
                raise typer.BadParameter("--drafts is for operators: the API gives no drafts.")
            with _signed_in(stack_file, organization) as access:
                raise typer.Exit(get_files(access, job_id, folder, wanted, as_json=as_json))
        stack = Stack.load(stack_file)
        job_id = find_job_id(stack, known_organization(organization), job_id)
        now = progress(stack, organization, job_id)
        files = fetch(stack, organization, job_id, folder, drafts=drafts)
        files += write_execution(now, folder)
    if as_json:
        told = {name: _document(job_id, now)[name] for name in ("job_id", "status", "error")}
        print_json(told | {"files": [str(path) for path in files]})
    else:
        for path in files:
            print_line(str(path))
        if not now.succeeded:
            _print_outcome(job_id, now)
        if drafts and folder / DRAFTS not in files:
            err.print("No language model was asked for this report: there are no drafts.")
    raise typer.Exit(0 if now.succeeded else 1)


@app.command()
def bids(
    job_ids: Annotated[list[str], typer.Argument(help="Completed jobs.")],
    folder: Annotated[Path, typer.Option("--out", help="The dataset; studies are added to it.")],
    as_json: AsJson = False,
) -> None:
    """Studies as a BIDS derivative dataset: labels, images and one table of volumes.

    Works with your sign-in (`mri login`).
    """
    with reported(as_json), signed_in_api() as api:
        access = SignedInAccess(api)
        studies = [access.dataset_files(access.whole_id(given)) for given in job_ids]
        written = write_dataset(folder, studies)
    if as_json:
        print_json({"files": [str(path) for path in written]})
    else:
        for path in written:
            print_line(str(path))


@app.command()
def gateway(
    config: Annotated[Path, typer.Option("--config", help="TOML; see docs/gateway.md.")],
) -> None:
    """Listen for DICOM from a PACS, have it analysed, and send the results back (Ctrl-C ends it).

    Works with your sign-in (`mri login`).
    """
    with reported(as_json=False):
        try:
            from mri_gateway.command import run_gateway
            from mri_gateway.settings import load_settings
        except ModuleNotFoundError as error:
            raise typer.BadParameter(
                f"{error.name} is missing: install gateway/requirements.txt."
            ) from error
        settings = load_settings(config)
        with signed_in_api() as api:
            run_gateway(settings, api)


@app.command()
def demo(
    file: Annotated[
        Path | None, typer.Option("--input", envvar="MRI_DEMO_INPUT", help="Another scan.")
    ] = None,
    folder: Annotated[Path, typer.Option("--out", help="Where the files go.")] = Path("out/demo"),
    timeout: Timeout = 900,
    as_json: AsJson = False,
) -> None:
    """Start the whole system on this machine, analyse one scan, show the report and stop."""
    from mri_client.demo import run_demo  # the local stack is no dependency of the other commands

    with reported(as_json):
        submission, last = run_demo(file, folder, timeout, quiet=as_json)
    if as_json:
        print_json(_document(submission.job_id, last))
    elif last.succeeded:
        from mri_analysis.reporting.markdown import main_part

        shown = Markdown(main_part((folder / "report.md").read_text()))
        out.print(shown, soft_wrap=False)
        use = Report.model_validate_json((folder / "report.json").read_text()).language_model
        if use is not None:
            out.print()
            print_line(draft_line(use))
            if wrote_something(use):
                print_line(f"Its drafts and the rules they broke: {folder / DRAFTS}")
        print_line(
            "\nAnnex (bands and limits, passages quoted, quality checks, provenance, licences): "
            f"{folder / 'report.md'}"
        )
        out.print(f"All files of this study: [bold]{folder}[/bold]")
    else:
        _print_outcome(submission.job_id, last)
    raise typer.Exit(0 if last.succeeded else 1)


def _follow_or_tell(
    stack: Stack, submission: Submission, wait: bool, timeout: float, as_json: bool
) -> None:
    if not wait:
        _print_submission(submission, as_json)
        return
    last = watch(stack, submission, timeout, quiet=as_json)
    if as_json:
        print_json(_document(submission.job_id, last))
    else:
        use = language_model_use(stack, submission.organization_id, submission.job_id)
        _print_outcome(submission.job_id, last, use)
    raise typer.Exit(0 if last.succeeded else 1)


def watch(stack: Stack, submission: Submission, timeout: float, quiet: bool) -> Progress:
    """Show the stages until the study ends; answer how it ended."""
    now = Progress(None, None)
    if quiet:
        *_, now = follow(stack, submission, timeout)
        return now
    with Live(stage_table(now), console=err, refresh_per_second=8) as live:
        for now in follow(stack, submission, timeout):
            live.update(stage_table(now))
    if not err.is_terminal:
        err.print()  # a pipe gets the last state without its line end
    return now


def write_execution(now: Progress, folder: Path) -> list[Path]:
    """Write ``execution.json``: the stages with their seconds."""
    if now.execution is None:
        return []
    path = folder / "execution.json"
    path.write_text(json.dumps(now.execution.document(), indent=1) + "\n")
    return [path]


def _document(job_id: str, now: Progress) -> dict[str, Any]:
    failure = now.failure
    return {
        "schema_version": 1,
        "job_id": job_id,
        "status": _status_word(now),
        "error": dict(zip(("code", "message", "next_step"), failure, strict=True))
        if failure
        else None,
        "execution": now.execution.document() if now.execution else None,
    }


def _status_word(now: Progress) -> str:
    if now.ended:
        return "completed" if now.succeeded else "failed"
    return now.job.status.value if now.job else "uploaded"


def _print_submission(submission: Submission, as_json: bool) -> None:
    if as_json:
        document = {"schema_version": 1, "job_id": submission.job_id, "status": "uploaded"}
        print_json(document, indent=None)
    else:
        out.print(f"submitted: job [bold]{submission.job_id}[/bold]")


def _print_outcome(job_id: str, now: Progress, use: LanguageModelUse | None = None) -> None:
    failure = now.failure
    if failure is not None:
        code, message, next_step = failure
        err.print(f"[red]failed[/red]: [bold]{code}[/bold] (job {job_id})", highlight=False)
        err.print(plain(message))
        err.print(plain(f"Next: {next_step}"))
    elif now.succeeded:
        print_line(f"completed: the draft report is ready. `mri get {job_id} --out DIR`")
        if use is not None:
            print_line(draft_line(use))
            if wrote_something(use):
                print_line(f"Its drafts ({DRAFTS}): `mri get {job_id} --drafts --out DIR`")
    else:
        out.print(f"{_status_word(now)}: job {job_id}")


def _print_jobs(stack: Stack, organization: str, as_json: bool) -> None:
    if stack.jobs is None:
        raise StackUnreachable("The stack file names no database, so jobs cannot be listed.")
    jobs = stack.jobs.recent(organization, 20)
    if as_json:
        print_json([job.model_dump(mode="json") for job in jobs])
        return
    if not jobs:
        out.print("no jobs yet")
    for job in jobs:
        error = f"  {job.error.code}" if job.error else ""
        out.print(f"{job.job_id}  {job.created_at:%Y-%m-%d %H:%M} UTC  {job.status}{error}")


add_review_commands(app)


def main() -> None:
    """Entry point."""
    try:
        app()
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
