"""Port to a model that turns text into vectors."""

from collections.abc import Sequence
from typing import Protocol


class Embedder(Protocol):
    """Vectors of one model and one length; vectors of different embedders never meet."""

    @property
    def id(self) -> str:
        """Model and settings that shape a vector, for example 'amazon.titan-embed-text-v2:0'."""
        ...

    @property
    def dimension(self) -> int:
        """Length of a vector."""
        ...

    def embed(self, texts: Sequence[str]) -> list[list[float]]:
        """One vector of unit length for each text, in order; raises ``EmbedderUnavailable``."""
        ...
