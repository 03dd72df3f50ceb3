"""Vectors of Amazon Titan Text Embeddings V2, through Bedrock."""

import json
import math
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from mri_analysis.errors import EmbedderUnavailable

if TYPE_CHECKING:
    from mypy_boto3_bedrock_runtime import BedrockRuntimeClient

DIMENSIONS = (256, 512, 1024)
"""Lengths the model offers (Amazon Bedrock user guide, Titan Text Embeddings V2)."""

_MODEL = "amazon.titan-embed-text-v2"
_MAX_CHARACTERS = 50_000
_AT_ONCE = 4
_CACHED = 256


class BedrockEmbedder:
    """An :class:`~mri_analysis.ports.embedding.Embedder`; texts met before cost nothing again.

    Parameters
    ----------
    model_id
        ``amazon.titan-embed-text-v2:0``; other models want other bodies.
    dimension
        One of :data:`DIMENSIONS`.
    """

    def __init__(self, client: "BedrockRuntimeClient", model_id: str, dimension: int) -> None:
        if not model_id.startswith(_MODEL):
            raise ValueError(f"the embedding model must be {_MODEL}:0")
        if dimension not in DIMENSIONS:
            raise ValueError(f"the embedding dimension must be one of {DIMENSIONS}")
        self._client = client
        self.id = model_id
        self.dimension = dimension
        # A function's queries repeat from study to study; a failure is not kept.
        self._cached = lru_cache(maxsize=_CACHED)(self._invoke)

    def embed(self, texts: Sequence[str]) -> list[list[float]]:
        """One vector of unit length for each text, in order.

        Raises
        ------
        EmbedderUnavailable
            Bedrock did not answer, throttled, refused, or answered no such vector.
        """
        if len(texts) == 1:
            return [list(self._cached(texts[0]))]
        with ThreadPoolExecutor(max_workers=_AT_ONCE) as threads:
            return [list(vector) for vector in threads.map(self._cached, texts)]

    def _invoke(self, text: str) -> tuple[float, ...]:
        body = {
            "inputText": text[:_MAX_CHARACTERS],
            "dimensions": self.dimension,
            "normalize": True,
        }
        try:
            answer = self._client.invoke_model(
                modelId=self.id,
                body=json.dumps(body),
                contentType="application/json",
                accept="application/json",
            )
            content = answer["body"].read()
        except (BotoCoreError, ClientError, OSError):
            # The service's text may repeat what was sent.
            raise EmbedderUnavailable("The embedding model did not answer.") from None
        return self._checked(content)

    def _checked(self, content: bytes) -> tuple[float, ...]:
        try:
            vector = tuple(float(number) for number in json.loads(content)["embedding"])
        except (ValueError, KeyError, TypeError, RecursionError):
            raise EmbedderUnavailable("The embedding model answered no vector.") from None
        length = math.sqrt(sum(number * number for number in vector))
        if len(vector) != self.dimension or not math.isfinite(length) or length == 0:
            raise EmbedderUnavailable(
                f"The embedding model answered no vector of {self.dimension} numbers."
            )
        return tuple(number / length for number in vector)
