"""Rankings are joined by ranks alone."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mri_analysis.adapters.rank_fusion import reciprocal_rank_fusion

RANKINGS = st.lists(st.lists(st.integers(0, 20), unique=True), max_size=4)


def test_scores_are_those_of_the_paper() -> None:
    fused = reciprocal_rank_fusion([["a", "b"], ["b", "c"]])

    assert fused == [("b", 1 / 62 + 1 / 61), ("a", 1 / 61), ("c", 1 / 62)]


def test_what_both_name_comes_before_what_one_names_first() -> None:
    fused = reciprocal_rank_fusion([["a", "x", "b"], ["c", "y", "b"]])

    assert fused[0][0] == "b"


def test_a_weight_counts() -> None:
    fused = reciprocal_rank_fusion([["a"], ["b"]], weights=[1, 2])

    assert [item for item, _ in fused] == ["b", "a"]


def test_an_item_that_is_named_twice_counts_once() -> None:
    assert reciprocal_rank_fusion([["a", "a", "b"]]) == [("a", 1 / 61), ("b", 1 / 62)]


def test_weights_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ValueError, match="zip"):
        reciprocal_rank_fusion([["a"]], weights=[1, 1])
    with pytest.raises(ValueError, match="k is"):
        reciprocal_rank_fusion([["a"]], k=-1)


@given(RANKINGS)
def test_nothing_is_lost_or_invented_and_the_order_is_that_of_the_scores(rankings) -> None:
    fused = reciprocal_rank_fusion(rankings)

    assert {item for item, _ in fused} == {item for ranking in rankings for item in ranking}
    assert [score for _, score in fused] == sorted((s for _, s in fused), reverse=True)


@given(st.lists(st.integers(), unique=True))
def test_one_ranking_keeps_its_order(ranking) -> None:
    assert [item for item, _ in reciprocal_rank_fusion([ranking])] == ranking
