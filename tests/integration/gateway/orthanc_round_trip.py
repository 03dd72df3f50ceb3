"""A series goes from Orthanc to the gateway, through the local stack, and results come back.

To be run in a network namespace of its own, because Debian's Orthanc listens on every address:

    unshare -n sh -c 'ip link set lo up; python -m tests.integration.gateway.orthanc_round_trip DIR'

Writes what came back over DICOMweb to ``DIR/back``, and prints what the test asks.
"""

import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from email import message_from_bytes
from email.message import Message
from pathlib import Path
from typing import Any

import nibabel as nib
import requests

from local_stack.people import DEMO_PEOPLE
from local_stack.product import product_stack
from local_stack.stack import GatewaySpec
from mri_client.reading_api import ReadingApi
from mri_gateway.courier import Courier
from mri_gateway.receiver import Receiver
from mri_gateway.settings import GatewaySettings, Pacs, Peer
from mri_gateway.spool import Spool
from tests.support.brains import small_brain
from tests.support.dicom_series import image_series, written
from tests.support.signed_in import id_token

PACS = "http://127.0.0.1:8042"
GATEWAY_PORT = 11112
STUDY = "1.2.826.0.1.3680043.8.498.20261124"
PLUGIN = "/usr/share/orthanc/plugins/libOrthancDicomWeb.so"


def wait_until(look: Callable[[], bool], what: str, limit_s: float) -> None:
    deadline = time.monotonic() + limit_s
    while not look():
        if time.monotonic() > deadline:
            raise SystemExit(f"waited {limit_s:g} s in vain for {what}")
        time.sleep(0.2)


@contextmanager
def orthanc(folder: Path) -> Iterator[None]:
    """The PACS."""
    config = {
        "Name": "PACS",
        "DicomAet": "PACS",
        "DicomPort": 4242,
        "HttpPort": 8042,
        "RemoteAccessAllowed": False,
        "AuthenticationEnabled": False,
        "StorageDirectory": str(folder / "pacs"),
        "IndexDirectory": str(folder / "pacs"),
        "Plugins": [PLUGIN],
        "DicomWeb": {"Enable": True},
        "DicomAlwaysAllowStore": True,
        "DicomModalities": {"gateway": ["MRI-ANALYSIS", "127.0.0.1", GATEWAY_PORT]},
    }
    (folder / "orthanc.json").write_text(json.dumps(config))
    with (folder / "orthanc.log").open("wb") as log:
        process = subprocess.Popen(
            ["Orthanc", str(folder / "orthanc.json")], stdout=log, stderr=log
        )
        try:
            wait_until(_answers, "Orthanc", 30)
            yield
        finally:
            process.terminate()
            process.wait(30)


def _answers() -> bool:
    try:
        return requests.get(f"{PACS}/system", timeout=2).ok
    except requests.ConnectionError:
        return False


def main(folder: Path) -> None:
    """Everything in one go."""
    settings = GatewaySettings(
        port=GATEWAY_PORT,
        spool=folder / "spool",
        peers=[Peer(ae_title="PACS", address="127.0.0.1")],
        quiet_seconds=1,
        pacs=Pacs(ae_title="PACS", host="127.0.0.1", port=4242),
        least_free_mb=0,
    )
    brain = nib.as_closest_canonical(small_brain())
    with (
        orthanc(folder),
        product_stack(
            Path.cwd(),
            folder / "stack",
            parameters={"ApiRequestsPerSecond": "5000"},
            gateway=GatewaySpec(DEMO_PEOPLE),
        ) as stack,
    ):
        for one in image_series(brain, study=STUDY):
            one.AccessionNumber = "ACC-7"
            answer = requests.post(f"{PACS}/instances", data=written(one), timeout=30)
            answer.raise_for_status()
        api = ReadingApi(stack.api_url, lambda: id_token(stack.issuer, "demo-admin"))
        spool, ended = Spool(settings.spool), threading.Event()
        courier = Courier(settings, spool, api)
        carrying = threading.Thread(target=courier.run, args=(ended, 0.5))
        with Receiver(settings, spool):
            carrying.start()
            (study,) = requests.get(f"{PACS}/studies", timeout=30).json()
            requests.post(
                f"{PACS}/modalities/gateway/store", json={"Resources": [study]}, timeout=120
            ).raise_for_status()
            wait_until(lambda: spool.counts()["done"] == 1, "the results in the PACS", 180)
            ended.set()
            carrying.join()
        told = _read_back(folder)
        told["counts"] = spool.counts()
    print(json.dumps(told))


def _read_back(folder: Path) -> dict[str, Any]:
    """What a viewer finds under the study, over DICOMweb."""
    web = f"{PACS}/dicom-web/studies/{STUDY}"
    json_form = {"Accept": "application/dicom+json"}
    found = requests.get(f"{web}/series", headers=json_form, timeout=30).json()
    series = {one["0020000E"]["Value"][0]: one["00080060"]["Value"][0] for one in found}
    back = folder / "back"
    back.mkdir()
    for uid, modality in series.items():
        answer = requests.get(
            f"{web}/series/{uid}",
            headers={"Accept": 'multipart/related; type="application/dicom"; transfer-syntax=*'},
            timeout=60,
        )
        answer.raise_for_status()
        for number, content in enumerate(_parts(answer)):
            (back / f"{modality}_{number:03}.dcm").write_bytes(content)
    studies = requests.get(f"{PACS}/studies", timeout=30).json()
    return {"modalities": sorted(series.values()), "studies": len(studies)}


def _parts(answer: requests.Response) -> Iterator[bytes]:
    head = f"Content-Type: {answer.headers['Content-Type']}\r\n\r\n".encode()
    whole: Message = message_from_bytes(head + answer.content)
    for part in whole.walk():
        content = part.get_payload(decode=True)
        if isinstance(content, bytes) and not part.is_multipart():
            yield content


if __name__ == "__main__":
    main(Path(sys.argv[1]))
