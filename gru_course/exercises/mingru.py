"""Checkers of the chapter "The minGRU and the parallel scan"."""

from typing import Any

import numpy as np

from gru_course.exercises._core import Wrong, as_float32, call, compare, exercise, matches
from gru_course.exercises._table import refuse, tell

LENGTH = 1024  # of the scan whose operations are counted


@exercise(
    "mingru.combine",
    hints=(
        "Write both steps down and put the first one into the second: what stands before h, and "
        "what is left over?",
        "The later step multiplies all that it gets, the earlier step's b included, and then adds "
        "its own b.",
    ),
)
def combine(answer: Any) -> str:
    rng = np.random.default_rng(0)
    (a1, b1), (a2, b2) = pairs = [tuple(rng.uniform(0.1, 2, (2, 3, 4))) for _ in range(2)]
    got = call(answer, *pairs)
    if not isinstance(got, tuple | list) or len(got) != 2:
        raise Wrong(f"Expected a pair (a, b), got {type(got).__name__}.")
    of_b = {
        "The two steps are exchanged: the earlier one comes first, so that the later one's factor "
        "multiplies its b.": a1 * b2 + b1,
        "The b of the earlier step is not multiplied: it is part of the state that the later step "
        "takes over.": b1 + b2,
        "The earlier step's b comes after its own factor: only the later a meets it.": (
            a1 * a2 * b1 + b2
        ),
    }
    refuse(got[1], of_b.items())
    refuse(got[0], [("Factors of successive steps multiply; you add them.", a1 + a2)])
    compare("a", got[0], a2 * a1)
    compare("b", got[1], a2 * b1 + b2)
    a, b = call(answer, *as_float32(pairs))
    compare("in float32: a", a, np.float32(a2 * a1))
    compare("in float32: b", b, np.float32(a2 * b1 + b2))
    return "Right, and since any three steps agree in both groupings, a tree may join them."


class _Counted(np.ndarray):
    """An array that counts its arithmetic: calls, and the numbers that came out of them."""

    log: list

    def __array_ufunc__(self, ufunc, method, *inputs, out=(), **options):
        plain = [x.view(np.ndarray) if isinstance(x, _Counted) else x for x in inputs]
        if out:
            options["out"] = tuple(
                x.view(np.ndarray) if isinstance(x, _Counted) else x for x in out
            )
        result = getattr(ufunc, method)(*plain, **options)
        _Counted.log.append(np.size(result))
        return np.asarray(result).view(_Counted)


def _states(a, b):
    hs, h = [], np.zeros_like(b[0])
    for a_t, b_t in zip(a, b, strict=True):
        h = a_t * h + b_t
        hs.append(h)
    return np.stack(hs)


def _problem(T, seed=0, H=3):
    rng = np.random.default_rng(seed)
    return rng.uniform(0.3, 1.0, (T, H)), rng.normal(size=(T, H))


@exercise(
    "mingru.pairs",
    hints=(
        "On the way up with stride s, which step ends the first pair of length 2 s, and which ends "
        "the half before it? Let both be slices with step 2 s, and overwrite the later pair by the "
        "joined one.",
        "Up: `2*s - 1::2*s` takes over from `s - 1:-s:2*s`, in a and in the states. Down: the "
        "states at `3*s - 1::2*s` take one joined step from those at `2*s - 1:-s:2*s`.",
    ),
)
def pairs(answer: Any) -> str:
    for T in (1, 2, 8, 13):
        a, b = _problem(T, seed=T) if T < 13 else as_float32(_problem(T))
        got, wanted = call(answer, a, b), _states(a, b)
        if T > 1 and matches(got, b):
            raise Wrong("Your states are the inputs b: no step reaches the next one.")
        wrong = np.shape(got) == wanted.shape and not matches(got, wanted)
        known = [0, 1, 3, 7]  # what going up alone finds
        if T == 8 and wrong and matches(np.asarray(got)[known], wanted[known]):
            raise Wrong(
                "The states h_1, h_2, h_4 and h_8 are right, some between are not. Each of those "
                "takes one step of its own from the state before it."
            )
        compare(f"T = {T}: hs", got, wanted)
    a, b = _problem(LENGTH)
    _Counted.log = []
    compare(
        f"T = {LENGTH}: hs", np.asarray(answer(*(x.view(_Counted) for x in (a, b)))), _states(a, b)
    )
    calls, numbers = len(_Counted.log), sum(_Counted.log) / a.size
    if calls > LENGTH / 2:
        raise Wrong(
            f"The states are right, but they took {calls} array operations for {LENGTH} steps: "
            "you go from step to step."
        )
    if numbers > 8:
        raise Wrong(
            f"The states are right, but each number was computed {numbers:.0f} times over: that "
            "is doubling. In pairs the recurrence is half as long each time."
        )
    return (
        f"Right: {calls} array operations for {LENGTH} steps, and {numbers:.1f} results a number."
        if calls
        else "Right."
    )


@exercise(
    "mingru.backward",
    hints=(
        "Which states does h_t reach? Its own loss, and h_{t+1}: what factor stands between?",
        "First dh from the end: dh_t = dhs_t + a_{t+1} dh_{t+1}. Then b_t enters h_t with factor "
        "1, and a_t with the state before it.",
    ),
)
def backward(answer: Any) -> str:
    rng = np.random.default_rng(0)
    a, b = _problem(6)
    h0, dhs = rng.normal(size=3), rng.normal(size=(6, 3))
    h, hs = h0, np.empty_like(b)
    for t in range(6):
        h = hs[t] = a[t] * h + b[t]
    got = call(answer, dhs, a, hs, h0)
    if not isinstance(got, tuple | list) or len(got) != 3:
        raise Wrong(f"Expected three arrays (da, db, dh0), got {type(got).__name__}.")

    def gathered(factors):
        dh, later = np.empty_like(dhs), np.zeros(3)
        for t in reversed(range(6)):
            later = dh[t] = dhs[t] + factors[t] * later
        return dh

    wanted_db = gathered(np.concatenate([a[1:], a[:1]]))
    h_prevs = np.concatenate([h0[None], hs[:-1]])
    of_db = {
        "You pass on what arrives at each step alone: h_t acts on all later states.": dhs,
        "Between h_t and h_{t+1} stands the factor a_{t+1}; you multiply by a_t.": gathered(a),
    }
    tell("db", got[1], wanted_db, of_db.items())
    of_da = {
        "The factor a_t multiplies the state before the step, h_{t-1}, not h_t.": wanted_db * hs
    }
    tell("da", got[0], wanted_db * h_prevs, of_da.items())
    of_dh0 = {
        "The start is one step further back than h_1: the factor a_1 is missing.": wanted_db[0]
    }
    tell("dh0", got[2], wanted_db[0] * a[0], of_dh0.items())
    single = call(answer, *as_float32((dhs, a, hs, h0)))
    for name, part, exact in zip(("da", "db", "dh0"), single, got, strict=True):
        compare(f"in float32: {name}", part, as_float32(np.asarray(exact)))
    return "Right: the gradient of a linear recurrence is a linear recurrence, from the end."


@exercise(
    "mingru.find-the-bug",
    hints=(
        "Look at the second step of the second chunk. What should it do with the state that the "
        "first chunk has left?",
        "The state from before the chunk passes through all factors of the chunk up to here: "
        "`np.cumprod` of them.",
    ),
)
def find_the_bug(answer: Any) -> str:
    a, b = _problem(11, seed=1)
    got, wanted = call(answer, a, b, 4), _states(a, b)
    starts = (0, 4, 8)
    local = np.concatenate([_states(a[i : i + 4], b[i : i + 4]) for i in starts])
    factors = np.concatenate([np.cumprod(a[i : i + 4], axis=0) for i in starts])

    def carry_on(carried):
        hs, h = np.empty_like(b), 0.0
        for i in starts:
            hs[i : i + 4] = local[i : i + 4] + carried[i : i + 4] * h
            h = hs[min(i + 3, 10)]
        return hs

    without_the_one_before = local.copy()
    for i in starts[1:]:
        without_the_one_before[i : i + 4] += factors[i : i + 4] * local[i - 1]
    ask = "How much of it is left after two steps of the chunk?"
    mistakes = {
        "Each chunk begins from zero: nothing of the chunk before reaches it.": local,
        f"The state of the chunk before is added in full at every step. {ask}": (
            carry_on(np.ones_like(a))
        ),
        "The state of the chunk before meets one factor only, that of the step itself. "
        f"{ask}": carry_on(a),
        "The third chunk does not know the first: hand on the chunk's last state, with what came "
        "in.": without_the_one_before,
    }
    tell("hs", got, wanted, mistakes.items())
    compare("hs in one chunk", call(answer, *as_float32((a, b)), 11), as_float32(wanted))
    return "Right: chunks need their own states, their factors' product, and one number handed on."
