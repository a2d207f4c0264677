"""Checkers of the chapter "The LSTM"."""

import numpy as np

from gru_course.exercises._core import Wrong, as_float32, call, compare, exercise, matches
from gru_course.reference import lstm
from gru_course.reference.activations import sigmoid

SHAPES = [(2, 3, 4), (1, 1, 1), (1, 5, 2), (3, 2, 6)]  # (N, I, H)
SHUT, OPEN = -800.0, 800.0  # pre-activations at which the sigmoid is exactly 0 and 1
GATES = ("i", "f", "g", "o")


def _examples():
    """Seeded inputs of several shapes, among them batch 1 and a single unit.

    The last two are awkward: float32, and pre-activations of thousands, at which exp overflows.
    """
    rng = np.random.default_rng(0)
    for N, I, H in SHAPES:
        params = lstm.init(rng, I, H)
        h_prev, c_prev = rng.uniform(-1, 1, size=(N, H)), rng.normal(scale=2, size=(N, H))
        example = rng.normal(size=(N, I)), h_prev, c_prev, params
        yield example
    yield as_float32(example)
    yield *example[:3], lstm.Params(*(5000 * a for a in params))


def _held(params, **pre_activations):
    """The same weights, with some gates held by their biases at the given pre-activations."""
    arrays = [a.copy() for a in params]
    H = params.weight_hh.shape[1]
    for name, a in pre_activations.items():
        rows = slice(GATES.index(name) * H, (GATES.index(name) + 1) * H)
        for array, value in zip(arrays, (0.0, 0.0, a, 0.0), strict=True):
            array[rows] = value
    return lstm.Params(*arrays)


def _mistakes(x, h_prev, c_prev, params):
    """What each mistake that readers are known to make would return, with its name."""
    a = x @ params.weight_ih.T + params.bias_ih + h_prev @ params.weight_hh.T + params.bias_hh
    a_i, a_f, a_g, a_o = np.split(a, 4, axis=1)
    i, f, g, o = sigmoid(a_i), sigmoid(a_f), np.tanh(a_g), sigmoid(a_o)

    def finish(i=i, f=f, g=g, o=o, kept=c_prev):
        c = f * kept + i * g
        return o * np.tanh(c), c

    h, c = finish()
    yield "The two states are exchanged: return h first, then c.", (c, h)
    yield (
        "Your step reads the rows as i, f, o, g; they are stacked i, f, g, o.",
        finish(g=np.tanh(a_o), o=sigmoid(a_g)),
    )
    yield (
        "The input and the forget gate are exchanged: f multiplies c_prev, i multiplies g.",
        finish(i=f, f=i),
    )
    yield "The forget gate multiplies h_prev where it must multiply c_prev.", finish(kept=h_prev)
    yield "The tanh is missing on the way out: h = o * tanh(c).", (o * c, c)
    yield (
        "Your h shows the old cell: h = o * tanh(c) with the c that this step has just computed.",
        (o * np.tanh(c_prev), c),
    )
    yield "Your h shows the whole cell: the output gate is computed but not used.", (np.tanh(c), c)
    yield "Your cell drops what it held: c = f * c_prev + i * g.", finish(kept=0 * c_prev)
    yield "Your cell has no forget gate: c_prev is kept whole.", finish(f=np.ones_like(f))
    yield (
        "Your c is squashed: the tanh stands only on the way to h, the cell itself stays linear.",
        (o * np.tanh(np.tanh(c)), np.tanh(c)),
    )
    yield (
        "Your gates go through tanh; a gate is a fraction between 0 and 1 and needs the sigmoid.",
        finish(np.tanh(a_i), np.tanh(a_f), g, np.tanh(a_o)),
    )
    yield (
        "Your candidate goes through the sigmoid; it lies between -1 and 1 and needs tanh.",
        finish(g=sigmoid(a_g)),
    )
    yield (
        "Your input gate is 1 - f; in an LSTM it has weights of its own.",
        finish(i=1 - f),
    )
    no_hh = x @ params.weight_ih.T + params.bias_ih + h_prev @ params.weight_hh.T
    b_i, b_f, b_g, b_o = np.split(no_hh, 4, axis=1)
    yield (
        "bias_hh is missing: torch keeps two biases, and their sum enters each gate.",
        finish(sigmoid(b_i), sigmoid(b_f), np.tanh(b_g), sigmoid(b_o)),
    )


def _pair(got):
    if not isinstance(got, tuple) or len(got) != 2:
        raise Wrong(f"Expected the pair (h, c), got {type(got).__name__}.")
    return got


def _check_step(step):
    for x, h_prev, c_prev, params in _examples():
        state = lstm.State(h_prev, c_prev)
        wanted, _ = lstm.step(x, state, params)
        got = _pair(call(step, x, h_prev, c_prev, params))
        if matches(got[0], wanted.h) and matches(got[1], wanted.c):
            continue
        for sentence, (h, c) in _mistakes(x, h_prev, c_prev, params):
            if matches(got[0], h) and matches(got[1], c):
                raise Wrong(sentence)
        # Hold gates at 0 or 1 so that the pair shows one intermediate at a time.
        for what, held, which in (
            ("c with f = 1 and i = 0, which must be c_prev", _held(params, f=OPEN, i=SHUT), 1),
            ("c with f = 0 and i = 1, which must be g", _held(params, f=SHUT, i=OPEN), 1),
            ("c with i = 0, which shows f * c_prev", _held(params, i=SHUT), 1),
            ("c with f = 0, which shows i * g", _held(params, f=SHUT), 1),
            ("c", params, 1),
            ("h with o = 1, which must be tanh(c)", _held(params, o=OPEN), 0),
            ("h", params, 0),
        ):
            theirs = _pair(call(step, x, h_prev, c_prev, held))
            compare(what, theirs[which], lstm.step(x, state, held)[0][which])


@exercise(
    "lstm.step",
    hints=(
        "Split each of the four arrays in four, in the order i, f, g, o. Two lines follow the "
        "gates: a sum of two products, and a product with a tanh.",
        "Three of the four blocks are fractions, and one is a value between -1 and 1. The new "
        "cell keeps a share of the old one and adds a share of g; only then does the output "
        "gate look at the new cell.",
    ),
)
def step(answer):
    _check_step(answer)
    return "Right: your step equals the reference for every shape that was tried."


@exercise(
    "lstm.find-the-bug",
    hints=(
        "Follow the input of step t on its way to h_t. When does it arrive?",
        "Set f to 0, i and o to 1 by their biases: h must be tanh(g) of this step. Which value "
        "does the line that computes h read?",
    ),
)
def find_the_bug(answer):
    _check_step(answer)
    return "Mended: h now shows the cell that the same step has written."


@exercise(
    "lstm.direct-path",
    hints=(
        "Equation (8). How many factors does it have, and which rows are they? For k = 0 the "
        "answer is one.",
        "The rows are the last k of `f`; count from the front, since `f[-0:]` is the whole "
        "array. Multiply along the axis of time, and keep the units apart.",
    ),
)
def direct_path(answer):
    rng = np.random.default_rng(0)
    cases = ((6, 3, 2), (6, 3, 0), (6, 3, 6), (1, 1, 1), (40, 2, 17), (5, 2, 3), (5, 2, 3))
    for case, (T, H, k) in enumerate(cases):
        f = rng.uniform(0.2, 1.0, size=(T, H))
        if case == 5:
            f = f.astype(np.float32)
        if case == 6:
            f = np.round(f)  # saturated gates: one that is shut ends its unit's path
        wanted = np.ones(H, f.dtype)
        for row in f[T - k :]:
            wanted = wanted * row
        got, what = call(answer, f, k), f"T = {T}, k = {k}"
        if matches(got, wanted):
            continue
        mistakes = [
            ("these are the first k gates; the last k lead from T - k to T.", f[:k].prod(axis=0)),
            ("you multiply one gate too few.", f[T - k + 1 :].prod(axis=0)),
            ("you multiply one gate too many.", f[max(T - k - 1, 0) :].prod(axis=0)),
            ("you add the gates; along a path the factors multiply.", f[T - k :].sum(axis=0)),
            (
                "the product runs over the units; each unit has a path of its own.",
                f[T - k :].prod(axis=1),
            ),
            (
                "you have multiplied over the units too; each unit has a path of its own.",
                f[T - k :].prod(),
            ),
        ]
        if k:
            mistakes += [
                ("a power of the mean is not the product.", f[T - k :].mean(axis=0) ** k),
                ("f[-k] is one gate; the path has k.", f[T - k]),
            ]
        else:
            mistakes.append(("f[-0:] is the whole array, not none of it.", f.prod(axis=0)))
        for sentence, mistaken in mistakes:
            if matches(got, mistaken):
                raise Wrong(f"{what}: {sentence}")
        compare(what, got, wanted)
    return "Right: the product of the last k forget gates, unit by unit."


def _converted(answer, params, *args):
    """Call a function that returns new params, and see to their type and shapes."""
    converted = call(answer, params, *args)
    if not isinstance(converted, lstm.Params):
        raise Wrong(f"Expected an lstm.Params tuple, got {type(converted).__name__}.")
    for field, before, after in zip(params._fields, params, converted, strict=True):
        if np.shape(after) != before.shape:
            raise Wrong(f"{field}: expected shape {before.shape}, got {np.shape(after)}.")
    return lstm.Params(*map(np.asarray, converted))


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
def forget_bias(answer):
    rng = np.random.default_rng(0)
    four, one = np.array([1.0, 2.0, 14.0, 100.0]), np.array([7.5])
    for half_lives in (four, one, as_float32(four)):
        H = len(half_lives)
        params = lstm.init(rng, 3, H)
        if half_lives.dtype == np.float32:
            params = as_float32(params)
        converted = _converted(answer, params, half_lives)
        f = 0.5 ** (1 / half_lives)
        wanted = np.log(f / (1 - f))
        total = converted.bias_ih + converted.bias_hh
        old, rows = params.bias_ih + params.bias_hh, slice(H, 2 * H)
        f_e = np.exp(-1 / half_lives)
        for sentence, mistaken in (
            (
                "The gate sees the sum of the two biases; yours is twice what was asked for. "
                "Write the value into one and zero into the other.",
                2 * wanted,
            ),
            (
                "The value was added to the biases that were there; it replaces them.",
                old[rows] + wanted,
            ),
            (
                "One of the two biases still holds its old value, and the gate sees the sum.",
                wanted + params.bias_hh[rows],
            ),
            (
                "One of the two biases still holds its old value, and the gate sees the sum.",
                wanted + params.bias_ih[rows],
            ),
            ("That is the gate itself; its bias is the gate's logit, ln(f / (1 - f)).", f),
            (
                "After that many steps a share 1/e is left; a half-life leaves one half.",
                np.log(f_e / (1 - f_e)),
            ),
            ("The sign is turned: a long memory needs a positive bias.", -wanted),
        ):
            if matches(total[rows], mistaken):
                raise Wrong(sentence)
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


def _blocks(params, order):
    return [np.concatenate([np.split(a, 4)[k] for k in order]) for a in params]


@exercise(
    "lstm.from-onnx",
    hints=(
        "Where in the file is the block that must stand second? All four arrays have blocks.",
        "Number the file's blocks 0 to 3 for i, o, f, g, and write down the numbers in the "
        "order i, f, g, o. `np.split(a, 4)` gives the blocks of one array.",
    ),
)
def from_onnx(answer):
    rng = np.random.default_rng(0)
    large, tiny, oblong = (lstm.init(rng, I, H) for I, H in ((3, 4), (1, 1), (5, 2)))
    for ours in (large, tiny, as_float32(oblong)):
        H = ours.weight_hh.shape[1]
        theirs = lstm.Params(*_blocks(ours, (0, 3, 1, 2)))
        converted = _converted(answer, theirs)
        if all(matches(a, b) for a, b in zip(converted, theirs, strict=True)):
            raise Wrong("Nothing has changed: the blocks still stand as i, o, f, g.")
        for sentence, order in (
            (
                "That is the way from our order to the file's; the way back is the inverse.",
                (0, 3, 1, 2),
            ),
            ("The order is now i, g, f, o: f belongs before g.", (0, 3, 2, 1)),
            ("The order is now i, f, o, g: g belongs before o.", (0, 2, 1, 3)),
        ):
            if all(matches(a, b) for a, b in zip(converted, _blocks(theirs, order), strict=True)):
                raise Wrong(sentence)
        for field, wanted, got, before in zip(ours._fields, ours, converted, theirs, strict=True):
            if matches(got, before) and not matches(got, wanted):
                raise Wrong(f"{field} has not been reordered; all four arrays have blocks.")
            for k, name in enumerate(GATES):
                rows = slice(k * H, (k + 1) * H)
                compare(f"the rows of {name} in {field}", got[rows], wanted[rows])
    return "Right: blocks 0, 2, 3, 1 of the file, in all four arrays."
