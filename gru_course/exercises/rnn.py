"""Checkers of the chapter "The plain recurrent network"."""

import numpy as np

from gru_course.exercises._core import Wrong, as_float32, call, compare, exercise, matches
from gru_course.reference import rnn

SHAPES = [(2, 5, 3, 4), (1, 1, 1, 1), (3, 2, 5, 2), (2, 4, 1, 6), (4, 4, 3, 3)]  # (N, T, I, H)


def _examples():
    """Seeded batches of several shapes, among them one sequence of one step and one unit.

    The last two are awkward: float32, and weights so large that every state is -1 or 1.
    """
    rng = np.random.default_rng(0)
    for N, T, I, H in SHAPES:
        params = rnn.init(rng, I, H)
        example = rng.normal(size=(N, T, I)), rng.uniform(-1, 1, size=(N, H)), params
        yield example
    yield as_float32(example)
    yield *example[:2], rnn.Params(*(5000 * a for a in params))


def _one_array(value, what):
    if isinstance(value, tuple):
        raise Wrong(f"Expected one array, {what}; got a tuple of {len(value)}.")


@exercise(
    "rnn.count",
    hints=(
        "Two matrices and two vectors. Equation (3).",
        "`weight_ih` leads from I inputs to H units and `weight_hh` from H units to H; each of "
        "the two products has a bias of its own.",
    ),
)
def count(answer):
    for I, H in ((2, 3), (1, 1), (8, 64), (128, 16)):
        got = call(answer, I, H)
        wanted = H * I + H * H + 2 * H
        if matches(got, wanted - H):
            raise Wrong(
                "You count one bias vector. One would do, but PyTorch stores two, b_ih and b_hh."
            )
        if matches(got, wanted - 2 * H):
            raise Wrong("You count the two matrices; each comes with a bias of H numbers.")
        if matches(got, wanted - H * H - H):
            raise Wrong("You count the way in, W_ih and b_ih; the state has W_hh and b_hh.")
        compare(f"parameters for I = {I}, H = {H}", got, wanted)
    return "Right: two matrices and two biases, whatever the length of the sequence."


def _step_mistakes(x, h_prev, params):
    """What each mistake that readers are known to make would return, with its name."""
    W_ih, W_hh, b_ih, b_hh = params
    a_x, a_h = x @ W_ih.T, h_prev @ W_hh.T
    b = b_ih + b_hh
    yield "Your step ends before the tanh.", a_x + a_h + b
    yield (
        "Your step multiplies by W_hh where rows need W_hh.T. W_hh is square, so no shape objects.",
        np.tanh(a_x + h_prev @ W_hh + b),
    )
    yield "Your step leaves out the previous state: W_hh h_prev.", np.tanh(a_x + b_ih)
    yield "Your step leaves out the product W_hh h_prev.", np.tanh(a_x + b)
    yield "Your step leaves out both biases.", np.tanh(a_x + a_h)
    yield "Your step leaves out b_hh.", np.tanh(a_x + a_h + b_ih)
    yield "Your step leaves out b_ih.", np.tanh(a_x + a_h + b_hh)
    yield (
        "Your step takes tanh of each part before the sum; tanh comes last, over the whole sum.",
        np.tanh(a_x + b_ih) + np.tanh(a_h + b_hh),
    )
    yield (
        "Your step goes through the sigmoid; a plain network's state lies between -1 and 1: tanh.",
        0.5 * (1 + np.tanh(0.5 * (a_x + a_h + b))),
    )


@exercise(
    "rnn.step",
    hints=(
        "Rows are sequences: W x becomes `x @ W.T`.",
        "Add up two products and two biases first; one tanh over the whole sum comes last. "
        "Probe your step with `h_prev` of zeros, then with `x` of zeros.",
    ),
)
def step(answer):
    for xs, h_prev, params in _examples():
        x = xs[:, 0]
        wanted, _ = rnn.step(x, h_prev, params)
        got = call(answer, x, h_prev, params)
        _one_array(got, "h")
        if matches(got, wanted):
            continue
        for sentence, mistaken in _step_mistakes(x, h_prev, params):
            if matches(got, mistaken):
                raise Wrong(sentence)
        # One part at a time: only the input, then only the state.
        silent, _ = rnn.step(x, 0 * h_prev, params)
        compare("h with h_prev = 0", call(answer, x, 0 * h_prev, params), silent)
        deaf, _ = rnn.step(0 * x, h_prev, params)
        compare("h with x = 0", call(answer, 0 * x, h_prev, params), deaf)
        compare("h", got, wanted)
    return "Right: your step equals the reference for every shape that was tried."


def _loop(xs, h0, params, passed_on=True):
    """States of the loop, (N, T, H); with passed_on=False every step starts from h0."""
    h, hs = h0, []
    for x in xs.transpose(1, 0, 2):
        new, _ = rnn.step(x, h, params)
        hs.append(new)
        h = new if passed_on else h0
    return np.stack(hs, axis=1)


def _forward_mistakes(xs, h0, params):
    N, T, _ = xs.shape
    hs = _loop(xs, h0, params)
    yield (
        "Your states stand time first, (T, N, H); stack them along axis 1.",
        hs.transpose(1, 0, 2),
    )
    yield "You return the last state alone; all of them are asked for, (N, T, H).", hs[:, -1]
    yield (
        "Every step of your loop starts from h0: the new state is never passed on.",
        _loop(xs, h0, params, passed_on=False),
    )
    yield (
        "Your loop starts from zeros and ignores h0.",
        _loop(xs, np.zeros_like(h0), params),
    )
    yield (
        "You return the state before each step, h_0 to h_(T-1); h_1 comes first.",
        np.concatenate([h0[:, None], hs[:, :-1]], axis=1),
    )
    yield (
        "You return h_0 too: T + 1 states. The first one asked for is h_1.",
        np.concatenate([h0[:, None], hs], axis=1),
    )
    yield "You return the last state T times.", np.repeat(hs[:, -1:], T, axis=1)
    yield (
        "Your loop reads the sequence from its end to its beginning.",
        _loop(xs[:, ::-1], h0, params),
    )
    if N == T:
        yield (
            "Your loop runs over axis 0, which counts sequences; time is axis 1: xs[:, t].",
            _loop(xs.transpose(1, 0, 2), h0, params).transpose(1, 0, 2),
        )


@exercise(
    "rnn.forward",
    hints=(
        "Call your step for each `xs[:, t]`, keep the results in a list, and stack them along "
        "axis 1.",
        "Before the loop the state is `h0`; in the loop the new state takes its place and goes "
        "into the list, once a step.",
    ),
)
def forward(answer):
    for xs, h0, params in _examples():
        wanted, _ = rnn.forward(xs, h0, params)
        got = call(answer, xs, h0, params)
        _one_array(got, "hs (N, T, H)")
        if matches(got, wanted):
            continue
        for sentence, mistaken in _forward_mistakes(xs, h0, params):
            if matches(got, mistaken):
                raise Wrong(sentence)
        if np.shape(got) == wanted.shape:
            for t in range(xs.shape[1]):
                compare(f"h_{t + 1}, that is hs[:, {t}],", np.asarray(got)[:, t], wanted[:, t])
        compare("hs", got, wanted)
    return "Right: every state equals the reference's, from the first step to the last."


def _transposed(params):
    return params._replace(weight_hh=params.weight_hh.T.copy())


@exercise(
    "rnn.find-the-bugs",
    hints=(
        "Both are in the pitfalls above. The message changes when the first one is mended.",
        "Compare one step with `rnn.step`, with a `weight_hh` that is not symmetric. Then ask "
        "at which index of axis 1 a sequence of length n has its last real state.",
    ),
)
def find_the_bugs(answer):
    rng = np.random.default_rng(1)
    shapes = ((3, 6, 2, 4), (1, 3, 1, 2), (4, 5, 3, 3), (1, 1, 2, 3), (3, 4, 2, 3), (3, 4, 2, 3))
    for case, (N, T, I, H) in enumerate(shapes):
        params = rnn.init(rng, I, H)
        if case == 5:
            params = rnn.Params(*(5000 * a for a in params))  # saturated: states of -1 and 1
        lengths = np.arange(N) % T + 1
        xs = np.where(np.arange(T)[:, None] < lengths[:, None, None], rng.normal(size=(N, T, I)), 0)
        h0 = np.zeros((N, H))
        if case == 4:
            xs, h0, params = as_float32((xs, h0, params))
        got = call(answer, xs, lengths, params)
        _one_array(got, "the last states (N, H)")
        right, _ = rnn.forward(xs, h0, params)
        flipped, _ = rnn.forward(xs, h0, _transposed(params))
        rows = np.arange(N)
        wanted = right[rows, lengths - 1]
        if matches(got, wanted):
            continue
        if matches(got, flipped[:, -1]):
            raise Wrong(
                "Both bugs are still there. Probe the first: compare one step with the reference. "
                "Probe the second: add a step of padding, which must change nothing.",
                hints=False,
            )
        if matches(got, right[:, -1]):
            raise Wrong(
                "One bug is left: hs[:, -1] is the state after the padding, "
                "not each sequence's own last state."
            )
        if matches(got, flipped[rows, lengths - 1]):
            raise Wrong(
                "One bug is left: h @ W_hh multiplies by columns where rows need W_hh.T; "
                "the matrix is square, so no shape objects."
            )
        if matches(got, right[rows, np.minimum(lengths, T - 1)]):
            raise Wrong("You read one step too far: a sequence of length n ends at index n - 1.")
        if matches(got, right[rows, np.maximum(lengths - 2, 0)]):
            raise Wrong("You read one step too early: a sequence of length n ends at index n - 1.")
        compare("last states", got, wanted)
    return "Mended: both the product and the place that is read."


@exercise(
    "rnn.delay",
    hints=(
        "A bucket brigade: the input enters unit 0, and each unit hands what it holds to the "
        "next. Which entries of W_hh are one? `np.eye` has an argument that moves the diagonal.",
        "Write down W_hh for k = 2, three by three: row i says whom unit i hears. Unit 0 hears "
        "the input alone, and no unit hears itself.",
    ),
)
def delay(answer):
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
