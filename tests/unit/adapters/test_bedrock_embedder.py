"""Titan's vectors: asked for as its API wants, checked, and each text once."""

import io
import json
import math
from typing import Any

import boto3
import pytest
from botocore.exceptions import ReadTimeoutError
from botocore.response import StreamingBody
from botocore.stub import Stubber

from mri_analysis.adapters.bedrock_embedder import BedrockEmbedder
from mri_analysis.errors import EmbedderUnavailable

TITAN = "amazon.titan-embed-text-v2:0"


def bedrock() -> Any:
    return boto3.client(
        "bedrock-runtime", region_name="us-east-1", aws_access_key_id="x", aws_secret_access_key="x"
    )


def answer(content: object) -> dict[str, Any]:
    body = content if isinstance(content, bytes) else json.dumps(content).encode()
    stream = StreamingBody(io.BytesIO(body), len(body))
    return {"body": stream, "contentType": "application/json"}


def test_a_text_is_asked_for_once_and_its_vector_has_unit_length() -> None:
    client = bedrock()
    asked = {
        "modelId": TITAN,
        "body": json.dumps({"inputText": "ventricle", "dimensions": 256, "normalize": True}),
        "contentType": "application/json",
        "accept": "application/json",
    }
    with Stubber(client) as stub:
        stub.add_response("invoke_model", answer({"embedding": [2.0] * 256}), asked)
        embedder = BedrockEmbedder(client, TITAN, 256)
        (first,) = embedder.embed(["ventricle"])
        (again,) = embedder.embed(["ventricle"])
        stub.assert_no_pending_responses()

    assert first == again
    assert len(first) == 256
    assert math.isclose(sum(x * x for x in first), 1)
    assert (embedder.id, embedder.dimension) == (TITAN, 256)


class Echo:
    """Answers a vector that tells which text it is of."""

    def invoke_model(self, *, body: str, **_: Any) -> dict[str, Any]:
        number = int(json.loads(body)["inputText"])
        return answer({"embedding": [float(number)] + [1.0] * 255})


def test_many_texts_come_back_in_their_order() -> None:
    vectors = BedrockEmbedder(Echo(), TITAN, 256).embed([str(n) for n in range(1, 21)])

    assert [v[0] for v in vectors] == sorted(v[0] for v in vectors)
    assert len(vectors) == 20


@pytest.mark.parametrize(
    "code", ["ThrottlingException", "ValidationException", "AccessDeniedException"]
)
def test_an_error_of_the_service_is_told_without_its_text(code: str) -> None:
    client = bedrock()
    with Stubber(client) as stub:
        stub.add_client_error("invoke_model", code, "secret words", 429)
        with pytest.raises(EmbedderUnavailable) as caught:
            BedrockEmbedder(client, TITAN, 256).embed(["x"])

    assert "secret" not in str(caught.value)
    assert caught.value.__cause__ is None


class Silent:
    calls = 0

    def invoke_model(self, **_: Any) -> None:
        self.calls += 1
        raise ReadTimeoutError(endpoint_url="https://bedrock")


def test_a_failure_is_not_kept() -> None:
    client = Silent()
    embedder = BedrockEmbedder(client, TITAN, 256)
    for _ in range(2):
        with pytest.raises(EmbedderUnavailable):
            embedder.embed(["x"])

    assert client.calls == 2


@pytest.mark.parametrize(
    "content",
    [
        b"<html>",
        b"{",
        {},
        [],
        {"embedding": None},
        {"embedding": ["a"] * 256},
        {"embedding": [1.0] * 512},
        {"embedding": [0.0] * 256},
        b'{"embedding": [' + b",".join([b"NaN"] * 256) + b"]}",
    ],
)
def test_what_is_no_vector_of_this_length_is_refused(content: object) -> None:
    class Client:
        def invoke_model(self, **_: Any) -> dict[str, Any]:
            return answer(content)

    with pytest.raises(EmbedderUnavailable):
        BedrockEmbedder(Client(), TITAN, 256).embed(["x"])


@pytest.mark.parametrize(("model", "dimension"), [(TITAN, 300), ("cohere.embed-v4:0", 256)])
def test_settings_that_the_model_does_not_know_are_refused(model: str, dimension: int) -> None:
    with pytest.raises(ValueError, match="embedding"):
        BedrockEmbedder(bedrock(), model, dimension)
