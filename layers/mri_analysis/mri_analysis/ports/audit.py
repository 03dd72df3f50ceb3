"""Who did what, and when: the audit trail of an organization."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any


@dataclass(frozen=True)
class AuditEvent:
    """One entry: written once, never changed."""

    organization_id: str
    job_id: str
    actor: str
    """a person's subject, or ``pipeline``"""
    action: str
    """stable name, for example 'status.completed', 'report.viewed', 'report.signed'"""
    detail: Mapping[str, Any]
    """ids, statuses and hashes; no text of a report"""
    at: datetime
