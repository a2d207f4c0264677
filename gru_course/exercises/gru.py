"""Checkers of the chapter "The gated recurrent unit"."""

import math
from typing import Any

import numpy as np

from gru_course.exercises import _gru_steps as steps
from gru_course.exercises._core import Wrong, call, compare, exercise, matches
from gru_course.exercises._table import Table, and_awkward, one_array
from gru_course.reference import gru
from gru_course.reference.activations import sigmoid

SHAPES = [(2, 3, 4), (1, 1, 1), (1, 5, 2), (3, 2, 6)]  # (N, I, H)
SHUT, OPEN = -800.0, 800.0  # pre-activations at which the sigmoid is exactly 0 and 1


def _examples():
    """Seeded inputs of several shapes, among them batch 1 and a single unit."""
    rng = np.random.default_rng(0)
    for N, I, H in SHAPES:
        params = gru.init(rng, I, H)
        yield rng.normal(size=(N, I)), rng.uniform(-1, 1, size=(N, H)), params


def _with_gates(params, a_r=None, a_z=None):
    """The same candidate, with the gates held by their biases at the given pre-activations."""
    H = params.weight_hh.shape[1]
    weight_ih, weight_hh, bias_ih = (a.copy() for a in params[:3])
    bias_hh = params.bias_hh.copy()
    for rows, a in ((slice(0, H), a_r), (slice(H, 2 * H), a_z)):
        if a is not None:
            weight_ih[rows], weight_hh[rows], bias_ih[rows], bias_hh[rows] = 0, 0, a, 0
    return gru.Params(weight_ih, weight_hh, bias_ih, bias_hh)


def _step(x, h_prev, params):
    return gru.step(x, h_prev, params)[0]


def _step_by_parts(answer, x, h_prev, params):
    """Hold the gates at 0 or 1 so that h shows one intermediate at a time."""
    for what, held in (
        ("h with z = 1, which must be h_prev", _with_gates(params, a_z=OPEN)),
        ("the candidate n with r = 0", _with_gates(params, a_r=SHUT, a_z=SHUT)),
        ("the candidate n with r = 1", _with_gates(params, a_r=OPEN, a_z=SHUT)),
        ("the candidate n", _with_gates(params, a_z=SHUT)),
        ("h with r = 0, which shows the update gate", _with_gates(params, a_r=SHUT)),
    ):
        compare(what, call(answer, x, h_prev, held), _step(x, h_prev, held))


check_step = Table(
    "gru.step",
    hints=(
        "Split each array in three. Begin with the last line, a weighted average, and ask which "
        "of its parts you still lack.",
        "z is the share of the old state that is kept. In the candidate r multiplies the whole "
        "recurrent part, the product and its bias; the input's part is left alone.",
    ),
    cases=lambda: and_awkward(_examples()),
    what="h",
    wanted=_step,
    mistakes={
        "Your z writes where it should keep: h = (1 - z) n + z h_prev.": (
            steps.step_with(h=lambda z, n, h_prev: z * n + (1 - z) * h_prev)
        ),
        "The reset and the update gate are exchanged: the rows are stacked r, z, n.": (
            steps.step_on(steps.gates_exchanged)
        ),
        "Your reset gate acts on the input's part; it belongs to W_hn h_prev + b_hn.": (
            steps.step_with(n=lambda i_n, r, h_n: np.tanh(r * i_n + h_n))
        ),
        "Your reset gate acts on h_prev before the product, which is Cho et al.'s form. "
        "Equation (3) applies it after: r * (W_hn h_prev + b_hn).": steps.reset_before,
        "b_hn stands outside the reset product; it belongs inside: r * (W_hn h_prev + b_hn).": (
            steps.step_on(steps.b_hn_outside)
        ),
        "b_hn is missing from the candidate: r * (W_hn h_prev + b_hn).": steps.step_on(
            steps.without_b_hn
        ),
        "Your gates go through tanh; a gate is a fraction between 0 and 1 and needs the "
        "sigmoid.": steps.step_with(gates=np.tanh),
        "Both gates use W_hr: the update gate has a recurrent matrix of its own, W_hz.": (
            steps.step_on(steps.one_recurrent_matrix)
        ),
        "Your candidate goes through the sigmoid; it is a state, between -1 and 1, and needs "
        "tanh.": steps.step_with(n=lambda i_n, r, h_n: sigmoid(i_n + r * h_n)),
        "Your candidate ignores the reset gate.": (
            steps.step_with(n=lambda i_n, r, h_n: np.tanh(i_n + h_n))
        ),
    },
    read=one_array("h"),
    locate=_step_by_parts,
    praise="Right: your step equals the reference for every shape that was tried.",
)


@exercise(
    "gru.find-the-bug",
    hints=(
        "Each gate has an input matrix, a recurrent matrix and a bias of its own. Check the "
        "slices one by one.",
        "Write down for r, z and n which rows of `W_i`, `W_h` and `b` they take. Two of the "
        "nine are the same, and they should not be.",
    ),
)
def find_the_bug(answer: Any) -> str:
    check_step(answer)
    return "Fixed: each gate now has its own recurrent matrix."


Table(
    "gru.count",
    hints=(
        "Equation (7). How many biases does each of the three blocks have?",
        "One block has a matrix from I inputs, a matrix from H units, and for torch a bias with "
        "each of the two. Count one block, then all.",
    ),
    cases=[(1, 1), (3, 5), (128, 256)],
    what="parameters for I = {I}, H = {H}",
    wanted=lambda I, H: 3 * (H * I + H * H + 2 * H),
    mistakes={
        "You count one bias vector a gate; torch keeps two, b_i and b_h.": (
            lambda I, H: 3 * (H * I + H * H + H)
        ),
        "That is the LSTM's number: a GRU has three blocks of weights, not four.": (
            lambda I, H: 4 * (H * I + H * H + 2 * H)
        ),
        "You count the two gates; the candidate has weights of its own.": (
            lambda I, H: 2 * (H * I + H * H + 2 * H)
        ),
    },
    praise="Right: three blocks of an input matrix, a recurrent matrix and two biases.",
)


def _logit(z):
    return math.log(z / (1 - z))


Table(
    "gru.bias-for-memory",
    hints=(
        "First the gate: z^T = share. Then the pre-activation: the inverse of the sigmoid is "
        "ln(z / (1 - z)).",
        "For T = 1 the gate is the share itself. For T = 2 it is the share's square root, since "
        "two steps lead from h_0 to h_2. And for T?",
    ),
    cases=[(10, 0.5), (100, 0.5), (100, 0.1), (1000, 0.9), (1, 0.25)],
    what="T = {T}, share = {share}",
    wanted=lambda T, share: _logit(share ** (1 / T)),
    mistakes={
        "{what}: {got:.4f} is the gate z itself; its bias is the z's logit.": (
            lambda T, share: share ** (1 / T)
        ),
        "{what}: wanted {wanted:.4f}, got {got:.4f}. There are T steps from h_0 to h_T; you "
        "counted T - 1.": lambda T, share: _logit(share ** (1 / (T - 1))),
        "{what}: the sign is turned: here z = 1 keeps, so memory needs z near 1.": (
            lambda T, share: -_logit(share ** (1 / T))
        ),
    },
    praise="Right: take the T-th root of the share, then the logit.",
    rtol=1e-6,  # the sentence tells six digits, so an answer must be right to about as many
)


@exercise(
    "gru.negate",
    hints=(
        "1 - sigmoid(a) = sigmoid(-a), and a is linear in four arrays. Leave the rows of r and "
        "n alone.",
        "The second block of H rows belongs to z, in the two matrices and in the two biases. "
        "Copy each array before you change these rows.",
    ),
)
def negate(answer: Any) -> str:
    """Convert between z that keeps and z that writes."""
    for x, h_prev, params in and_awkward(_examples()):
        converted = call(answer, params)
        if not isinstance(converted, gru.Params):
            raise Wrong(f"Expected a gru.Params tuple, got {type(converted).__name__}.")
        for field, before, after in zip(params._fields, params, converted, strict=True):
            if np.shape(after) != before.shape:
                raise Wrong(f"{field}: expected shape {before.shape}, got {np.shape(after)}.")
        converted = gru.Params(*map(np.asarray, converted))
        H = h_prev.shape[1]
        keeps = sigmoid(_gate(x, h_prev, params, H))
        writes = sigmoid(_gate(x, h_prev, converted, H))
        if matches(sigmoid(_gate(x, h_prev, converted, 0)), sigmoid(-_gate(x, h_prev, params, 0))):
            raise Wrong("You negated the rows of the reset gate; z is the second block of H rows.")
        if matches(writes, keeps):
            raise Wrong("Nothing has changed: the update gate is the same as before.")
        compare("the converted gate, which must be 1 - z", writes, 1 - keeps)
        for field, before, after in zip(params._fields, params, converted, strict=True):
            for name, rows in (("r", slice(0, H)), ("n", slice(2 * H, 3 * H))):
                compare(f"the rows of {name} in {field}", after[rows], before[rows])
    return "Right: negate the z rows of all four arrays, and nothing else."


def _gate(x, h_prev, params, start):
    """Pre-activation of the gate whose rows begin at `start`."""
    rows = slice(start, start + h_prev.shape[1])
    W_i, W_h, b_i, b_h = (a[rows] for a in params)
    return x @ W_i.T + b_i + h_prev @ W_h.T + b_h
