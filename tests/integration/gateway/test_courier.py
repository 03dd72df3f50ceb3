"""The courier on bad days: API or PACS away, a study that is refused, a pass that is cut."""

import io
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pydicom
import pytest
from pydicom.dataset import Dataset
from pynetdicom import AE, AllStoragePresentationContexts, evt

from mri_analysis.contracts.api import ExportFile, Problem
from mri_analysis.contracts.job import JobStatus
from mri_client.reading_api import ApiProblem, ApiUnreachable, ExportedFile, ReadingApi
from mri_gateway.courier import RESULTS, Courier
from mri_gateway.settings import GatewaySettings, Pacs, Peer
from mri_gateway.spool import Spool
from tests.support import dicom_series

JOB = "0b3d9c58-6f9e-4b7a-9f0e-3a5a1c2d4e6f"


def problem(code: str, status: int, detail: str = "No.") -> ApiProblem:
    return ApiProblem(
        Problem(
            type=f"urn:mri-analysis:error:{code}",
            title=code,
            status=status,
            code=code,
            detail=detail,
            next_step="Do this.",
        )
    )


class FakeApi:
    """What the courier asks of the API; ``errors`` are raised first, one for each call."""

    def __init__(self) -> None:
        self.errors: list[Exception] = []
        self.uploads: list[str] = []
        self.status = JobStatus.COMPLETED
        self.exports: list[ExportFile] = []

    def upload(self, scan: Path, progress: Any, *, idempotency_key: str, subject: Any) -> str:
        if self.errors:
            raise self.errors.pop(0)
        if idempotency_key in self.uploads:
            raise problem("UploadArrived", 409, f"The scan arrived as job {JOB}.")
        self.uploads.append(idempotency_key)
        return JOB

    def job(self, job_id: str) -> Any:
        assert job_id == JOB
        error = SimpleNamespace(code="NotABrain") if self.status is JobStatus.FAILED else None
        return SimpleNamespace(status=self.status, error=error)

    def export(self, job_id: str, file: ExportFile) -> ExportedFile:
        if self.errors:
            raise self.errors.pop(0)
        self.exports.append(file)
        one = dicom_series.series()[RESULTS.index(file)]
        return ExportedFile(file.value, dicom_series.written(one))


@pytest.fixture
def api() -> FakeApi:
    return FakeApi()


@pytest.fixture
def spool(tmp_path: Path) -> Spool:
    spool = Spool(tmp_path / "spool")
    spool.receive("1.2", "1.2.1", b"object")
    return spool


def courier(api: FakeApi, spool: Spool, pacs: Pacs | None = None, **more: Any) -> Courier:
    settings = GatewaySettings(
        spool=Path("spool"),
        peers=[Peer(ae_title="PACS", address="127.0.0.1")],
        quiet_seconds=1e-6,
        pacs=pacs,
        **more,
    )
    return Courier(settings, spool, cast(ReadingApi, api))


def states(spool: Spool) -> dict[str, int]:
    return {state: count for state, count in spool.counts().items() if count}


@pytest.mark.parametrize(
    "error",
    [ApiUnreachable("away"), problem("SignInRequired", 401), problem("TooManyRequests", 429)],
)
def test_study_waits_until_the_api_is_back(api: FakeApi, spool: Spool, error: Exception) -> None:
    api.errors = [error] * 3
    carrying = courier(api, spool)

    assert [carrying.work() for _ in range(3)] == [False] * 3
    assert states(spool) == {"ready": 1}
    assert carrying.work()

    assert states(spool) == {"done": 1}
    assert len(api.uploads) == 1


def test_study_that_is_refused_is_kept_with_the_reason_and_the_next_goes_on(
    api: FakeApi, spool: Spool, tmp_path: Path
) -> None:
    spool.receive("1.3", "1.3.1", b"other")
    api.errors = [problem("InvalidRequest", 422, "It is too large.")]

    assert courier(api, spool).work()

    assert states(spool) == {"done": 1, "dead": 1}
    (note,) = (tmp_path / "spool" / "dead").glob("*.json")
    assert "It is too large." in note.read_text()
    assert len(list((tmp_path / "spool" / "dead").glob("*.zip"))) == 1


def test_pass_that_was_cut_after_the_upload_makes_no_second_study(
    api: FakeApi, spool: Spool, monkeypatch: pytest.MonkeyPatch
) -> None:
    def cut(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(Spool, "sent", cut)
        with pytest.raises(KeyboardInterrupt):
            courier(api, spool).work()

    assert courier(api, spool).work()
    assert states(spool) == {"done": 1}
    assert len(api.uploads) == 1


def test_failed_analysis_ends_there(api: FakeApi, spool: Spool, tmp_path: Path) -> None:
    api.status = JobStatus.FAILED

    assert courier(api, spool).work()

    (note,) = (tmp_path / "spool" / "done").glob("*.json")
    assert "NotABrain" in note.read_text()


def test_running_analysis_is_waited_for(api: FakeApi, spool: Spool) -> None:
    api.status = JobStatus.SEGMENTING
    carrying = courier(api, spool)

    assert carrying.work()
    assert states(spool) == {"sent": 1}
    api.status = JobStatus.COMPLETED
    assert carrying.work()

    assert states(spool) == {"done": 1}


@pytest.fixture
def archive() -> Iterator[tuple[Pacs, list[Dataset]]]:
    """A PACS that takes what it is sent."""
    taken: list[Dataset] = []

    def stored(event: evt.Event) -> int:
        taken.append(pydicom.dcmread(io.BytesIO(event.encoded_dataset())))
        return 0x0000

    entity = AE(ae_title="PACS")
    for context in AllStoragePresentationContexts:
        entity.add_supported_context(str(context.abstract_syntax))
    server: Any = entity.start_server(
        ("127.0.0.1", 0), block=False, evt_handlers=[(evt.EVT_C_STORE, stored)]
    )
    yield Pacs(ae_title="PACS", host="127.0.0.1", port=server.server_address[1]), taken
    server.shutdown()


def test_results_go_back_once_the_pacs_is_there(
    api: FakeApi, spool: Spool, archive: tuple[Pacs, list[Dataset]]
) -> None:
    pacs, taken = archive
    away = pacs.model_copy(update={"port": 1})
    assert not courier(api, spool, away).work()
    assert states(spool) == {"sent": 1}

    assert courier(api, spool, pacs).work()

    assert states(spool) == {"done": 1}
    assert len(taken) == len(RESULTS)


def test_report_that_may_not_go_back_ends_there(
    api: FakeApi, spool: Spool, archive: tuple[Pacs, list[Dataset]], tmp_path: Path
) -> None:
    carrying = courier(api, spool, archive[0])
    api.status = JobStatus.SEGMENTING
    carrying.work()
    api.status, api.errors = JobStatus.COMPLETED, [problem("RejectedReport", 409)]

    assert carrying.work()

    (note,) = (tmp_path / "spool" / "done").glob("*.json")
    assert "RejectedReport" in note.read_text()
    assert archive[1] == []


def test_states_are_written_for_a_monitor(api: FakeApi, spool: Spool, tmp_path: Path) -> None:
    carrying = courier(api, spool, metrics_file=tmp_path / "gateway.prom")
    api.errors = [ApiUnreachable("away")]
    carrying.work()

    carrying.write_metrics()

    page = (tmp_path / "gateway.prom").read_text()
    assert 'mri_gateway_studies{state="ready"} 1\n' in page
    assert 'mri_gateway_studies{state="dead"} 0\n' in page
