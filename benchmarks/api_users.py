"""Twenty people at the REST API: ``python -m benchmarks.api_users``, its orders on stdin as JSON.

A process of its own: the gateway that is measured must not share an interpreter with its callers.
"""

import asyncio
import itertools
import json
import random
import statistics
import sys
import time
from typing import Any

import httpx

SEED = 7


def quantiles(milliseconds: list[float]) -> dict[str, float]:
    """Median, 95th and 99th percentile."""
    cuts = statistics.quantiles(milliseconds, n=100, method="inclusive")
    return {f"p{at}_ms": round(cuts[at - 1], 1) for at in (50, 95, 99)}


async def _person(
    number: int, client: httpx.AsyncClient, orders: dict[str, Any], end: float
) -> list[float]:
    """One person: a request, then a pause; at another moment than the others."""
    chance = random.Random(SEED + number)
    await asyncio.sleep(chance.random() * orders["pause_seconds"])
    taken: list[float] = []
    for path in itertools.islice(itertools.cycle(orders["paths"]), number, None):
        if time.perf_counter() > end:
            return taken
        started = time.perf_counter()
        answer = await client.get(path)
        taken.append((time.perf_counter() - started) * 1000)
        answer.raise_for_status()
        await asyncio.sleep(orders["pause_seconds"] * chance.uniform(0.5, 1.5))
    raise AssertionError("an endless cycle ended")


async def _round(orders: dict[str, Any]) -> dict[str, float]:
    async with httpx.AsyncClient(
        base_url=orders["url"],
        headers={"Authorization": f"Bearer {orders['token']}"},
        timeout=30,
        limits=httpx.Limits(max_connections=orders["users"]),
    ) as client:
        end = time.perf_counter() + orders["seconds"]
        people = (_person(number, client, orders, end) for number in range(orders["users"]))
        taken = list(itertools.chain.from_iterable(await asyncio.gather(*people)))
    return {"requests": len(taken), **quantiles(taken)}


def main() -> None:
    """Measure each round and print what was found, a JSON document."""
    orders = json.load(sys.stdin)
    rounds = [asyncio.run(_round(orders)) for _ in range(orders["rounds"])]
    print(json.dumps(rounds))


if __name__ == "__main__":
    main()
