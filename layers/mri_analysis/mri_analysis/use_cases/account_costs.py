"""What the studies of an organization cost, as far as it is known by study."""

from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

from mri_analysis.contracts.operations import StudyCost, StudyCosts, Total
from mri_analysis.ports.operations import AnalysedStudy, Operations

MOST_STUDIES = 2_000
"""Studies that are read for one answer, the newest."""


def account_costs(
    organization_id: str,
    days: int,
    limit: int,
    *,
    operations: Operations,
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> StudyCosts:
    """Sums over the studies of the last ``days`` days, and the newest ``limit`` one by one."""
    since = now() - timedelta(days=days)
    found = operations.analysed(organization_id, since, MOST_STUDIES + 1)
    costs = [_cost(study) for study in found[:MOST_STUDIES]]
    return StudyCosts(
        since=since,
        complete=len(found) <= MOST_STUDIES,
        language_model_usd=_total((cost.language_model_usd for cost in costs), 6),
        segmentation_seconds=_total((cost.segmentation_seconds for cost in costs), 3),
        studies=costs[:limit],
    )


def _cost(study: AnalysedStudy) -> StudyCost:
    metrics = study.metrics
    asked = None if "language_model" not in metrics else metrics["language_model"] is not None
    use: dict[str, Any] = metrics.get("language_model") or {}
    seconds: dict[str, float] = metrics.get("segmentation_seconds") or {}
    return StudyCost(
        job_id=study.job_id,
        created_at=study.created_at,
        language_model_asked=asked,
        language_model_outcome=use.get("outcome"),
        language_model_usd=0.0 if asked is False else use.get("cost_usd"),
        input_tokens=use.get("input_tokens"),
        cached_input_tokens=use.get("cached_input_tokens"),
        output_tokens=use.get("output_tokens"),
        language_model_seconds=use.get("seconds"),
        segmentation_seconds=round(sum(seconds.values()), 3) if seconds else None,
        segmentation_cpu_seconds=metrics.get("segmentation_cpu_seconds"),
    )


def _total(values: Iterable[float | None], digits: int) -> Total:
    every = list(values)
    known = [value for value in every if value is not None]
    return Total(
        value=round(sum(known), digits) if known else None,
        known=len(known),
        unknown=len(every) - len(known),
    )
