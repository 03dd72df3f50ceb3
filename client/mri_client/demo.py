"""The main job on this machine, from nothing to a report: start, submit, wait, fetch, stop."""

import os
import shutil
from pathlib import Path

from local_stack import language_model, vision_language
from local_stack.product import product_stack
from mri_client.cli import watch, write_execution
from mri_client.stack import Stack, StackUnreachable
from mri_client.studies import Progress, Submission, check_file, fetch, submit
from mri_client.terminal import err, plain

SAMPLE = Path("samples/pycortex_S1_T1w.nii.gz")


def run_demo(
    scan: Path | None, folder: Path, timeout: float, quiet: bool
) -> tuple[Submission, Progress]:
    """Analyse ``scan`` (default: the sample) in a stack of its own and leave the results in
    ``folder``.

    Raises
    ------
    NotAScan
        There is no such file.
    StackUnreachable
        Pictures may not go to the server that ``MRI_VLM_URL`` names, or text not to that of
        ``MRI_LLM_URL``.
    """
    scan = scan or SAMPLE
    check_file(scan)
    server, writer = _vision_language_server(), _language_model_server()
    shutil.rmtree(folder, ignore_errors=True)  # results of another scan must not be mixed in
    if not quiet:
        err.print(plain(f"starting the local stack, then analysing {scan}"))
    if server is not None:
        err.print(plain(server.notice()))
    if writer is not None:
        err.print(plain(writer.notice()))
    folder_of_stack = Path("out/local-demo")
    with product_stack(
        Path.cwd(), folder_of_stack, vision_language=server, language_model=writer
    ) as local:
        stack = Stack.from_document(local.description())
        submission = submit(stack, scan, "demo")
        last = watch(stack, submission, timeout, quiet)
        # The stack forgets everything: who wants to see the drafts finds them here or nowhere.
        fetch(stack, submission.organization_id, submission.job_id, folder, drafts=True)
        write_execution(last, folder)
    return submission, last


def _vision_language_server() -> vision_language.VisionLanguageServer | None:
    try:
        return vision_language.from_variables(os.environ)
    except vision_language.UnsafeAddress as error:
        raise StackUnreachable(str(error)) from error


def _language_model_server() -> language_model.LanguageModelServer | None:
    try:
        return language_model.from_variables(os.environ)
    except language_model.UnusableLanguageModel as error:
        raise StackUnreachable(str(error)) from error
