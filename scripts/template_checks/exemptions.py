"""How a resource is exempt from a check: an entry of its ``Metadata`` with an id and a reason.

    Metadata:
      guard: { SuppressedRules: [{ id: s3_replicated, comment: One region is enough because ... }] }
      checkov: { skip: [{ id: CKV_AWS_18, comment: This is where access logs go }] }

An id of ``guard`` is a rule of ``infrastructure/rules`` or a check of :mod:`resource_policies`.
Where one of ours asks what checkov asks too ("Same as CKV_..." beside it), checkov's skip is
enough.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any

from .templates import Finding, Template

# Shorter is no reason.
_SHORTEST_REASON = 15

_SAME_AS = re.compile(r"Same as (CKV\d?_AWS_\d+)")


def same_checks(text: str) -> set[str]:
    """Checkov's ids that a comment names as the same check."""
    return set(_SAME_AS.findall(text))


def is_reason(text: Any) -> bool:
    """Whether somebody took the trouble to say why."""
    return len(str(text or "")) >= _SHORTEST_REASON


def entries(metadata: dict[str, Any], tool: str) -> list[Any]:
    """The exemptions from ``checkov`` or ``guard`` in the metadata of a resource."""
    key = {"checkov": "skip", "guard": "SuppressedRules"}[tool]
    return list((metadata.get(tool) or {}).get(key) or [])


def fault(entry: Any) -> str | None:
    """What is wrong with an exemption itself."""
    if not isinstance(entry, dict) or not entry.get("id"):
        return f"has an exemption without an id: {entry}"
    if not is_reason(entry.get("comment")):
        return f"is exempt from {entry['id']} without a reason (comment)"
    return None


def is_exempt(template: Template, name: str, rule: str, same: Iterable[str]) -> bool:
    """Whether a resource is exempt from a rule of ours."""
    metadata = template.written_metadata(name)
    wanted = [(entry, {rule}) for entry in entries(metadata, "guard")]
    wanted += [(entry, set(same)) for entry in entries(metadata, "checkov")]
    return any(fault(entry) is None and entry["id"] in ids for entry, ids in wanted)


def unneeded(template: Template, rules: set[str], used: set[tuple[str, str]]) -> Iterator[Finding]:
    """Exemptions from ``rules`` that no resource of ``used`` needs."""
    for name, metadata in template.metadata.items():
        for entry in entries(metadata, "guard"):
            if fault(entry) is None and entry["id"] in rules:
                needed = any(rule == entry["id"] and of.startswith(name) for of, rule in used)
                if not needed:
                    reason = f"is exempt from {entry['id']}, which it does not break"
                    yield template.finding(name, reason)
