"""What the adapters of language models ask for and read alike."""

from collections.abc import Mapping
from typing import Any

TOOL = "write_report"
"""Name of the one tool, or of the schema, that an answer must have."""

DEADLINE_SECONDS = 100.0
"""For one draft with its retries. Two attempts of the report's writer, the guardrail and the search
fit into the state (300 s)."""

MAX_ANSWER_BYTES = 200_000
"""A report of forty claims has about 20 kB."""


def mapping(value: Any) -> Mapping[str, Any]:
    """A JSON object of an answer; empty where something else stands in its place."""
    return value if isinstance(value, Mapping) else {}


def count(used: Mapping[str, Any], name: str) -> int | None:
    """A count of an answer; None where the service does not tell one."""
    value = used.get(name)
    known = isinstance(value, int) and not isinstance(value, bool) and value >= 0
    return value if known else None
