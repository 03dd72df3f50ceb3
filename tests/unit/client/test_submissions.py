"""Many scans are sent; what stops one, what stops all, and going on where it stopped."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import pytest

from mri_analysis.contracts.api import Problem
from mri_analysis.contracts.job import JobError, JobStatus
from mri_client.reading_api import ApiProblem, ApiUnreachable
from mri_client.studies import WaitedTooLong
from mri_client.study_access import Bytes, Pause, Sent, StudyState
from mri_client.submissions import Outcome, content_name, scans_below, send_all
from mri_client.watching import follow_states
from tests.unit.client.conftest import MOMENT, Operator


def refusal(status: int, code: str) -> ApiProblem:
    return ApiProblem(
        Problem(
            type="about:blank",
            title=code,
            status=status,
            code=code,
            detail=f"It was refused ({code}).",
            next_step="Do something else.",
        )
    )


@dataclass
class Service:
    """Takes scans; ``trouble`` holds what it answers first to a scan of this name."""

    trouble: dict[str, list[Exception]] = field(default_factory=dict)
    kept: dict[str, str] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    failed: set[str] = field(default_factory=set)

    def whole_id(self, given: str) -> str:
        return given

    def state(self, job_id: str) -> StudyState:
        if job_id in self.failed:
            error = JobError(code="NotABrain", message="None.", next_step="Another.")
            return StudyState(job_id, JobStatus.FAILED, error, MOMENT)
        return StudyState(job_id, JobStatus.COMPLETED, None, MOMENT)

    def newest(self, limit: int) -> list[StudyState]:
        return []

    def send(self, scan: Path, content: str, progress: Bytes) -> Sent:
        self.asked.append(scan.name)
        if self.trouble.get(scan.name):
            raise self.trouble[scan.name].pop(0)
        was_there = content in self.kept
        job_id = self.kept.setdefault(content, f"job-{len(self.kept)}")
        return Sent(job_id, was_there)

    @contextmanager
    def changes(self) -> Iterator[Pause]:
        yield lambda: None


def scans(folder: Path, **contents: bytes) -> list[Path]:
    folder.mkdir(exist_ok=True)
    paths = []
    for name, content in contents.items():
        path = folder / f"{name}.nii"
        path.write_bytes(content)
        paths.append(path)
    return paths


def sent(service: Service, files: list[Path], resume: bool = True) -> list[Outcome]:
    pauses: list[float] = []
    return list(
        send_all(
            service,
            files,
            resume=resume,
            progress=lambda scan: lambda done, size: None,
            sleep=pauses.append,
        )
    )


def codes(outcomes: list[Outcome]) -> list[str | None]:
    return [outcome.trouble.code if outcome.trouble else None for outcome in outcomes]


def test_a_folder_gives_its_scans_and_says_what_it_holds_besides(tmp_path: Path) -> None:
    (one,) = scans(tmp_path / "a", one=b"1")
    (two,) = scans(tmp_path / "a" / "deep", two=b"2")
    (named,) = scans(tmp_path / "b", named=b"3")
    other = named.rename(tmp_path / "b" / "no-ending")
    (tmp_path / "a" / "notes.txt").touch()
    (tmp_path / "a" / ".hidden.nii").touch()
    (tmp_path / "a" / "link.nii").symlink_to(one)
    packed = tmp_path / "a" / "three.NII.GZ"
    packed.touch()

    found, passed_over = scans_below([tmp_path / "a", other, one])

    assert found == [two, one, packed, other]
    reasons = {Path(row["file"]).name: row["reason"] for row in passed_over}
    assert reasons.keys() == {"notes.txt", ".hidden.nii", "link.nii"}
    assert ".nii.gz" in reasons["notes.txt"]


def test_the_same_content_is_sent_once_whatever_its_name(tmp_path: Path) -> None:
    files = scans(tmp_path, a=b"one", b=b"two", c=b"one")
    service = Service()

    first = sent(service, files)
    again = sent(service, files)

    assert [outcome.was_there for outcome in first] == [False, False, True]
    assert all(outcome.was_there for outcome in again)
    assert [outcome.job_id for outcome in first] == [outcome.job_id for outcome in again]


def test_new_studies_are_made_of_the_same_content_on_request(tmp_path: Path) -> None:
    files = scans(tmp_path, a=b"one", b=b"one")
    service = Service()

    outcomes = sent(service, files, resume=False) + sent(service, files, resume=False)

    assert len({outcome.job_id for outcome in outcomes}) == 4


def test_one_that_is_refused_stops_no_other(tmp_path: Path) -> None:
    files = scans(tmp_path, a=b"a", b=b"b", c=b"c")
    service = Service({"a.nii": [refusal(413, "FileTooLarge")]})

    outcomes = sent(service, [*files, tmp_path / "missing.nii"])

    assert codes(outcomes) == ["FileTooLarge", None, None, "NotAScan"]
    assert service.asked.count("a.nii") == 1  # the same file would be refused again
    assert str(tmp_path / "missing.nii") in str(outcomes[3].document()["error"])


@pytest.mark.parametrize("passing", [ApiUnreachable("broke off"), refusal(429, "TooManyRequests")])
def test_what_may_pass_is_tried_again(tmp_path: Path, passing: Exception) -> None:
    files = scans(tmp_path, a=b"a", b=b"b")
    service = Service({"a.nii": [passing, passing]})

    assert codes(sent(service, files)) == [None, None]
    assert service.asked == ["a.nii", "a.nii", "a.nii", "b.nii"]


@pytest.mark.parametrize(
    ("lasting", "attempts"), [(ApiUnreachable("away"), 3), (refusal(403, "RoleMissing"), 1)]
)
def test_what_would_meet_all_stops_and_the_next_run_goes_on(
    tmp_path: Path, lasting: Exception, attempts: int
) -> None:
    files = scans(tmp_path, a=b"a", b=b"b", c=b"c")
    service = Service({"b.nii": [lasting] * attempts})

    stopped = sent(service, files)

    assert codes(stopped)[0::2] == [None, "NotTried"]
    assert stopped[1].trouble is not None
    assert stopped[1].trouble.stops
    assert service.asked == ["a.nii", *["b.nii"] * attempts]
    assert [outcome.was_there for outcome in sent(service, files)] == [True, False, False]


def test_a_study_that_was_there_and_failed_counts_as_failed(tmp_path: Path) -> None:
    files = scans(tmp_path, a=b"a")
    service = Service()
    (first,) = sent(service, files)
    assert first.job_id is not None
    service.failed.add(first.job_id)

    (again,) = sent(service, files)

    assert again.failed
    assert again.document()["error"]["code"] == "NotABrain"
    assert again.document()["sent"] is False


def test_the_name_of_a_content_is_its_hash(tmp_path: Path) -> None:
    (file,) = scans(tmp_path, a=b"abc")
    known = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert content_name(file) == f"sha256:{known}"


# ---- following -----------------------------------------------------------------------------------


@dataclass
class Scripted(Service):
    """Studies that go through these states; an exception is raised instead of one."""

    script: dict[str, list[JobStatus | Exception]] = field(default_factory=dict)

    def state(self, job_id: str) -> StudyState:
        steps = self.script[job_id]
        step = steps.pop(0) if len(steps) > 1 else steps[0]
        if isinstance(step, Exception):
            raise step
        return StudyState(job_id, step, None, datetime.now(UTC))


def test_each_change_is_told_once_until_all_have_ended() -> None:
    service = Scripted(
        script={
            "a": [JobStatus.UPLOADED, JobStatus.UPLOADED, JobStatus.SEGMENTING, JobStatus.FAILED],
            "b": [JobStatus.SEGMENTING, JobStatus.COMPLETED],
        }
    )

    told = [(state.job_id, state.status.value) for state in follow_states(service, "aba", 60)]

    assert told == [
        ("a", "uploaded"),
        ("b", "segmenting"),
        ("b", "completed"),
        ("a", "segmenting"),
        ("a", "failed"),
    ]


def test_a_short_silence_is_waited_out_a_long_one_is_told() -> None:
    silence = ApiUnreachable("away")
    short = Scripted(script={"a": [silence] * 4 + [JobStatus.COMPLETED]})
    assert [state.status for state in follow_states(short, "a", 60)] == [JobStatus.COMPLETED]

    with pytest.raises(ApiUnreachable):
        list(follow_states(Scripted(script={"a": [silence]}), "a", 60))


@pytest.mark.parametrize("status", [429, 502, 503])
def test_a_busy_service_is_waited_for(status: int) -> None:
    service = Scripted(script={"a": [refusal(status, "Busy"), JobStatus.COMPLETED]})
    assert [state.status for state in follow_states(service, "a", 60)] == [JobStatus.COMPLETED]


def test_a_study_that_somebody_deleted_ends_the_following_of_no_other() -> None:
    service = Scripted(
        script={
            "a": [refusal(404, "JobNotFound")],
            "b": [JobStatus.SEGMENTING, JobStatus.COMPLETED],
        }
    )
    following = follow_states(service, "ab", 60)

    assert [next(following).status for _ in range(2)] == [
        JobStatus.SEGMENTING,
        JobStatus.COMPLETED,
    ]
    with pytest.raises(ApiProblem):
        next(following)


def test_waiting_ends_with_what_to_do() -> None:
    service = Scripted(script={"a": [JobStatus.SEGMENTING]})

    with pytest.raises(WaitedTooLong) as waited:
        list(follow_states(service, "a", 0))
    assert "mri watch" in waited.value.next_step


# ---- the commands, as an operator types them -----------------------------------------------------


def test_a_folder_is_submitted_and_then_only_what_is_missing(
    operator: Operator, tmp_path: Path
) -> None:
    scans(tmp_path / "scans", a=b"one", b=b"two")
    (tmp_path / "scans" / "notes.txt").touch()

    first = operator.mri("submit", "scans")
    uploads = operator.uploads()
    scans(tmp_path / "scans", c=b"three")
    again = operator.mri("submit", "scans", "--json")

    assert first.exit_code == 0, first.stderr
    assert "[1/2]  scans/a.nii  job " in first.stdout
    assert "2 scans: 2 sent, 0 there already, 0 not sent" in first.stdout
    assert "skipped: scans/notes.txt" in first.stderr
    assert len(uploads) == 2
    assert all("a.nii" not in key for key in uploads)
    document = json.loads(again.stdout)
    assert [row["sent"] for row in document["files"]] == [False, False, True]
    assert {f"incoming/demo/{row['job_id']}/upload" for row in document["files"][:2]} == set(
        uploads
    )
    assert document["skipped"][0]["file"] == "scans/notes.txt"
    assert document["summary"] == {
        "files": 3,
        "sent": 1,
        "there_already": 2,
        "not_sent": 0,
        "failed": 0,
    }
    assert len(operator.uploads()) == 3


def test_one_file_is_a_new_study_each_time_unless_asked_otherwise(
    operator: Operator, tmp_path: Path
) -> None:
    (file,) = scans(tmp_path, a=b"one")

    for _ in range(2):
        assert operator.mri("submit", file).exit_code == 0
    assert len(operator.uploads()) == 2
    for _ in range(2):
        assert operator.mri("submit", file, "--resume").exit_code == 0
    assert len(operator.uploads()) == 3


def test_what_failed_before_or_is_no_file_ends_with_1(operator: Operator, tmp_path: Path) -> None:
    files = scans(tmp_path, a=b"one", b=b"two")
    document = json.loads(operator.mri("submit", *files, "--json").stdout)
    operator.add_failed(document["files"][0]["job_id"])

    again = operator.mri("submit", *files, tmp_path / "missing.nii")

    assert again.exit_code == 1
    assert "there already, failed  NotABrain" in again.stdout
    assert "mri retry" in again.stdout
    assert "missing.nii" in again.stderr
    assert "1 not sent; 1 failed" in again.stdout


def test_an_upload_that_went_missing_is_sent_again(operator: Operator, tmp_path: Path) -> None:
    files = scans(tmp_path, a=b"one", b=b"two")
    document = json.loads(operator.mri("submit", *files, "--json").stdout)
    job_id = document["files"][0]["job_id"]
    operator.s3.delete_object(Bucket="images", Key=f"incoming/demo/{job_id}/upload")
    operator.add(job_id)
    missing = JobError(code="UploadMissing", message="Gone.", next_step="Again.")
    operator.jobs.advance("demo", job_id, JobStatus.FAILED, missing)

    again = json.loads(operator.mri("submit", *files, "--json").stdout)

    assert [row["sent"] for row in again["files"]] == [True, False]
    assert again["files"][0]["job_id"] == job_id


def test_a_folder_without_scans_is_told(operator: Operator, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    refused = operator.mri("submit", "empty", "--json")
    assert refused.exit_code == 2
    assert json.loads(refused.stdout)["error"]["code"] == "NothingToSend"


def test_storage_that_is_away_ends_with_2_and_the_rest_is_not_tried(
    operator: Operator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mri_client.submissions._FIRST_PAUSE_S", 0.0)
    files = scans(tmp_path, a=b"one", b=b"two")
    operator.s3.delete_bucket(Bucket="images")

    done = operator.mri("submit", *files, "--json")

    assert done.exit_code == 2
    errors = [row["error"]["code"] for row in json.loads(done.stdout)["files"]]
    assert errors == ["StackUnreachable", "NotTried"]


def test_watch_prints_a_line_for_each_state(operator: Operator) -> None:
    operator.add_failed("7691f4ac-0000-4000-8000-000000000001")
    operator.add("0d0c8f61-3b2e-4b5e-8d8f-0a4a5b1f9d11", JobStatus.COMPLETED)

    told = operator.mri("watch", "7691f4ac", "0d0c8f61")
    in_json = operator.mri("watch", "7691f4ac", "0d0c8f61", "--json")

    assert told.exit_code == in_json.exit_code == 1
    first, second = told.stdout.splitlines()
    assert "7691f4ac-0000-4000-8000-000000000001  failed  NotABrain: " in first
    assert second.endswith("completed")
    documents = [json.loads(line) for line in in_json.stdout.splitlines()]
    assert [document["status"] for document in documents] == ["failed", "completed"]
    assert documents[0]["error"]["code"] == "NotABrain"


def test_watch_without_jobs_takes_those_that_run(operator: Operator) -> None:
    operator.add_failed("7691f4ac-0000-4000-8000-000000000001")
    assert "no study is being analysed" in operator.mri("watch").stdout
    operator.add("0d0c8f61-3b2e-4b5e-8d8f-0a4a5b1f9d11", JobStatus.SEGMENTING)

    waited = operator.mri("watch", "--timeout", "0")
    lines = operator.mri("watch", "--timeout", "0", "--json").stdout.splitlines()

    assert [list(json.loads(line))[1] for line in lines] == ["job_id", "error"]
    assert waited.exit_code == 2
    assert "segmenting" in waited.stdout
    assert "7691f4ac" not in waited.stdout
    assert "mri watch" in waited.stderr
