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

from mri_analysis.contracts.segmentation import Measurements, SegmentationResponse
from mri_segmentation.network import Network
from mri_segmentation.server import create_app
from mri_segmentation.store import ResultsBucket

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
    ("body", "code"),
    [
        (b"no json", "InvalidRequest"),
        ({"image_s3_key": "a", "output_prefix": "no/slash"}, "InvalidRequest"),
        ({"image_s3_key": "a", "output_prefix": "../up/"}, "InvalidRequest"),
        ({"image_s3_key": "a", "output_prefix": PREFIX, "unknown": 1}, "InvalidRequest"),
        ({"image_s3_key": "missing", "output_prefix": PREFIX}, "ImageNotFound"),
        ({"image_s3_key": "broken", "output_prefix": PREFIX}, "UnreadableImage"),
        ({"image_s3_key": "nan", "output_prefix": PREFIX}, "NonFiniteVoxels"),
    ],
)
def test_bad_input_is_the_callers_fault(address: str, s3: MemoryS3, body: Any, code: str) -> None:
    # Given a bucket with a damaged image and one with NaN
    s3.objects["broken"] = b"no image at all"
    s3.objects["nan"] = nib.Nifti1Image(
        np.full((8, 8, 8), np.nan, np.float32), np.eye(4)
    ).to_bytes()

    # Then the answer is 400 with a stable code and a sentence
    status, answer = post(address, body)
    assert status == 400
    assert answer["code"] == code
    assert answer["message"].endswith(".")
    assert set(answer) == {"code", "message"}


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
