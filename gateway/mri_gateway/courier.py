"""Takes studies to the API, and results to the PACS."""

from __future__ import annotations

import io
import logging
import threading

import pydicom
from pydicom.dataset import Dataset
from pynetdicom import AE

from mri_analysis.contracts.api import ExportFile
from mri_analysis.contracts.job import JobStatus
from mri_client.reading_api import ApiProblem, ApiUnreachable, ExportLate, ReadingApi
from mri_client.signed_in_access import SignedInAccess
from mri_gateway.settings import GatewaySettings, Pacs
from mri_gateway.spool import ReadyStudy, Spool

logger = logging.getLogger("mri_gateway")

_LATER = {401, 403, 408, 425, 429, 500, 502, 503, 504}
"""Statuses that pass: a sign-in that has to be renewed is one, the study is not at fault."""
_LONGEST_PAUSE_S = 300.0
_NOT_BACK = {"NoOriginalStudy", "RejectedReport", "OriginalUnreadable"}
RESULTS = (ExportFile.SEGMENTATION, ExportFile.STRUCTURED_REPORT, ExportFile.REPORT_DICOM)


class PacsRefused(Exception):
    """The PACS did not take an object."""


class Courier:
    """One pass after the other over the spool.

    Parameters
    ----------
    api
        Signed in as who may upload and read.
    """

    def __init__(self, settings: GatewaySettings, spool: Spool, api: ReadingApi) -> None:
        self._settings = settings
        self._spool = spool
        self._api = api
        self._studies = SignedInAccess(api)

    def run(self, ended: threading.Event, pause_s: float = 2.0) -> None:
        """Work until ``ended``; pauses grow while the API is away."""
        pause = pause_s
        while not ended.wait(pause):
            try:
                reached = self.work()
            except Exception as error:  # noqa: BLE001 - the node must go on taking studies
                logger.error("a pass ended early: %s", type(error).__name__)
                reached = False
            self.write_metrics()
            pause = pause_s if reached else min(2 * pause, _LONGEST_PAUSE_S)

    def write_metrics(self) -> None:
        """How many studies are in each state, as Prometheus' text files are read."""
        if self._settings.metrics_file is None:
            return
        lines = ["# TYPE mri_gateway_studies gauge"]
        lines += [
            f'mri_gateway_studies{{state="{state}"}} {count}'
            for state, count in self._spool.counts().items()
        ]
        place = self._settings.metrics_file
        part = place.with_name(place.name + ".part")
        part.write_text("\n".join(lines) + "\n")
        part.replace(place)

    def work(self) -> bool:
        """Pack, upload and send back what can be; False where the API or the PACS is away."""
        self._spool.pack_quiet(self._settings.quiet_seconds)
        reached = True
        for study in self._spool.ready():
            reached = self._upload(study) and reached
        for name, job_id in list(self._spool.waiting()):
            reached = self._bring_back(name, job_id) and reached
        return reached

    def _upload(self, study: ReadyStudy) -> bool:
        try:
            sent = self._studies.send(study.archive, study.content, lambda *_: None)
        except ApiUnreachable as error:
            logger.warning("the API is away: %s", error)
            return False
        except ApiProblem as problem:
            if problem.status in _LATER:
                logger.warning("the API refused for now: %s", problem.code)
                return False
            logger.error("a study cannot be uploaded: %s", problem.code)
            self._spool.bury(study, f"{problem.code}: {problem} {problem.next_step}")
            return True
        self._spool.sent(study, sent.job_id)
        logger.info("study uploaded as job %s", sent.job_id)
        return True

    def _bring_back(self, name: str, job_id: str) -> bool:
        try:
            job = self._api.job(job_id)
            if job.status is JobStatus.FAILED:
                self._spool.done(name, f"failed: {job.error.code if job.error else 'unknown'}")
                return True
            if job.status is not JobStatus.COMPLETED:
                return True
            if self._settings.pacs is None:
                self._spool.done(name, "completed")
                return True
            results = [self._api.export(job_id, file).content for file in RESULTS]
            send([pydicom.dcmread(io.BytesIO(one)) for one in results], self._settings)
        except ApiProblem as problem:
            if problem.code in _NOT_BACK or problem.code == "JobNotFound":
                self._spool.done(name, f"no results: {problem.code}")
                return True
            logger.warning("results are not there: %s", problem.code)
            return False
        except (ApiUnreachable, ExportLate, PacsRefused) as error:
            logger.warning("results could not be sent back: %s", error)
            return False
        self._spool.done(name, "returned")
        logger.info("results of job %s are in the PACS", job_id)
        return True


def send(objects: list[Dataset], settings: GatewaySettings) -> None:
    """C-STORE to the PACS.

    Raises
    ------
    PacsRefused
        It cannot be reached, or takes one of them not.
    """
    pacs: Pacs | None = settings.pacs
    if pacs is None:
        return
    entity = AE(ae_title=settings.ae_title)
    for one in objects:
        entity.add_requested_context(one.SOPClassUID, one.file_meta.TransferSyntaxUID)
    association = entity.associate(pacs.host, pacs.port, ae_title=pacs.ae_title)
    if not association.is_established:
        raise PacsRefused(f"{pacs.ae_title} cannot be reached")
    try:
        for one in objects:
            answer = association.send_c_store(one)
            if answer.get("Status") != 0x0000:
                raise PacsRefused(f"{pacs.ae_title} did not take an object")
    except (ValueError, RuntimeError) as error:
        raise PacsRefused(f"{pacs.ae_title} takes no such object") from error
    finally:
        association.release()
