"""The base of every message between stages.

Unknown fields are refused, so that a producer and a consumer of different versions fail loudly at
the boundary instead of dropping a measurement in silence.
"""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, StringConstraints

Identifier = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]
"""An organization or job id: safe in an S3 key, an execution name and a log field."""

S3Key = Annotated[str, StringConstraints(min_length=1, max_length=1024)]

Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]


class Contract(BaseModel):
    """An immutable message that refuses fields it does not know."""

    model_config = ConfigDict(extra="forbid", frozen=True)
