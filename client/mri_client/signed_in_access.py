"""Studies of whoever is signed in, over the REST API: see :mod:`mri_client.study_access`."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from mri_analysis.contracts.api import ExportFile, JobDocument
from mri_analysis.errors import UploadArrived
from mri_analysis.exporting.names import AT_ONCE
from mri_client.bids import StudyFiles
from mri_client.job_ids import whole_job_id
from mri_client.reading_api import ApiProblem, ApiUnreachable, ReadingApi
from mri_client.studies import check_file, make_folder, refuse_another_study
from mri_client.study_access import Bytes, Pause, Sent, StudyState

if TYPE_CHECKING:
    from websockets.sync.client import ClientConnection

_JOB_ID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_NAMES_NOBODY = (*sorted(AT_ONCE), ExportFile.REPORT_PDF)
_PAUSE_S = 2.0
# A socket tells how a study ends; the stages on the way there are looked at.
_PAUSE_WITH_SOCKET_S = 4.0
_PATIENCE_S = 5.0


class SignedInAccess:
    """Studies of the organization of the person who is signed in.

    Parameters
    ----------
    subject
        Whose scans are sent; None to say nothing of it.
    """

    def __init__(self, api: ReadingApi, subject: str | None = None) -> None:
        self._api = api
        self._subject = subject

    def whole_id(self, given: str) -> str:
        return whole_job_id(given, self._api.job_ids)

    def state(self, job_id: str) -> StudyState:
        return _state(self._api.job(job_id))

    def newest(self, limit: int) -> list[StudyState]:
        return [_state(job) for job in self._api.jobs(limit=limit).jobs]

    def send(self, scan: Path, content: str, progress: Bytes) -> Sent:
        check_file(scan)
        try:
            job_id = self._api.upload(
                scan, progress, idempotency_key=content, subject=self._subject
            )
            return Sent(job_id, was_there=False)
        except ApiProblem as problem:
            # The sentence of this refusal names the job that the key stands for.
            named = _JOB_ID.search(str(problem))
            if problem.code != UploadArrived.__name__ or named is None:
                raise
            return Sent(named.group(), was_there=True)

    def retry(self, job_id: str, series: int | None = None) -> StudyState:
        """Have a failed study analysed again; ``series`` of a DICOM upload, if chosen."""
        return _state(self._api.retry(job_id, series))

    def fetch(self, job_id: str, folder: Path, wanted: Collection[ExportFile] = ()) -> list[Path]:
        """Download the files of a completed study; raises ``FolderNotWritable`` before any.

        ``wanted`` are files to take along, and then nothing else comes. Without it all come that
        name nobody. ``report.md`` is the draft as the analysis wrote it. The report as it stands,
        with the words and the signature of its readers, lies beside it under a name that says what
        it is.
        """
        make_folder(folder)
        refuse_another_study(folder, job_id)
        fetched = []
        if not wanted:
            for artefact in self._api.artefacts(job_id).artefacts:
                fetched.append(_kept(folder, artefact.name, self._api.download(artefact.url)))
        for file in wanted or _NAMES_NOBODY:
            exported = self._api.export(job_id, file)
            fetched.append(_kept(folder, exported.name, [exported.content]))
        return fetched

    def dataset_files(self, job_id: str) -> StudyFiles:
        """What a completed study gives to a BIDS dataset."""
        links = {file.name: file.url for file in self._api.artefacts(job_id).artefacts}

        def content(name: str) -> Callable[[], bytes]:
            return lambda: b"".join(self._api.download(links[name]))

        measurements = self._api.measurements(job_id)
        return StudyFiles(job_id, measurements, content("image.nii.gz"), content("labels.nii.gz"))

    def changes(self) -> AbstractContextManager[Pause]:
        return _changes(self._api)


def _kept(folder: Path, name: str, content: Iterable[bytes]) -> Path:
    path = folder / Path(name).name
    part = path.with_name(f"{path.name}.part")
    try:
        with part.open("wb") as file:
            file.writelines(content)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)  # of a download that broke off
    return path


@contextmanager
def _changes(api: ReadingApi) -> Iterator[Pause]:
    with ExitStack() as opened:
        socket = _open(api, opened)

        def pause() -> None:
            nonlocal socket
            if socket is None:
                time.sleep(_PAUSE_S)
                return
            try:
                socket.recv(timeout=_PAUSE_WITH_SOCKET_S)
            except TimeoutError:
                return
            except _closed():
                # The API ends every socket after two hours, idle ones sooner.
                opened.close()
                socket = _open(api, opened)
                time.sleep(_PAUSE_S)  # one that always closes must not ask without end

        yield pause


def _open(api: ReadingApi, opened: ExitStack) -> ClientConnection | None:
    """A socket that hears of changes, closed with ``opened``; None where the API offers none."""
    from websockets.exceptions import InvalidHandshake, InvalidURI
    from websockets.sync.client import connect

    try:
        ticket = api.live_ticket()
        address = f"{ticket.url}?ticket={ticket.ticket}"
        return opened.enter_context(connect(address, open_timeout=_PATIENCE_S))
    except (ApiProblem, ApiUnreachable, InvalidHandshake, InvalidURI, OSError):
        return None


def _closed() -> type[Exception]:
    from websockets.exceptions import ConnectionClosed

    return ConnectionClosed


def _state(job: JobDocument) -> StudyState:
    return StudyState(job.job_id, job.status, job.error, job.updated_at)
