"""A language model on Bedrock that answers through one forced, strict tool (Converse).

``outputConfig.textFormat`` would say the same, but not every model takes it; a forced tool works
with all that know tools. What the service says in words is repeated in no error: it may quote the
request. What a model wrote in place of a draft goes along with the error, for the record of drafts
alone.
"""

import json
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from botocore.parsers import ResponseParserError

from mri_analysis.adapters.aws_errors import error_code
from mri_analysis.adapters.deadline import within
from mri_analysis.adapters.draft_answers import (
    DEADLINE_SECONDS,
    MAX_ANSWER_BYTES,
    TOOL,
    count,
    mapping,
)
from mri_analysis.adapters.language_model_breaker import protected
from mri_analysis.adapters.strict_schema import portable_schema
from mri_analysis.errors import LanguageModelAnswerUnusable, LanguageModelUnavailable
from mri_analysis.ports.language_model import DraftAnswer, DraftRequest

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.circuit_breaker.persistence.base import (
        CircuitBreakerPersistenceLayer,
    )
    from mypy_boto3_bedrock_runtime import BedrockRuntimeClient

_TOOL_PURPOSE = "Hand over the report."

BEDROCK_CONFIG = Config(
    retries={"total_max_attempts": 3, "mode": "standard"}, connect_timeout=5, read_timeout=90
)

# Tags of the invocation log: what for, never for whom.
_REQUEST_METADATA = {"application": "mri-analysis", "purpose": "report"}

_CUT_SHORT = {
    "max_tokens": "ran out of tokens",
    "model_context_window_exceeded": "ran out of context",
    "content_filtered": "was stopped by a content filter",
    "guardrail_intervened": "was stopped by a guardrail",
    "malformed_model_output": "wrote what the service could not read",
    "malformed_tool_use": "wrote what the service could not read",
}


class BedrockLanguageModel:
    """One model or inference profile.

    Parameters
    ----------
    client
        Made with ``BEDROCK_CONFIG``: it tries again what was throttled.
    model_id
        Model, or id or ARN of an inference profile.
    breaker_state
        None for no circuit breaker.
    prompt_cache
        Whether the parts that all studies share end in cache points; some models refuse them.
    strict_tool
        Whether the service holds the model to the schema; some models cannot be held.
    temperature
        None sends none: newer models refuse the field.
    deadline_seconds
        One question with all its retries.
    """

    def __init__(
        self,
        client: "BedrockRuntimeClient",
        model_id: str,
        breaker_state: "CircuitBreakerPersistenceLayer | None" = None,
        *,
        prompt_cache: bool = True,
        strict_tool: bool = True,
        temperature: float | None = None,
        deadline_seconds: float = DEADLINE_SECONDS,
        max_answer_bytes: int = MAX_ANSWER_BYTES,
    ) -> None:
        self._client = client
        self._model_id = model_id
        self._prompt_cache = prompt_cache
        self._strict_tool = strict_tool
        self._temperature = temperature
        self._deadline_seconds = deadline_seconds
        self._max_answer_bytes = max_answer_bytes
        self._protected = protected(f"bedrock.{model_id}", self._ask, breaker_state)

    @property
    def name(self) -> str:
        return f"bedrock:{self._model_id}"

    def draft(self, request: DraftRequest) -> DraftAnswer:
        return self._protected(request)

    def _ask(self, request: DraftRequest) -> DraftAnswer:
        started = time.perf_counter()
        tool, shared_end = self._tool(request), self._cache_point()
        inference = self._inference(request)

        def send() -> Any:
            return self._client.converse(
                modelId=self._model_id,
                system=[{"text": request.system}, *shared_end],
                messages=[{"role": "user", "content": [{"text": request.prompt}]}],
                inferenceConfig=inference,
                toolConfig={
                    "tools": [tool, *shared_end],
                    "toolChoice": {"tool": {"name": TOOL}},
                },
                requestMetadata=_REQUEST_METADATA,
            )

        answer = call_bedrock("language model", lambda: within(self._deadline_seconds, send))
        seconds = time.perf_counter() - started
        used = mapping(answer.get("usage"))
        return DraftAnswer(
            content=self._tool_input(answer),
            input_tokens=_input_tokens(used),
            output_tokens=count(used, "outputTokens"),
            cached_input_tokens=_cached_tokens(used),
            seconds=round(seconds, 3),
        )

    def _inference(self, request: DraftRequest) -> Any:
        chosen: dict[str, float] = {"maxTokens": request.max_tokens}
        if self._temperature is not None:
            chosen["temperature"] = self._temperature
        return chosen

    def _tool(self, request: DraftRequest) -> Any:
        tool: dict[str, Any] = {
            "name": TOOL,
            "description": _TOOL_PURPOSE,
            "inputSchema": {"json": portable_schema(request.schema)},
        }
        if self._strict_tool:
            tool["strict"] = True
        return {"toolSpec": tool}

    def _cache_point(self) -> list[Any]:
        return [{"cachePoint": {"type": "default"}}] if self._prompt_cache else []

    def _tool_input(self, answer: Mapping[str, Any]) -> dict[str, Any]:
        reason = answer.get("stopReason")
        message = mapping(mapping(answer.get("output")).get("message"))
        whole = _as_text(message)
        if reason in _CUT_SHORT:
            raise LanguageModelAnswerUnusable(f"The language model {_CUT_SHORT[reason]}.", whole)
        blocks = message.get("content")
        uses = [
            mapping(block["toolUse"])
            for block in (blocks if isinstance(blocks, list) else [])
            if isinstance(block, Mapping) and "toolUse" in block
        ]
        if not uses:
            raise LanguageModelAnswerUnusable("The language model wrote no report.", whole)
        if len(uses) > 1:
            raise LanguageModelAnswerUnusable(
                "The language model wrote more than one report.", whole
            )
        content = uses[0].get("input")
        if uses[0].get("name") != TOOL or not isinstance(content, dict):
            raise LanguageModelAnswerUnusable(
                "The language model wrote no report of its form.", whole
            )
        try:
            size = len(json.dumps(content, ensure_ascii=False).encode(errors="replace"))
        except (ValueError, RecursionError):
            raise LanguageModelAnswerUnusable("The language model's answer is no JSON.") from None
        if size > self._max_answer_bytes:
            raise LanguageModelAnswerUnusable(f"The language model wrote {size} bytes.", whole)
        return content


def _as_text(message: Mapping[str, Any]) -> str:
    try:
        return json.dumps(message, ensure_ascii=False, default=str)
    except (ValueError, RecursionError):
        return ""


def call_bedrock(what: str, call: Any) -> Mapping[str, Any]:
    """The answer of ``call``, its failures told without a word of the service.

    Raises
    ------
    LanguageModelUnavailable
        The service or ``what`` failed, refused the request, or took longer than its deadline.
    LanguageModelAnswerUnusable
        The service answered with something that is none of its answers.
    """
    try:
        answer = call()
    except TimeoutError:
        raise LanguageModelUnavailable(f"The {what} did not answer in time.") from None
    except ClientError as error:
        raise LanguageModelUnavailable(
            f"Bedrock refused the {what} ({known_code(error)})."
        ) from None
    except BotoCoreError as error:
        raise LanguageModelUnavailable(
            f"The {what} did not answer ({type(error).__name__})."
        ) from None
    except (ResponseParserError, UnicodeDecodeError, RecursionError):
        raise LanguageModelAnswerUnusable(f"The {what}'s answer is no JSON.") from None
    return mapping(answer)


# Whoever answers in Bedrock's name may put any text where the code stands: these are repeated.
_CODES = {
    "AccessDeniedException",
    "ExpiredTokenException",
    "InternalServerException",
    "InvalidSignatureException",
    "ModelErrorException",
    "ModelNotReadyException",
    "ModelTimeoutException",
    "ResourceNotFoundException",
    "ServiceQuotaExceededException",
    "ServiceUnavailableException",
    "ThrottlingException",
    "UnrecognizedClientException",
    "ValidationException",
}


def known_code(error: ClientError) -> str:
    """The error's code where it is one of Bedrock's, else its HTTP status."""
    code = error_code(error)
    if code in _CODES:
        return code
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode")
    return f"HTTP {status}" if isinstance(status, int) else "unknown"


def _input_tokens(used: Mapping[str, Any]) -> int | None:
    """Bedrock counts what it wrote into the cache apart from the rest of the input."""
    fresh = count(used, "inputTokens")
    return None if fresh is None else fresh + (count(used, "cacheWriteInputTokens") or 0)


def _cached_tokens(used: Mapping[str, Any]) -> int | None:
    """None where the service counted nothing; nought where it knows no cache."""
    return None if count(used, "inputTokens") is None else count(used, "cacheReadInputTokens") or 0
