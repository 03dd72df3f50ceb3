"""What an answer is reduced to, and how bytes of a stranger become JSON.

The bytes may be anything. No part of them is put into an exception, because exceptions are logged.
"""

import json
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from mri_analysis.contracts.observations import Observation

MAX_BYTES = 200_000
"""Twenty observations take about 3 kB; a model that thinks aloud first may write a hundred."""


class Fault(StrEnum):
    """Why an answer cannot be used."""

    TOO_LONG = "too_long"
    NOT_JSON = "not_json"
    CUT_SHORT = "cut_short"
    REFUSED = "refused"
    OTHER_FORM = "other_form"
    """JSON, but not of the form asked for: a field or a value that is not on the list"""
    REPEATED = "repeated"
    """the same observation twice: such answers come from a model that runs in circles"""


class UnusableAnswer(ValueError):
    """The answer is no answer to our question; ``fault`` is all that is told of it."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(fault.value)
        self.fault = fault


@dataclass(frozen=True)
class Answer:
    """Observations as the model gave them, and the tokens it counted."""

    observations: tuple[Observation, ...]
    input_tokens: int | None = None
    output_tokens: int | None = None


@dataclass(frozen=True)
class Pictures:
    """What a model is shown, as PNG."""

    montage: bytes
    """slices with labels"""
    slices: bytes | None
    """the same slices without; None for studies of an older segmentation container"""


def parse(body: bytes | str) -> Any:
    """JSON of any kind.

    Raises
    ------
    UnusableAnswer
        Too long, no JSON, numbers that JSON lacks, or an object with the same name twice.
    """
    if len(body) > MAX_BYTES:
        raise UnusableAnswer(Fault.TOO_LONG)
    try:
        return json.loads(body, object_pairs_hook=_once, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        raise UnusableAnswer(Fault.NOT_JSON) from None


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name twice")
    return found


def _no_constant(name: str) -> Any:
    raise ValueError("NaN and infinities are no JSON")
