"""The circuit breaker before a language model: who fails often is left alone for a while.

Its state lies in DynamoDB, so that one environment learns from the others.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from aws_lambda_powertools.utilities.circuit_breaker import CircuitBreakerConfig, circuit_breaker
from aws_lambda_powertools.utilities.circuit_breaker.exceptions import CircuitBreakerError
from botocore.exceptions import BotoCoreError, ClientError

from mri_analysis.errors import LanguageModelAnswerUnusable, LanguageModelUnavailable

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.circuit_breaker.persistence.base import (
        CircuitBreakerPersistenceLayer,
    )

# As for the segmentation endpoint: five failures in a row open the circuit for five minutes.
FAILURE_THRESHOLD = 5
RECOVERY_TIMEOUT_SECONDS = 300


@dataclass(frozen=True)
class _Refused:
    """An answer that cannot be used, carried through the circuit as an answer."""

    error: LanguageModelAnswerUnusable


Asked = TypeVar("Asked")
Answered = TypeVar("Answered")


def protected(
    name: str,
    call: Callable[[Asked], Answered],
    state: "CircuitBreakerPersistenceLayer | None",
) -> Callable[[Asked], Answered]:
    """``call`` behind the circuit ``name``; itself where there is no place for its state.

    Only ``LanguageModelUnavailable`` counts as a failure. An answer that cannot be used says that
    the model is at work: it ends a row of failures, and closes the circuit after a pause as any
    other answer does. Raised through the circuit it would do neither, and whoever asked next would
    find it half open until the probe's lease had run out.
    """
    if state is None:
        return call

    def answered_or_refused(request: Asked) -> Answered | _Refused:
        try:
            return call(request)
        except LanguageModelAnswerUnusable as error:
            return _Refused(error)

    protect: Callable[
        [Callable[[Asked], Answered | _Refused]], Callable[[Asked], Answered | _Refused]
    ]
    protect = circuit_breaker(
        name=name,
        persistence_store=state,
        config=CircuitBreakerConfig(
            failure_threshold=FAILURE_THRESHOLD,
            recovery_timeout=RECOVERY_TIMEOUT_SECONDS,
            success_threshold=1,
            # A report takes seconds: reading the state for each costs little.
            local_cache_max_age=0,
            handled_exceptions=LanguageModelUnavailable,
        ),
    )
    guarded = protect(answered_or_refused)

    def ask(request: Asked) -> Answered:
        try:
            answered: Answered | _Refused = guarded(request)
        except (CircuitBreakerError, BotoCoreError, ClientError):
            # Open, or its table did not answer: without the model the study goes on.
            raise LanguageModelUnavailable(
                "The language model failed several times and is given time to recover."
            ) from None
        if isinstance(answered, _Refused):
            raise answered.error
        return answered

    return ask
