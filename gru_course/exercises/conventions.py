"""Checkers of the chapter "Conventions"."""

from itertools import product
from typing import Any

import numpy as np

from gru_course.exercises._core import (
    NotAttempted,
    Wrong,
    as_float32,
    call,
    exercise,
)
from gru_course.exercises._table import Table, tell
from gru_course.reference import gru
from gru_course.reference.activations import sigmoid

SIZES = [(3, 5), (1, 1), (4, 4), (5, 2)]  # (I, H); (4, 4) hides a lost transposition by its shape
KINDS = [lambda arrays: arrays] * len(SIZES) + [as_float32]  # the last size once more in float32
CHOICES = {"reset": ("after", "before"), "z": ("keeps", "writes"), "order": ("rzn", "zrn")}
CONVENTIONS = list(product(*CHOICES.values()))


def _blocks_swapped(array):
    """Exchange the first two of three blocks of rows: z|r|h becomes r|z|n, and back."""
    first, second, third = np.split(array, 3)
    return np.concatenate([second, first, third])


def _compare_params(got, wanted, mistakes):
    """Compare two Params field by field; `mistakes` lists a field, a wrong array, a sentence."""
    if not isinstance(got, gru.Params):
        raise Wrong(f"Expected a gru.Params tuple, got {type(got).__name__}.")
    for field, array, right in zip(wanted._fields, got, wanted, strict=True):
        if array is None or array is Ellipsis:
            raise NotAttempted
        tell(
            field, array, right, [(f"{field}: {why}", a) for of, a, why in mistakes if of == field]
        )


Table(
    "conventions.products",
    hints=(
        "One for the inputs. Then count those in the loop: what can be multiplied before r_t is "
        "known?",
        "With the reset after the product, all three recurrent products have the same right "
        "factor, h_prev. With it before, the candidate's has the factor r * h_prev.",
    ),
    cases=[(50, True), (50, False), (1, True), (1, False)],
    what="T = {T}, reset_after={reset_after}",
    wanted=lambda T, reset_after: 1 + (1 if reset_after else 2) * T,
    mistakes={
        "{what}: wanted {wanted}, got {got}. The inputs need a product too.": (
            lambda T, reset_after: T if reset_after else 2 * T
        ),
        "{what}: wanted {wanted}, got {got}. The inputs of all steps are known at the start: "
        "their products are one product, before the loop.": (
            lambda T, reset_after: 2 * T if reset_after else 3 * T
        ),
        "{what}: wanted {wanted}, got {got}. Products with the same right factor are one product "
        "with the stacked matrix.": lambda T, reset_after: 6 * T,
        "{what}: wanted {wanted}, got {got}. W_hn multiplies r * h_prev here, and r has to be "
        "known first.": lambda T, reset_after: 1 + T,
    },
    praise="Right: one product a step with the reset gate after, two in a row with it before.",
)


@exercise(
    "conventions.from-keras",
    hints=(
        "`kernel` is (I, 3H), its columns are stacked z, r, n, and `bias` is (2, 3H), the "
        "input's biases first.",
        "Transpose the two matrices; a reshape would mix rows and columns. Then exchange the "
        "first two blocks of rows, in the matrices and in both rows of `bias`.",
    ),
)
def from_keras(answer: Any) -> str:
    rng = np.random.default_rng(0)
    for (I, H), cast in zip([*SIZES, SIZES[-1]], KINDS, strict=True):
        shapes = (I, 3 * H), (H, 3 * H), (2, 3 * H)
        arrays = cast([rng.normal(size=shape) for shape in shapes])
        kernel, recurrent_kernel, bias = arrays
        stacked = [kernel.T, recurrent_kernel.T, bias[0], bias[1]]
        wanted = gru.Params(*map(_blocks_swapped, stacked))
        mistakes = []
        for field, keras, array in zip(
            wanted._fields, (kernel, recurrent_kernel, bias[0], bias[1]), stacked, strict=True
        ):
            mistakes += [
                (field, array, "the blocks still stand in Keras's order z, r, h."),
                (field, np.roll(array, -H, 0), "the blocks are r, h, z now, and not r, z, n."),
                (field, np.roll(array, H, 0), "the blocks are h, z, r now, and not r, z, n."),
            ]
            if keras.ndim == 2:
                reshaped = keras.reshape(array.shape)
                sentence = (
                    "you reshaped where a transposition is due: reshape keeps the order in memory, "
                    "so rows and columns are mixed."
                )
                mistakes += [(field, a, sentence) for a in (reshaped, _blocks_swapped(reshaped))]
        both = _blocks_swapped(bias.sum(0))
        mistakes += [
            (
                "bias_ih",
                wanted.bias_hh,
                "that is the recurrent bias; Keras's first row is input's.",
            ),
            ("bias_ih", both, "the two biases are added up; b_hn has to stay inside the reset."),
        ]
        _compare_params(call(answer, *arrays), wanted, mistakes)
    return "Right: two transpositions, one exchange of blocks, two rows of biases."


def mystery(
    rng: np.random.Generator, I: int, H: int, convention: tuple[str, ...], scale: float = 1.0
) -> tuple[gru.Params, np.ndarray, np.ndarray, np.ndarray]:
    """Four arrays in one of the eight conventions, and one step of the network they belong to.

    Parameters
    ----------
    rng : numpy.random.Generator
    I, H : int, sizes of input and state
    convention : (reset, z, order), each one of its values in CHOICES
    scale : half-width of the uniform distribution of the weights

    Returns
    -------
    params : gru.Params, whose rows and signs are meant as the convention says
    x, h_prev, h : (4, I), (4, H) and (4, H), a batch before and after one step
    """
    reset, z_sense, order = convention
    params = gru.Params(
        *(rng.uniform(-scale, scale, size=s) for s in ((3 * H, I), (3 * H, H), 3 * H, 3 * H))
    )
    x, h_prev = rng.normal(size=(4, I)), rng.uniform(-1, 1, size=(4, H))
    W_i, W_h, b_i, b_h = params if order == "rzn" else map(_blocks_swapped, params)
    R, Z, C = slice(H), slice(H, 2 * H), slice(2 * H, None)
    r = sigmoid(x @ W_i[R].T + b_i[R] + h_prev @ W_h[R].T + b_h[R])
    z = sigmoid(x @ W_i[Z].T + b_i[Z] + h_prev @ W_h[Z].T + b_h[Z])
    past = {"after": r * (h_prev @ W_h[C].T + b_h[C]), "before": (r * h_prev) @ W_h[C].T + b_h[C]}
    n = np.tanh(x @ W_i[C].T + b_i[C] + past[reset])
    keep = z if z_sense == "keeps" else 1 - z
    return params, x, h_prev, (1 - keep) * n + keep * h_prev


@exercise(
    "conventions.find-convention",
    hints=(
        "The cell before Figure 4 does it for a sequence: `reorder` and "
        "`convert.flip_update_gate` bring each reading to the form that `gru.step` runs. Take "
        "the nearest of the eight.",
        "`itertools.product` lists the eight readings. For each compute the largest difference "
        "between its step and `h`, and return the one where that is smallest.",
    ),
)
def find_convention(answer: Any) -> str:
    rng = np.random.default_rng(0)
    for scale in (1.0, 0.02):
        for convention in CONVENTIONS:
            got = call(answer, *mystery(rng, 3, 6, convention, scale))
            if not isinstance(got, tuple) or len(got) != 3:
                raise Wrong(
                    "Expected a tuple (reset, z, order), for example ('after', 'keeps', 'rzn'); "
                    f"got {got!r}."
                )
            for (name, values), found, true in zip(CHOICES.items(), got, convention, strict=True):
                if not isinstance(found, str) or found not in values:
                    raise Wrong(f"{name}: expected one of {', '.join(values)}, got {found!r}.")
                if found != true and scale < 1:
                    raise Wrong(
                        f"{name}: wanted {true}, got {found}, for weights of {scale} at the most. "
                        "There the eight readings differ by little: take the nearest of all, not "
                        "the first within a tolerance."
                    )
                if found != true:
                    raise Wrong(f"A network of {convention}: {name} wanted {true}, got {found}.")
    return "Right: all eight, for large weights and for small ones."


@exercise(
    "conventions.find-the-bug",
    hints=(
        "Put the numbers 0 to 6H - 1 into `B` and look at `b_ih`. The standard says that B is "
        "the biases of W, followed by those of R.",
        "A reshape to (3H, 2) takes neighbours apart. Which call of NumPy cuts an array in the "
        "middle?",
    ),
)
def find_the_bug(answer: Any) -> str:
    """Read the arrays of an ONNX node with linear_before_reset=1."""
    rng = np.random.default_rng(0)
    for (I, H), cast in zip([*SIZES, SIZES[-1]], KINDS, strict=True):
        shapes = (1, 3 * H, I), (1, 3 * H, H), (1, 6 * H)
        W, R, B = cast([rng.normal(size=shape) for shape in shapes])
        wanted = gru.Params(*map(_blocks_swapped, (W[0], R[0], B[0, : 3 * H], B[0, 3 * H :])))
        mixed = B[0].reshape(3 * H, 2).T
        mistakes = [
            (
                field,
                _blocks_swapped(mixed[row]),
                "still every other number of B. B holds the 3H biases of W first, and then the "
                "3H biases of R.",
            )
            for row, field in enumerate(("bias_ih", "bias_hh"))
        ]
        mistakes += [
            ("bias_ih", wanted.bias_hh, "these are the biases of R, which stand last in B."),
            ("bias_ih", B[0, : 3 * H], "the blocks still stand in ONNX's order z, r, h."),
        ]
        _compare_params(call(answer, W, R, B), wanted, mistakes)
    return "Fixed: B is split in the middle, and every block is where torch looks for it."
