"""The DICOM side: C-ECHO, C-STORE and storage commitment, for the peers that are named."""

from __future__ import annotations

import logging
import ssl
import threading
from contextlib import AbstractContextManager
from types import TracebackType
from typing import Any

from pydicom.dataset import Dataset
from pydicom.uid import UID
from pynetdicom import AE, ALL_TRANSFER_SYNTAXES, AllStoragePresentationContexts, evt
from pynetdicom.sop_class import (  # type: ignore[attr-defined]
    StorageCommitmentPushModel,
    Verification,
)

from mri_gateway.settings import GatewaySettings
from mri_gateway.spool import Spool, SpoolFull

logger = logging.getLogger("mri_gateway")

_SUCCESS, _REFUSED, _OUT_OF_RESOURCES, _CANNOT_UNDERSTAND = 0x0000, 0x0124, 0xA700, 0xC000
_COMMITMENT_INSTANCE = "1.2.840.10008.1.20.1.1"
_COMMITTED, _NOT_COMMITTED = 1, 2
_NO_SUCH_OBJECT = 0x0112


class Receiver(AbstractContextManager["Receiver"]):
    """Listens while the block runs."""

    def __init__(self, settings: GatewaySettings, spool: Spool) -> None:
        self._settings = settings
        self._spool = spool
        self._entity = AE(ae_title=settings.ae_title)
        self._entity.maximum_associations = 20
        self._entity.network_timeout = 60
        self._entity.acse_timeout = 30
        self._entity.require_called_aet = True
        for context in AllStoragePresentationContexts:
            self._entity.add_supported_context(str(context.abstract_syntax), ALL_TRANSFER_SYNTAXES)
        self._entity.add_supported_context(Verification)
        self._entity.add_supported_context(StorageCommitmentPushModel, scu_role=True, scp_role=True)
        self._server: Any = None

    def __enter__(self) -> Receiver:
        self._server = self._entity.start_server(
            (self._settings.host, self._settings.port),
            block=False,
            ssl_context=_tls(self._settings),
            evt_handlers=[
                (evt.EVT_REQUESTED, self._requested),
                (evt.EVT_C_ECHO, lambda _: _SUCCESS),
                (evt.EVT_C_STORE, self._stored),
                (evt.EVT_N_ACTION, self._asked_to_commit),
            ],
        )
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._server.shutdown()

    @property
    def port(self) -> int:
        """Where it listens; a port of 0 is chosen by the system."""
        return int(self._server.server_address[1])

    # ---- what peers ask --------------------------------------------------------------------------

    def _requested(self, event: evt.Event) -> None:
        """Refuse who is not named: by title and by address, both."""
        request: Any = event.assoc.requestor
        title, address = request.primitive.calling_ae_title.strip(), str(request.address)
        for peer in self._settings.peers:
            if peer.ae_title == title and peer.sends_from(address):
                return
        logger.warning("association refused: %s at %s is no peer", title, address)
        # rejected-permanent, by the service user, calling AE title not recognized
        event.assoc.acse.send_reject(0x01, 0x01, 0x03)
        event.assoc.kill()

    def _stored(self, event: evt.Event) -> int:
        """Keep the object as it came; nothing of it is decoded but where it belongs."""
        try:
            study = str(event.dataset.StudyInstanceUID)
            content = event.encoded_dataset()
            request: Any = event.request
            instance = str(request.AffectedSOPInstanceUID)
        except Exception:  # noqa: BLE001 - pydicom raises whatever a broken object leads to
            logger.warning("an object could not be understood")
            return _CANNOT_UNDERSTAND
        try:
            self._spool.receive(study, instance, content)
        except SpoolFull:
            logger.error("the spool is full: objects are refused until there is room")
            return _OUT_OF_RESOURCES
        return _SUCCESS

    def _asked_to_commit(self, event: evt.Event) -> tuple[int, None]:
        """Storage commitment: the report follows on the same association."""
        asked: Dataset = event.action_information
        thread = threading.Thread(target=self._report, args=(event.assoc, asked), daemon=True)
        thread.start()
        return _SUCCESS, None

    def _report(self, association: Any, asked: Dataset) -> None:
        report = Dataset()
        kept: list[Dataset] = []
        missing: list[Dataset] = []
        report.TransactionUID = asked.TransactionUID
        for item in asked.ReferencedSOPSequence:
            held = self._spool.holds(str(item.ReferencedSOPInstanceUID))
            one = Dataset()
            one.ReferencedSOPClassUID = item.ReferencedSOPClassUID
            one.ReferencedSOPInstanceUID = item.ReferencedSOPInstanceUID
            if not held:
                one.FailureReason = _NO_SUCH_OBJECT
            (kept if held else missing).append(one)
        if kept:
            report.ReferencedSOPSequence = kept
        if missing:
            report.FailedSOPSequence = missing
        association.send_n_event_report(
            report,
            _NOT_COMMITTED if missing else _COMMITTED,
            StorageCommitmentPushModel,
            UID(_COMMITMENT_INSTANCE),
        )


def _tls(settings: GatewaySettings) -> ssl.SSLContext | None:
    """Both sides show a certificate."""
    if settings.tls is None:
        return None
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=settings.tls.authority)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_cert_chain(settings.tls.certificate, settings.tls.key)
    return context
