"""The main job on this machine, from nothing to a report: start, submit, wait, fetch, stop."""

import shutil
from pathlib import Path

from local_stack.product import product_stack
from mri_client.cli import err, watch, write_execution
from mri_client.stack import Stack
from mri_client.studies import Progress, Submission, check_file, fetch, submit

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
    """
    scan = scan or SAMPLE
    check_file(scan)
    shutil.rmtree(folder, ignore_errors=True)  # results of another scan must not be mixed in
    if not quiet:
        err.print(f"starting the local stack, then analysing {scan}", highlight=False)
    with product_stack(Path.cwd(), Path("out/local-demo")) as local:
        stack = Stack.from_document(local.description())
        submission = submit(stack, scan, "demo")
        last = watch(stack, submission, timeout, quiet)
        fetch(stack, submission.organization_id, submission.job_id, folder)
        write_execution(last, folder)
    return submission, last
