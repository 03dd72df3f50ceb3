"""The HTTP contract, over a real socket: an image in, an archive out."""

import gzip
import json
import logging
import socket
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from typing import Any

import nibabel as nib
import numpy as np
import pytest
import uvicorn
from numpy.typing import NDArray

from mri_analysis.contracts.segmentation import Measurements, SegmentationRefused
from mri_analysis.contracts.segmentation_archive import (
    LABELS,
    MEASUREMENTS,
    MONTAGE,
    SLICES,
    unpack,
)
from mri_analysis.errors import (
    AnalysisError,
    CorruptFile,
    FileTooLarge,
    InternalError,
    NonFiniteVoxels,
    NotASingleVolume,
    UnknownOrientation,
    UnsupportedFormat,
    error_type,
)
from mri_segmentation import server as server_module
from mri_segmentation.errors import InvalidImage
from mri_segmentation.network import Network
from mri_segmentation.server import ImageTooLarge, create_app, refusal_of


class ReadyServer(uvicorn.Server):
    """Tells when it listens, so that no test needs to wait by the clock."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.ready = threading.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.ready.set()


@pytest.fixture
def address(network: Network) -> Iterator[str]:
    app = create_app(lambda: network)
    server = ReadyServer(uvicorn.Config(app, log_level="error", lifespan="on"))
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        port = listening.getsockname()[1]
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        assert server.ready.wait(20)
        yield f"http://127.0.0.1:{port}"
        server.should_exit = True
        thread.join(20)


def post(address: str, image: bytes) -> tuple[int, str, bytes]:
    """Status, content type and body of an answer."""
    request = urllib.request.Request(f"{address}/invocations", data=image, method="POST")
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.status, answer.headers["Content-Type"], answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.headers["Content-Type"], error.read()


def refused(address: str, image: bytes) -> SegmentationRefused:
    """The refusal an image is answered with: SageMaker withholds the body of any other status."""
    status, content_type, body = post(address, image)
    assert (status, content_type) == (200, "application/json")
    return SegmentationRefused.model_validate_json(body)


def test_ping_answers_once_the_weights_are_loaded(address: str) -> None:
    with urllib.request.urlopen(f"{address}/ping", timeout=10) as answer:
        assert answer.status == 200


def test_an_image_becomes_labels_measurements_and_pictures(
    address: str, small_scan: nib.Nifti1Image, caplog: pytest.LogCaptureFixture
) -> None:
    # Given an image whose header holds what no log may show
    small_scan.header["descrip"] = b"Doe John"

    # When it is segmented
    with caplog.at_level(logging.INFO, "mri_segmentation"):
        status, content_type, body = post(address, gzip.compress(small_scan.to_bytes(), 1))

    # Then the answer is an archive of all files
    assert (status, content_type) == (200, "application/zip")
    files = unpack(body)
    measured = Measurements.model_validate_json(files[MEASUREMENTS])
    assert measured.volumes
    assert measured.quality.refusal is None
    assert nib.Nifti1Image.from_bytes(gzip.decompress(files[LABELS])).shape == small_scan.shape
    assert files[MONTAGE].startswith(b"\x89PNG")
    assert files[SLICES].startswith(b"\x89PNG")
    # And the log names nobody
    assert caplog.records
    assert "Doe" not in caplog.text


def test_a_refused_image_is_an_answer_and_no_error(address: str) -> None:
    # Given an image without signal
    image = nib.Nifti1Image(np.zeros((64, 64, 64), np.int16), np.diag([3.0, 3.0, 3.0, 1.0]))

    # When it is segmented, then the refusal is told with its reason
    status, _, body = post(address, image.to_bytes())
    assert status == 200
    quality = Measurements.model_validate_json(unpack(body)[MEASUREMENTS]).quality
    assert quality.refusal == "NotABrain"
    assert quality.reasons()


def bytes_of(voxels: NDArray[Any], *, oriented: bool = True) -> bytes:
    image = nib.Nifti1Image(voxels, np.eye(4) if oriented else None)
    content: bytes = image.to_bytes()
    return content


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", CorruptFile),
        (b"no image at all", CorruptFile),
        (bytes_of(np.zeros((8, 8, 8, 2), np.float32)), NotASingleVolume),
        (bytes_of(np.zeros((8, 8, 8), np.complex64)), UnsupportedFormat),
        (bytes_of(np.full((8, 8, 8), np.nan, np.float32)), NonFiniteVoxels),
        (bytes_of(np.ones((8, 8, 8), np.float32), oriented=False), UnknownOrientation),
    ],
)
def test_an_unusable_image_is_an_answer_the_caller_sees(
    address: str, content: bytes, code: type[AnalysisError]
) -> None:
    refusal = refused(address, content)

    assert refusal.code == code.__name__
    assert refusal.message.endswith(".")


def test_an_image_too_large_is_an_answer_the_caller_sees(
    address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server_module, "MAX_IMAGE_BYTES", 3)

    assert refused(address, b"1234").code == FileTooLarge.__name__


def all_subclasses(root: type[Exception]) -> set[type[Exception]]:
    return {root}.union(*(all_subclasses(child) for child in root.__subclasses__()))


def test_every_fault_of_an_image_has_one_of_our_codes() -> None:
    faults = (all_subclasses(InvalidImage) - {InvalidImage}) | {ImageTooLarge}
    for fault in faults:
        refused = refusal_of(fault("A sentence."))
        assert error_type(refused.code) is not InternalError
        assert refused.message == "A sentence."


def test_the_log_tells_when_an_inference_begins_and_ends(
    address: str, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, "mri_segmentation"):
        post(address, b"Doe John, no image at all")

    lines = [json.loads(record.getMessage()) for record in caplog.records]
    assert [line["event"] for line in lines] == ["started", "refused"]
    assert lines[1]["code"] == "CorruptFile"
    assert "Doe" not in caplog.text


def test_an_unforeseen_error_is_json_without_details(
    address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def break_down(*_: object) -> None:
        raise TypeError("Doe John")

    monkeypatch.setattr(server_module, "segment", break_down)

    status, _, body = post(address, b"an image")
    answer = json.loads(body)
    assert status == 500
    assert answer["code"] == "InternalError"
    assert "Doe" not in answer["message"]
