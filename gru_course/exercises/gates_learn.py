"""Checkers of the chapter "What gates learn"."""

from functools import partial
from typing import Any

import numpy as np

from gru_course.data import latched_bit
from gru_course.exercises._core import (
    NotAttempted,
    Wrong,
    as_float32,
    exercise,
    numbers,
)
from gru_course.exercises._table import Table
from gru_course.reference import gru
from gru_course.reference.activations import sigmoid

BEHAVIOURS = ("copy", "overwrite", "plain RNN", "leaky average")
CORNERS = {  # by the pre-activations of r and z
    (9, -9): "plain RNN",
    (-9, 9): "copy",
    (-9, -9): "overwrite",
    (9, 9): "copy",
    (9, 0): "leaky average",
}


@exercise(
    "gates_learn.corners",
    hints=(
        "Turn each pre-activation into a gate, put z into equation (1) first, and ask where the "
        "candidate does not matter.",
        "At z = 1 the factor of the candidate is zero, whatever r is. At z = 0 the state is the "
        "candidate, and r says whether the candidate sees the past. Between them the state is a "
        "mean of both.",
    ),
)
def corners(answer: Any) -> str:
    if not isinstance(answer, dict):
        raise Wrong(f"Expected a dictionary, got {type(answer).__name__}.")
    if answer and all(value is ... for value in answer.values()):
        raise NotAttempted
    for (a_r, a_z), wanted in CORNERS.items():
        got = answer.get((a_r, a_z), ...)
        where = f"a_r = {a_r}, a_z = {a_z}"
        if got is ...:
            raise Wrong(f"{where}: no behaviour is named yet.")
        if not isinstance(got, str) or got not in BEHAVIOURS:
            raise Wrong(f"{where}: expected one of {', '.join(BEHAVIOURS)}; got {got!r}.")
        if got == wanted:
            continue
        if a_z == 0:
            raise Wrong(f"{where}: a pre-activation of 0 gives no gate of 0 but one of 1/2.")
        if got == "leaky average":
            raise Wrong(f"{where}: z is so near to 0 or 1 that hardly anything is averaged.")
        if a_z > 0:
            raise Wrong(f"{where}: the new state is (1 - z) n + z h. What is left of n at z = 1?")
        if got == "copy":
            raise Wrong(f"{where}: here z = 1 keeps, as in PyTorch; in other texts it writes.")
        raise Wrong(f"{where}: does the candidate see the old state through such an r?")
    return "Right: z decides between copying and writing, r only what is written."


@exercise(
    "gates_learn.latch",
    hints=(
        "Two equations: z has to be near 0 where w = 1 and near 1 where w = 0, and n has to have "
        "the sign of v.",
        "Take a large number a. A pre-activation of a - 2 a w gives such a z, from a weight on w "
        "and a bias; the candidate needs a weight on v alone. All else may be zero.",
    ),
)
def latch(answer: Any) -> str:
    if getattr(answer, "_fields", ()) != gru.Params._fields:
        raise Wrong(f"Expected a gru.Params, got {type(answer).__name__}.")
    shapes = {"weight_ih": (3, 2), "weight_hh": (3, 1), "bias_ih": (3,), "bias_hh": (3,)}
    arrays = {name: numbers(name, getattr(answer, name)) for name in shapes}
    for name, shape in shapes.items():
        if arrays[name].shape != shape:
            raise Wrong(f"{name}: expected shape {shape}, got {arrays[name].shape}.")
        if not np.isfinite(arrays[name]).all():
            raise Wrong(f"{name}: expected finite numbers.")
    params = gru.Params(**arrays)
    inputs, targets = latched_bit(np.random.default_rng(0), 64, 400, 100)
    states, _ = gru.forward(inputs, np.zeros((64, 1)), params)
    if (states * targets > 0.5).all():
        return "Right: every bit is still there at its next command, above one half."
    flipped = gru.Params(*(np.array([1.0, -1.0, 1.0]).reshape(-1, *[1] * (a.ndim - 1)) * a
                           for a in params))  # fmt: skip
    states_flipped, _ = gru.forward(inputs, np.zeros((64, 1)), flipped)
    if (states_flipped * targets > 0.5).all():
        raise Wrong("Your update gate writes where it should keep: z = 1 keeps the old state.")
    if (-states * targets > 0.5).all():
        raise Wrong("Your unit holds the opposite of the bit: look at the sign on v.")
    written = inputs[..., 1:] == 1
    if not (states * targets > 0.5)[written].all():
        raise Wrong("Right after a command the state is not yet the bit: z is too large there.")
    n, t, _ = np.argwhere(states * targets <= 0.5)[0]
    since = int(t - np.flatnonzero(inputs[n, : t + 1, 1])[-1])
    raise Wrong(
        f"The bit is written, but {since} steps after its command less than one half of it is "
        "left: z has to be nearer to 1 where w = 0."
    )


def _half_lives(z, writes, *, mean="log", steps="held", units="max", pooled=False):
    """The longest half-life in each sequence, or with one of the likely mistakes."""
    counts = (
        ~writes.astype(bool)[..., None] if steps == "held" else np.full((*z.shape[:2], 1), True)
    )
    axes = (0, 1) if pooled else 1
    values = np.log(z) if mean == "log" else z
    average = np.where(counts, values, 0).sum(axis=axes) / counts.sum(axis=axes)
    gate = np.exp(average) if mean == "log" else average
    lives = np.log(2) / -np.log(gate)
    lives = lives.max(axis=-1) if units == "max" else lives.mean(axis=-1)
    return np.full(len(z), lives) if pooled else lives


def _gates_and_commands():
    """z (N, T, H) and writes (N, T): a command at first, and at least one step held."""
    rng = np.random.default_rng(0)
    for N, T, H in [(4, 12, 3), (1, 6, 1), (3, 30, 5)]:
        z = rng.uniform(0.2, 0.999, size=(N, T, H))
        writes = (rng.random((N, T)) < 0.3).astype(float)
        writes[:, 0], writes[:, -1] = 1, 0
        yield z, writes
    yield as_float32((z, writes))


Table(
    "gates_learn.half-life",
    hints=(
        "One number a sequence: average over the steps of that sequence alone, and only over those "
        "without a command.",
        "Take the mean of ln z over the steps without a command, unit by unit: ln 2 divided by its "
        "negative is that unit's half-life. Then the largest of the H.",
    ),
    cases=_gates_and_commands,
    what="half-lives",
    wanted=_half_lives,
    mistakes={
        "That is the half-life of the mean gate. The steps multiply: average ln z.": (
            partial(_half_lives, mean="z")
        ),
        "The steps with a command count too: there the unit should let go.": (
            partial(_half_lives, steps="all")
        ),
        "You averaged over all sequences: another unit may hold in each of them.": (
            partial(_half_lives, pooled=True)
        ),
        "That is the mean over the units; one unit that holds is enough.": (
            partial(_half_lives, units="mean")
        ),
    },
    praise="Right: one number a sequence, that of the unit that keeps longest in it.",
    rtol=1e-6,
)


def _intact(params, xs):
    return gru.forward(xs, np.zeros((len(xs), params.weight_hh.shape[1]), xs.dtype), params)[0]


def _held(params, xs, value, *, from_intact=False, swapped=False, gate="z"):
    """The states of a GRU whose update gate is held, or with one of the likely mistakes."""
    (W_r, W_z, W_n), (b_r, b_z, b_n) = np.split(params.weight_hh, 3), np.split(params.bias_hh, 3)
    h, intact = np.zeros((len(xs), len(W_r)), xs.dtype), _intact(params, xs)
    states = []
    for t in range(xs.shape[1]):
        if from_intact and t:
            h = intact[:, t - 1]
        a_r, a_z, a_n = np.split(xs[:, t] @ params.weight_ih.T + params.bias_ih, 3, axis=1)
        r, z = sigmoid(a_r + h @ W_r.T + b_r), sigmoid(a_z + h @ W_z.T + b_z)
        r, z = (r, value) if gate == "z" else (value, z)
        n = np.tanh(a_n + r * (h @ W_n.T + b_n))
        h = z * n + (1 - z) * h if swapped else (1 - z) * n + z * h
        states.append(h)
    return np.stack(states, axis=1)


def _runs():
    rng = np.random.default_rng(0)
    for N, T, I, H in [(3, 6, 2, 4), (1, 1, 1, 1), (2, 9, 3, 2)]:
        params, xs = gru.init(rng, I, H), rng.normal(size=(N, T, I))
        example = params, xs, rng.uniform(size=H)
        yield example
    yield as_float32(example)


Table(
    "gates_learn.find-the-bug",
    hints=(
        "Follow the state: whose h does step 2 begin from?",
        "Hold the gate in one step only and the rest of the run must still change. Feed each "
        "step's result into the next one instead of a state that was computed beforehand.",
    ),
    cases=_runs,
    what="the states",
    wanted=_held,
    mistakes={
        "Each step still begins from the state of the intact network.": (
            partial(_held, from_intact=True)
        ),
        "Old and new are exchanged: z multiplies the old state.": partial(_held, swapped=True),
        "You hold the reset gate; the update gate is still free.": partial(_held, gate="r"),
        "Those are the states of the intact network: nothing is held.": (
            lambda params, xs, value: _intact(params, xs)
        ),
    },
    praise="Fixed: the network runs on from the states that it reaches with its gate held.",
)
