"""Checkers of the chapter "How fast can a GRU go?"."""

from typing import Any

import numpy as np

from gru_course.analysis import calls_per_step
from gru_course.exercises._core import Wrong, as_float32, call, compare, exercise, matches
from gru_course.exercises._gru_steps import b_hn_outside
from gru_course.exercises._table import Table, refuse
from gru_course.reference import gru

SIZES = [(2, 5, 3, 4), (1, 4, 2, 3), (3, 2, 5, 2), (1, 3, 1, 1)]  # (N, T, I, H)


def _examples():
    """Seeded (xs, h0, params) of several shapes, the last one once more as float32."""
    rng = np.random.default_rng(0)
    examples = [
        (rng.normal(size=(N, T, I)), rng.uniform(-1, 1, (N, H)), gru.init(rng, I, H))
        for N, T, I, H in SIZES
    ]
    return [*examples, as_float32(examples[-1])]


def _keeps_float32(got, given):
    if isinstance(got, np.ndarray) and given.dtype == np.float32 != got.dtype:
        raise Wrong(
            f"The numbers are right, but float32 came in and {got.dtype} goes out: expected "
            "float32, which takes half the bytes."
        )


Table(
    "speed.flops",
    hints=(
        "List the products of one direction: the inputs' and the recurrent one, and for each of "
        "them what comes back. Which of the six is not needed?",
        "Each weight of W_ih is used in two products, forward and for its own gradient; each "
        "weight of W_hh in three. Each use costs two operations for every sequence and step.",
    ),
    cases=[(3, 5, 2, 7), (1, 1, 1, 1), (16, 128, 64, 128)],
    what="operations for N = {N}, T = {T}, I = {I}, H = {H}",
    wanted=lambda N, T, I, H: 12 * N * T * H * (2 * I + 3 * H),
    mistakes={
        "A multiplication and an addition are two operations: you count one.": (
            lambda N, T, I, H: 6 * N * T * H * (2 * I + 3 * H)
        ),
        "That is the forward pass alone; a training step goes back too.": (
            lambda N, T, I, H: 12 * N * T * H * (I + H)
        ),
        "That is one direction's forward pass alone.": (lambda N, T, I, H: 6 * N * T * H * (I + H)),
        "That includes the gradient of the inputs, which nobody asks for.": (
            lambda N, T, I, H: 36 * N * T * H * (I + H)
        ),
        "dL/dh_{{t-1}} is missing: going back, each step hands a gradient to the step before.": (
            lambda N, T, I, H: 24 * N * T * H * (I + H)
        ),
        "You count the recurrent products only; the inputs have some too.": (
            lambda N, T, I, H: 36 * N * T * H * H
        ),
        "That is one time step; the sequence has T of them.": (
            lambda N, T, I, H: 12 * N * H * (2 * I + 3 * H)
        ),
        "That is one sequence; the batch has N of them.": (
            lambda N, T, I, H: 12 * T * H * (2 * I + 3 * H)
        ),
    },
    praise="Right: two uses of each input weight, three of each recurrent one, in two directions.",
)


def _scaled(params, factors, fields=(0, 1, 2, 3)):
    """The rows of r, z and n of some fields times three factors."""
    factors = np.repeat(np.array(factors, params.weight_hh.dtype), params.weight_hh.shape[1])
    return gru.Params(
        *((a.T * factors).T if k in fields else a.copy() for k, a in enumerate(params))
    )


@exercise(
    "speed.fold",
    hints=(
        "sigmoid(a) = 1 / (1 + exp(-a)), and 1 - sigmoid(a) = sigmoid(-a). Which of the two gates "
        "is turned round?",
        "What keeps is 1 - z = 1 / (1 + exp(a_z)), with a_z as it is. What resets is "
        "r = 1 / (1 + exp(-a_r)). Which rows need a minus? It goes into both matrices and both "
        "biases. Copy before you write.",
    ),
)
def fold(answer: Any) -> str:
    for _, _, params in _examples():
        got, wanted = call(answer, params), _scaled(params, (-1, 1, 1))
        if not isinstance(got, gru.Params):
            raise Wrong(f"Expected a gru.Params tuple, got {type(got).__name__}.")
        mistakes = {
            "Nothing has changed: r would be 1 - r.": params,
            "Both gates are negated: this would be right if the given z kept the old state.": (
                _scaled(params, (-1, -1, 1))
            ),
            "Only z is negated: it is r that needs the minus.": _scaled(params, (1, -1, 1)),
            "The candidate's rows are negated too; n goes through tanh as it is.": (
                _scaled(params, (-1, 1, -1))
            ),
            "The biases are not folded: they are part of a.": _scaled(params, (-1, 1, 1), (0, 1)),
            "The recurrent part is not folded.": _scaled(params, (-1, 1, 1), (0, 2)),
            "You halve the gates' rows: that is the fold for tanh, not for exp.": (
                _scaled(params, (0.5, 0.5, 1))
            ),
        }
        refuse(got, mistakes.items())
        for field, mine, right in zip(params._fields, got, wanted, strict=True):
            compare(field, mine, right)
            _keeps_float32(mine, right)
    return "Right: the two turns of z cancel, and r carries the minus."


@exercise(
    "speed.input-grads",
    hints=(
        "Equation (4) with other letters: which axes have to become one, and are they in the same "
        "order in `das` and in `xs`? A bias is a weight whose input is always 1.",
        "Bring `xs` to (T, N, I) before you reshape. The two biases of r and z have the same "
        "gradient. That of n differs: a_n = ... + b_in + r (... + b_hn).",
    ),
)
def input_grads(answer: Any) -> str:
    for xs, h0, params in _examples():
        hs, cache = gru.forward(xs, h0, params)
        das = (hs.transpose(1, 0, 2) @ params.weight_hh.T).copy()  # any numbers of this shape
        rs, T, N, H = cache.rs.copy(), *cache.rs.shape
        got = call(answer, das, rs, xs)
        if not isinstance(got, tuple) or len(got) != 3:
            raise Wrong("Expected three arrays: the gradients of weight_ih, bias_ih and bias_hh.")
        dW, db_ih = np.einsum("tnk,nti->ki", das, xs), das.sum((0, 1))
        db_hh = np.concatenate([db_ih[: 2 * H], (das[:, :, 2 * H :] * rs).sum((0, 1))])
        shuffled = das.reshape(T * N, -1).T @ xs.reshape(T * N, -1)
        of_weight = {
            "That is the transpose: weight_ih has shape (3H, I).": dW.T,
            "`xs` is batch first and `das` time first: reshaped as they are, the rows of the two "
            "do not belong together.": shuffled,
            "That is the mean; the loss adds up over steps and sequences.": dW / (T * N),
        }
        of_bias_hh = {
            "bias_hh: b_hn stands inside the reset product, so its gradient holds r.": db_ih,
            "bias_hh: r multiplies b_hn only; b_hr and b_hz have the gradients of bias_ih.": (
                (das * np.tile(rs, 3)).sum((0, 1))
            ),
        }
        of_bias_ih = {"bias_ih: b_in stands outside the reset product.": db_hh}
        wanted = {"weight_ih": dW, "bias_ih": db_ih, "bias_hh": db_hh}
        mine = dict(zip(wanted, got, strict=True))
        for name, mistakes in (
            ("weight_ih", of_weight),
            ("bias_hh", of_bias_hh),
            ("bias_ih", of_bias_ih),
        ):
            if not matches(mine[name], wanted[name]):
                refuse(mine[name], mistakes.items())
        for name, right in wanted.items():
            compare(f"the gradient of {name}", mine[name], right)
            _keeps_float32(mine[name], das)
    count = _calls_per_step(answer)
    if count:
        raise Wrong(
            f"The numbers are right, but each further step costs {count} more "
            f"call{'s' * (count > 1)}: expected as many calls for any number of steps."
        )
    return "Right: one product for all steps, and r where b_hn stands."


def _calls_per_step(answer):
    """What one more step adds to the calls of a function of das, rs and xs."""

    def both(xs, h0, params):
        H = h0.shape[1]
        steps = xs.transpose(1, 0, 2)
        call(answer, steps[:, :, : 3 * H], steps[:, :, 3 * H : 4 * H], xs[:, :, 4 * H :])

    rng = np.random.default_rng(0)
    return sum(calls_per_step(both, rng.normal(size=(2, 2, 14)), np.zeros((2, 3)), ()).values())


def _check_forward(answer, reset_after):
    other = "before" if reset_after else "after"
    for xs, h0, params in _examples():
        got = call(answer, xs, h0, params)
        wanted = gru.forward(xs, h0, params, reset_after=reset_after)[0]
        if isinstance(got, tuple):
            raise Wrong(f"Expected one array, hs; got a tuple of {len(got)}.")
        T = xs.shape[1]
        if matches(got, wanted):
            _keeps_float32(got, xs)
            continue
        halved = _scaled(params, (0.5, 0.5, 1))
        mistakes = {
            "All your states are the last one: you store the same buffer T times, and each step "
            "writes over it.": np.repeat(wanted[:, -1:], T, axis=1),
            "Your states are time first; expected (N, T, H).": wanted.transpose(1, 0, 2),
            "Your states begin with h0: hs[:, t] is the state after input t.": (
                np.concatenate([h0[:, None], wanted[:, :-1]], axis=1)
            ),
            f"That is the other form, with the reset gate {other} the product.": (
                gru.forward(xs, h0, params, reset_after=not reset_after)[0]
            ),
            "Your gates see half of their pre-activation: with the half in the weights, "
            "sigmoid(a) is 0.5 + 0.5 * tanh(a'), without another half inside.": (
                gru.forward(xs, h0, halved, reset_after=reset_after)[0]
            ),
        }
        if reset_after:
            sentence = "b_hn stands outside the reset product: n takes r * (W_hn h + b_hn)."
            mistakes[sentence] = gru.forward(xs, h0, b_hn_outside(params))[0]
        refuse(got, mistakes.items())
        compare("the states", got, wanted)


@exercise(
    "speed.forward",
    hints=(
        "What does not depend on the state? Compute it before the loop, for all steps in one "
        "product. Which recurrent blocks can still share a product?",
        "One product with the first 2H rows of `weight_hh` serves r and z. The last H rows wait "
        "for r * h. All biases can go into the inputs' part, b_hn too.",
    ),
)
def forward(answer: Any) -> str:
    _check_forward(answer, reset_after=False)
    rng = np.random.default_rng(0)
    xs, h0, params = rng.normal(size=(2, 2, 3)), np.zeros((2, 4)), gru.init(rng, 3, 4)
    count = calls_per_step(lambda *arrays: call(answer, *arrays), xs, h0, params)["products"]
    if count > 2:
        raise Wrong(
            f"The states are right, but each step makes {count} products: expected two, one for r "
            "and z together and one for n, and the inputs' product before the loop."
        )
    return "Right: equal to the reference, with two products a step."


@exercise(
    "speed.find-the-bug",
    hints=(
        "Look at the states of the first and of the last step. How many different arrays does the "
        "list hold?",
        "`out=` writes into an array that you already have in your list. Give every step a place "
        "of its own, or store a copy.",
    ),
)
def find_the_bug(answer: Any) -> str:
    _check_forward(answer, reset_after=True)
    return "Right: every step keeps a state of its own."
