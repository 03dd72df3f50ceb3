"""Vectors without a model: each word turns the vector into a direction of its own."""

import hashlib
import math
from collections.abc import Sequence

from mri_analysis.errors import EmbedderUnavailable


class HashedEmbedder:
    """Texts that share words are near; ``fails`` makes it unavailable."""

    def __init__(self, dimension: int = 8, id_: str = "hashed:1") -> None:
        self.id = id_
        self.dimension = dimension
        self.fails = False

    def embed(self, texts: Sequence[str]) -> list[list[float]]:
        if self.fails:
            raise EmbedderUnavailable("The embedding model did not answer.")
        return [self._vector(text) for text in texts]

    def _vector(self, text: str) -> list[float]:
        sums = [0.001] * self.dimension
        for word in text.lower().split():
            digest = hashlib.sha256(word.encode()).digest()
            sums[digest[0] % self.dimension] += 1 if digest[1] % 2 else -1
        length = math.sqrt(sum(number * number for number in sums))
        return [number / length for number in sums]
