"""Errors that pass by themselves: what asks again after one of them, and what does not."""

from __future__ import annotations

from http import HTTPStatus

from mri_analysis.errors import TransientError
from mri_client.reading_api import ApiProblem, ApiUnreachable
from mri_client.stack import StackUnreachable

_BUSY = (HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.BAD_GATEWAY, HTTPStatus.SERVICE_UNAVAILABLE)


def may_pass(error: Exception) -> bool:
    """Whether the same request may well be answered a moment later."""
    if isinstance(error, ApiProblem):
        return error.status in _BUSY
    return isinstance(error, (ApiUnreachable, StackUnreachable, TransientError))
