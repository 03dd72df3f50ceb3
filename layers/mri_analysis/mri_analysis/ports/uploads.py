"""Letting a client put an object without credentials of its own."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True)
class SignedForm:
    """Where to post an object, and the fields that go before it."""

    url: str
    fields: Mapping[str, str]


class UploadForms(Protocol):
    """Signs forms for the bucket of uploads."""

    def sign(self, key: str, max_bytes: int, valid_seconds: int) -> SignedForm:
        """A form that can put one object of 1 to ``max_bytes`` bytes under ``key``."""
        ...
