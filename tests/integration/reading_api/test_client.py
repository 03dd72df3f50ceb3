"""The API client of the command line and the reading room, against the running API."""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest

from local_stack.stack import LocalStack
from mri_client import signed_in_access
from mri_client.reading_api import ApiProblem, ApiUnreachable, ReadingApi
from mri_client.signed_in_access import SignedInAccess
from mri_client.watching import follow_states
from tests.support.brains import SAMPLE, as_upload, small_brain
from tests.support.chain import wait_for
from tests.support.signed_in import id_token


def client_of(stack: LocalStack, subject: str) -> ReadingApi:
    token = id_token(stack.issuer, subject)
    return ReadingApi(stack.api_url, lambda: token)


@pytest.fixture(scope="module")
def reviewer(stack: LocalStack) -> Iterator[ReadingApi]:
    client = client_of(stack, "demo-reviewer")
    yield client
    client.close()


@pytest.fixture(scope="module")
def job_id(reviewer: ReadingApi) -> str:
    """A study that the client uploaded, analysed."""
    sent: list[tuple[int, int]] = []
    job_id = reviewer.upload(SAMPLE, lambda done, size: sent.append((done, size)))
    assert sent[-1] == (SAMPLE.stat().st_size, SAMPLE.stat().st_size)
    assert len(sent) > 1
    wait_for(lambda: reviewer.job(job_id).status == "completed", "the analysis")
    return job_id


def test_study_is_read_and_signed(reviewer: ReadingApi, job_id: str, tmp_path: Path) -> None:
    assert job_id in [job.job_id for job in reviewer.jobs(review_status="draft").jobs]
    assert reviewer.measurements(job_id).volumes
    files = {file.name: file for file in reviewer.artefacts(job_id).artefacts}
    montage = b"".join(reviewer.download(files["montage.png"].url))
    assert len(montage) == files["montage.png"].size_bytes

    draft = reviewer.report(job_id)
    kept = reviewer.revise(
        job_id,
        draft.sections.model_copy(update={"reader_observations": ["Motion in the neck."]}),
        version=draft.version,
    )
    signed = reviewer.sign(job_id, version=kept.version)
    amended = reviewer.amend(job_id, "Seen by a second reader.", version=signed.version)

    assert amended.sections.reader_observations == ["Motion in the neck."]
    assert signed.decision is not None
    assert amended.addenda[0].text == "Seen by a second reader."
    assert "report.signed" in [event.action for event in reviewer.events(job_id).events]


def test_refusal_is_told_with_its_code_and_next_step(
    reviewer: ReadingApi, stack: LocalStack, job_id: str
) -> None:
    with pytest.raises(ApiProblem) as unknown:
        reviewer.job("0" * 8)
    assert (unknown.value.status, unknown.value.code) == (404, "JobNotFound")
    assert unknown.value.next_step
    with pytest.raises(ApiProblem) as forbidden:
        reviewer.audit_trail()
    assert forbidden.value.code == "RoleMissing"
    with pytest.raises(ApiProblem) as refused:
        client_of(stack, "demo-admin").delete(job_id)
    assert refused.value.code == "DeleteRefused"
    assert client_of(stack, "demo-admin").audit_trail(limit=5).events[0].actor


def test_study_without_a_signature_is_deleted(stack: LocalStack, reviewer: ReadingApi) -> None:
    prepared = reviewer.prepare_upload(10, idempotency_key="to be deleted")

    client_of(stack, "demo-admin").delete(prepared.job_id)

    with pytest.raises(ApiProblem) as gone:
        reviewer.job(prepared.job_id)
    assert gone.value.code == "JobNotFound"


@pytest.mark.parametrize(
    "answer",
    [
        httpx.Response(502, text="<html>Bad gateway</html>"),
        httpx.Response(200, text="not json"),
        httpx.Response(200, json={"jobs": [{"surprise": 1}]}),
        httpx.ConnectError("refused"),
        httpx.ReadTimeout(""),
    ],
)
def test_whatever_else_comes_back_is_an_api_that_cannot_be_reached(
    answer: httpx.Response | Exception,
) -> None:
    def handler(request: httpx.Request) -> httpx.Response:
        if isinstance(answer, Exception):
            raise answer
        return answer

    api = ReadingApi("http://api", lambda: "token", httpx.MockTransport(handler))
    with pytest.raises(ApiUnreachable) as error:
        api.jobs()
    assert str(error.value)
    assert "token" not in str(error.value)


def test_upload_that_storage_refuses_says_so(reviewer: ReadingApi, tmp_path: Path) -> None:
    empty = tmp_path / "empty.nii"
    empty.touch()

    with pytest.raises(ApiProblem) as refused:
        reviewer.upload(empty)
    assert refused.value.code == "EmptyFile"


# ---- following studies ---------------------------------------------------------------------------


@pytest.fixture
def job_that_runs(reviewer: ReadingApi, tmp_path: Path) -> str:
    scan = tmp_path / "brain.nii.gz"
    scan.write_bytes(as_upload(small_brain()))
    return SignedInAccess(reviewer).send(scan, str(tmp_path), lambda done, size: None).job_id


def test_the_end_of_a_study_is_heard_over_a_socket(
    reviewer: ReadingApi, job_that_runs: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Only what the socket says can end this pause.
    monkeypatch.setattr(signed_in_access, "_PAUSE_WITH_SOCKET_S", 100_000)

    *_, last = follow_states(SignedInAccess(reviewer), [job_that_runs], 120)

    assert last.status == "completed"


def test_without_a_socket_a_study_is_looked_at(
    reviewer: ReadingApi, job_that_runs: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def none_offered() -> None:
        raise ApiUnreachable("no tickets here")

    monkeypatch.setattr(reviewer, "live_ticket", none_offered)
    monkeypatch.setattr(signed_in_access, "_PAUSE_S", 0.1)

    *_, last = follow_states(SignedInAccess(reviewer), [job_that_runs], 120)

    assert last.status == "completed"


def test_a_socket_that_breaks_off_is_opened_anew(
    reviewer: ReadingApi, job_that_runs: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = []
    really_open = signed_in_access._open

    def open_and_lose_the_first(api: ReadingApi, sockets: ExitStack) -> object:
        socket = really_open(api, sockets)
        assert socket is not None
        if not opened:
            socket.close()
        opened.append(socket)
        return socket

    monkeypatch.setattr(signed_in_access, "_open", open_and_lose_the_first)

    *_, last = follow_states(SignedInAccess(reviewer), [job_that_runs], 120)

    assert last.status == "completed"
    assert len(opened) == 2
