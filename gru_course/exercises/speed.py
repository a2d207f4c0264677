"""Checkers of the chapter "How fast can a GRU go?"."""

import numpy as np

from gru_course.analysis import calls_per_step
from gru_course.exercises._core import Wrong, as_float32, call, compare, exercise, matches
from gru_course.reference import gru

SIZES = [(2, 5, 3, 4), (1, 4, 2, 3), (3, 2, 5, 2), (1, 3, 1, 1)]  # (N, T, I, H)


def _examples():
    """Seeded (xs, h0, params) of several shapes, the last one once more as float32."""
    rng = np.random.default_rng(0)
    for N, T, I, H in SIZES:
        example = rng.normal(size=(N, T, I)), rng.uniform(-1, 1, (N, H)), gru.init(rng, I, H)
        yield example
    yield as_float32(example)


def _keeps_float32(got, given):
    if isinstance(got, np.ndarray) and given.dtype == np.float32 != got.dtype:
        raise Wrong(
            f"The numbers are right, but float32 came in and {got.dtype} goes out: expected "
            "float32, which takes half the bytes and half the time."
        )


@exercise(
    "speed.flops",
    hints=(
        "A product of an (N, K) and a (K, M) matrix has N M entries. What does one of them cost?",
        "Each entry is a sum of K products: K multiplications and as many additions. Count the "
        "product for the inputs and the recurrent one, each with 3H columns, over all steps.",
    ),
)
def flops(answer):
    for N, T, I, H in ((3, 5, 2, 7), (1, 1, 1, 1), (16, 128, 64, 128)):
        got, wanted = call(answer, N, T, I, H), 6 * N * T * H * (I + H)
        if matches(got, wanted):
            continue
        if matches(got, wanted // 2):
            raise Wrong("A multiplication and an addition are two operations: you count one.")
        if matches(got, 8 * N * T * H * (I + H)):
            raise Wrong("That is an LSTM: a GRU has three blocks of weights, not four.")
        if matches(got, 6 * N * T * H * H):
            raise Wrong("You count the recurrent product only; the inputs have one too.")
        if matches(got, wanted // T):
            raise Wrong("That is one time step; the sequence has T of them.")
        if matches(got, wanted // N):
            raise Wrong("That is one sequence; the batch has N of them.")
        if matches(got, 3 * wanted):
            raise Wrong("That is forward and backward together; only the forward pass is asked.")
        compare(f"operations for N = {N}, T = {T}, I = {I}, H = {H}", got, wanted)
    return "Right: two operations for each weight, sequence and step."


def _folded(params, rows=2, fields=(0, 1, 2, 3), factor=0.5):
    """The first blocks of rows of some fields times the factor."""
    H = params.weight_hh.shape[1]
    changed = [a.copy() for a in params]
    for field in fields:
        changed[field][: rows * H] *= factor
    return gru.Params(*changed)


@exercise(
    "speed.fold",
    hints=(
        "sigmoid(a) = (1 + tanh(a / 2)) / 2, and a is linear in four arrays. Which rows of them "
        "make the gates?",
        "Halve the first 2H rows, those of r and z, in both matrices and in both biases. The rows "
        "of n go through tanh as they are. Copy before you write.",
    ),
)
def fold(answer):
    for _, _, params in _examples():
        got, wanted = call(answer, params), _folded(params)
        if not isinstance(got, gru.Params):
            raise Wrong(f"Expected a gru.Params tuple, got {type(got).__name__}.")
        for sentence, mistaken in (
            ("Nothing has changed.", params),
            (
                "The candidate's rows are halved too; n goes through tanh as it is.",
                _folded(params, 3),
            ),
            ("Only the reset gate's rows are halved; z is a gate too.", _folded(params, 1)),
            ("The biases are not halved: they are part of a.", _folded(params, fields=(0, 1))),
            ("The recurrent part is not halved.", _folded(params, fields=(0, 2))),
            ("You doubled where you should halve.", _folded(params, factor=2.0)),
        ):
            if all(map(matches, got, mistaken)):
                raise Wrong(sentence)
        for field, mine, right in zip(params._fields, got, wanted, strict=True):
            compare(field, mine, right)
            _keeps_float32(mine, right)
    return "Right: one tanh now makes both gates."


@exercise(
    "speed.weight-grad",
    hints=(
        "Write the sum over t as one product of two matrices: along which axis do you have to put "
        "the steps together?",
        "Reshape `das` to (T * N, 3H) and `h_prevs` to (T * N, H). The sum over both t and the "
        "batch is then the inner axis of one product.",
    ),
)
def weight_grad(answer):
    for xs, h0, params in _examples():
        hs, _ = gru.forward(xs, h0, params)
        h_prevs = np.concatenate([h0[:, None], hs[:, :-1]], axis=1).transpose(1, 0, 2)
        das = (hs.transpose(1, 0, 2) @ params.weight_hh.T).copy()  # any numbers of this shape
        h_prevs = h_prevs.copy()
        wanted = np.einsum("tnk,tnh->kh", das, h_prevs)
        got = call(answer, das, h_prevs)
        T, N, _ = das.shape
        if matches(got, wanted.T) and not matches(got, wanted):
            raise Wrong("That is the transpose: weight_hh has shape (3H, H).")
        if T * N > 1 and matches(got, wanted / (T * N)):
            raise Wrong("That is the mean; the loss adds up over steps and sequences.")
        if T > 1 and matches(got, das[-1].T @ h_prevs[-1]):
            raise Wrong("That is the last step's part alone: each step uses the weights.")
        if T > 1 and matches(got, np.einsum("tnk,tnh->kh", das[1:], h_prevs[:-1])):
            raise Wrong("Your states are one step late: `h_prevs[t]` already is the state before.")
        compare("the gradient of weight_hh", got, wanted)
        _keeps_float32(got, das)
    count = _calls_per_step(answer)
    if count:
        raise Wrong(
            f"The numbers are right, but each further step costs {count} more "
            f"call{'s' * (count > 1)}: expected one product for all steps together."
        )
    return "Right: one product, whose inner axis is step and sequence together."


def _calls_per_step(answer):
    """What one more step adds to the calls of a function of das and h_prevs."""

    def both(xs, h0, params):
        H = h0.shape[1]
        steps = xs.transpose(1, 0, 2)
        call(answer, steps[:, :, : 3 * H], steps[:, :, 3 * H :])

    rng = np.random.default_rng(0)
    return sum(calls_per_step(both, rng.normal(size=(2, 2, 12)), np.zeros((2, 3)), ()).values())


def _check_forward(answer):
    for xs, h0, params in _examples():
        got, wanted = call(answer, xs, h0, params), gru.forward(xs, h0, params)[0]
        if isinstance(got, tuple):
            raise Wrong(f"Expected one array, hs; got a tuple of {len(got)}.")
        T = xs.shape[1]
        if matches(got, wanted):
            _keeps_float32(got, xs)
            continue
        if T > 1 and matches(got, np.repeat(wanted[:, -1:], T, axis=1)):
            raise Wrong(
                "All your states are the last one: you store the same buffer T times, and each "
                "step writes over it."
            )
        if T > 1 and matches(got, wanted.transpose(1, 0, 2)):
            raise Wrong("Your states are time first; expected (N, T, H).")
        if matches(got, np.concatenate([h0[:, None], wanted[:, :-1]], axis=1)):
            raise Wrong("Your states begin with h0: hs[:, t] is the state after input t.")
        outside = params.bias_ih + params.bias_hh
        merged = params._replace(bias_ih=outside, bias_hh=np.zeros_like(outside))
        if matches(got, gru.forward(xs, h0, merged)[0]):
            raise Wrong("b_hn stands outside the reset product: n takes r * (W_hn h + b_hn).")
        if matches(got, gru.forward(xs, h0, _folded(params))[0]):
            raise Wrong(
                "Your gates see half of their pre-activation: with the half in the weights, "
                "sigmoid(a) is 0.5 + 0.5 * tanh(a'), without another half inside."
            )
        compare("the states", got, wanted)


@exercise(
    "speed.forward",
    hints=(
        "What does not depend on the state? Compute it before the loop, for all steps in one "
        "product.",
        "Inside the loop one product with `weight_hh.T` serves r, z and n: cut its 3H columns into "
        "three. The bias b_hn belongs to it, inside the reset gate.",
    ),
)
def forward(answer):
    _check_forward(answer)
    rng = np.random.default_rng(0)
    xs, h0, params = rng.normal(size=(2, 2, 3)), np.zeros((2, 4)), gru.init(rng, 3, 4)
    count = calls_per_step(lambda *arrays: call(answer, *arrays), xs, h0, params)["products"]
    if count > 1:
        raise Wrong(
            f"The states are right, but each step makes {count} products: expected one, with all "
            "of weight_hh, and the inputs' product before the loop."
        )
    return "Right: equal to the reference, with one product a step."


@exercise(
    "speed.find-the-bug",
    hints=(
        "Look at the states of the first and of the last step. How many different arrays does the "
        "list hold?",
        "`out=` writes into an array that you already have in your list. Give every step a place "
        "of its own, or store a copy.",
    ),
)
def find_the_bug(answer):
    _check_forward(answer)
    return "Mended: every step keeps a state of its own."
