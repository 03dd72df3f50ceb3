"""The token bucket of the local gateway, with a clock of the test's own."""

from local_stack.api_gateway.throttle import Throttle


def taken(throttle: Throttle, requests: int) -> int:
    return sum(throttle.takes() for _ in range(requests))


def test_burst_passes_and_the_rest_waits_for_its_rate() -> None:
    moment = [0.0]
    throttle = Throttle(50, lambda: moment[0])

    assert taken(throttle, 60) == 50
    moment[0] = 0.1
    assert taken(throttle, 60) == 5
    moment[0] = 100.0  # what nobody asked for is not saved up beyond a burst
    assert taken(throttle, 60) == 50


def test_without_a_rate_everything_passes() -> None:
    assert taken(Throttle(None), 1000) == 1000
