"""Costs and models of studies: what is known, what is nothing, and what nobody knows."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from mri_analysis.contracts.job import JobStatus
from mri_analysis.contracts.operations import ModelKind
from mri_analysis.ports.operations import AnalysedStudy, StatusStep
from mri_analysis.use_cases import account_costs as costs_module
from mri_analysis.use_cases.account_costs import account_costs
from mri_analysis.use_cases.list_models import list_models

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
USE = {
    "name": "openai:small",
    "prompt_version": "1.5.0",
    "outcome": "used",
    "attempts": 1,
    "input_tokens": 6000,
    "output_tokens": 800,
    "cached_input_tokens": 0,
    "cost_usd": 0.03,
    "seconds": 7.5,
}
METRICS: dict[str, Any] = {
    "segmentation_seconds": {"network": 2.0, "measures": 1.25},
    "segmentation_cpu_seconds": 3.5,
    "engine": "mri-segmentation",
    "engine_version": "1.0.0",
    "weights_sha256": "a" * 64,
    "contrast": "t1_like",
    "knowledge_version": "2026.11",
    "language_model": USE,
    "vision_language_model": None,
}
EARLIER = {
    name: METRICS[name]
    for name in ("segmentation_seconds", "engine", "engine_version", "weights_sha256")
}
"""Of a release that kept less."""


class Kept:
    """Studies in memory, the newest first, an hour between them."""

    def __init__(self, *metrics: dict[str, Any]) -> None:
        self.metrics = metrics

    def status_steps(self, organization_id: str, since: datetime, limit: int) -> list[StatusStep]:
        raise AssertionError("not asked for")

    def count_states(
        self, organization_id: str, since: datetime, limit: int
    ) -> dict[JobStatus, int]:
        raise AssertionError("not asked for")

    def analysed(self, organization_id: str, since: datetime, limit: int) -> list[AnalysedStudy]:
        assert since == NOW - timedelta(days=30)
        return [
            AnalysedStudy(
                job_id=f"study-{place}",
                created_at=NOW - timedelta(hours=place),
                stored_at=NOW - timedelta(hours=place) + timedelta(seconds=4),
                metrics=metrics,
            )
            for place, metrics in enumerate(self.metrics[:limit])
        ]


def test_tokens_and_price_are_those_of_the_report() -> None:
    found = account_costs("demo", 30, 50, operations=Kept(METRICS), now=lambda: NOW)

    (study,) = found.studies
    assert (study.language_model_asked, study.language_model_usd) == (True, 0.03)
    assert (study.input_tokens, study.output_tokens) == (6000, 800)
    assert (study.segmentation_seconds, study.segmentation_cpu_seconds) == (3.25, 3.5)


@pytest.mark.parametrize(
    ("metrics", "asked", "usd"),
    [
        ({"language_model": None}, False, 0.0),
        ({"language_model": USE | {"cost_usd": None}}, True, None),
        ({}, None, None),
    ],
    ids=["no model was asked", "no price is set", "an earlier release"],
)
def test_nothing_and_not_known_are_told_apart(
    metrics: dict[str, Any], asked: bool | None, usd: float | None
) -> None:
    found = account_costs("demo", 30, 50, operations=Kept(metrics), now=lambda: NOW)

    (study,) = found.studies
    assert (study.language_model_asked, study.language_model_usd) == (asked, usd)
    assert study.segmentation_seconds is None


def test_sum_says_of_how_many_studies_it_is() -> None:
    kept = Kept(METRICS, EARLIER, METRICS, {"language_model": None})

    found = account_costs("demo", 30, 2, operations=kept, now=lambda: NOW)

    total = found.language_model_usd
    assert (total.value, total.known, total.unknown) == (0.06, 3, 1)
    assert (found.segmentation_seconds.value, found.segmentation_seconds.unknown) == (9.75, 1)
    assert [study.job_id for study in found.studies] == ["study-0", "study-1"]


def test_sum_over_nothing_that_is_known_is_not_known() -> None:
    found = account_costs("demo", 30, 2, operations=Kept(EARLIER), now=lambda: NOW)

    assert found.language_model_usd.value is None


def test_more_studies_than_are_read_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(costs_module, "MOST_STUDIES", 2)

    found = account_costs("demo", 30, 50, operations=Kept(*[METRICS] * 3), now=lambda: NOW)

    assert (found.complete, found.language_model_usd.known) == (False, 2)


def test_models_are_counted_by_version_with_first_and_last_use() -> None:
    newer = METRICS | {"engine_version": "1.1.0", "weights_sha256": "b" * 64}

    found = list_models("demo", 30, operations=Kept(newer, METRICS, METRICS), now=lambda: NOW)

    segmentation = [one for one in found.models if one.kind is ModelKind.SEGMENTATION]
    assert [(one.version, one.studies) for one in segmentation] == [("1.1.0", 1), ("1.0.0", 2)]
    assert segmentation[1].first_used == NOW - timedelta(hours=2) + timedelta(seconds=4)
    assert segmentation[1].last_used == NOW - timedelta(hours=1) + timedelta(seconds=4)
    (language,) = [one for one in found.models if one.kind is ModelKind.LANGUAGE_MODEL]
    assert (language.name, language.prompt_version) == ("openai:small", "1.5.0")
    assert [one.kind for one in found.models] == [
        ModelKind.SEGMENTATION,
        ModelKind.SEGMENTATION,
        ModelKind.LANGUAGE_MODEL,
        ModelKind.VISION_LANGUAGE_MODEL,
        ModelKind.KNOWLEDGE,
    ]


def test_model_that_nobody_asked_and_one_that_nobody_knows_are_told_apart() -> None:
    found = list_models("demo", 30, operations=Kept(METRICS, EARLIER), now=lambda: NOW)

    vision = [one for one in found.models if one.kind is ModelKind.VISION_LANGUAGE_MODEL]
    assert [(one.known, one.name) for one in vision] == [(True, None), (False, None)]
