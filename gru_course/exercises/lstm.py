"""Checkers of the chapter "The LSTM"."""

from typing import Any

import numpy as np

from gru_course.exercises._core import Wrong, as_float32, call, compare, exercise, matches
from gru_course.exercises._table import Table, and_awkward, refuse
from gru_course.reference import lstm
from gru_course.reference.activations import sigmoid

SHAPES = [(2, 3, 4), (1, 1, 1), (1, 5, 2), (3, 2, 6)]  # (N, I, H)
SHUT, OPEN = -800.0, 800.0  # pre-activations at which the sigmoid is exactly 0 and 1
GATES = ("i", "f", "g", "o")


def _examples():
    """Seeded inputs of several shapes, among them batch 1 and a single unit."""
    rng = np.random.default_rng(0)
    for N, I, H in SHAPES:
        params = lstm.init(rng, I, H)
        h_prev, c_prev = rng.uniform(-1, 1, size=(N, H)), rng.normal(scale=2, size=(N, H))
        yield rng.normal(size=(N, I)), h_prev, c_prev, params


def _held(params, **pre_activations):
    """The same weights, with some gates held by their biases at the given pre-activations."""
    arrays = [a.copy() for a in params]
    H = params.weight_hh.shape[1]
    for name, a in pre_activations.items():
        rows = slice(GATES.index(name) * H, (GATES.index(name) + 1) * H)
        for array, value in zip(arrays, (0.0, 0.0, a, 0.0), strict=True):
            array[rows] = value
    return lstm.Params(*arrays)


def _step(x, h_prev, c_prev, params):
    state, _ = lstm.step(x, lstm.State(h_prev, c_prev), params)
    return state.h, state.c


def _step_with(
    *,
    gates=sigmoid,
    g=np.tanh,
    c=lambda i, f, g, c_prev: f * c_prev + i * g,
    h=lambda o, c, c_prev: o * np.tanh(c),
):
    """The step with another function for its gates, its candidate, its cell or its output."""

    def step(x, h_prev, c_prev, params):
        a = x @ params.weight_ih.T + params.bias_ih + h_prev @ params.weight_hh.T + params.bias_hh
        a_i, a_f, a_g, a_o = np.split(a, 4, axis=1)
        cell = c(gates(a_i), gates(a_f), g(a_g), c_prev)
        return h(gates(a_o), cell, c_prev), cell

    return step


def _step_on(order):
    """The step with its four blocks of weights in another order."""
    return lambda x, h, c, params: _step(x, h, c, _blocks(params, order))


def _blocks(params, order):
    return lstm.Params(*(np.concatenate([np.split(a, 4)[k] for k in order]) for a in params))


def _pair(got, *case):
    if not isinstance(got, tuple) or len(got) != 2:
        raise Wrong(f"Expected the pair (h, c), got {type(got).__name__}.")
    return got


def _step_by_parts(answer, x, h_prev, c_prev, params):
    """Hold gates at 0 or 1 so that the pair shows one intermediate at a time."""
    for what, held, which in (
        ("c with f = 1 and i = 0, which must be c_prev", _held(params, f=OPEN, i=SHUT), 1),
        ("c with f = 0 and i = 1, which must be g", _held(params, f=SHUT, i=OPEN), 1),
        ("c with i = 0, which shows f * c_prev", _held(params, i=SHUT), 1),
        ("c with f = 0, which shows i * g", _held(params, f=SHUT), 1),
        ("c", params, 1),
        ("h with o = 1, which must be tanh(c)", _held(params, o=OPEN), 0),
        ("h", params, 0),
    ):
        got, wanted = call(answer, x, h_prev, c_prev, held), _step(x, h_prev, c_prev, held)
        compare(what, _pair(got)[which], wanted[which])


check_step = Table(
    "lstm.step",
    hints=(
        "Split each of the four arrays in four, in the order i, f, g, o. Two lines follow the "
        "gates: a sum of two products, and a product with a tanh.",
        "Three of the four blocks are fractions, and one is a value between -1 and 1. The new "
        "cell keeps a share of the old one and adds a share of g; only then does the output "
        "gate look at the new cell.",
    ),
    cases=lambda: and_awkward(_examples()),
    what="h and c",
    wanted=_step,
    mistakes={
        "The two states are exchanged: return h first, then c.": lambda *case: _step(*case)[::-1],
        "Your step reads the rows as i, f, o, g; they are stacked i, f, g, o.": (
            _step_on((0, 1, 3, 2))
        ),
        "The input and the forget gate are exchanged: f multiplies c_prev, i multiplies g.": (
            _step_on((1, 0, 2, 3))
        ),
        "The forget gate multiplies h_prev where it must multiply c_prev.": (
            lambda x, h, c, p: _step(x, h, h, p)
        ),
        "The tanh is missing on the way out: h = o * tanh(c).": (
            _step_with(h=lambda o, c, c_prev: o * c)
        ),
        "Your h shows the old cell: h = o * tanh(c) with the c that this step has just "
        "computed.": _step_with(h=lambda o, c, c_prev: o * np.tanh(c_prev)),
        "Your h shows the whole cell: the output gate is computed but not used.": (
            _step_with(h=lambda o, c, c_prev: np.tanh(c))
        ),
        "Your cell drops what it held: c = f * c_prev + i * g.": (
            lambda x, h, c, p: _step(x, h, 0 * c, p)
        ),
        "Your cell has no forget gate: c_prev is kept whole.": (
            _step_with(c=lambda i, f, g, c_prev: c_prev + i * g)
        ),
        "Your c is squashed: the tanh stands only on the way to h, the cell itself stays "
        "linear.": _step_with(c=lambda i, f, g, c_prev: np.tanh(f * c_prev + i * g)),
        "Your gates go through tanh; a gate is a fraction between 0 and 1 and needs the "
        "sigmoid.": _step_with(gates=np.tanh),
        "Your candidate goes through the sigmoid; it lies between -1 and 1 and needs tanh.": (
            _step_with(g=sigmoid)
        ),
        "Your input gate is 1 - f; in an LSTM it has weights of its own.": (
            _step_with(c=lambda i, f, g, c_prev: f * c_prev + (1 - f) * g)
        ),
        "bias_hh is missing: torch keeps two biases, and their sum enters each gate.": (
            lambda x, h, c, p: _step(x, h, c, p._replace(bias_hh=0 * p.bias_hh))
        ),
    },
    read=_pair,
    locate=_step_by_parts,
    praise="Right: your step equals the reference for every shape that was tried.",
)


@exercise(
    "lstm.find-the-bug",
    hints=(
        "Follow the input of step t on its way to h_t. When does it arrive?",
        "Set f to 0, i and o to 1 by their biases: h must be tanh(g) of this step. Which value "
        "does the line that computes h read?",
    ),
)
def find_the_bug(answer: Any) -> str:
    check_step(answer)
    return "Fixed: h now shows the cell that the same step has written."


def _gates_of_a_run():
    """Forget gates (T, H) and k; the last two are float32 and shut or open altogether."""
    rng = np.random.default_rng(0)
    for T, H, k in ((6, 3, 2), (6, 3, 0), (6, 3, 6), (1, 1, 1), (40, 2, 17)):
        yield rng.uniform(0.2, 1.0, size=(T, H)), k
    yield rng.uniform(0.2, 1.0, size=(5, 2)).astype(np.float32), 3
    yield np.round(rng.uniform(0.2, 1.0, size=(5, 2))), 3  # one that is shut ends its unit's path


Table(
    "lstm.direct-path",
    hints=(
        "Equation (8). How many factors does it have, and which rows are they? For k = 0 the "
        "answer is one.",
        "The rows are the last k of `f`; count from the front, since `f[-0:]` is the whole "
        "array. Multiply along the axis of time, and keep the units apart.",
    ),
    cases=_gates_of_a_run,
    what="T = {f.shape[0]}, k = {k}",
    wanted=lambda f, k: f[len(f) - k :].prod(axis=0),
    mistakes={
        "{what}: these are the first k gates; the last k lead from T - k to T.": (
            lambda f, k: f[:k].prod(axis=0)
        ),
        "{what}: you multiply one gate too few.": lambda f, k: f[len(f) - k + 1 :].prod(axis=0),
        "{what}: you multiply one gate too many.": (
            lambda f, k: f[max(len(f) - k - 1, 0) :].prod(axis=0)
        ),
        "{what}: you add the gates; along a path the factors multiply.": (
            lambda f, k: f[len(f) - k :].sum(axis=0)
        ),
        "{what}: the product runs over the units; each unit has a path of its own.": (
            lambda f, k: f[len(f) - k :].prod(axis=1)
        ),
        "{what}: you have multiplied over the units too; each unit has a path of its own.": (
            lambda f, k: f[len(f) - k :].prod()
        ),
        "{what}: a power of the mean is not the product.": (
            lambda f, k: (f[len(f) - k :].sum(axis=0) / max(k, 1)) ** k
        ),
        "{what}: f[-k] is one gate; the path has k.": lambda f, k: f[-k],
        "{what}: f[-0:] is the whole array, not none of it.": lambda f, k: f[-k:].prod(axis=0),
    },
    praise="Right: the product of the last k forget gates, unit by unit.",
)


def _converted(got, params):
    """See to the type and the shapes of new params."""
    if not isinstance(got, lstm.Params):
        raise Wrong(f"Expected an lstm.Params tuple, got {type(got).__name__}.")
    for field, before, after in zip(params._fields, params, got, strict=True):
        if np.shape(after) != before.shape:
            raise Wrong(f"{field}: expected shape {before.shape}, got {np.shape(after)}.")
    return lstm.Params(*map(np.asarray, got))


@exercise(
    "lstm.forget-bias",
    hints=(
        "Solve equation (11) for f, then f = sigmoid(b) for b. The gate sees the sum of two "
        "biases. Copy the arrays before you write into them, and give the result with "
        "`params._replace(...)`.",
        "A half-life of k steps means f^k = 1/2. The forget gate's rows are the second block of "
        "H; what must stand in `bias_hh` there if `bias_ih` already holds the whole value?",
    ),
)
def forget_bias(answer: Any) -> str:
    def logit(f):
        return np.log(f / (1 - f))

    rng = np.random.default_rng(0)
    four, one = np.array([1.0, 2.0, 14.0, 100.0]), np.array([7.5])
    for half_lives in (four, one, as_float32(four)):
        H = len(half_lives)
        params = lstm.init(rng, 3, H)
        if half_lives.dtype == np.float32:
            params = as_float32(params)
        converted = _converted(call(answer, params, half_lives), params)
        f = 0.5 ** (1 / half_lives)
        wanted = logit(f)
        total = converted.bias_ih + converted.bias_hh
        old, rows = params.bias_ih + params.bias_hh, slice(H, 2 * H)
        one_kept = "One of the two biases still holds its old value, and the gate sees the sum."
        mistakes = {
            "The gate sees the sum of the two biases; yours is twice what was asked for. Write "
            "the value into one and zero into the other.": 2 * wanted,
            "The value was added to the biases that were there; it replaces them.": (
                old[rows] + wanted
            ),
            one_kept: wanted + params.bias_hh[rows],
            "That is the gate itself; its bias is the gate's logit, ln(f / (1 - f)).": f,
            "After that many steps a share 1/e is left; a half-life leaves one half.": (
                logit(np.exp(-1 / half_lives))
            ),
            "The sign is turned: a long memory needs a positive bias.": -wanted,
        }
        refuse(total[rows], [*mistakes.items(), (one_kept, wanted + params.bias_ih[rows])])
        if matches(total[rows], old[rows]):
            for k, name in ((0, "i"), (2, "g"), (3, "o")):
                if matches(total[k * H : (k + 1) * H], wanted):
                    raise Wrong(
                        f"You wrote into the rows of {name}; f is the second block of H rows."
                    )
            raise Wrong("The forget gate's biases have not changed.")
        compare("the sum of the two forget biases", total[rows], wanted)
        for field, before, after in zip(params._fields, params, converted, strict=True):
            for k, name in enumerate(GATES):
                if name != "f" or field.startswith("weight"):
                    block = slice(k * H, (k + 1) * H)
                    compare(f"the rows of {name} in {field}", after[block], before[block])
    return "Right: the logit of 2^(-1/k), once, in the second block."


def _files():
    """Params with their blocks as ONNX has them: i, o, f, g."""
    rng = np.random.default_rng(0)
    large, tiny, oblong = (lstm.init(rng, I, H) for I, H in ((3, 4), (1, 1), (5, 2)))
    for ours in (large, tiny, as_float32(oblong)):
        yield (_blocks(ours, (0, 3, 1, 2)),)


def _reorder(*order):
    return lambda theirs: _blocks(theirs, order)


def _block_by_block(answer, theirs):
    ours, H = _blocks(theirs, (0, 2, 3, 1)), theirs.weight_hh.shape[1]
    got = _converted(call(answer, theirs), theirs)
    for field, wanted, array, before in zip(ours._fields, ours, got, theirs, strict=True):
        if matches(array, before) and not matches(array, wanted):
            raise Wrong(f"{field} has not been reordered; all four arrays have blocks.")
        for k, name in enumerate(GATES):
            rows = slice(k * H, (k + 1) * H)
            compare(f"the rows of {name} in {field}", array[rows], wanted[rows])


Table(
    "lstm.from-onnx",
    hints=(
        "Where in the file is the block that must stand second? All four arrays have blocks.",
        "Number the file's blocks 0 to 3 for i, o, f, g, and write down the numbers in the "
        "order i, f, g, o. `np.split(a, 4)` gives the blocks of one array.",
    ),
    cases=_files,
    what="params",
    wanted=_reorder(0, 2, 3, 1),
    mistakes={
        "Nothing has changed: the blocks still stand as i, o, f, g.": _reorder(0, 1, 2, 3),
        "That is the way from our order to the file's; the way back is the inverse.": (
            _reorder(0, 3, 1, 2)
        ),
        "The order is now i, g, f, o: f belongs before g.": _reorder(0, 3, 2, 1),
        "The order is now i, f, o, g: g belongs before o.": _reorder(0, 2, 1, 3),
    },
    read=_converted,
    locate=_block_by_block,
    praise="Right: blocks 0, 2, 3, 1 of the file, in all four arrays.",
)
