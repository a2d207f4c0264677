"""Each checker of the chapter on trained gates passes the solution and knows likely mistakes."""

import numpy as np
import pytest

from gru_course.exercises import check
from gru_course.reference import gru


def refused(name, answer, sentence):
    result = check(f"gates_learn.{name}", answer)
    assert not result.passed
    assert sentence in result.message


def corners(**changes):
    """The right answer with changes such as mp="copy": minus 9 for r, plus 9 for z."""
    right = {"mm": "overwrite", "pm": "plain RNN", "mp": "copy", "pp": "copy"}
    right |= {"p0": "leaky average"} | changes
    sign = {"m": -9, "0": 0, "p": 9}
    return {(sign[r], sign[z]): value for (r, z), value in right.items()}


CORNERS = [
    (corners(pp="plain RNN"), "a_r = 9, a_z = 9: the new state is (1 - z) n + z h"),
    (corners(mp="overwrite"), "a_r = -9, a_z = 9: the new state is (1 - z) n + z h"),
    (corners(mm="copy", pm="copy"), "here z = 1 keeps"),
    (corners(mm="plain RNN"), "a_r = -9, a_z = -9: does the candidate see the old state"),
    (corners(pm="overwrite"), "a_r = 9, a_z = -9: does the candidate see the old state"),
    (corners(pm="leaky average"), "hardly anything is averaged"),
    (corners(p0="plain RNN"), "a_r = 9, a_z = 0: a pre-activation of 0 gives no gate of 0"),
    (corners(mm="forget"), "expected one of copy, overwrite, plain RNN, leaky average"),
    ({(-9, 9): "copy"}, "a_r = 9, a_z = -9: no behaviour is named yet"),
    (["copy"] * 4, "Expected a dictionary, got list"),
]


@pytest.mark.parametrize(("wrong", "sentence"), CORNERS)
def test_corners(wrong, sentence):
    refused("corners", wrong, sentence)


def latch(on_z=-40.0, bias_z=20.0, on_n=3.0):
    return gru.Params(
        weight_ih=np.array([[0.0, 0.0], [0.0, on_z], [on_n, 0.0]]),
        weight_hh=np.zeros((3, 1)),
        bias_ih=np.array([0.0, bias_z, 0.0]),
        bias_hh=np.zeros(3),
    )


LATCH = [
    (latch(on_z=40.0, bias_z=-20.0), "Your update gate writes where it should keep"),
    (latch(on_n=-3.0), "the opposite of the bit"),
    (latch(bias_z=60.0), "Right after a command the state is not yet the bit"),
    (latch(on_n=0.1), "Right after a command the state is not yet the bit"),
    (latch(on_z=-10.0, bias_z=4.0), "z has to be nearer to 1 where w = 0"),
    (latch()._replace(bias_hh=np.zeros(1)), "bias_hh: expected shape (3,), got (1,)"),
    (latch()._replace(weight_hh=np.full((3, 1), np.nan)), "weight_hh: expected finite numbers"),
    (tuple(latch()), "Expected a gru.Params, got tuple"),
]


@pytest.mark.parametrize(("wrong", "sentence"), LATCH)
def test_latch(wrong, sentence):
    refused("latch", wrong, sentence)


def half_life(z, writes):
    lives = []
    for gates, commands in zip(np.asarray(z), np.asarray(writes), strict=True):
        held = gates[commands == 0]  # (steps, H)
        product = held.astype(np.float64).prod(axis=0)  # what is left after all of them
        lives.append((len(held) * np.log(0.5) / np.log(product)).max())
    return np.array(lives)


def of_the_mean(z, writes):
    return np.array(
        [
            (np.log(0.5) / np.log(g[w == 0].mean(axis=0))).max()
            for g, w in zip(z, writes, strict=True)
        ]
    )


def with_commands(z, writes):
    return half_life(z, np.zeros_like(writes))


def pooled(z, writes):
    mean = np.log(z[writes == 0]).mean(axis=0)
    return np.full(len(z), (np.log(0.5) / mean).max())


def over_units(z, writes):
    return np.array(
        [
            (np.log(0.5) / np.log(g[w == 0]).mean(axis=0)).mean()
            for g, w in zip(z, writes, strict=True)
        ]
    )


HALF_LIFE = [
    (of_the_mean, "half-life of the mean gate"),
    (with_commands, "The steps with a command count too"),
    (pooled, "You averaged over all sequences"),
    (over_units, "the mean over the units"),
    (lambda z, writes: half_life(z, writes) / np.log(2), "half-lives[0]: wanted"),
    (lambda z, writes: half_life(z, writes)[0], "expected shape (4,), got ()"),
]


@pytest.mark.parametrize(("wrong", "sentence"), HALF_LIFE)
def test_half_life(wrong, sentence):
    refused("half-life", wrong, sentence)


def held(params, xs, value, run_on=True, swapped=False, gate="z"):
    """By way of the reference: the step's gates and candidate, and the last line written anew."""
    h = np.zeros((len(xs), len(value)), xs.dtype)
    intact = h
    states = []
    for x in xs.transpose(1, 0, 2):
        _, cache = gru.step(x, h if run_on else intact, params)
        intact = gru.step(x, intact, params)[0]
        z, n = cache.z, cache.n
        if gate == "z":
            z = value
        else:
            a_in = x @ params.weight_ih[-len(value) :].T + params.bias_ih[-len(value) :]
            n = np.tanh(a_in + value * cache.a_hn)
        old = cache.h_prev
        h = z * n + (1 - z) * old if swapped else (1 - z) * n + z * old
        states.append(h)
    return np.stack(states, axis=1)


FIND_THE_BUG = [
    (lambda *a: held(*a, run_on=False), "begins from the state of the intact network"),
    (lambda *a: held(*a, swapped=True), "Old and new are exchanged"),
    (lambda *a: held(*a, gate="r"), "You hold the reset gate"),
    (
        lambda params, xs, value: gru.forward(
            xs, np.zeros((len(xs), len(value)), xs.dtype), params
        )[0],
        "nothing is held",
    ),
    (lambda *a: 2 * held(*a), "the states[0, 0, 0]: wanted"),
    (lambda *a: held(*a)[:, -1], "expected shape (3, 6, 4), got (3, 4)"),
]


@pytest.mark.parametrize(("wrong", "sentence"), FIND_THE_BUG)
def test_find_the_bug(wrong, sentence):
    refused("find-the-bug", wrong, sentence)


RIGHT = {
    "gates_learn.corners": corners(),
    "gates_learn.latch": latch(),
    "gates_learn.half-life": half_life,
    "gates_learn.find-the-bug": held,
}
WRONG = {
    "gates_learn.corners": [wrong for wrong, _ in CORNERS],
    "gates_learn.latch": [wrong for wrong, _ in LATCH],
    "gates_learn.half-life": [wrong for wrong, _ in HALF_LIFE],
    "gates_learn.find-the-bug": [wrong for wrong, _ in FIND_THE_BUG],
}
