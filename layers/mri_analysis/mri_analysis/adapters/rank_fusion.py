"""Join several rankings of the same things into one.

Scores of different queries (BM25, cosine) have no common scale; ranks have.
"""

from collections.abc import Hashable, Sequence
from typing import TypeVar

Item = TypeVar("Item", bound=Hashable)

RANK_CONSTANT = 60
"""k of Cormack, Clarke and Buettcher, "Reciprocal rank fusion outperforms Condorcet and individual
rank learning methods" (SIGIR 2009)."""


def reciprocal_rank_fusion(
    rankings: Sequence[Sequence[Item]],
    k: int = RANK_CONSTANT,
    weights: Sequence[float] | None = None,
) -> list[tuple[Item, float]]:
    """Sum ``weight / (k + rank)`` over the rankings an item stands in; ranks start at 1.

    Parameters
    ----------
    rankings
        Best first. An item that a ranking names twice counts where it stands first.
    k
        The larger, the less the first ranks outweigh the others; at least 0.
    weights
        One for each ranking; 1 each by default.

    Returns
    -------
    list
        Items and scores, best first; ties in the order in which the items were met.
    """
    if k < 0:
        raise ValueError("k is at least 0")
    weights = [1.0] * len(rankings) if weights is None else weights
    scores: dict[Item, float] = {}
    for ranking, weight in zip(rankings, weights, strict=True):
        for rank, item in enumerate(dict.fromkeys(ranking), start=1):
            scores[item] = scores.get(item, 0.0) + weight / (k + rank)
    return sorted(scores.items(), key=lambda scored: -scored[1])
