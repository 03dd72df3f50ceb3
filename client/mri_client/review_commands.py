"""Commands that need a person: the REST API behind ``mri login``."""

from __future__ import annotations

import sys
import webbrowser
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Annotated, TextIO

import typer

from mri_analysis.contracts.review import ReviewedReport
from mri_client.errors import CommandError
from mri_client.job_ids import whole_job_id
from mri_client.reading_api import ReadingApi
from mri_client.sign_in import Provider, forget, kept, sign_in
from mri_client.stack import local_provider
from mri_client.terminal import AsJson, JobId, print_json, print_line, reported

StackFile = Annotated[
    Path | None,
    typer.Option("--stack", help="Stack file; default $MRI_STACK or out/local/stack.json."),
]


class ConfirmationMissing(CommandError):
    """What cannot be taken back was not confirmed."""


def add_to(app: typer.Typer) -> None:
    """Put the commands into the command line."""
    for command in (login, logout, report, sign, reject, addendum, cancel, delete):
        app.command()(command)


def login(
    api_url: Annotated[str, typer.Option("--api", help="Address of a deployed REST API.")] = "",
    issuer: Annotated[str, typer.Option(help="Its provider of OpenID Connect.")] = "",
    client_id: Annotated[str, typer.Option(help="Its client for command lines.")] = "",
    stack_file: StackFile = None,
    no_browser: Annotated[
        bool, typer.Option("--no-browser", help="Print the address instead of opening it.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Sign in; without options to the stack of this machine."""
    with reported(as_json):
        if api_url or issuer or client_id:
            if not (api_url and issuer and client_id):
                raise typer.BadParameter("Name all three: --api, --issuer and --client-id.")
            provider = Provider(api_url, issuer, client_id)
        else:
            provider = Provider(**local_provider(stack_file))
        tell = partial(_print_address, sys.stderr if as_json else sys.stdout)
        session = sign_in(provider, tell if no_browser else partial(_open, tell))
    if as_json:
        print_json({"schema_version": 1, "signed_in": True, "name": session.name})
    else:
        print_line(f"signed in as {session.name}")


def logout(as_json: AsJson = False) -> None:
    """Forget the sign-in on this machine."""
    with reported(as_json):
        forget()
    if as_json:
        print_json({"schema_version": 1, "signed_in": False})


def report(job_id: JobId, as_json: AsJson = False) -> None:
    """Show the report with its review."""
    with reported(as_json), signed_in_api() as api:
        _show(api.report(_whole(api, job_id)), as_json)


def sign(
    job_id: JobId,
    compared: Annotated[
        bool, typer.Option("--compared-with-images", help="You have compared it with the images.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Sign the report as it stands; it cannot be taken back."""
    with reported(as_json), signed_in_api() as api:
        if not compared:
            raise ConfirmationMissing(
                "A report is signed after it was compared with the images.",
                "Compare the report with the images, then add --compared-with-images.",
            )
        job_id = _whole(api, job_id)
        _show(api.sign(job_id, version=api.report(job_id).version), as_json)


def reject(
    job_id: JobId,
    reason: Annotated[str, typer.Option(help="Why.")],
    as_json: AsJson = False,
) -> None:
    """Reject a draft."""
    with reported(as_json), signed_in_api() as api:
        job_id = _whole(api, job_id)
        _show(api.reject(job_id, reason, version=api.report(job_id).version), as_json)


def addendum(job_id: JobId, text: str, as_json: AsJson = False) -> None:
    """Add to a signed report."""
    with reported(as_json), signed_in_api() as api:
        job_id = _whole(api, job_id)
        _show(api.amend(job_id, text, version=api.report(job_id).version), as_json)


def cancel(job_id: JobId, as_json: AsJson = False) -> None:
    """Stop the analysis of a job that has not ended."""
    with reported(as_json), signed_in_api() as api:
        job = api.cancel(_whole(api, job_id))
        print(job.model_dump_json(indent=1) if as_json else f"{job.job_id}  {job.status}")


def delete(
    job_id: JobId,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    as_json: AsJson = False,
) -> None:
    """Delete a study for good, scan and results."""
    with reported(as_json), signed_in_api() as api:
        if not yes and as_json:
            raise ConfirmationMissing("With --json nobody is asked.", "Add --yes to delete it.")
        job_id = _whole(api, job_id)
        if not yes and not typer.confirm(f"Delete study {job_id} for good?"):
            raise typer.Exit(2)
        api.delete(job_id)
    if as_json:
        print_json({"schema_version": 1, "job_id": job_id, "deleted": True})


def _whole(api: ReadingApi, given: str) -> str:
    return whole_job_id(given, api.job_ids)


@contextmanager
def signed_in_api() -> Iterator[ReadingApi]:
    """The REST API, called as the person who is signed in."""
    session = kept()
    api = ReadingApi(session.provider.api_url, lambda: kept().fresh_token())
    try:
        yield api
    finally:
        api.close()


def _show(report: ReviewedReport, as_json: bool) -> None:
    if as_json:
        print(report.model_dump_json(indent=1))
        return
    lines = [f"Review: {report.review_status} (version {report.version})"]
    if report.decision is not None:
        lines.append(f"{report.decision.reviewer_name}, {report.decision.at:%Y-%m-%d %H:%M} UTC")
        lines.append(f"Content: {report.content_sha256}")
        if report.decision.comment:
            lines.append(report.decision.comment)
    else:
        lines.append("DRAFT. Not for clinical use until a reader has signed it.")
    for title, section in (
        ("Key findings", report.sections.key_findings),
        ("Recommended follow-up", report.sections.recommended_follow_up),
    ):
        lines += ["", title, *(f"- {said.text}" for said in section)]
    if report.sections.reader_observations:
        observed = report.sections.reader_observations
        lines += ["", "Observations of the reader", *(f"- {text}" for text in observed)]
    lines += ["", "Not assessed", *(f"- {text}" for text in report.report.not_assessed)]
    for added in report.addenda:
        lines += ["", f"Addendum, {added.reviewer_name}, {added.at:%Y-%m-%d %H:%M} UTC", added.text]
    for objection in report.objections:
        lines += ["", f"The check objects ({objection.where}): {objection.message}"]
    # What it says is data, no markup; nor may it steer a terminal.
    for line in lines:
        print("".join(sign if sign.isprintable() else " " for sign in line))


def _open(tell: Callable[[str], None], address: str) -> None:
    """Show the address in a browser; where there is none, say it."""
    try:
        if webbrowser.open(address):
            return
    except webbrowser.Error:
        pass
    tell(address)


def _print_address(stream: TextIO, address: str) -> None:
    print(f"Open this address to sign in:\n{address}", file=stream, flush=True)
