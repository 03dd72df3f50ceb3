"""Port to a language model that drafts a report, and to a guardrail service that reads it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol


@dataclass(frozen=True)
class DraftRequest:
    """One question. ``system`` and ``schema`` are the same for every study and can be cached."""

    system: str
    prompt: str
    schema: Mapping[str, Any]
    """JSON schema of the answer (``contracts.draft.Draft``)"""
    max_tokens: int = 4000


@dataclass(frozen=True)
class DraftAnswer:
    """The model's answer, parsed from JSON and otherwise unchecked, and what it used.

    Tokens are None where the service did not count them.
    """

    content: Any
    input_tokens: int | None
    output_tokens: int | None
    cached_input_tokens: int | None
    seconds: float


class LanguageModel(Protocol):
    """Anything that answers a draft request."""

    @property
    def name(self) -> str:
        """Provider and model or inference profile, for the provenance."""
        ...

    def draft(self, request: DraftRequest) -> DraftAnswer:
        """Ask once.

        Raises
        ------
        LanguageModelUnavailable
            Throttled, failing, too slow, unreachable, or the model is at its end of life.
        LanguageModelAnswerUnusable
            It refused, was cut off, or answered with something that is no JSON of a sane size.
        """
        ...


class OutputGuardrail(Protocol):
    """A service that reads a finished report before it is kept."""

    @property
    def name(self) -> str:
        """Id and version, for the provenance."""
        ...

    def intervenes(self, text: str, sources: Sequence[str]) -> bool:
        """Whether it objects to ``text``, given what it should rest on.

        Raises ``LanguageModelUnavailable`` where it cannot be asked: then the report is not kept.
        """
        ...
