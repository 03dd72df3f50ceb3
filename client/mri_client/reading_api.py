"""The REST API, as the command line and the reading room call it.

Answers are the contracts of the layer; a refusal is :class:`ApiProblem` with the code, the sentence
and the next step of the API; silence is :class:`ApiUnreachable`.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, TypeVar

import httpx
from pydantic import BaseModel, ValidationError

from mri_analysis.contracts.api import (
    ArtefactList,
    AuditTrail,
    EventList,
    ExportFile,
    JobDocument,
    JobList,
    LiveTicketDocument,
    PriorStudies,
    Problem,
    UploadDocument,
)
from mri_analysis.contracts.operations import (
    FailedStudies,
    ModelsInUse,
    QueueDepths,
    StageTimes,
    StudyCosts,
)
from mri_analysis.contracts.report import Description
from mri_analysis.contracts.review import ReportSections, ReviewedReport
from mri_analysis.contracts.segmentation import Measurements
from mri_analysis.contracts.study import SeriesOffer
from mri_client.errors import CommandError

Progress = Callable[[int, int], None]
"""Called with the bytes sent and the size of the file."""
TokenSource = Callable[[], str]
Document = TypeVar("Document", bound=BaseModel)

_PATIENCE = httpx.Timeout(30.0, connect=5.0)
_EXPORT_PATIENCE_S = 120
_UPLOAD_PATIENCE = httpx.Timeout(60.0, connect=5.0)  # for each part of it


class ApiUnreachable(CommandError):
    """The API did not answer, or not in a form that this client knows."""

    next_step = "Check the connection, then try again; `mri login` names the API to talk to."


class ExportLate(CommandError):
    """A file that is made when it is asked for did not come."""

    next_step = "Try again in some minutes; then tell the operator the job id."


class ApiProblem(Exception):
    """The API refused a request. ``str()`` is the sentence for the reader."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.detail)
        self.status = problem.status
        self.code = problem.code
        self.next_step = problem.next_step


@dataclass(frozen=True)
class ExportedFile:
    """A file of a study, as it was exported."""

    name: str
    content: bytes


class ReadingApi:
    """One deployed REST API, called as one person.

    Parameters
    ----------
    url
        Address of the API, without ``/v1``.
    token
        Gives the ID token for the next request.
    transport
        For tests; None for the network.
    """

    def __init__(
        self, url: str, token: TokenSource, transport: httpx.BaseTransport | None = None
    ) -> None:
        self._token = token
        self._http = httpx.Client(base_url=url, timeout=_PATIENCE, transport=transport)
        self._storage = httpx.Client(timeout=_UPLOAD_PATIENCE, transport=transport)

    def close(self) -> None:
        """Let go of open connections."""
        self._http.close()
        self._storage.close()

    # ---- jobs ------------------------------------------------------------------------------------

    def jobs(
        self,
        *,
        limit: int = 20,
        cursor: str | None = None,
        status: str | None = None,
        review_status: str | None = None,
        job_id: str | None = None,
    ) -> JobList:
        """One page of the worklist, newest first; ``job_id`` is how an id begins."""
        query = {
            "limit": limit,
            "cursor": cursor,
            "status": status,
            "review_status": review_status,
            "job_id": job_id,
        }
        known = {name: value for name, value in query.items() if value is not None}
        return self._read("GET", "/v1/jobs", JobList, params=known)

    def job_ids(self, beginning: str, limit: int) -> list[str]:
        """Ids of jobs that begin like this, those of the newest jobs first."""
        return [job.job_id for job in self.jobs(limit=limit, job_id=beginning).jobs]

    def job(self, job_id: str) -> JobDocument:
        """One job."""
        return self._read("GET", f"/v1/jobs/{job_id}", JobDocument)

    def events(self, job_id: str) -> EventList:
        """What happened to a job."""
        return self._read("GET", f"/v1/jobs/{job_id}/events", EventList)

    def retry(self, job_id: str, series: int | None = None) -> JobDocument:
        """Analyse the upload of a failed job again; ``series`` of a DICOM upload, if chosen."""
        query = {} if series is None else {"series": series}
        return self._read("POST", f"/v1/jobs/{job_id}/retry", JobDocument, params=query)

    def series(self, job_id: str) -> SeriesOffer:
        """The series of a DICOM upload that can be analysed."""
        return self._read("GET", f"/v1/jobs/{job_id}/series", SeriesOffer)

    def cancel(self, job_id: str) -> JobDocument:
        """Stop the analysis of a job that has not ended."""
        return self._read("POST", f"/v1/jobs/{job_id}/cancel", JobDocument)

    def delete(self, job_id: str) -> None:
        """Delete a study for good."""
        self._send("DELETE", f"/v1/jobs/{job_id}")

    # ---- uploads ---------------------------------------------------------------------------------

    def prepare_upload(
        self, size_bytes: int, idempotency_key: str | None = None, *, subject: str | None = None
    ) -> UploadDocument:
        """A form that puts one scan; the browser, or :meth:`upload`, sends it.

        ``subject`` links the studies of one subject; only a keyed hash of it is kept.
        """
        headers = {"Idempotency-Key": idempotency_key} if idempotency_key else {}
        body: dict[str, Any] = {"size_bytes": size_bytes}
        if subject is not None:
            body["subject"] = subject
        return self._read("POST", "/v1/uploads", UploadDocument, json=body, headers=headers)

    def upload(
        self,
        path: Path,
        progress: Progress | None = None,
        idempotency_key: str | None = None,
        *,
        subject: str | None = None,
    ) -> str:
        """Send a scan; its name is not sent. Answers the job's id.

        Raises
        ------
        ApiProblem, ApiUnreachable
        OSError
            The file cannot be read.
        """
        size = path.stat().st_size
        form = self.prepare_upload(size, idempotency_key, subject=subject)
        with path.open("rb") as scan:
            body = _Counted(scan, size, progress)
            try:
                answer = self._storage.post(
                    form.url,
                    data=dict(form.fields),
                    files={"file": ("upload", body)},  # type: ignore[dict-item]  # has read()
                )
            except httpx.HTTPError as error:
                raise ApiUnreachable(f"The upload broke off: {_reason(error)}") from error
        if answer.status_code != httpx.codes.NO_CONTENT:
            raise ApiUnreachable(f"Object storage refused the upload ({answer.status_code}).")
        return form.job_id

    # ---- studies ---------------------------------------------------------------------------------

    def measurements(self, job_id: str) -> Measurements:
        """What was measured."""
        return self._read("GET", f"/v1/jobs/{job_id}/measurements", Measurements)

    def description(self, job_id: str) -> Description:
        """Every measurement in words, with its verdict."""
        return self._read("GET", f"/v1/jobs/{job_id}/description", Description)

    def prior_studies(self, job_id: str) -> PriorStudies:
        """Earlier completed studies of the same subject, newest first."""
        return self._read("GET", f"/v1/jobs/{job_id}/prior-studies", PriorStudies)

    def artefacts(self, job_id: str) -> ArtefactList:
        """Files of a study, each with an address that ends soon."""
        return self._read("GET", f"/v1/jobs/{job_id}/artefacts", ArtefactList)

    def export(self, job_id: str, file: ExportFile) -> ExportedFile:
        """A file to take along, with the name to keep it under; that it was taken is noted.

        Waits for a file that is made when it is asked for.

        Raises
        ------
        ExportLate
            It was not there after two minutes.
        """
        address = f"/v1/jobs/{job_id}/exports/{file}"
        until = time.monotonic() + _EXPORT_PATIENCE_S
        while (answer := self._send("GET", address)).status_code == httpx.codes.ACCEPTED:
            if time.monotonic() > until:
                raise ExportLate(f"{file} was not there after {_EXPORT_PATIENCE_S} s.")
            time.sleep(float(answer.headers.get("Retry-After", "1")))
        if answer.status_code == httpx.codes.SEE_OTHER:
            answer = self._stored(answer.headers["Location"])
        named = re.search(r'filename="([\w.-]+)"', answer.headers.get("Content-Disposition", ""))
        return ExportedFile(named[1] if named else file.value, answer.content)

    def _stored(self, url: str) -> httpx.Response:
        """What lies at an address of object storage; it signs for itself and takes no token."""
        try:
            answer = self._storage.get(url)
        except httpx.HTTPError as error:
            raise ApiUnreachable(f"The download broke off: {_reason(error)}") from error
        if answer.status_code != httpx.codes.OK:
            raise ApiUnreachable(f"Object storage refused ({answer.status_code}).")
        return answer

    def download(self, url: str) -> Iterator[bytes]:
        """The content of one of these addresses, piece by piece."""
        try:
            with self._storage.stream("GET", url) as answer:
                if answer.status_code != httpx.codes.OK:
                    raise ApiUnreachable(f"Object storage refused ({answer.status_code}).")
                yield from answer.iter_bytes()
        except httpx.HTTPError as error:
            raise ApiUnreachable(f"The download broke off: {_reason(error)}") from error

    # ---- review ----------------------------------------------------------------------------------

    def report(self, job_id: str) -> ReviewedReport:
        """The report with its review."""
        return self._read("GET", f"/v1/jobs/{job_id}/report", ReviewedReport)

    def revise(self, job_id: str, sections: ReportSections, *, version: int) -> ReviewedReport:
        """Keep other words for a draft."""
        body = sections.model_dump(mode="json")
        return self._change("PUT", f"{job_id}/report/sections", version, json=body)

    def sign(self, job_id: str, *, version: int) -> ReviewedReport:
        """Sign the report as it stands at ``version``."""
        return self._change("POST", f"{job_id}/report/signature", version)

    def reject(self, job_id: str, reason: str, *, version: int) -> ReviewedReport:
        """Reject a draft."""
        return self._change("POST", f"{job_id}/report/rejection", version, json={"reason": reason})

    def amend(self, job_id: str, text: str, *, version: int) -> ReviewedReport:
        """Add to a signed report."""
        return self._change("POST", f"{job_id}/report/addenda", version, json={"text": text})

    # ---- the rest --------------------------------------------------------------------------------

    def live_ticket(self) -> LiveTicketDocument:
        """Opens one socket for live updates."""
        return self._read("POST", "/v1/live-tickets", LiveTicketDocument)

    # ---- administration --------------------------------------------------------------------------

    def audit_trail(
        self,
        *,
        limit: int = 50,
        cursor: str | None = None,
        job_id: str | None = None,
        action: str | None = None,
    ) -> AuditTrail:
        """The audit trail of the organization, newest first; perhaps of one study or action."""
        query = {"limit": limit, "cursor": cursor, "job_id": job_id, "action": action}
        known = {name: value for name, value in query.items() if value is not None}
        return self._read("GET", "/v1/audit-events", AuditTrail, params=known)

    def stage_times(self, *, days: int = 7) -> StageTimes:
        """How long each stage took in the last days, and where the studies are."""
        return self._read("GET", "/v1/operations/stage-times", StageTimes, params={"days": days})

    def queues(self) -> QueueDepths:
        """How many messages lie in the queues of the deployment."""
        return self._read("GET", "/v1/operations/queues", QueueDepths)

    def failed_studies(self, *, limit: int = 50, cursor: str | None = None) -> FailedStudies:
        """One page of failed studies, and whether another analysis may help."""
        query = {"limit": limit} | ({"cursor": cursor} if cursor else {})
        return self._read("GET", "/v1/operations/failed-studies", FailedStudies, params=query)

    def costs(self, *, days: int = 30, limit: int = 50) -> StudyCosts:
        """What the studies of the last days cost, the newest ``limit`` one by one."""
        query = {"days": days, "limit": limit}
        return self._read("GET", "/v1/operations/costs", StudyCosts, params=query)

    def models(self, *, days: int = 30) -> ModelsInUse:
        """What took part in the analyses of the last days."""
        return self._read("GET", "/v1/operations/models", ModelsInUse, params={"days": days})

    # ---- requests --------------------------------------------------------------------------------

    def _change(self, method: str, path: str, version: int, **options: Any) -> ReviewedReport:
        headers = {"If-Match": f'"{version}"'}
        return self._read(method, f"/v1/jobs/{path}", ReviewedReport, headers=headers, **options)

    def _read(self, method: str, path: str, document: type[Document], **options: Any) -> Document:
        answer = self._send(method, path, **options)
        try:
            return document.model_validate_json(answer.content)
        except ValidationError as error:
            raise ApiUnreachable(
                "The API answered in a form that this client does not know."
            ) from (error)

    def _send(
        self, method: str, path: str, headers: Mapping[str, str] | None = None, **options: Any
    ) -> httpx.Response:
        signed = {"Authorization": f"Bearer {self._token()}", **(headers or {})}
        try:
            answer = self._http.request(method, path, headers=signed, **options)
        except httpx.HTTPError as error:
            raise ApiUnreachable(f"The API did not answer: {_reason(error)}") from error
        if answer.is_success or answer.status_code == httpx.codes.SEE_OTHER:
            return answer
        try:
            problem = Problem.model_validate_json(answer.content)
        except ValidationError as error:
            raise ApiUnreachable(f"The API answered {answer.status_code}.") from error
        raise ApiProblem(problem)


def _reason(error: Exception) -> str:
    return str(error) or type(error).__name__


class _Counted:
    """A file that tells how much of it was read."""

    def __init__(self, file: IO[bytes], size: int, progress: Progress | None) -> None:
        self._file, self._size, self._progress = file, size, progress
        self._sent = 0

    def read(self, size: int = -1) -> bytes:
        piece = self._file.read(size)
        self._sent += len(piece)
        if self._progress is not None and piece:
            self._progress(self._sent, self._size)
        return piece

    def fileno(self) -> int:
        """Of the file, from which httpx takes the length."""
        return self._file.fileno()

    def seek(self, offset: int, whence: int = 0) -> int:
        self._sent = 0
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        return self._file.tell()
