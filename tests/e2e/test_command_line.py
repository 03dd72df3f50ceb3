"""The commands a newcomer types, as processes, on the defaults of one machine."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.brains import as_upload, phantom, small_brain
from tests.support.chain import wait_for

LOCAL = [sys.executable, "-m", "local_stack"]
MRI = [sys.executable, "-m", "mri_client.cli"]
ARTEFACTS = {
    "report.md",
    "report.json",
    "measurements.json",
    "labels.nii.gz",
    "montage.png",
    "execution.json",
}


def run(*arguments: str, stack: Path | None = None) -> subprocess.CompletedProcess[str]:
    environment = os.environ | ({"MRI_STACK": str(stack)} if stack else {})
    return subprocess.run(
        [*MRI, *arguments], capture_output=True, text=True, env=environment, timeout=120
    )


def state_of(stack_file: Path) -> list[str]:
    return ["--state-dir", str(stack_file.parent)]


@pytest.fixture(scope="module")
def stack_file(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """What ``make up`` starts, in a process of its own."""
    state_dir = tmp_path_factory.mktemp("up")
    process = subprocess.Popen(
        [*LOCAL, "up", "--state-dir", str(state_dir)],
        stdout=subprocess.PIPE,
        text=True,
    )
    path = state_dir / "stack.json"
    wait_for(lambda: path.exists() or process.poll() is not None, "the stack to start")
    assert process.poll() is None
    yield path
    process.send_signal(signal.SIGINT)
    told, _ = process.communicate(timeout=30)
    assert process.returncode == 0
    assert "127.0.0.1" in told
    assert not path.exists()


@pytest.fixture(scope="module")
def brain(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("scans") / "Jane Doe.nii.gz"
    path.write_bytes(as_upload(small_brain()))
    return path


def test_demo_leaves_the_report_and_stops(tmp_path: Path, brain: Path) -> None:
    folder = tmp_path / "demo"

    done = run("demo", "--input", str(brain), "--out", str(folder))

    assert done.returncode == 0, done.stderr
    assert "DRAFT" in done.stdout
    assert {path.name for path in folder.iterdir()} == ARTEFACTS
    execution = json.loads((folder / "execution.json").read_text())
    assert execution["status"] == "SUCCEEDED"
    assert all(stage["seconds"] is not None for stage in execution["stages"][:-1])
    # The file's name was never sent.
    assert not any(b"Jane Doe" in path.read_bytes() for path in folder.iterdir())


def test_demo_of_a_phantom_fails_with_code_and_next_step(tmp_path: Path) -> None:
    scan = tmp_path / "phantom.nii.gz"
    scan.write_bytes(as_upload(phantom()))

    done = run("demo", "--input", str(scan), "--out", str(tmp_path / "demo"))

    assert done.returncode == 1
    assert "NotABrain" in done.stderr
    assert "Next:" in done.stderr


def test_submit_waits_and_get_downloads(stack_file: Path, brain: Path, tmp_path: Path) -> None:
    submitted = run("submit", str(brain), "--wait", "--json", stack=stack_file)
    document = json.loads(submitted.stdout)

    got = run("get", document["job_id"], "--out", str(tmp_path), "--json", stack=stack_file)

    assert submitted.returncode == 0, submitted.stderr
    assert document["status"] == "completed"
    assert document["error"] is None
    assert {Path(name).name for name in json.loads(got.stdout)["files"]} == ARTEFACTS
    assert got.returncode == 0


def test_failed_study_ends_with_1_and_says_why(stack_file: Path, tmp_path: Path) -> None:
    scan = tmp_path / "scan.nii.gz"
    scan.write_text("This is no image.")

    done = run("submit", str(scan), "--wait", stack=stack_file)

    assert done.returncode == 1
    assert "UnsupportedFormat" in done.stderr
    assert "Next:" in done.stderr


def test_status_lists_jobs_and_shows_one(stack_file: Path, tmp_path: Path) -> None:
    scan = tmp_path / "scan.nii.gz"
    scan.write_bytes(b"")
    job_id = json.loads(run("submit", str(scan), "--json", stack=stack_file).stdout)["job_id"]

    def failed() -> bool:
        shown = run("status", job_id, "--json", stack=stack_file)
        return shown.returncode == 1 and json.loads(shown.stdout)["error"]["code"] == "EmptyFile"

    wait_for(failed, "the job to fail")
    listed = json.loads(run("status", "--json", stack=stack_file).stdout)
    assert job_id in {job["job_id"] for job in listed}


@pytest.mark.parametrize(
    "arguments",
    [("status",), ("submit", "missing.nii.gz"), ("demo", "--input", "missing.nii.gz")],
)
def test_what_cannot_be_done_ends_with_2_and_a_sentence(
    arguments: tuple[str, ...], tmp_path: Path
) -> None:
    done = run(*arguments, stack=tmp_path / "none.json")

    assert done.returncode == 2
    assert done.stderr.strip()
    assert "Traceback" not in done.stderr


def test_unknown_job_ends_with_2(stack_file: Path) -> None:
    done = run("status", "5b0c8f61-3b2e-4b5e-8d8f-0a4a5b1f9d11", stack=stack_file)

    assert done.returncode == 2
    assert "no job" in done.stderr


def test_one_function_runs_alone(stack_file: Path) -> None:
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "local_stack",
            "invoke",
            "notify_user",
            "events/notify_user.json",
            "--state-dir",
            str(stack_file.parent),
        ],
        capture_output=True,
        text=True,
        timeout=60,
    )

    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["notified"]
    assert "REPORT RequestId" in done.stderr


def test_logs_show_one_study_with_its_trace(stack_file: Path, brain: Path) -> None:
    document = json.loads(run("submit", str(brain), "--wait", "--json", stack=stack_file).stdout)

    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "local_stack",
            "logs",
            "--job",
            document["job_id"],
            "--state-dir",
            str(stack_file.parent),
        ],
        capture_output=True,
        text=True,
        timeout=60,
    )

    assert "segmentation queued" in done.stdout
    assert "Trace " in done.stdout


def test_failed_job_is_retried(stack_file: Path, tmp_path: Path) -> None:
    scan = tmp_path / "scan.nii.gz"
    scan.write_bytes(b"")
    failed = json.loads(run("submit", str(scan), "--wait", "--json", stack=stack_file).stdout)

    again = run("retry", failed["job_id"], "--wait", "--json", stack=stack_file)

    document = json.loads(again.stdout)
    assert again.returncode == 1
    assert document["error"]["code"] == "EmptyFile"
    assert document["execution"]["arn"] == failed["execution"]["arn"] + "-r1"


def test_organization_that_is_none_is_refused_before_anything_is_sent(
    stack_file: Path, brain: Path
) -> None:
    done = run("submit", str(brain), "--organization", "../x", stack=stack_file)

    assert done.returncode == 2
    assert "organization id" in done.stderr


@pytest.mark.parametrize("event", ["events/notify_user.json", "events/missing.json"])
def test_function_that_is_none_is_a_sentence(stack_file: Path, event: str) -> None:
    done = subprocess.run(
        [*LOCAL, "invoke", "nothere", event, *state_of(stack_file)],
        capture_output=True,
        text=True,
        timeout=60,
    )

    assert done.returncode == 1
    assert "Traceback" not in done.stderr
