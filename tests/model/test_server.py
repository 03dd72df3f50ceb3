"""The HTTP contract, over a real socket, with S3 replaced by a dictionary."""

import gzip
import io
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
from botocore.exceptions import ClientError
from numpy.typing import NDArray

from mri_analysis.contracts.segmentation import (
    Measurements,
    SegmentationRefused,
    SegmentationResponse,
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
    UploadMissing,
    error_type,
)
from mri_segmentation import store
from mri_segmentation.errors import InvalidImage
from mri_segmentation.network import Network
from mri_segmentation.server import create_app, refusal_of
from mri_segmentation.store import ImageNotFound, ImageTooLarge, ResultsBucket

PREFIX = "results/org/job/"


class MemoryS3:
    """The two calls of S3 that are used; ``failure`` is raised by the next call."""

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}
        self.failure: str | None = None

    def get_object(self, **arguments: Any) -> Any:
        self._fail("GetObject")
        if arguments["Key"] not in self.objects:
            raise ClientError({"Error": {"Code": "NoSuchKey"}}, "GetObject")
        body = self.objects[arguments["Key"]]
        return {"Body": io.BytesIO(body), "ContentLength": len(body)}

    def put_object(self, **arguments: Any) -> Any:
        self._fail("PutObject")
        self.objects[arguments["Key"]] = arguments["Body"]

    def _fail(self, call: str) -> None:
        if self.failure:
            raise ClientError({"Error": {"Code": self.failure}}, call)


@pytest.fixture
def s3() -> MemoryS3:
    return MemoryS3()


class ReadyServer(uvicorn.Server):
    """Tells when it listens, so that no test needs to wait by the clock."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.ready = threading.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.ready.set()


@pytest.fixture
def address(network: Network, s3: MemoryS3) -> Iterator[str]:
    app = create_app(lambda: network, lambda: ResultsBucket(s3, "results"))
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


def post(address: str, body: Any) -> tuple[int, Any]:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    request = urllib.request.Request(f"{address}/invocations", data=content, method="POST")
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


def test_ping_answers_once_the_weights_are_loaded(address: str) -> None:
    with urllib.request.urlopen(f"{address}/ping", timeout=10) as answer:
        assert answer.status == 200


def test_an_image_becomes_three_objects(
    address: str,
    s3: MemoryS3,
    small_scan: nib.Nifti1Image,
    caplog: pytest.LogCaptureFixture,
) -> None:
    # Given a prepared image in the bucket
    s3.objects["prepared/Doe_John.nii.gz"] = gzip.compress(small_scan.to_bytes(), 1)

    # When it is segmented
    with caplog.at_level(logging.INFO, "mri_segmentation"):
        status, answer = post(
            address, {"image_s3_key": "prepared/Doe_John.nii.gz", "output_prefix": PREFIX}
        )

    # Then the answer names three objects that hold labels, measurements and a picture
    assert status == 200
    response = SegmentationResponse.model_validate(answer)
    assert response.refusal is None
    measured = Measurements.model_validate_json(s3.objects[response.measurements_key])
    assert measured.volumes
    labels = nib.Nifti1Image.from_bytes(gzip.decompress(s3.objects[response.labels_key]))
    assert labels.shape == small_scan.shape
    assert s3.objects[response.montage_key].startswith(b"\x89PNG")
    assert {key for key in s3.objects if key.startswith(PREFIX)} == {
        response.labels_key,
        response.measurements_key,
        response.montage_key,
    }
    # And the log names no key
    assert caplog.records
    assert "Doe" not in caplog.text
    assert PREFIX not in caplog.text


def test_a_refused_image_is_an_answer_and_no_error(address: str, s3: MemoryS3) -> None:
    # Given an image without signal
    image = nib.Nifti1Image(np.zeros((64, 64, 64), np.int16), np.diag([3.0, 3.0, 3.0, 1.0]))
    s3.objects["image.nii"] = image.to_bytes()

    # When it is segmented, then the refusal is told with its reason
    status, answer = post(address, {"image_s3_key": "image.nii", "output_prefix": PREFIX})
    assert status == 200
    assert answer["refusal"] == "NotABrain"
    assert answer["reasons"]


@pytest.mark.parametrize(
    "body",
    [
        b"no json",
        b"{" * 20_000,
        {"image_s3_key": "a", "output_prefix": "no/slash"},
        {"image_s3_key": "a", "output_prefix": "../up/"},
        {"image_s3_key": "a", "output_prefix": PREFIX, "unknown": 1},
    ],
)
def test_a_bad_request_is_the_callers_fault(address: str, body: Any) -> None:
    # Then the answer is 400 with a stable code and a sentence
    status, answer = post(address, body)
    assert status == 400
    assert answer["code"] == "InvalidRequest"
    assert answer["message"].endswith(".")
    assert set(answer) == {"code", "message"}


def bytes_of(voxels: NDArray[Any], *, oriented: bool = True) -> bytes:
    image = nib.Nifti1Image(voxels, np.eye(4) if oriented else None)
    content: bytes = image.to_bytes()
    return content


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (None, UploadMissing),
        (b"no image at all", CorruptFile),
        (bytes_of(np.zeros((8, 8, 8, 2), np.float32)), NotASingleVolume),
        (bytes_of(np.zeros((8, 8, 8), np.complex64)), UnsupportedFormat),
        (bytes_of(np.full((8, 8, 8), np.nan, np.float32)), NonFiniteVoxels),
        (bytes_of(np.ones((8, 8, 8), np.float32), oriented=False), UnknownOrientation),
    ],
)
def test_an_unusable_image_is_an_answer_the_caller_sees(
    address: str, s3: MemoryS3, content: bytes | None, code: type[AnalysisError]
) -> None:
    # Given an image that cannot be analysed at all
    if content is not None:
        s3.objects["image"] = content

    # When it is sent, then the answer is 200: SageMaker withholds the body of any other
    status, answer = post(address, {"image_s3_key": "image", "output_prefix": PREFIX})
    assert status == 200
    refused = SegmentationRefused.model_validate(answer)
    assert refused.code == code.__name__
    assert refused.message.endswith(".")
    # And nothing was stored
    assert not [key for key in s3.objects if key.startswith(PREFIX)]


def test_an_image_too_large_is_an_answer_the_caller_sees(
    address: str, s3: MemoryS3, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "MAX_OBJECT_BYTES", 3)
    s3.objects["image"] = b"1234"
    status, answer = post(address, {"image_s3_key": "image", "output_prefix": PREFIX})
    assert status == 200
    assert SegmentationRefused.model_validate(answer).code == FileTooLarge.__name__


def all_subclasses(root: type[Exception]) -> set[type[Exception]]:
    return {root}.union(*(all_subclasses(child) for child in root.__subclasses__()))


def test_every_fault_of_an_image_has_one_of_our_codes() -> None:
    faults = (all_subclasses(InvalidImage) - {InvalidImage}) | {ImageNotFound, ImageTooLarge}
    for fault in faults:
        refused = refusal_of(fault("A sentence."))
        assert error_type(refused.code) is not InternalError
        assert refused.message == "A sentence."


def test_the_log_tells_when_an_inference_begins_and_ends(
    address: str, s3: MemoryS3, caplog: pytest.LogCaptureFixture
) -> None:
    # Given a damaged image
    s3.objects["Doe_John"] = b"no image at all"
    with caplog.at_level(logging.INFO, "mri_segmentation"):
        post(address, {"image_s3_key": "Doe_John", "output_prefix": PREFIX})

    # Then two lines tell it, without its key
    lines = [json.loads(record.getMessage()) for record in caplog.records]
    assert [line["event"] for line in lines] == ["started", "refused"]
    assert lines[1]["code"] == "CorruptFile"
    assert "Doe" not in caplog.text


def test_a_failing_store_is_the_servers_fault(address: str, s3: MemoryS3) -> None:
    # Given S3 that throttles
    s3.failure = "SlowDown"
    status, answer = post(address, {"image_s3_key": "a", "output_prefix": PREFIX})
    assert status == 500
    assert answer["code"] == "StorageUnavailable"


def test_an_unforeseen_error_is_json_without_details(address: str, s3: MemoryS3) -> None:
    # Given a store that answers with nonsense
    s3.objects["odd"] = 7  # type: ignore[assignment]
    status, answer = post(address, {"image_s3_key": "odd", "output_prefix": PREFIX})
    assert status == 500
    assert answer["code"] == "InternalError"
    assert "TypeError" not in answer["message"]
