"""Answers to the exercises of the chapter on trained gates, right and wrong."""

import numpy as np

from gru_course.reference import gru


def corners(**changes):
    """The right answer with changes such as mp="copy": minus 9 for r, plus 9 for z."""
    right = {"mm": "overwrite", "pm": "plain RNN", "mp": "copy", "pp": "copy"}
    right |= {"p0": "leaky average"} | changes
    sign = {"m": -9, "0": 0, "p": 9}
    return {(sign[r], sign[z]): value for (r, z), value in right.items()}


def latch(on_z=-40.0, bias_z=20.0, on_n=3.0):
    return gru.Params(
        weight_ih=np.array([[0.0, 0.0], [0.0, on_z], [on_n, 0.0]]),
        weight_hh=np.zeros((3, 1)),
        bias_ih=np.array([0.0, bias_z, 0.0]),
        bias_hh=np.zeros(3),
    )


def half_life(z, writes):
    lives = []
    for gates, commands in zip(np.asarray(z), np.asarray(writes), strict=True):
        held = gates[commands == 0]  # (steps, H)
        product = held.astype(np.float64).prod(axis=0)  # what is left after all of them
        lives.append((len(held) * np.log(0.5) / np.log(product)).max())
    return np.array(lives)


def held(params, xs, value):
    """By way of the reference: the step's candidate, and the last line written anew."""
    h = np.zeros((len(xs), len(value)), xs.dtype)
    states = []
    for x in xs.transpose(1, 0, 2):
        n = gru.step(x, h, params)[1].n
        h = (1 - value) * n + value * h
        states.append(h)
    return np.stack(states, axis=1)


RIGHT = {
    "gates_learn.corners": corners(),
    "gates_learn.latch": latch(),
    "gates_learn.half-life": half_life,
    "gates_learn.find-the-bug": held,
}
MISTAKES = {
    "gates_learn.corners": [
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
    ],
    "gates_learn.latch": [
        (latch(on_z=40.0, bias_z=-20.0), "Your update gate writes where it should keep"),
        (latch(on_n=-3.0), "the opposite of the bit"),
        (latch(bias_z=60.0), "Right after a command the state is not yet the bit"),
        (latch(on_n=0.1), "Right after a command the state is not yet the bit"),
        (latch(on_z=-10.0, bias_z=4.0), "z has to be nearer to 1 where w = 0"),
        (latch()._replace(bias_hh=np.zeros(1)), "bias_hh: expected shape (3,), got (1,)"),
        (latch()._replace(weight_hh=np.full((3, 1), np.nan)), "weight_hh: expected finite numbers"),
        (tuple(latch()), "Expected a gru.Params, got tuple"),
    ],
    "gates_learn.half-life": [
        (lambda z, writes: half_life(z, writes) / np.log(2), "half-lives[0]: wanted"),
        (lambda z, writes: half_life(z, writes)[0], "expected shape (4,), got ()"),
    ],
    "gates_learn.find-the-bug": [
        (lambda *a: 2 * held(*a), "the states[0, 0, 0]: wanted"),
        (lambda *a: held(*a)[:, -1], "expected shape (3, 6, 4), got (3, 4)"),
    ],
}
