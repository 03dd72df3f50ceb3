"""Submitting scans and getting their results."""

import json
import os
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from botocore.exceptions import BotoCoreError, ClientError

from mri_analysis.contracts.job import Job, JobStatus
from mri_analysis.contracts.report import LanguageModelUse, Report
from mri_analysis.errors import DatabaseUnavailable, ForeignUpload, JobNotFound, error_type
from mri_analysis.keys import StudyKeys, check_organization, execution_name
from mri_analysis.ports.studies import StudyFilter
from mri_analysis.use_cases.start_analysis import retry_analysis
from mri_client.errors import CommandError
from mri_client.executions import Execution, find_execution
from mri_client.job_ids import whole_job_id
from mri_client.stack import Stack, StackUnreachable

DRAFTS = "drafts.json"
"""Every draft of a language model with the rules it broke; not part of the results a reader gets"""
ARTEFACTS = ("report.md", "report.json", "measurements.json", "labels.nii.gz", "montage.png")

# Nobody signs in to this command: it comes with the credentials of the stack.
_ACTOR = "command-line"
_POLL_SECONDS = 0.2
_MAX_UPLOAD_BYTES = 1 << 30  # as the functions' settings


class NotAScan(CommandError):
    """What was given cannot be submitted."""

    next_step = "Name one NIfTI image (.nii, .nii.gz), or a zip archive of DICOM."


class WaitedTooLong(CommandError):
    """The study did not end in the time given; it may still end."""


@dataclass(frozen=True)
class Submission:
    """A scan that was handed over."""

    organization_id: str
    job_id: str
    execution_name: str


@dataclass(frozen=True)
class Progress:
    """Where a study is: its job row and its execution, each once there is one."""

    job: Job | None
    execution: Execution | None

    @property
    def ended(self) -> bool:
        if self.execution is not None:
            return not self.execution.running
        return self.job is not None and self.job.status is JobStatus.FAILED

    @property
    def succeeded(self) -> bool:
        return self.execution is not None and self.execution.status == "SUCCEEDED"

    @property
    def failure(self) -> tuple[str, str, str] | None:
        """Code, sentence and next step of a study that failed."""
        if not self.ended or self.succeeded:
            return None
        if self.job is not None and self.job.error is not None:
            return self.job.error.code, self.job.error.message, self.job.error.next_step
        code = (self.execution.error if self.execution else None) or "InternalError"
        kind = error_type(code)
        cause = (self.execution.cause if self.execution else None) or "The analysis stopped."
        return kind.__name__, cause, kind.next_step


def submit(stack: Stack, path: Path, organization_id: str, job_id: str | None = None) -> Submission:
    """Upload ``path`` as a study, a new one without ``job_id``. The file's name is not sent.

    Raises
    ------
    OrganizationInvalid
        The organization id is not one.
    NotAScan
        It is no file, or one that is too large to be read.
    StackUnreachable
        Object storage did not answer.
    """
    known_organization(organization_id)
    job_id = job_id or str(uuid.uuid4())
    key = StudyKeys(organization_id, job_id).upload
    check_file(path)
    with path.open("rb") as body:
        try:
            # One request, so that the bucket sends one event.
            answer = stack.s3.put_object(Bucket=stack.images_bucket, Key=key, Body=body)
        except (BotoCoreError, ClientError) as error:
            raise StackUnreachable(f"The upload failed: {error}") from error
    name = execution_name(stack.images_bucket, key, answer.get("VersionId"))
    return Submission(organization_id, job_id, name)


def check_file(path: Path) -> None:
    """Raise ``NotAScan`` for what can be told before sending."""
    if not path.exists():
        raise NotAScan(f"There is no file {path}.")
    if not path.is_file():
        raise NotAScan(f"{path} is no file: submit one NIfTI image, or a zip archive of DICOM.")
    if path.stat().st_size > _MAX_UPLOAD_BYTES:
        raise NotAScan(f"{path} has {path.stat().st_size / 1e6:,.0f} MB; 1,074 MB can be read.")


class OrganizationInvalid(CommandError):
    """What was given is the id of no organization."""

    next_step = "Correct what follows --organization."


class FolderOfAnotherStudy(CommandError):
    """Results of one study would lie among those of another."""

    next_step = "Name another folder, or empty this one."


class FolderNotWritable(CommandError):
    """The results have nowhere to go."""

    next_step = "Name a folder that you may write to with --out."


def known_organization(organization_id: str) -> str:
    """``organization_id``, if it is one; raises ``OrganizationInvalid``."""
    try:
        check_organization(organization_id)
    except ForeignUpload as error:
        raise OrganizationInvalid(str(error)) from error
    return organization_id


def find_job_id(stack: Stack, organization_id: str, given: str) -> str:
    """The whole id of the job that ``given`` names; see :func:`mri_client.job_ids.whole_job_id`."""
    catalogue = stack.studies
    if catalogue is None:
        return given

    def beginning_with(characters: str, limit: int) -> list[str]:
        wanted = StudyFilter(id_prefix=characters)
        found = catalogue.page(known_organization(organization_id), limit, wanted)
        return [study.job.job_id for study in found]

    return whole_job_id(given, beginning_with)


def retry(stack: Stack, organization_id: str, job_id: str, series: int | None = None) -> Submission:
    """Analyse the upload of a failed job again; ``series`` of a DICOM upload, if chosen.

    Raises
    ------
    JobNotFound, RetryRefused
        There is no such job, or it has not failed.
    """
    if stack.jobs is None:
        raise StackUnreachable("The stack file names no database, so jobs cannot be retried.")
    job = retry_analysis(
        organization_id,
        job_id,
        images_bucket=stack.images_bucket,
        actor=_ACTOR,
        jobs=stack.jobs,
        workflow=stack.workflow,
        series=series,
    )
    return Submission(organization_id, job_id, job.execution_name or "")


def progress(stack: Stack, organization_id: str, job_id: str) -> Progress:
    """Where the study is now.

    Raises
    ------
    JobNotFound
        The organization has no such job.
    """
    if stack.jobs is None:
        raise StackUnreachable("The stack file names no database, so jobs cannot be looked up.")
    job = stack.jobs.find(organization_id, job_id)
    if job is None:
        raise JobNotFound(f"There is no job {job_id}.")
    return _with_execution(stack, job, job.execution_name)


def follow(stack: Stack, submission: Submission, timeout_seconds: float) -> Iterator[Progress]:
    """Where the study is, again and again until it has ended; the last one tells how.

    Raises
    ------
    WaitedTooLong
        After ``timeout_seconds``.
    """
    deadline = time.monotonic() + timeout_seconds
    while True:
        now = _with_execution(stack, _find_job(stack, submission), submission.execution_name)
        if now.ended:
            # The job row of a failed study is written just before its execution ends.
            yield Progress(_find_job(stack, submission), now.execution)
            return
        yield now
        if time.monotonic() > deadline:
            raise WaitedTooLong(
                f"The study did not end within {timeout_seconds:g} s. It goes on.",
                f"Look at it with `mri status {submission.job_id}`.",
            )
        time.sleep(_POLL_SECONDS)


def fetch(
    stack: Stack, organization_id: str, job_id: str, folder: Path, *, drafts: bool = False
) -> list[Path]:
    """Download what the study left; a failed study may leave some files or none.

    ``drafts`` adds a language model's drafts, refused ones too, where one was asked.

    Raises
    ------
    FolderNotWritable, FolderOfAnotherStudy
        Before anything is fetched.
    """
    make_folder(folder)
    refuse_another_study(folder, job_id)
    prefix = StudyKeys(organization_id, job_id).results
    fetched = []
    for name in (*ARTEFACTS, *([DRAFTS] if drafts else [])):
        try:
            answer = stack.s3.get_object(Bucket=stack.results_bucket, Key=prefix + name)
        except ClientError as error:
            if error.response["Error"]["Code"] in ("NoSuchKey", "404"):
                continue
            raise
        path = folder / name
        path.write_bytes(answer["Body"].read())
        fetched.append(path)
    return fetched


def refuse_another_study(folder: Path, job_id: str) -> None:
    """Files of two people in one folder would be read as one study.

    Raises
    ------
    FolderOfAnotherStudy
        ``folder`` holds the report of another study.
    """
    try:
        found = json.loads((folder / "report.json").read_text(encoding="utf-8"))["job_id"]
    except (OSError, ValueError, KeyError, TypeError):
        return
    if found != job_id:
        raise FolderOfAnotherStudy(f"{folder} holds the report of study {found}.")


def make_folder(folder: Path) -> None:
    """Make ``folder`` where there is none; raises ``FolderNotWritable``."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise FolderNotWritable(
            f"The results cannot be written to {folder} ({error.strerror})."
        ) from error
    if not os.access(folder, os.W_OK | os.X_OK):
        raise FolderNotWritable(f"The results cannot be written to {folder} (no permission).")


def language_model_use(stack: Stack, organization_id: str, job_id: str) -> LanguageModelUse | None:
    """What became of the language model's draft; None where none was asked, or nothing is known."""
    key = StudyKeys(organization_id, job_id).report
    try:
        answer = stack.s3.get_object(Bucket=stack.results_bucket, Key=key)
        return Report.model_validate_json(answer["Body"].read()).language_model
    except (BotoCoreError, ClientError, ValueError):
        return None  # a line for the terminal must not fail a command that did its work


def _with_execution(stack: Stack, job: Job | None, name: str | None) -> Progress:
    execution = None
    if name is not None:
        execution = find_execution(stack.stepfunctions, stack.state_machine_arn, name)
    return Progress(job, execution)


def _find_job(stack: Stack, submission: Submission) -> Job | None:
    if stack.jobs is None:
        return None
    try:
        return stack.jobs.find(submission.organization_id, submission.job_id)
    except DatabaseUnavailable:
        return None  # the execution tells enough to go on
