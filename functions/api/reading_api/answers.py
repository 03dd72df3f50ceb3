"""How routes describe their answers."""

from http import HTTPStatus
from typing import Any

from pydantic import BaseModel

from mri_analysis.contracts.api import Problem


def answers(
    status: HTTPStatus,
    model: type[BaseModel] | None,
    *problems: HTTPStatus,
    signed_in: bool = True,
) -> dict[int, Any]:
    """The answers of a route for its description; ``model`` is None for one without a body.

    What a route that needs a signed-in person always may answer is added, and completed in
    :mod:`reading_api.description`.
    """
    refusal = {"application/problem+json": {"model": Problem}}
    described: dict[int, Any] = {status: {"description": status.phrase}}
    if model is not None:
        described[status]["content"] = {"application/json": {"model": model}}
    always = (
        HTTPStatus.UNAUTHORIZED,
        HTTPStatus.FORBIDDEN,
        HTTPStatus.UNPROCESSABLE_ENTITY,
        HTTPStatus.SERVICE_UNAVAILABLE,
    )
    for refused in (*problems, *(always if signed_in else ())):
        described[refused] = {"description": refused.phrase, "content": refusal}
    return described
