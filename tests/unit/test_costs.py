"""The arithmetic of ``scripts/costs.py``; a test of the documents says its tables are current."""

import math
import random
from dataclasses import replace
from typing import Any

import pytest

from scripts import costs
from scripts.costs import Book, Deployment, Line, deployment_of, fixed_lines, study_lines

BOOK = Book.read()


@pytest.fixture(scope="module")
def stages() -> dict[str, Deployment]:
    return {stage: deployment_of(stage) for stage in costs.STAGES}


def with_assumptions(**values: float) -> Book:
    changed: dict[str, Any] = dict(BOOK.assumptions)
    changed |= {name: {"value": value, "why": "test"} for name, value in values.items()}
    return replace(BOOK, assumptions=changed)


def total(lines: list[Line]) -> float:
    return sum(line.usd for line in lines)


# ---- the endpoint that rests at nothing ----------------------------------------------------------


def test_no_study_needs_no_instance() -> None:
    assert costs.endpoint_hours_per_day(0, BOOK) == 0


def test_endpoint_hours_agree_with_a_simulation() -> None:
    """Studies at random; the instance leaves after the idle time and costs its start again."""
    per_day, days = 50, 4000
    gap, idle, start = 10 / per_day, 15 / 60, 5 / 60
    random.seed(7)
    hours = 0.0
    for _ in range(per_day * days):
        until_next = random.expovariate(1 / gap)
        hours += min(until_next, idle) + (start if until_next > idle else 0)
    book = with_assumptions(
        working_hours_per_day=10, endpoint_idle_minutes=15, endpoint_start_minutes=5
    )

    assert costs.endpoint_hours_per_day(per_day, book) == pytest.approx(hours / days, rel=0.01)


def test_many_studies_cost_their_work() -> None:
    """More work than one instance does in its hours is billed as work, not as waiting."""
    per_day = 20000
    work = per_day * costs.busy_seconds(BOOK) / 3600

    assert work > BOOK.assumed("working_hours_per_day")
    assert costs.endpoint_hours_per_day(per_day, BOOK) == work


def test_a_study_gets_cheaper_with_company() -> None:
    hours = [costs.endpoint_hours_per_day(count, BOOK) / count for count in (1, 10, 50, 1000)]

    assert hours == sorted(hours, reverse=True)
    # The first of a day pays for start and idle time nearly alone.
    first = (BOOK.assumed("endpoint_start_minutes") + BOOK.assumed("endpoint_idle_minutes")) / 60
    assert hours[0] == pytest.approx(first, rel=0.05)


# ---- a study -------------------------------------------------------------------------------------


def test_transitions_are_those_of_the_way_without_errors() -> None:
    # PrepareStudy, SegmentImage, CheckQuality, ImageToText, EnhanceWithLLM, StoreResults,
    # NotifyUser, AnalysisCompleted, and the start.
    assert costs.transitions() == 9


def test_a_cold_call_is_billed_with_its_start(stages: dict[str, Deployment]) -> None:
    cold, calls = costs.lambda_use(stages["prod"], BOOK, cold=True)
    warm, same_calls = costs.lambda_use(stages["prod"], BOOK, cold=False)

    assert cold > warm > 0
    assert calls == same_calls


def test_less_memory_is_a_slower_processor(stages: dict[str, Deployment]) -> None:
    """Below a whole core the seconds stretch as the memory shrinks, so GB-seconds stay."""
    slow = with_assumptions(lambda_full_core_mb=1769)
    fast = with_assumptions(lambda_full_core_mb=512)

    assert costs.lambda_use(stages["dev"], slow, False) > costs.lambda_use(
        stages["dev"], fast, False
    )


def test_study_lines_grow_with_the_studies(stages: dict[str, Deployment]) -> None:
    prod = stages["prod"]
    few, many = (study_lines(prod, BOOK, count) for count in (50, 1000))

    assert study_lines(prod, BOOK, 0) == []
    assert all(line.per_study and line.usd > 0 for line in few + many)
    assert total(many) > total(few)
    assert total(many) / 1000 < total(few) / 50


def test_accesses_are_recorded_only_where_there_is_a_trail(stages: dict[str, Deployment]) -> None:
    def recorded(stage: str) -> bool:
        lines = study_lines(stages[stage], BOOK, 50)
        return any(line.what == "trail of every access" for line in lines)

    assert recorded("prod")
    assert not recorded("dev")


# ---- a month -------------------------------------------------------------------------------------


def part(stage: Deployment, name: str) -> float:
    return sum(line.usd for line in fixed_lines(stage, BOOK) if line.part == name)


def test_a_month_is_counted_from_the_templates(stages: dict[str, Deployment]) -> None:
    endpoints = [
        endpoint
        for endpoint in stages["prod"].of_kind("AWS::EC2::VPCEndpoint")
        if endpoint.value("VpcEndpointType") == "Interface"
    ]
    zones = sum(len(endpoint.value("SubnetIds")) for endpoint in endpoints)
    rules = len(stages["prod"].of_kind("AWS::WAFv2::WebACL")[0].value("Rules"))

    assert endpoints
    assert part(stages["prod"], "network") == pytest.approx(zones * 730 * 0.01 + 0.5)
    assert part(stages["prod"], "firewall") == pytest.approx(5 + rules)
    assert part(stages["dev"], "firewall") == 0


def test_a_database_of_ones_own_pays_for_its_proxy(stages: dict[str, Deployment]) -> None:
    # db.t4g.micro, 20 GB and two vCPU of the proxy
    assert part(stages["dev"], "database") == pytest.approx(
        730 * 0.016 + 20 * 0.115 + 2 * 730 * 0.015
    )
    # half an ACU, and the least that the proxy bills
    assert part(stages["staging"], "database") == pytest.approx(
        730 * (0.5 * 0.12 + 8 * 0.015) + 5 * 0.10
    )
    # two instances; the proxy serves both
    assert part(stages["prod"], "database") == pytest.approx(
        730 * (2 * 0.276 + 4 * 0.015) + 5 * 0.10
    )


def test_an_external_database_is_not_on_this_bill() -> None:
    external = Deployment({"DatabaseUrl": "mysql+pymysql://db.example/mri_analysis"})

    assert part(external, "database") == 0
    assert part(external, "network") == 0
    assert part(external, "search") == 0


def test_the_reading_room_brings_tasks_balancer_and_a_way_out(
    stages: dict[str, Deployment],
) -> None:
    with_room = deployment_of("prod", **costs._READING_ROOM)

    assert part(stages["prod"], "reading room") == 0
    assert part(with_room, "reading room") > 0
    assert part(with_room, "network") > part(stages["prod"], "network")


def test_stages_differ_as_they_should(stages: dict[str, Deployment]) -> None:
    months = [total(fixed_lines(stages[stage], BOOK)) for stage in ("dev", "staging", "prod")]

    assert months == sorted(months)
    assert all(line.usd > 0 for stage in stages.values() for line in fixed_lines(stage, BOOK))


# ---- the lists -----------------------------------------------------------------------------------


def test_a_missing_price_says_where_it_belongs() -> None:
    deployment = deployment_of("prod", DatabaseInstanceClass="db.r9.huge")

    with pytest.raises(KeyError, match=r"docs/prices\.yaml has no price 'aurora:db\.r9\.huge'"):
        fixed_lines(deployment, BOOK)


def test_every_price_says_how_sure_it_is_and_where_it_comes_from() -> None:
    for name, price in BOOK.prices.items():
        assert price["usd"] > 0, name
        assert price["unit"], name
        assert price["source"], name
        assert price["sure"] in ("article", "memory"), name


def test_every_assumption_has_a_reason() -> None:
    for name, entry in BOOK.assumptions.items():
        assert math.isfinite(entry["value"]), name
        assert entry["why"], name
