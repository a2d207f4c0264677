"""Timing in turn: what disturbs one contender of a round disturbs the next one too."""

from collections.abc import Callable
from time import perf_counter

import numpy as np

AT_LEAST = 0.02  # seconds that a measurement lasts: shorter calls are repeated


def clock(function: Callable[[], object], calls: int) -> float:
    """Seconds that `calls` calls of `function` take."""
    start = perf_counter()
    for _ in range(calls):
        function()
    return perf_counter() - start


def in_turn(clocks: dict[str, Callable[[int], float]], rounds: int) -> dict[str, np.ndarray]:
    """Seconds a call: {name: array (rounds,)}, from {name: clock}.

    Each clock maps a number of calls to the seconds that they take. Each round times everybody
    once, and begins with somebody else than the round before.
    """
    names = list(clocks)
    calls = {}
    for name, seconds in clocks.items():
        seconds(1)  # the first call pays for what is set up once
        calls[name] = max(1, round(AT_LEAST / max(seconds(1), 1e-9)))
    times = {name: np.empty(rounds) for name in names}
    for i in range(rounds):
        first = i % len(names)
        for name in names[first:] + names[:first]:
            times[name][i] = clocks[name](calls[name]) / calls[name]
    return times


def alternate(functions: dict[str, Callable[[], object]], rounds: int = 9) -> dict[str, np.ndarray]:
    """Time functions in turn, in this process, after two calls each to warm up.

    Parameters
    ----------
    functions : dict of functions without arguments, by name
    rounds : int, at least 1; how often each is timed, for at least 0.02 s each time

    Returns
    -------
    dict of arrays (rounds,): seconds a call. Divide two of them, then take the median: a round's
        ratio is steadier than its times.

    Raises
    ------
    ValueError : if there is nothing to time, something that cannot be called, or no round

    >>> times = alternate({"list": lambda: [0] * 10, "tuple": lambda: (0,) * 10}, rounds=3)
    >>> times["list"].shape
    (3,)
    """
    if not functions or not all(callable(function) for function in functions.values()):
        raise ValueError(f"functions: expected a dict of functions by name, got {functions!r}")
    if not isinstance(rounds, int) or rounds < 1:
        raise ValueError(f"rounds: expected a whole number of at least 1, got {rounds!r}")
    clocks = {name: lambda calls, f=f: clock(f, calls) for name, f in functions.items()}
    return in_turn(clocks, rounds)
