"""Checkers of the chapter "The gated recurrent unit"."""

import math

import numpy as np

from gru_course.exercises._core import Wrong, as_float32, call, compare, exercise, matches
from gru_course.reference import gru
from gru_course.reference.activations import sigmoid

SHAPES = [(2, 3, 4), (1, 1, 1), (1, 5, 2), (3, 2, 6)]  # (N, I, H)
SHUT, OPEN = -800.0, 800.0  # pre-activations at which the sigmoid is exactly 0 and 1


def _examples():
    """Seeded inputs of several shapes, among them batch 1 and a single unit.

    The last two are awkward: float32, and pre-activations of thousands, at which exp overflows.
    """
    rng = np.random.default_rng(0)
    for N, I, H in SHAPES:
        params = gru.init(rng, I, H)
        example = rng.normal(size=(N, I)), rng.uniform(-1, 1, size=(N, H)), params
        yield example
    yield as_float32(example)
    yield *example[:2], gru.Params(*(5000 * a for a in params))


def _with_gates(params, a_r=None, a_z=None):
    """The same candidate, with the gates held by their biases at the given pre-activations."""
    H = params.weight_hh.shape[1]
    weight_ih, weight_hh, bias_ih = (a.copy() for a in params[:3])
    bias_hh = params.bias_hh.copy()
    for rows, a in ((slice(0, H), a_r), (slice(H, 2 * H), a_z)):
        if a is not None:
            weight_ih[rows], weight_hh[rows], bias_ih[rows], bias_hh[rows] = 0, 0, a, 0
    return gru.Params(weight_ih, weight_hh, bias_ih, bias_hh)


def _mistakes(x, h_prev, params):
    """What each mistake that readers are known to make would return, with its name."""
    W_ir, W_iz, W_in = np.split(params.weight_ih, 3)
    W_hr, W_hz, W_hn = np.split(params.weight_hh, 3)
    b_ir, b_iz, b_in = np.split(params.bias_ih, 3)
    b_hr, b_hz, b_hn = np.split(params.bias_hh, 3)
    a_r = x @ W_ir.T + b_ir + h_prev @ W_hr.T + b_hr
    a_z = x @ W_iz.T + b_iz + h_prev @ W_hz.T + b_hz
    a_in, a_hn = x @ W_in.T + b_in, h_prev @ W_hn.T + b_hn
    r, z = sigmoid(a_r), sigmoid(a_z)
    n = np.tanh(a_in + r * a_hn)

    def blend(n, z=z):
        return (1 - z) * n + z * h_prev

    yield "Your z writes where it should keep: h = (1 - z) n + z h_prev.", blend(n, 1 - z)
    yield (
        "The reset and the update gate are exchanged: the rows are stacked r, z, n.",
        blend(np.tanh(a_in + z * a_hn), r),
    )
    yield (
        "Your reset gate acts on the input's part; it belongs to W_hn h_prev + b_hn.",
        blend(np.tanh(r * a_in + a_hn)),
    )
    yield (
        "Your reset gate acts on h_prev before the product, which is Cho et al.'s form. "
        "Equation (3) applies it after: r * (W_hn h_prev + b_hn).",
        blend(np.tanh(a_in + (r * h_prev) @ W_hn.T + b_hn)),
    )
    yield (
        "b_hn stands outside the reset product; it belongs inside: r * (W_hn h_prev + b_hn).",
        blend(np.tanh(a_in + r * (h_prev @ W_hn.T) + b_hn)),
    )
    yield (
        "b_hn is missing from the candidate: r * (W_hn h_prev + b_hn).",
        blend(np.tanh(a_in + r * (h_prev @ W_hn.T))),
    )
    yield (
        "Your gates go through tanh; a gate is a fraction between 0 and 1 and needs the sigmoid.",
        blend(np.tanh(a_in + np.tanh(a_r) * a_hn), np.tanh(a_z)),
    )
    yield (
        "Both gates use W_hr: the update gate has a recurrent matrix of its own, W_hz.",
        blend(n, sigmoid(x @ W_iz.T + b_iz + h_prev @ W_hr.T + b_hz)),
    )
    yield (
        "Your candidate goes through the sigmoid; it is a state, between -1 and 1, and needs tanh.",
        blend(sigmoid(a_in + r * a_hn)),
    )
    yield "Your candidate ignores the reset gate.", blend(np.tanh(a_in + a_hn))


def _check_step(step):
    for x, h_prev, params in _examples():
        wanted, _ = gru.step(x, h_prev, params)
        got = call(step, x, h_prev, params)
        if isinstance(got, tuple):
            raise Wrong(f"Expected one array, h; got a tuple of {len(got)}.")
        if matches(got, wanted):
            continue
        for sentence, mistaken in _mistakes(x, h_prev, params):
            if matches(got, mistaken):
                raise Wrong(sentence)
        # Hold the gates at 0 or 1 so that h shows one intermediate at a time.
        for what, held in (
            ("h with z = 1, which must be h_prev", _with_gates(params, a_z=OPEN)),
            ("the candidate n with r = 0", _with_gates(params, a_r=SHUT, a_z=SHUT)),
            ("the candidate n with r = 1", _with_gates(params, a_r=OPEN, a_z=SHUT)),
            ("the candidate n", _with_gates(params, a_z=SHUT)),
            ("h with r = 0, which shows the update gate", _with_gates(params, a_r=SHUT)),
        ):
            compare(what, call(step, x, h_prev, held), gru.step(x, h_prev, held)[0])
        compare("h", got, wanted)


@exercise(
    "gru.step",
    hints=(
        "Split each array in three. Begin with the last line, a weighted average, and ask which "
        "of its parts you still lack.",
        "z is the share of the old state that is kept. In the candidate r multiplies the whole "
        "recurrent part, the product and its bias; the input's part is left alone.",
    ),
)
def step(answer):
    _check_step(answer)
    return "Right: your step equals the reference for every shape that was tried."


@exercise(
    "gru.find-the-bug",
    hints=(
        "Each gate has an input matrix, a recurrent matrix and a bias of its own. Check the "
        "slices one by one.",
        "Write down for r, z and n which rows of `W_i`, `W_h` and `b` they take. Two of the "
        "nine are the same, and they should not be.",
    ),
)
def find_the_bug(answer):
    _check_step(answer)
    return "Mended: each gate now has its own recurrent matrix."


@exercise(
    "gru.count",
    hints=(
        "Equation (7). How many biases does each of the three blocks have?",
        "One block has a matrix from I inputs, a matrix from H units, and for torch a bias with "
        "each of the two. Count one block, then all.",
    ),
)
def count(answer):
    for I, H in ((1, 1), (3, 5), (128, 256)):
        got = call(answer, I, H)
        wanted = 3 * H * I + 3 * H * H + 6 * H
        if matches(got, wanted - 3 * H):
            raise Wrong("You count one bias vector a gate; torch keeps two, b_i and b_h.")
        if matches(got, 4 * wanted // 3):
            raise Wrong("That is the LSTM's number: a GRU has three blocks of weights, not four.")
        if matches(got, 2 * wanted // 3):
            raise Wrong("You count the two gates; the candidate has weights of its own.")
        compare(f"parameters for I = {I}, H = {H}", got, wanted)
    return "Right: three blocks of an input matrix, a recurrent matrix and two biases."


@exercise(
    "gru.bias-for-memory",
    hints=(
        "First the gate: z^T = share. Then the pre-activation: the inverse of the sigmoid is "
        "ln(z / (1 - z)).",
        "For T = 1 the gate is the share itself. For T = 2 it is the share's square root, since "
        "two steps lead from h_0 to h_2. And for T?",
    ),
)
def bias_for_memory(answer):
    # The sentence tells six digits, so an answer must be right to about as many.
    for T, share in ((10, 0.5), (100, 0.5), (100, 0.1), (1000, 0.9), (1, 0.25)):
        got = call(answer, T, share)
        z = share ** (1 / T)
        wanted = math.log(z / (1 - z))
        what = f"T = {T}, share = {share}"
        if matches(got, z):
            raise Wrong(f"{what}: {got:.4f} is the gate z itself; its bias is the z's logit.")
        z_off = share ** (1 / (T - 1)) if T > 1 else math.nan
        if matches(got, math.log(z_off / (1 - z_off))):
            raise Wrong(
                f"{what}: wanted {wanted:.4f}, got {got:.4f}. There are T steps from h_0 to h_T; "
                "you counted T - 1."
            )
        if matches(got, -wanted):
            raise Wrong(f"{what}: the sign is turned: here z = 1 keeps, so memory needs z near 1.")
        compare(what, got, wanted, rtol=1e-6)
    return "Right: take the T-th root of the share, then the logit."


@exercise(
    "gru.negate",
    hints=(
        "1 - sigmoid(a) = sigmoid(-a), and a is linear in four arrays. Leave the rows of r and "
        "n alone.",
        "The second block of H rows belongs to z, in the two matrices and in the two biases. "
        "Copy each array before you change these rows.",
    ),
)
def negate(answer):
    """Convert between z that keeps and z that writes."""
    for x, h_prev, params in _examples():
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
