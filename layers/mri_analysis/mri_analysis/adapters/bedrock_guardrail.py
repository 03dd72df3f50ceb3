"""A guardrail of Bedrock, asked about the finished report (ApplyGuardrail).

It is a call of its own: a guardrail inside Converse does not look at what a tool is given.
"""

import time
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from mri_analysis.adapters.bedrock_language_model import call_bedrock
from mri_analysis.adapters.deadline import within
from mri_analysis.errors import LanguageModelAnswerUnusable, LanguageModelUnavailable

if TYPE_CHECKING:
    from mypy_boto3_bedrock_runtime import BedrockRuntimeClient

# Limits of contextual grounding, in characters (Amazon Bedrock user guide, contextual grounding
# check): what is judged, and what it must rest on. A query of at most 1,000 is asked for too.
MAX_TEXT = 5_000
MAX_SOURCES = 100_000
_QUERY = "Report what was measured in this brain MRI, and nothing else."

DEADLINE_SECONDS = 40.0
"""For the whole text, however many calls it takes."""


class BedrockGuardrail:
    """One published version of a guardrail."""

    def __init__(
        self,
        client: "BedrockRuntimeClient",
        guardrail_id: str,
        version: str,
        deadline_seconds: float = DEADLINE_SECONDS,
    ) -> None:
        self._client = client
        self._guardrail_id = guardrail_id
        self._version = version
        self._deadline_seconds = deadline_seconds

    @property
    def name(self) -> str:
        return f"{self._guardrail_id}:{self._version}"

    def intervenes(self, text: str, sources: Sequence[str]) -> bool:
        until = time.monotonic() + self._deadline_seconds
        grounding = list(_fitting(sources))
        return any(self._objects(part, grounding, until) for part in parts(text))

    def _objects(self, part: str, grounding: list[str], until: float) -> bool:
        content: list[Any] = [
            *({"text": {"text": text, "qualifiers": ["grounding_source"]}} for text in grounding),
            {"text": {"text": _QUERY, "qualifiers": ["query"]}},
            {"text": {"text": part, "qualifiers": ["guard_content"]}},
        ]

        def send() -> Any:
            return self._client.apply_guardrail(
                guardrailIdentifier=self._guardrail_id,
                guardrailVersion=self._version,
                source="OUTPUT",
                content=content,
            )

        left = max(0.0, until - time.monotonic())
        try:
            answer = call_bedrock("guardrail", lambda: within(left, send))
        except LanguageModelAnswerUnusable as error:
            raise LanguageModelUnavailable(str(error)) from None
        action = answer.get("action")
        if action not in ("NONE", "GUARDRAIL_INTERVENED"):
            raise LanguageModelUnavailable("The guardrail gave no verdict.")
        return bool(action == "GUARDRAIL_INTERVENED")


def parts(text: str, limit: int = MAX_TEXT) -> Iterator[str]:
    """``text`` in pieces of at most ``limit`` characters, cut between lines where there are any.

    >>> list(parts("one\\ntwo\\nthree", 8))
    ['one\\ntwo\\n', 'three']
    """
    piece = ""
    for line in text.splitlines(keepends=True):
        while len(line) > limit:
            if piece:
                yield piece
                piece = ""
            yield line[:limit]
            line = line[limit:]
        if len(piece) + len(line) > limit:
            yield piece
            piece = ""
        piece += line
    if piece.strip():
        yield piece


def _fitting(sources: Sequence[str]) -> Iterator[str]:
    """The sources that fit; with fewer of them the guardrail objects sooner, never later."""
    room = MAX_SOURCES
    for source in sources:
        if source.strip() and len(source) <= room:
            room -= len(source)
            yield source
