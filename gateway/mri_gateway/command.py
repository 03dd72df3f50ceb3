"""``mri gateway``: the node and its courier until a signal ends them."""

from __future__ import annotations

import logging
import signal
import threading

from mri_client.reading_api import ReadingApi
from mri_gateway.courier import Courier
from mri_gateway.receiver import Receiver
from mri_gateway.settings import GatewaySettings
from mri_gateway.spool import Spool


def run_gateway(settings: GatewaySettings, api: ReadingApi) -> None:
    """Listen and carry until SIGINT or SIGTERM."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    spool = Spool(settings.spool, least_free_bytes=settings.least_free_mb * 1_000_000)
    ended = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: ended.set())
    with Receiver(settings, spool) as receiver:
        print(f"{settings.ae_title} listens at {settings.host}:{receiver.port}", flush=True)
        Courier(settings, spool, api).run(ended)
