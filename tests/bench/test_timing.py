"""`alternate` divides by the calls it made, and nobody always goes first."""

from functools import partial

import numpy as np
import pytest

from gru_course.bench import alternate, timing
from gru_course.bench.timing import AT_LEAST, in_turn


def test_times_are_per_call_and_everybody_goes_first_in_turn():
    order = []

    def seconds_for(name, seconds):
        def clock(calls):
            order.append((name, calls))
            return calls * seconds

        return clock

    seconds = {"slow": 1.0, "quick": AT_LEAST / 4, "quicker": AT_LEAST / 10}
    times = in_turn({name: seconds_for(name, s) for name, s in seconds.items()}, rounds=4)
    for name, s in seconds.items():
        np.testing.assert_allclose(times[name], np.full(4, s))
    assert order[:6] == [(name, 1) for name in seconds for _ in range(2)]  # warm-up
    timed = order[6:]
    assert set(timed) == {("slow", 1), ("quick", 4), ("quicker", 10)}
    assert [timed[k][0] for k in range(0, 12, 3)] == ["slow", "quick", "quicker", "slow"]


def test_functions_are_called_as_often_as_they_are_divided_by(monkeypatch):
    now = 0.0
    seconds = {"slow": 3.0, "quick": AT_LEAST / 8}

    def take(seconds):
        nonlocal now
        now += seconds

    monkeypatch.setattr(timing, "perf_counter", lambda: now)
    clocks = {name: partial(take, s) for name, s in seconds.items()}
    times = timing.alternate(clocks, rounds=3)  # of the module whose clock is a stub
    for name, s in seconds.items():
        np.testing.assert_allclose(times[name], np.full(3, s))
    assert now == pytest.approx((2 + 3) * 3.0 + (2 + 3 * 8) * AT_LEAST / 8)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (({},), "functions: expected a dict of functions by name, got {}"),
        (({"a": 1},), "functions: expected a dict of functions by name, got {'a': 1}"),
        (({"a": list}, 0), "rounds: expected a whole number of at least 1, got 0"),
        (({"a": list}, 2.5), "rounds: expected a whole number of at least 1, got 2.5"),
    ],
)
def test_bad_input_is_explained(arguments, message):
    with pytest.raises(ValueError, match="expected") as error:
        alternate(*arguments)
    assert str(error.value) == message
