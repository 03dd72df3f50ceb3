"""What a document may cost. Above a limit it is refused with a sentence, never cut short."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Limits:
    """Bounds of one document and of reading it."""

    bytes: int = 50 << 20
    pages: int = 2000
    characters: int = 6_000_000
    blocks: int = 100_000
    seconds: float = 120.0
    memory_bytes: int = 1 << 30


LIMITS = Limits()
