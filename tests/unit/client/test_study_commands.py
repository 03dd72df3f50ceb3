"""``mri status``, ``get``, ``retry`` as an operator of a stack types them."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from mri_analysis.contracts.job import JobStatus
from mri_client import studies
from mri_client.stack import Stack, StackUnreachable
from tests.unit.client.conftest import Operator

FIRST = "7691f4ac-0000-4000-8000-000000000001"
TWIN = "7691f4ac-0000-4000-8000-000000000002"
OTHER = "0d0c8f61-3b2e-4b5e-8d8f-0a4a5b1f9d11"


@pytest.mark.parametrize("given", [OTHER, OTHER[:8], OTHER[:8].upper(), OTHER[:20]])
def test_a_job_is_found_by_how_its_id_begins(operator: Operator, given: str) -> None:
    operator.add(FIRST)
    operator.add(OTHER)

    shown = operator.mri("status", given, "--json")

    assert shown.exit_code == 0
    assert json.loads(shown.stdout)["job_id"] == OTHER


@pytest.mark.parametrize("command", ["status", "get", "retry"])
@pytest.mark.parametrize(
    ("given", "code", "named"),
    [
        ("7691f4ac", "JobIdAmbiguous", (FIRST, TWIN)),
        ("7691f4a", "JobIdTooShort", ("7691f4a",)),
        ("ffffffff", "JobNotFound", ("ffffffff",)),
        ("no-id", "JobNotFound", ("no-id",)),
    ],
)
def test_a_beginning_that_names_no_one_job_is_told(
    operator: Operator, command: str, given: str, code: str, named: tuple[str, ...]
) -> None:
    for job_id in (FIRST, TWIN, OTHER):
        operator.add(job_id)

    refused = operator.mri(command, given, "--json")

    assert refused.exit_code == 2
    error = json.loads(refused.stdout)["error"]
    assert error["code"] == code
    assert all(job_id in error["message"] for job_id in named)


def test_jobs_of_others_are_no_candidates(operator: Operator) -> None:
    operator.add(FIRST)
    operator.add(TWIN, organization_id="clinic-b")

    assert json.loads(operator.mri("status", "7691f4ac", "--json").stdout)["job_id"] == FIRST


def test_many_candidates_are_not_all_named(operator: Operator) -> None:
    for number in range(9):
        operator.add(f"7691f4ac-0000-4000-8000-00000000000{number}")

    told = json.loads(operator.mri("status", "7691f4ac", "--json").stdout)["error"]["message"]

    assert told.count("7691f4ac-") == 5
    assert "and others" in told


def test_a_line_of_the_list_is_one_line_in_a_pipe(
    operator: Operator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    operator.add_failed(FIRST)

    (line,) = operator.mri("status").stdout.splitlines()

    assert line.startswith(FIRST)
    assert line.endswith("failed  NotABrain")


def test_get_of_a_failed_job_says_why(
    operator: Operator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    error = operator.add_failed(FIRST)

    got = operator.mri("get", FIRST, "--out", tmp_path / "results")

    assert got.exit_code == 1
    assert "NotABrain" in got.stderr
    assert error.message in got.stderr.splitlines()
    assert f"Next: {error.next_step}" in got.stderr.splitlines()
    document = json.loads(operator.mri("get", FIRST, "--out", tmp_path, "--json").stdout)
    assert document == {
        "job_id": FIRST,
        "status": "failed",
        "error": error.model_dump(),
        "files": [],
    }


def test_get_of_a_job_that_runs_says_so(operator: Operator, tmp_path: Path) -> None:
    operator.add(FIRST, JobStatus.SEGMENTING)

    got = operator.mri("get", FIRST, "--out", tmp_path / "results")

    assert got.exit_code == 1
    assert "segmenting" in got.stdout


def test_results_that_have_nowhere_to_go_are_told_with_the_folder(
    operator: Operator, tmp_path: Path
) -> None:
    operator.add(FIRST)
    file = tmp_path / "file"
    file.touch()
    for folder in (Path("/proc/nope"), file / "below", file):
        refused = operator.mri("get", FIRST, "--out", folder, "--json")

        assert refused.exit_code == 2
        error = json.loads(refused.stdout)["error"]
        assert error["code"] == "FolderNotWritable"
        assert str(folder) in error["message"]
        assert "Errno" not in error["message"]
        assert "--out" in error["next_step"]


def test_a_folder_without_permission_is_told_before_anything_is_fetched(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Not by its mode: the superuser may write anywhere.
    monkeypatch.setattr(studies.os, "access", lambda path, mode: mode != os.W_OK | os.X_OK)

    with pytest.raises(studies.FolderNotWritable, match="no permission"):
        studies.make_folder(tmp_path)


@pytest.mark.parametrize(
    "arguments",
    [
        ["submit", "scan.nii.gz"],
        ["status"],
        ["status", FIRST],
        ["get", FIRST],
        ["retry", FIRST],
    ],
)
def test_an_organization_that_is_none_is_told_with_the_option(
    operator: Operator, arguments: list[str], tmp_path: Path
) -> None:
    (tmp_path / "scan.nii.gz").write_bytes(b"scan")

    refused = operator.mri(*arguments, "--organization", "../x", "--json")

    assert refused.exit_code == 2
    error = json.loads(refused.stdout)["error"]
    assert "organization id" in error["message"]
    assert "--organization" in error["next_step"]
    assert operator.uploads() == []


def test_two_studies_never_share_a_folder(tmp_path: Path) -> None:
    (tmp_path / "report.json").write_text('{"job_id": "a"}')
    studies.refuse_another_study(tmp_path, "a")

    with pytest.raises(studies.FolderOfAnotherStudy, match="report of study a"):
        studies.refuse_another_study(tmp_path, "b")

    # What is no report of ours stands in nobody's way
    (tmp_path / "report.json").write_text("[]")
    studies.refuse_another_study(tmp_path, "b")


def test_a_stack_that_has_ended_is_told_though_its_database_is_there(tmp_path: Path) -> None:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    outputs = {"ImagesBucketName": "i", "ResultsBucketName": "r", "StateMachineArn": "arn"}
    file = tmp_path / "stack.json"
    file.write_text(json.dumps({"outputs": outputs, "region": "eu-central-1", "pid": ended.pid}))

    with pytest.raises(StackUnreachable, match="has ended"):
        Stack.load(file)

    file.write_text(json.dumps({"outputs": outputs, "region": "eu-central-1", "pid": os.getpid()}))
    assert Stack.load(file).pid == os.getpid()
