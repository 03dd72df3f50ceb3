"""The question, asked of a real OpenAI-compatible server that none of us wrote.

`transformers serve` on the processor, with tiny models made here. Opt-in (``make test-vlm``): it
needs torch, in ``.venv-vlm``.
"""

import json
import os
import socket
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from local_stack.product import product_stack
from local_stack.vision_language import VisionLanguageServer
from mri_analysis.contracts.job import JobStatus
from mri_analysis.contracts.observations import Observation, ReadingStatus, VisionLanguageReading
from mri_analysis.contracts.report import Description
from tests.support.brains import SAMPLE
from tests.support.chain import Chain
from tests.support.scripted_vision_language import observation

PROGRAMS = Path(".venv-vlm/bin")
MAKE_MODEL = Path(__file__).with_name("make_model.py")

pytestmark = pytest.mark.skipif(
    os.environ.get("MRI_TEST_VLM") != "1",
    reason="opt-in: `make test-vlm` installs torch and asks a real server",
)

LESION = observation("focal_lesion", "frontal", "left")


@contextmanager
def served(folder: Path, answer: str | None = None) -> Iterator[str]:
    """The address of a server with a model that writes ``answer``, or at random."""
    made = folder / "model"
    command = [PROGRAMS / "python", MAKE_MODEL, made, *([answer] if answer else [])]
    subprocess.run(command, check=True, timeout=120, capture_output=True)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    with (folder / "serve.log").open("wb") as log:
        server = subprocess.Popen(
            [
                *(PROGRAMS / "transformers", "serve", made, "--device", "cpu"),
                *("--host", "127.0.0.1", "--port", str(port)),
            ],
            stdout=log,
            stderr=subprocess.STDOUT,
            env={**os.environ, "HF_HUB_OFFLINE": "1", "HF_HOME": str(folder / "hub")},
        )
        try:
            _wait_until_healthy(url, server)
            yield url
        finally:
            server.terminate()
            server.wait(20)


def _wait_until_healthy(url: str, server: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 120
    while server.poll() is None and time.monotonic() < deadline:
        try:
            with urllib.request.urlopen(f"{url}/health", timeout=5):
                return
        except OSError:
            time.sleep(0.2)
    raise AssertionError("transformers serve did not start; see serve.log")


def reading_of_a_study(folder: Path, url: str) -> VisionLanguageReading:
    """What a whole study, analysed with this server, knows of its answer."""
    with product_stack(
        Path.cwd(), folder / "stack", vision_language=VisionLanguageServer(url)
    ) as stack:
        chain = Chain.of(stack)
        study = chain.put(SAMPLE.read_bytes())
        assert chain.ended(study).status is JobStatus.COMPLETED
        s3, bucket = stack.client("s3"), stack.resource("ResultsBucket")
        (stored,) = s3.list_objects_v2(
            Bucket=bucket, Prefix=study.results + "description_observed_"
        )["Contents"]
        body = s3.get_object(Bucket=bucket, Key=stored["Key"])["Body"].read()
    reading = Description.model_validate_json(body).reading
    assert reading is not None
    return reading


def test_what_a_random_model_writes_is_not_used(tmp_path: Path) -> None:
    with served(tmp_path) as url:
        reading = reading_of_a_study(tmp_path, url)

    assert reading.status is ReadingStatus.UNUSABLE
    assert not reading.observations


def test_a_good_answer_of_a_real_server_is_read(tmp_path: Path) -> None:
    with served(tmp_path, json.dumps({"observations": [LESION]})) as url:
        reading = reading_of_a_study(tmp_path, url)

    assert reading.status is ReadingStatus.ANSWERED
    assert [w.observation for w in reading.observations] == [Observation.model_validate(LESION)]
    assert reading.input_tokens is not None
    assert reading.input_tokens > 1000
    assert reading.output_tokens is not None
