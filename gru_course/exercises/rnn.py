"""Checkers of the chapter "The plain recurrent network"."""

from typing import Any

import numpy as np

from gru_course.exercises._core import Wrong, as_float32, call, compare, exercise, matches
from gru_course.exercises._table import Table, and_awkward, one_array, refuse
from gru_course.reference import rnn
from gru_course.reference.activations import sigmoid

SHAPES = [(2, 5, 3, 4), (1, 1, 1, 1), (3, 2, 5, 2), (2, 4, 1, 6), (4, 4, 3, 3)]  # (N, T, I, H)


def _examples():
    """Seeded batches of several shapes, among them one sequence of one step and one unit."""
    rng = np.random.default_rng(0)
    for N, T, I, H in SHAPES:
        params = rnn.init(rng, I, H)
        yield rng.normal(size=(N, T, I)), rng.uniform(-1, 1, size=(N, H)), params


def _without(params, *biases):
    return params._replace(**{name: 0 * getattr(params, name) for name in biases})


def _transposed(params):
    return params._replace(weight_hh=params.weight_hh.T.copy())


def _step(x, h_prev, params):
    return rnn.step(x, h_prev, params)[0]


def _sums(x, h_prev, params):
    """What the input and the state bring to the sum under the tanh."""
    of_x = x @ params.weight_ih.T + params.bias_ih
    return of_x, h_prev @ params.weight_hh.T + params.bias_hh


def _step_by_parts(answer, x, h_prev, params):
    """Only the input, then only the state."""
    for what, *case in (
        ("h with h_prev = 0", x, 0 * h_prev, params),
        ("h with x = 0", 0 * x, h_prev, params),
    ):
        compare(what, call(answer, *case), _step(*case))


Table(
    "rnn.count",
    hints=(
        "Two matrices and two vectors. Equation (3).",
        "`weight_ih` leads from I inputs to H units and `weight_hh` from H units to H; each of "
        "the two products has a bias of its own.",
    ),
    cases=[(2, 3), (1, 1), (8, 64), (128, 16)],
    what="parameters for I = {I}, H = {H}",
    wanted=lambda I, H: H * I + H * H + 2 * H,
    mistakes={
        "You count one bias vector. One would do, but PyTorch stores two, b_ih and b_hh.": (
            lambda I, H: H * I + H * H + H
        ),
        "You count the two matrices; each comes with a bias of H numbers.": (
            lambda I, H: H * I + H * H
        ),
        "You count the way in, W_ih and b_ih; the state has W_hh and b_hh.": (
            lambda I, H: H * I + H
        ),
    },
    praise="Right: two matrices and two biases, whatever the length of the sequence.",
)

Table(
    "rnn.step",
    hints=(
        "Rows are sequences: W x becomes `x @ W.T`.",
        "Add up two products and two biases first; one tanh over the whole sum comes last. "
        "Probe your step with `h_prev` of zeros, then with `x` of zeros.",
    ),
    cases=lambda: ((xs[:, 0], h_prev, params) for xs, h_prev, params in and_awkward(_examples())),
    what="h",
    wanted=_step,
    mistakes={
        "Your step ends before the tanh.": lambda x, h, p: sum(_sums(x, h, p)),
        "Your step multiplies by W_hh where rows need W_hh.T. W_hh is square, so no shape "
        "objects.": lambda x, h, p: _step(x, h, _transposed(p)),
        "Your step leaves out the previous state: W_hh h_prev.": (
            lambda x, h, p: np.tanh(_sums(x, h, p)[0])
        ),
        "Your step leaves out the product W_hh h_prev.": lambda x, h, p: _step(x, 0 * h, p),
        "Your step leaves out both biases.": (
            lambda x, h, p: _step(x, h, _without(p, "bias_ih", "bias_hh"))
        ),
        "Your step leaves out b_hh.": lambda x, h, p: _step(x, h, _without(p, "bias_hh")),
        "Your step leaves out b_ih.": lambda x, h, p: _step(x, h, _without(p, "bias_ih")),
        "Your step takes tanh of each part before the sum; tanh comes last, over the whole sum.": (
            lambda x, h, p: sum(map(np.tanh, _sums(x, h, p)))
        ),
        "Your step goes through the sigmoid; a plain network's state lies between -1 and 1: "
        "tanh.": lambda x, h, p: sigmoid(sum(_sums(x, h, p))),
    },
    read=one_array("h"),
    locate=_step_by_parts,
    praise="Right: your step equals the reference for every shape that was tried.",
)


def _loop(xs, h0, params, passed_on=True):
    """States of the loop, (N, T, H); with passed_on=False every step starts from h0."""
    h, hs = h0, []
    for x in xs.transpose(1, 0, 2):
        new = _step(x, h, params)
        hs.append(new)
        h = new if passed_on else h0
    return np.stack(hs, axis=1)


def _with_h0(xs, h0, params):
    """T + 1 states, h_0 first."""
    return np.concatenate([h0[:, None], _loop(xs, h0, params)], axis=1)


def _state_by_state(answer, xs, h0, params):
    got, wanted = np.asarray(call(answer, xs, h0, params)), _loop(xs, h0, params)
    if got.shape == wanted.shape:
        for t in range(xs.shape[1]):
            compare(f"h_{t + 1}, that is hs[:, {t}],", got[:, t], wanted[:, t])


Table(
    "rnn.forward",
    hints=(
        "Call your step for each `xs[:, t]`, keep the results in a list, and stack them along "
        "axis 1.",
        "Before the loop the state is `h0`; in the loop the new state takes its place and goes "
        "into the list, once a step.",
    ),
    cases=lambda: and_awkward(_examples()),
    what="hs",
    wanted=lambda xs, h0, params: rnn.forward(xs, h0, params)[0],
    mistakes={
        "Your states stand time first, (T, N, H); stack them along axis 1.": (
            lambda xs, h0, p: _loop(xs, h0, p).transpose(1, 0, 2)
        ),
        "You return the last state alone; all of them are asked for, (N, T, H).": (
            lambda xs, h0, p: _loop(xs, h0, p)[:, -1]
        ),
        "Every step of your loop starts from h0: the new state is never passed on.": (
            lambda xs, h0, p: _loop(xs, h0, p, passed_on=False)
        ),
        "Your loop starts from zeros and ignores h0.": lambda xs, h0, p: _loop(xs, 0 * h0, p),
        "You return the state before each step, h_0 to h_(T-1); h_1 comes first.": (
            lambda xs, h0, p: _with_h0(xs, h0, p)[:, :-1]
        ),
        "You return h_0 too: T + 1 states. The first one asked for is h_1.": _with_h0,
        "You return the last state T times.": (
            lambda xs, h0, p: _loop(xs, h0, p)[:, [-1] * xs.shape[1]]
        ),
        "Your loop reads the sequence from its end to its beginning.": (
            lambda xs, h0, p: _loop(xs[:, ::-1], h0, p)
        ),
        "Your loop runs over axis 0, which counts sequences; time is axis 1: xs[:, t].": (
            # Runs where N = T; elsewhere the shapes of h0 and of what is read do not fit.
            lambda xs, h0, p: _loop(xs.transpose(1, 0, 2), h0, p).transpose(1, 0, 2)
        ),
    },
    read=one_array("hs (N, T, H)"),
    locate=_state_by_state,
    praise="Right: every state equals the reference's, from the first step to the last.",
)


def _padded():
    """Sequences of several lengths, zero past their ends; the last two cases are awkward."""
    rng = np.random.default_rng(1)
    shapes = ((3, 6, 2, 4), (1, 3, 1, 2), (4, 5, 3, 3), (1, 1, 2, 3), (3, 4, 2, 3), (3, 4, 2, 3))
    for case, (N, T, I, H) in enumerate(shapes):
        params = rnn.init(rng, I, H)
        if case == 5:
            params = rnn.Params(*(5000 * a for a in params))  # saturated: states of -1 and 1
        lengths = np.arange(N) % T + 1
        xs = np.where(np.arange(T)[:, None] < lengths[:, None, None], rng.normal(size=(N, T, I)), 0)
        if case == 4:
            xs, params = as_float32((xs, params))
        yield xs, lengths, params


def _last(xs, params):
    """The states after the padding."""
    return rnn.forward(xs, np.zeros((len(xs), len(params.bias_hh)), xs.dtype), params)[0][:, -1]


def _ends(xs, lengths, params):
    """The states after so many steps of each sequence."""
    return np.stack([_last(xs[n : n + 1, :T], params)[0] for n, T in enumerate(lengths)])


@exercise(
    "rnn.find-the-bugs",
    hints=(
        "Both are in the pitfalls above. The message changes when the first one is fixed.",
        "Compare one step with `rnn.step`, with a `weight_hh` that is not symmetric. Then ask "
        "at which index of axis 1 a sequence of length n has its last real state.",
    ),
)
def find_the_bugs(answer: Any) -> str:
    read = one_array("the last states (N, H)")
    for xs, lengths, params in _padded():
        got = read(call(answer, xs, lengths, params))
        wanted = _ends(xs, lengths, params)
        if matches(got, wanted):
            continue
        if matches(got, _last(xs, _transposed(params))):
            raise Wrong(
                "Both bugs are still there. Probe the first: compare one step with the reference. "
                "Probe the second: add a step of padding, which must change nothing.",
                hints=False,
            )
        mistakes = {
            "One bug is left: hs[:, -1] is the state after the padding, "
            "not each sequence's own last state.": _last(xs, params),
            "One bug is left: h @ W_hh multiplies by columns where rows need W_hh.T; "
            "the matrix is square, so no shape objects.": _ends(xs, lengths, _transposed(params)),
            "You read one step too far: a sequence of length n ends at index n - 1.": (
                _ends(xs, np.minimum(lengths + 1, xs.shape[1]), params)
            ),
            "You read one step too early: a sequence of length n ends at index n - 1.": (
                _ends(xs, np.maximum(lengths - 1, 1), params)
            ),
        }
        refuse(got, mistakes.items())
        compare("last states", got, wanted)
    return "Fixed: both the product and the place that is read."


@exercise(
    "rnn.delay",
    hints=(
        "A bucket brigade: the input enters unit 0, and each unit hands what it holds to the "
        "next. Which entries of W_hh are one? `np.eye` has an argument that moves the diagonal.",
        "Write down W_hh for k = 2, three by three: row i says whom unit i hears. Unit 0 hears "
        "the input alone, and no unit hears itself.",
    ),
)
def delay(answer: Any) -> str:
    rng = np.random.default_rng(2)
    for k in (2, 0, 1, 5):
        params = call(answer, k)
        if not isinstance(params, rnn.Params):
            raise Wrong(f"k = {k}: expected rnn.Params, got {type(params).__name__}.")
        params = rnn.Params(*(np.asarray(p, dtype=float) for p in params))
        H = k + 1
        shapes = ((H, 1), (H, H), (H,), (H,))
        for name, array, shape in zip(rnn.Params._fields, params, shapes, strict=True):
            if array.shape != shape:
                hint = " k steps back and the present are k + 1 numbers." if len(array) != H else ""
                raise Wrong(f"k = {k}: {name} needs shape {shape}, got {array.shape}.{hint}")
        if not all(np.isfinite(p).all() for p in params):
            raise Wrong(f"k = {k}: expected finite weights.")
        T = k + 6
        xs = rng.uniform(0.5, 2.0, size=(2, T, 1))
        hs, _ = rnn.forward(xs, np.zeros((2, H)), params, nonlinearity="relu")
        got = hs[:, :, k]
        wanted = np.concatenate([np.zeros((2, k)), xs[:, : T - k, 0]], axis=1)
        if matches(got, wanted):
            continue
        if k and matches(got, 0 * wanted) and np.any(np.triu(params.weight_hh, 1)):
            raise Wrong(
                f"k = {k}: nothing arrives at the last unit. Row i of W_hh says whom unit i hears, "
                "so the ones belong below the diagonal."
            )
        if k and matches(got[:, :-1], wanted[:, 1:]):
            raise Wrong(
                f"k = {k}: the last unit shows the input of k - 1 steps ago. The input enters "
                "unit 0 alone, and each hand-over takes a step."
            )
        if matches(got, np.cumsum(wanted, axis=1)):
            raise Wrong(f"k = {k}: your last unit adds up what it hears; it also hears itself.")
        compare(f"k = {k}: the last unit's states (N, T)", got, wanted)
    return "Right: the state is the window x_t, x_(t-1), ..., x_(t-k)."
