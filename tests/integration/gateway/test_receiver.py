"""C-ECHO, C-STORE and storage commitment, as a PACS asks for them; and who may not."""

import io
import ssl
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pydicom
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from pydicom.dataset import Dataset
from pydicom.uid import ExplicitVRLittleEndian, MRImageStorage
from pynetdicom import AE, evt
from pynetdicom.sop_class import (  # type: ignore[attr-defined]
    StorageCommitmentPushModel,
    Verification,
)

from mri_gateway.receiver import Receiver
from mri_gateway.settings import GatewayMisconfigured, GatewaySettings, Peer, Tls, load_settings
from mri_gateway.spool import Spool
from tests.support import dicom_series

COMMITMENT = "1.2.840.10008.1.20.1.1"


def settings(folder: Path, **changes: Any) -> GatewaySettings:
    known: dict[str, Any] = {
        "port": 0,
        "spool": folder,
        "peers": [Peer(ae_title="PACS", address="127.0.0.1")],
    }
    return GatewaySettings(**(known | changes))


@pytest.fixture
def spool(tmp_path: Path) -> Spool:
    return Spool(tmp_path / "spool")


@pytest.fixture
def receiver(tmp_path: Path, spool: Spool) -> Iterator[Receiver]:
    with Receiver(settings(tmp_path), spool) as running:
        yield running


def calling(
    receiver: Receiver, title: str = "PACS", called: str = "MRI-ANALYSIS", **options: Any
) -> Any:
    entity = AE(ae_title=title)
    entity.add_requested_context(Verification)
    entity.add_requested_context(MRImageStorage, ExplicitVRLittleEndian)
    entity.add_requested_context(StorageCommitmentPushModel)
    return entity.associate("127.0.0.1", receiver.port, ae_title=called, **options)


def objects(count: int = 4) -> list[Dataset]:
    made = dicom_series.series()[:count]
    return [pydicom.dcmread(io.BytesIO(dicom_series.written(one))) for one in made]


def test_echo_is_answered(receiver: Receiver) -> None:
    association = calling(receiver)

    assert association.is_established
    assert association.send_c_echo().Status == 0x0000
    association.release()


def test_series_is_kept_as_it_came(receiver: Receiver, spool: Spool, tmp_path: Path) -> None:
    sent = objects()
    association = calling(receiver)
    assert [association.send_c_store(one).Status for one in sent] == [0x0000] * len(sent)
    association.release()

    assert all(spool.holds(one.SOPInstanceUID) for one in sent)
    kept = [pydicom.dcmread(path) for path in (tmp_path / "spool").rglob("*.dcm")]
    pixels = {one.SOPInstanceUID: one.PixelData for one in kept}
    assert pixels == {one.SOPInstanceUID: one.PixelData for one in sent}


@pytest.mark.parametrize(
    ("title", "called"), [("STRANGER", "MRI-ANALYSIS"), ("PACS", "SOMEBODY-ELSE")]
)
def test_who_is_not_named_is_refused(receiver: Receiver, title: str, called: str) -> None:
    assert not calling(receiver, title, called).is_established


def test_title_from_another_address_is_refused(tmp_path: Path, spool: Spool) -> None:
    elsewhere = settings(tmp_path, peers=[Peer(ae_title="PACS", address="10.1.2.0/24")])
    with Receiver(elsewhere, spool) as receiver:
        assert not calling(receiver).is_established


def test_full_spool_is_told_so_that_the_pacs_tries_again(tmp_path: Path) -> None:
    full = Spool(tmp_path / "spool", least_free_bytes=10, free_bytes=lambda _: 0)
    with Receiver(settings(tmp_path), full) as receiver:
        association = calling(receiver)
        assert association.send_c_store(objects(1)[0]).Status == 0xA700
        association.release()


def test_association_that_breaks_off_loses_only_what_was_not_answered(
    receiver: Receiver, spool: Spool
) -> None:
    first, second, *_ = objects()
    association = calling(receiver)
    assert association.send_c_store(first).Status == 0x0000
    association.abort()

    again = calling(receiver)
    assert again.send_c_store(second).Status == 0x0000
    again.release()

    assert spool.holds(first.SOPInstanceUID)
    assert spool.holds(second.SOPInstanceUID)


def test_with_tls_both_sides_show_a_certificate(tmp_path: Path, spool: Spool) -> None:
    authority = Authority(tmp_path)
    node, peer = authority.certified("node"), authority.certified("peer")
    tls = Tls(certificate=node[0], key=node[1], authority=authority.certificate)
    trusting = ssl.create_default_context(cafile=str(authority.certificate))
    trusting.check_hostname = False
    known = ssl.create_default_context(cafile=str(authority.certificate))
    known.check_hostname = False
    known.load_cert_chain(*peer)

    with Receiver(settings(tmp_path, tls=tls), spool) as receiver:
        association = calling(receiver, tls_args=(known, "localhost"))
        assert association.send_c_echo().Status == 0x0000
        association.release()
        assert not calling(receiver, tls_args=(trusting, "localhost")).is_established
        assert not calling(receiver).is_established


class Authority:
    """Signs certificates for a day."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "authority")])
        self.certificate = folder / "authority.pem"
        made = self._made(self._name, self._key.public_key(), authority=True)
        self.certificate.write_bytes(made)

    def certified(self, name: str) -> tuple[Path, Path]:
        """Files of a certificate and of its key."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        certificate, kept = self._folder / f"{name}.pem", self._folder / f"{name}.key"
        certificate.write_bytes(self._made(subject, key.public_key(), authority=False))
        kept.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
        )
        return certificate, kept

    def _made(
        self, subject: x509.Name, key: ec.EllipticCurvePublicKey, *, authority: bool
    ) -> bytes:
        now = datetime.now(UTC)
        made = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(hours=1))
            .not_valid_after(now + timedelta(days=1))
            .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
            .sign(self._key, hashes.SHA256())
        )
        return made.public_bytes(serialization.Encoding.PEM)


@pytest.mark.parametrize("known", [True, False])
def test_commitment_answers_for_what_is_kept_and_for_nothing_else(
    receiver: Receiver, known: bool
) -> None:
    told: list[tuple[int, Dataset]] = []
    heard = threading.Event()

    def reported(event: evt.Event) -> tuple[int, None]:
        told.append((event.event_type, event.event_information))
        heard.set()
        return 0x0000, None

    association = calling(receiver, evt_handlers=[(evt.EVT_N_EVENT_REPORT, reported)])
    sent = objects(2)
    association.send_c_store(sent[0])
    if known:
        association.send_c_store(sent[1])
    asked = Dataset()
    asked.TransactionUID = "1.2.3"
    asked.ReferencedSOPSequence = []
    for one in sent:
        item = Dataset()
        item.ReferencedSOPClassUID, item.ReferencedSOPInstanceUID = (
            one.SOPClassUID,
            one.SOPInstanceUID,
        )
        asked.ReferencedSOPSequence.append(item)
    status, _ = association.send_n_action(asked, 1, StorageCommitmentPushModel, COMMITMENT)
    assert status.Status == 0x0000
    assert heard.wait(10)
    time.sleep(0.1)
    association.release()

    ((kind, report),) = told
    assert report.TransactionUID == "1.2.3"
    assert kind == (1 if known else 2)
    kept = {item.ReferencedSOPInstanceUID for item in report.ReferencedSOPSequence}
    assert kept == {one.SOPInstanceUID for one in sent[: 2 if known else 1]}
    if not known:
        (missing,) = report.FailedSOPSequence
        assert missing.ReferencedSOPInstanceUID == sent[1].SOPInstanceUID


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("spool = 'x'", "peers"),
        ("spool = 'x'\npeers = []", "peers"),
        ("spool = 'x'\n[[peers]]\nae_title = 'A'\naddress = 'nowhere'", "nowhere"),
        ("spool = 'x'\nprot = 1\n[[peers]]\nae_title = 'A'\naddress = '::1'", "prot"),
        ("spool = ", "TOML"),
    ],
)
def test_wrong_settings_are_named(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "gateway.toml"
    path.write_text(text)

    with pytest.raises(GatewayMisconfigured, match=said):
        load_settings(path)
