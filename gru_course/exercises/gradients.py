"""Checkers of the chapter "Vanishing and exploding gradients"."""

import math
from itertools import pairwise
from typing import Any

import numpy as np

from gru_course.exercises._core import (
    Wrong,
    as_float32,
    call,
    compare,
    exercise,
    matches,
    numbers,
)
from gru_course.exercises._table import Table, agree, refuse
from gru_course.reference import rnn


def _number(what, value):
    try:
        array = numbers(what, value)
    except Wrong:
        raise Wrong(f"{what}: expected a number, got {type(value).__name__}.") from None
    if array.shape:
        raise Wrong(f"{what}: expected a number, got shape {array.shape}.")
    return array.item()


@exercise(
    "gradients.horizon",
    hints=(
        "Solve 0.95^k = 0.01 for k by logarithms. A step is a whole number.",
        "k = ln 0.01 / ln 0.95 is no whole number. Try the two next to it: which one certainly "
        "leaves less than a hundredth?",
    ),
)
def horizon(answer: Any) -> str:
    answer = _number("steps", answer)
    wanted = math.ceil(math.log(0.01) / math.log(0.95))
    if matches(answer, wanted - 1):
        raise Wrong(
            f"{answer:g} steps leave 0.95^{answer:g} = {0.95**answer:.4f}, not yet below 0.01."
        )
    if matches(answer, math.log(0.01) / math.log(0.95)):
        raise Wrong(f"The equation is right; steps are whole, so round {answer:.2f} up.")
    if matches(answer, 20):
        raise Wrong("1 / (1 - 0.95) = 20 steps leave about 1/e of the gradient, not a hundredth.")
    compare("steps", answer, wanted, rtol=0)
    return f"Right: 0.95^{wanted} = {0.95**wanted:.4f}."


def _states():
    """A state h (H,) and W_hh; in the fourth case all units are at -1 or 1, and J is zero."""
    rng = np.random.default_rng(0)
    for H, kind, scale in ((4, float, 1), (3, float, 1), (1, float, 1), (4, float, 5000),
                           (4, np.float32, 1)):  # fmt: skip
        params = rnn.Params(*(scale * a.astype(kind) for a in rnn.init(rng, 2, H)))
        x, h_prev = rng.normal(size=(1, 2)).astype(kind), rng.uniform(-1, 1, size=(1, H))
        h, _ = rnn.step(x, h_prev.astype(kind), params)
        yield h[0], params.weight_hh


def _jacobian(h, W):
    """Row i is what the backward pass returns for a unit gradient at h[i]."""
    zero, eye = np.zeros((1, 1)), np.eye(len(h), dtype=h.dtype)
    params = rnn.Params(np.zeros((len(h), 1)), W, 0 * h, 0 * h)
    cache = rnn.StepCache(zero, h[None], h[None], "tanh", params)
    return np.stack([rnn.step_backward(row[None], cache)[1][0] for row in eye])


Table(
    "gradients.jacobian",
    hints=(
        "Entry (i, j) is the derivative of output i with respect to old state j. Which of the "
        "two does the slope of tanh belong to, the row or the column?",
        "Write out entry (0, 1) for H = 2 by the chain rule, with the slope taken from the "
        "output h. Then ask NumPy to scale whole rows: a factor of shape (H, 1) does.",
    ),
    cases=_states,
    what="J for H = {h.size}: J",
    wanted=_jacobian,
    mistakes={
        "You scaled the columns of W_hh. Row i of the Jacobian belongs to h_t[i], so row i is "
        "multiplied by 1 - h_t[i]^2: write (1 - h**2)[:, None] * W_hh.": (
            lambda h, W: W * (1 - h**2)
        ),
        "That is the transpose. Entry [i, j] is the derivative of h_t[i] with respect to "
        "h_{{t-1}}[j], so W_hh stands as it is.": lambda h, W: _jacobian(h, W).T,
        "W_hh is transposed: the step computes W_hh h_{{t-1}}, so its derivative is W_hh "
        "itself.": lambda h, W: _jacobian(h, W.T),
        "The slope of tanh is missing: that is W_hh, the Jacobian of a linear network.": (
            lambda h, W: W
        ),
        "You applied tanh once more. h is already the output of tanh, so its slope is 1 - h^2.": (
            lambda h, W: _jacobian(np.tanh(h), W)
        ),
        "The slope is 1 - h^2; yours is 1 - h.": lambda h, W: (1 - h)[:, None] * W,
        "h (1 - h) is the slope of the sigmoid; that of tanh is 1 - h^2.": (
            lambda h, W: (h * (1 - h))[:, None] * W
        ),
        "You kept the diagonal only: the product with diag(1 - h^2) scales whole rows of W_hh.": (
            lambda h, W: np.diag(np.diag(_jacobian(h, W)))
        ),
    },
    praise="Right: row by row it is what the reference's backward pass returns.",
)


def _norm(arrays):
    return math.sqrt(sum(float((a**2).sum()) for a in arrays))


def _clip_mistakes(grads, max_norm):
    norm = _norm(grads)
    yield (
        "You clip each array by its own norm. That changes the direction of the step; all arrays "
        "must be multiplied by one factor, from the norm of all entries together.",
        [g * min(1, max_norm / _norm([g])) for g in grads],
    )
    yield (
        "You clip each entry. That changes the direction of the step; multiply all entries by one "
        "factor instead.",
        [np.clip(g, -max_norm, max_norm) for g in grads],
    )
    for sentence, factor in (
        (
            "Your norm is the sum of the arrays' norms; squares add, norms do not: "
            "sqrt(sum of all squares).",
            min(1, max_norm / sum(_norm([a]) for a in grads)),
        ),
        ("You divided by the squared norm: the square root is missing.", max_norm / norm**2),
        (
            "You divided by the norm but did not multiply by max_norm: the result has norm 1.",
            1 / norm,
        ),
        ("Nothing was clipped although the norm is above max_norm.", 1),
        ("The factor is upside down: it is max_norm / norm, at most 1.", norm / max_norm),
    ):
        yield sentence, [g * factor for g in grads]


@exercise(
    "gradients.clip",
    hints=(
        "One norm for the whole list, and one factor. Compute the factor only where the norm is "
        "larger than `max_norm`.",
        "Square, sum over all entries of all arrays, and take one square root at the end. Then "
        "try three lists: one too long, one short enough, and one of zeros.",
    ),
)
def clip(answer: Any) -> str:
    rng = np.random.default_rng(0)
    long = [3 * rng.normal(size=s) for s in ((4, 2), (4, 4), (4,))]
    for what, grads, max_norm in (
        ("a gradient that is too long", long, 2.5),
        ("a gradient that is short enough", [0.01 * g for g in long], 2.5),
        ("a gradient of zeros", [np.zeros_like(g) for g in long], 2.5),
        ("one array of one number", [np.array([-7.0])], 2.5),
        ("a float32 gradient that is too long", as_float32(long), 2.5),
    ):
        norm = _norm(grads)
        factor = 1.0 if norm <= max_norm else max_norm / norm
        wanted = [g * factor for g in grads]
        got = call(answer, grads, max_norm)
        if not isinstance(got, (list, tuple)) or len(got) != len(grads):
            raise Wrong(f"Expected a list of {len(grads)} arrays, got {type(got).__name__}.")
        if agree(got, wanted):
            continue
        if norm == 0 and not np.isfinite(got[0]).all():
            raise Wrong("A gradient of zeros came back as NaN: its norm is 0 and you divide by it.")
        if norm <= max_norm and matches(got[0], grads[0] * max_norm / norm):
            raise Wrong(
                f"A gradient of norm {norm:.3f} was made longer, to {max_norm}. Clipping only "
                "shortens: the factor is at most 1."
            )
        if norm > max_norm:
            refuse(got, _clip_mistakes(grads, max_norm))
        for i, (g, w) in enumerate(zip(got, wanted, strict=True)):
            compare(f"{what}, grads[{i}]", g, w)
    return "Right: one factor for all, at most 1, and zero stays zero."


def _fixed_points(w, b):
    """All solutions of h = tanh(w h + b), in increasing order.

    Between the points where tanh(w h + b) - h has slope zero it is monotone, so each such piece
    holds at most one solution, which bisection finds.
    """
    ends = [-1.0, 1.0]
    if w > 1:
        a = math.atanh(math.sqrt(1 - 1 / w))
        ends = sorted([*ends, *(min(1.0, max(-1.0, (s * a - b) / w)) for s in (-1, 1))])
    found = []
    for low, high in pairwise(ends):
        at_low, at_high = (math.tanh(w * h + b) - h for h in (low, high))
        if at_low * at_high >= 0:
            continue
        for _ in range(60):
            middle = (low + high) / 2
            same = (math.tanh(w * middle + b) - middle) * at_low > 0
            low, high = (middle, high) if same else (low, middle)
        found.append((low + high) / 2)
    return np.array(found)


@exercise(
    "gradients.fixed-points",
    hints=(
        "Iterating the map finds only the stable ones. Look at tanh(w h + b) - h on a fine grid "
        "over [-1, 1]: where does it change its sign? Then refine each interval by bisection.",
        "`np.flatnonzero(f[:-1] * f[1:] < 0)` gives the left ends of the intervals. About 50 "
        "halvings reach the last digit; keep the half whose ends differ in sign. A fixed point "
        "that lies on the grid changes no sign: choose a grid that does not hold 0.",
    ),
)
def fixed_points(answer: Any) -> str:
    settings = ((0.8, 0.5), (2.0, 0.1), (2.0, -0.1), (2.0, 0.6), (5.0, 1.0), (-3.0, 0.4))
    for w, b in (*settings, (0.8, 0.0), (2.0, 0.0)):
        wanted, at = _fixed_points(w, b), f"w = {w}, b = {b}"
        got = call(answer, w, b)
        try:
            got = np.atleast_1d(numbers(at, got))
        except Wrong:
            raise Wrong(f"{at}: expected a sorted array of numbers.") from None
        if got.ndim != 1:
            raise Wrong(f"{at}: expected an array with one axis, got shape {got.shape}.")
        residual = np.abs(np.tanh(w * got + b) - got)
        if not (residual < 1e-6).all():
            i = int(np.argmax(~(residual < 1e-6)))
            raise Wrong(
                f"{at}: {got[i]:.6g} is not a fixed point, one step takes it to "
                f"{math.tanh(w * got[i] + b):.6g}."
            )
        stable = wanted[w * (1 - wanted**2) < 1]
        if len(wanted) == 3 and got.shape == (2,) and np.allclose(np.sort(got), stable, atol=1e-4):
            raise Wrong(
                f"{at}: the two stable fixed points are there, the unstable one between them is "
                "missing. Iteration runs away from it; look for changes of sign of "
                "tanh(w h + b) - h instead."
            )
        if b == 0 and len(got) == len(wanted) - 1 and not np.any(np.abs(got) < 1e-6):
            raise Wrong(
                f"{at}: h = 0 is a fixed point and is missing. On a grid that holds 0, f is 0 "
                "there, so that f[:-1] * f[1:] is 0 on both sides of it, not below 0."
            )
        if len(got) != len(wanted):
            raise Wrong(f"{at}: wanted {len(wanted)} fixed points, got {len(got)}.")
        if np.any(np.diff(got) <= 0):
            raise Wrong(f"{at}: the fixed points must be sorted, smallest first.")
        compare(f"{at}: fixed point ", got, wanted, atol=1e-5)
    return "Right: one fixed point or three, the unstable one included."


def _bias_where_they_touch(w, h_squared=lambda w: 1 - 1 / w):
    h = math.sqrt(h_squared(w))
    return w * h - math.atanh(h)


Table(
    "gradients.latch",
    hints=(
        "At the limit a stable and the unstable fixed point meet, so the curve touches the "
        "diagonal: two equations, h = tanh(w h + b) and slope w (1 - h^2) = 1, for two "
        "unknowns, h and b.",
        "The second equation gives h alone. Put it into the first after applying artanh to both "
        "sides, and choose the sign of h that makes b's size positive.",
    ),
    cases=[(1.5,), (3.0,), (5.0,)],  # not 2, where 1/w and 1 - 1/w are the same
    what="b* at w = {w}",
    wanted=_bias_where_they_touch,
    mistakes={
        "w = {w}: the size is right, the sign is not. b* is how far the bias may be pushed "
        "either way: a positive number.": lambda w: -_bias_where_they_touch(w),
        "w = {w}: slope one, w (1 - h^2) = 1, gives h^2 = 1 - 1/w; yours is 1/w.": (
            lambda w: _bias_where_they_touch(w, lambda w: 1 / w)
        ),
        "w = {w}: at a fixed point w h + b = artanh(h), not h.": (
            lambda w: (w - 1) * math.sqrt(1 - 1 / w)
        ),
        "w = {w}: that is the state where the two curves touch; find the bias.": (
            lambda w: math.sqrt(1 - 1 / w)
        ),
    },
    read=lambda got, w: _number(f"w = {w}", got),
    praise="Right: past this bias one of the two memories is gone.",
    atol=1e-6,
)


@exercise(
    "gradients.find-the-bug",
    hints=(
        "Try it on a rotation by 80 degrees. Where in the complex plane are its eigenvalues?",
        "The eigenvalues of a real matrix may be complex or negative. The spectral radius is "
        "the distance of the farthest one from zero; which function measures that?",
    ),
)
def find_the_bug(answer: Any) -> str:
    rng = np.random.default_rng(0)
    turn = np.array([[0.6, -0.8], [0.8, 0.6]])  # eigenvalues 0.6 +- 0.8i, on the unit circle
    matrices = [rng.normal(size=(20, 20)), 3 * turn, np.diag([1.0, -4.0]), rng.normal(size=(3, 3))]
    matrices += [np.array([[-2.0]]), matrices[-1].astype(np.float32)]
    for W in matrices:
        values = np.linalg.eigvals(W)
        for radius in (0.9, 1.5):
            wanted = W * (radius / np.abs(values).max())
            got = call(answer, W, radius)
            if matches(got, wanted):
                continue
            if np.iscomplexobj(got):
                raise Wrong("Your matrix is complex: take the absolute value of the eigenvalues.")
            for what, size in (
                ("largest real part of an eigenvalue", values.real.max()),
                ("largest singular value", np.linalg.norm(W, 2)),
                ("Frobenius norm", np.linalg.norm(W)),
                ("eigenvalue that happens to come first", values[0].real),
            ):
                sentence = (
                    f"You divide by the {what}, which is {size:.4g} here; the spectral radius, "
                    f"the largest modulus of an eigenvalue, is {np.abs(values).max():.4g}."
                )
                refuse(got, [(sentence, W * (radius / size))])
            compare("scaled W", got, wanted)
    return "Fixed: the modulus counts, whichever way the eigenvalue points in the complex plane."
