"""Commands that need a person: sign in through a browser, then report, sign, amend."""

import io
import json
import os
import stat
import subprocess
import sys
from pathlib import Path

import nibabel as nib
import pydicom
import pytest
import requests
from pydicom.uid import ExplicitVRLittleEndian, MRImageStorage
from pynetdicom import AE

from local_stack.stack import LocalStack
from mri_analysis.keys import StudyKeys
from tests.support.brains import SAMPLE, as_upload, small_brain
from tests.support.chain import Chain, wait_for
from tests.support.dicom_series import image_series, written

MRI = [sys.executable, "-m", "mri_client.cli"]


class Shell:
    """A person's terminal."""

    def __init__(self, stack: LocalStack, folder: Path) -> None:
        self.session = folder / "home" / "session.json"
        self.environment = os.environ | {
            "MRI_STACK": str(stack.state_dir / "stack.json"),
            "MRI_SESSION": str(self.session),
        }

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*MRI, *arguments], capture_output=True, text=True, env=self.environment, timeout=60
        )

    def sign_in(self, subject: str) -> str:
        """``mri login --no-browser``, with a browser that clicks on ``subject``."""
        login = subprocess.Popen(
            [*MRI, "login", "--no-browser"],
            stdout=subprocess.PIPE,
            text=True,
            env=self.environment,
        )
        assert login.stdout is not None
        login.stdout.readline()
        address = login.stdout.readline().strip()
        answer = requests.post(address, data={"sub": subject}, timeout=10)
        assert "close this window" in answer.text
        told, _ = login.communicate(timeout=30)
        assert login.returncode == 0
        return told


@pytest.fixture
def shell(stack: LocalStack, tmp_path: Path) -> Shell:
    return Shell(stack, tmp_path)


@pytest.fixture(scope="module")
def job_id(stack: LocalStack) -> str:
    chain = Chain.of(stack)
    keys = chain.put(SAMPLE.read_bytes())
    chain.ended(keys)
    return keys.job_id


def test_report_is_signed_and_amended_from_a_terminal(shell: Shell, job_id: str) -> None:
    assert "Dr. Rosa Reviewer" in shell.sign_in("demo-reviewer")
    assert stat.S_IMODE(shell.session.stat().st_mode) == 0o600

    draft = shell.run("report", job_id[:8])
    assert "DRAFT" in draft.stdout
    assert "Key findings" in draft.stdout
    careless = shell.run("sign", job_id)
    assert (careless.returncode, "--compared-with-images" in careless.stderr) == (2, True)
    signed = shell.run("sign", job_id, "--compared-with-images", "--json")
    assert json.loads(signed.stdout)["review_status"] == "signed"
    again = shell.run("sign", job_id, "--compared-with-images")
    assert (again.returncode, "Next:" in again.stderr) == (2, True)
    amended = shell.run("addendum", job_id, "Seen again.")
    assert "Seen again." in amended.stdout
    assert "DRAFT" not in amended.stdout


def test_what_a_role_does_not_allow_is_said_with_the_next_step(shell: Shell, job_id: str) -> None:
    shell.sign_in("demo-clinician")

    refused = shell.run("reject", job_id, "--reason", "no")

    assert refused.returncode == 2
    assert "reviewer" in refused.stderr
    assert "Next:" in refused.stderr


def test_without_a_sign_in_the_command_says_what_to_do(shell: Shell, job_id: str) -> None:
    for arguments in (["report", job_id], ["cancel", job_id], ["delete", job_id, "--yes"]):
        refused = shell.run(*arguments)
        assert (refused.returncode, "mri login" in refused.stderr) == (2, True)
    shell.session.parent.mkdir(parents=True)
    shell.session.write_text("{")
    assert "is no session" in shell.run("report", job_id).stderr


def test_a_folder_is_submitted_once_and_followed_by_whoever_is_signed_in(
    shell: Shell, tmp_path: Path
) -> None:
    shell.sign_in("demo-clinician")
    folder = tmp_path / "scans"
    folder.mkdir()
    (folder / "brain.nii.gz").write_bytes(as_upload(small_brain()) + str(tmp_path).encode())
    (folder / "text.nii").write_text(f"This is no image. {tmp_path}")
    (folder / "empty.nii").touch()

    first = shell.run("submit", str(folder), "--signed-in", "--json")
    sent = json.loads(first.stdout)["files"]
    watched = shell.run("watch", sent[2]["job_id"][:8], sent[0]["job_id"], "--signed-in")
    again = shell.run("submit", str(folder), "--signed-in", "--wait", "--json")

    assert first.returncode == again.returncode == 1, first.stderr
    assert [row["sent"] for row in sent] == [True, False, True]
    assert sent[1]["error"]["code"] == "EmptyFile"
    ended = json.loads(again.stdout)
    assert [row["job_id"] for row in ended["files"]] == [row["job_id"] for row in sent]
    assert [row["status"] for row in ended["files"]][1:] == [None, "failed"]
    assert ended["files"][2]["error"]["code"] == "UnsupportedFormat"
    assert (ended["summary"]["sent"], ended["summary"]["there_already"]) == (0, 2)

    assert watched.returncode == 1
    assert f"{sent[2]['job_id']}  failed  UnsupportedFormat" in watched.stdout


def test_a_study_is_looked_at_fetched_and_retried_without_the_stack(
    shell: Shell, job_id: str, tmp_path: Path
) -> None:
    shell.sign_in("demo-clinician")
    scan = tmp_path / "text.nii"
    scan.write_text(f"This is no image. {tmp_path}")
    sent = json.loads(shell.run("submit", str(scan), "--signed-in", "--wait", "--json").stdout)
    failed = sent["files"][0]["job_id"]
    folder = tmp_path / "results"

    done = shell.run("status", job_id[:8], "--signed-in")
    listed = json.loads(shell.run("status", "--signed-in", "--json").stdout)
    got = shell.run("get", job_id, "--out", str(folder), "--signed-in", "--json")
    none = shell.run("get", failed, "--out", str(folder), "--signed-in")
    again = shell.run("retry", failed, "--wait", "--signed-in", "--json")
    refused = shell.run("retry", job_id, "--signed-in", "--json")

    assert (done.returncode, job_id in done.stdout, "completed" in done.stdout) == (0, True, True)
    assert {job_id, failed} <= {row["job_id"] for row in listed}
    document = json.loads(got.stdout)
    assert (got.returncode, document["status"], document["error"]) == (0, "completed", None)
    assert {Path(name).name for name in document["files"]} == {p.name for p in folder.iterdir()}
    assert "DRAFT" in (folder / "report.md").read_text()
    (as_it_stands,) = folder.glob(f"{job_id}-report-*.md")  # another test may have signed it
    signed = as_it_stands.name.endswith("-signed.md")
    assert ("**DRAFT, not signed.**" in as_it_stands.read_text()) is not signed
    assert ("**Signed** by" in as_it_stands.read_text()) is signed
    assert as_it_stands.with_suffix(".pdf").read_bytes().startswith(b"%PDF-")
    assert (folder / f"{job_id}-measurements.csv").read_text().startswith("study,measurement,")
    assert (none.returncode, "UnsupportedFormat" in none.stderr) == (1, True)
    assert "Next:" in none.stderr
    assert (again.returncode, json.loads(again.stdout)["status"]) == (1, "failed")
    assert (refused.returncode, json.loads(refused.stdout)["error"]["code"]) == (2, "RetryRefused")


def test_what_a_stack_needs_is_refused_for_whoever_is_signed_in(shell: Shell) -> None:
    refused = shell.run("watch", "--signed-in", "--organization", "clinic-b", "--json")

    assert refused.returncode == 2
    assert "--signed-in" in json.loads(refused.stdout)["error"]["message"]


def test_files_that_are_named_come_alone(shell: Shell, job_id: str, tmp_path: Path) -> None:
    shell.sign_in("demo-reviewer")
    folder = tmp_path / "files"

    got = shell.run(
        *("get", job_id, "--out", str(folder), "--signed-in"),
        *("--pdf", "--fhir", "--csv", "--zip"),
    )
    refused = shell.run("get", job_id, "--out", str(folder), "--signed-in", "--seg")
    alone = shell.run("get", job_id, "--out", str(folder), "--pdf")

    assert got.returncode == 0, got.stderr
    endings = {path.name.removeprefix(f"{job_id}-").partition(".")[2] for path in folder.iterdir()}
    assert endings == {"pdf", "fhir.json", "csv", "zip"}
    assert (refused.returncode, "NoOriginalStudy" in refused.stderr) == (2, True)
    assert "upload the DICOM series" in " ".join(refused.stderr.split())
    assert (alone.returncode, "--signed-in" in alone.stderr) == (2, True)


def test_studies_become_a_dataset(shell: Shell, job_id: str, tmp_path: Path) -> None:
    shell.sign_in("demo-reviewer")

    made = shell.run("bids", job_id[:8], "--out", str(tmp_path / "bids"), "--json")

    assert made.returncode == 0, made.stderr
    subject = f"sub-{job_id.replace('-', '')}"
    assert str(tmp_path / "bids" / "participants.tsv") in json.loads(made.stdout)["files"]
    labels = tmp_path / "bids" / subject / "anat" / f"{subject}_dseg.nii.gz"
    assert nib.Nifti1Image.from_filename(labels).shape == (256, 256, 256)


def test_gateway_takes_a_series_of_a_pacs_to_its_job_and_ends_when_told(
    shell: Shell, tmp_path: Path
) -> None:
    shell.sign_in("demo-clinician")
    config = tmp_path / "gateway.toml"
    config.write_text(
        f"""port = 0
spool = "{tmp_path / "spool"}"
quiet_seconds = 0.5
least_free_mb = 0
[[peers]]
ae_title = "PACS"
address = "127.0.0.1"
"""
    )
    gateway = subprocess.Popen(
        [*MRI, "gateway", "--config", str(config)],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env=shell.environment,
    )
    try:
        assert gateway.stdout is not None
        port = int(gateway.stdout.readline().rpartition(":")[2])
        pacs = AE(ae_title="PACS")
        pacs.add_requested_context(MRImageStorage, ExplicitVRLittleEndian)
        association = pacs.associate("127.0.0.1", port, ae_title="MRI-ANALYSIS")
        brain = nib.as_closest_canonical(small_brain())
        sent = [
            association.send_c_store(pydicom.dcmread(io.BytesIO(written(one)))).Status
            for one in image_series(brain, study="1.2.826.0.1.3680043.8.498.4711")
        ]
        association.release()
        assert set(sent) == {0x0000}
        (note,) = wait_for(lambda: list((tmp_path / "spool" / "done").glob("*.json")), "the job")
    finally:
        gateway.terminate()
        gateway.wait(30)

    assert gateway.returncode == 0
    told = json.loads(note.read_text())
    assert told["outcome"] == "completed"
    assert "completed" in shell.run("status", told["job_id"], "--signed-in").stdout


def test_sign_out_forgets(shell: Shell, job_id: str) -> None:
    shell.sign_in("demo-clinician")
    assert shell.run("report", job_id).returncode == 0

    assert shell.run("logout").returncode == 0

    assert not shell.session.exists()
    assert shell.run("report", job_id).returncode == 2


def test_subject_links_what_is_submitted_and_cannot_be_changed_by_sending_again(
    shell: Shell, stack: LocalStack, tmp_path: Path
) -> None:
    shell.sign_in("demo-clinician")
    scan = tmp_path / "brain.nii.gz"
    scan.write_bytes(as_upload(small_brain()) + b"of a subject")

    bare = shell.run("submit", str(scan), "--subject", "S-1")
    first = shell.run("submit", str(scan), "--signed-in", "--resume", "--subject", "S-1", "--json")
    other = shell.run("submit", str(scan), "--signed-in", "--resume", "--subject", "S-2", "--json")
    wrong = shell.run("submit", str(scan), "--signed-in", "--subject", "M\u00fcller", "--json")

    assert (bare.returncode, "--signed-in" in bare.stderr) == (2, True)
    assert first.returncode == 0, first.stderr
    assert (other.returncode, json.loads(other.stdout)["files"][0]["error"]["code"]) == (
        1,
        "SubjectDiffers",
    )
    assert json.loads(wrong.stdout)["files"][0]["error"]["code"] == "InvalidRequest"
    for told in (first, other, wrong):
        assert "S-1" not in told.stdout + told.stderr
        assert "ller" not in told.stdout + told.stderr
    document = json.loads(first.stdout)["files"][0]
    Chain.of(stack).ended(StudyKeys("demo", document["job_id"]))
