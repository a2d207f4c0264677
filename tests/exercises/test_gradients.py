"""Each checker of the chapter on gradients passes the solution and knows the likely mistakes."""

import math

import numpy as np
import pytest

from gru_course.exercises import check


def norm(arrays):
    return np.sqrt(sum((a**2).sum() for a in arrays))


def right_jacobian(h, W_hh):
    return np.diag(1 - h**2) @ W_hh


def right_clip(grads, max_norm):
    size = norm(grads)
    return [g.copy() if size <= max_norm else g * max_norm / size for g in grads]


def clip_without_care(grads, max_norm):
    size = norm(grads)
    with np.errstate(invalid="ignore"):
        return [g / size * min(size, max_norm) for g in grads]


def right_fixed_points(w, b):
    """By changes of sign on a fine grid and a few secant steps, unlike the checker's bisection."""
    grid = np.linspace(-1, 1, 20001)
    f = np.tanh(w * grid + b) - grid
    left = np.flatnonzero(f[:-1] * f[1:] < 0)
    h = grid[left] - f[left] * (grid[left + 1] - grid[left]) / (f[left + 1] - f[left])
    for _ in range(3):  # Newton
        h = h - (np.tanh(w * h + b) - h) / (w * (1 - np.tanh(w * h + b) ** 2) - 1)
    return h


def right_latch(w):
    h = math.sqrt(1 - 1 / w)
    return w * h - math.atanh(h)


def right_scaled(W, radius):
    return W * radius / np.abs(np.linalg.eigvals(W)).max()


RIGHT = {
    "gradients.horizon": 90,
    "gradients.jacobian": right_jacobian,
    "gradients.clip": right_clip,
    "gradients.fixed-points": right_fixed_points,
    "gradients.latch": right_latch,
    "gradients.find-the-bug": right_scaled,
}


@pytest.mark.parametrize("name", RIGHT)
def test_the_solution_passes(name):
    result = check(name, RIGHT[name])
    assert result.passed, result.message


@pytest.mark.parametrize("name", RIGHT)
def test_a_stub_is_not_attempted(name):
    def stub(*args): ...

    result = check(name, stub if callable(RIGHT[name]) else ...)
    assert not result.passed
    assert "Not attempted" in result.message


MISTAKES = [
    ("horizon", 89, "not yet below"),
    ("horizon", math.log(0.01) / math.log(0.95), "round"),
    ("horizon", 20, "1/e"),
    ("horizon", 45, "wanted 90"),
    ("horizon", "ninety", "expected a number"),
    ("jacobian", lambda h, W: W * (1 - h**2), "columns"),
    ("jacobian", lambda h, W: (np.diag(1 - h**2) @ W).T, "transpose"),
    ("jacobian", lambda h, W: np.diag(1 - h**2) @ W.T, "W_hh is transposed"),
    ("jacobian", lambda h, W: W.copy(), "slope of tanh is missing"),
    ("jacobian", lambda h, W: np.diag(1 - np.tanh(h) ** 2) @ W, "once more"),
    ("jacobian", lambda h, W: np.diag(1 - h) @ W, "yours is 1 - h"),
    ("jacobian", lambda h, W: np.diag(h * (1 - h)) @ W, "sigmoid"),
    ("jacobian", lambda h, W: np.diag((1 - h**2) * np.diag(W)), "diagonal only"),
    ("jacobian", lambda h, W: 2 * W, "J for H = 4: J[0, 0]: wanted"),
    ("jacobian", lambda h, W: W[0], "expected shape (4, 4)"),
    ("clip", lambda gs, m: [g * min(1, m / norm([g])) for g in gs], "own norm"),
    ("clip", lambda gs, m: [np.clip(g, -m, m) for g in gs], "each entry"),
    (
        "clip",
        lambda gs, m: [g * min(1, m / sum(norm([a]) for a in gs)) for g in gs],
        "squares add",
    ),
    ("clip", lambda gs, m: [g * min(1, m / norm(gs) ** 2) for g in gs], "square root"),
    ("clip", lambda gs, m: [g / norm(gs) for g in gs], "multiply by max_norm"),
    ("clip", lambda gs, m: [g.copy() for g in gs], "Nothing was clipped"),
    ("clip", lambda gs, m: [g * norm(gs) / m for g in gs], "upside down"),
    ("clip", lambda gs, m: [g * m / norm(gs) for g in gs], "made longer"),
    ("clip", lambda gs, m: [g * 0.5 for g in gs], "too long, grads[0][0, 0]: wanted"),
    ("clip", clip_without_care, "came back as NaN"),
    ("clip", lambda gs, m: gs[0], "list of 3 arrays"),
    ("clip", lambda gs, m: [np.multiply(g, 0.5, out=g) for g in gs], "in place"),
    (
        "fixed-points",
        lambda w, b: right_fixed_points(w, b)[[0, -1]],
        "wanted 1 fixed points, got 2",
    ),
    (
        "fixed-points",
        lambda w, b: np.unique(right_fixed_points(w, b)[[0, -1]]),
        "unstable one between",
    ),
    ("fixed-points", lambda w, b: right_fixed_points(w, b)[:1], "wanted 3 fixed points, got 1"),
    ("fixed-points", lambda w, b: right_fixed_points(w, b)[::-1], "sorted"),
    ("fixed-points", lambda w, b: np.array([0.0]), "not a fixed point"),
    ("fixed-points", lambda w, b: right_fixed_points(w, b)[:, None], "one axis"),
    ("fixed-points", lambda w, b: "none", "expected a sorted array"),
    ("latch", lambda w: -right_latch(w), "the sign is not"),
    ("latch", lambda w: w * math.sqrt(1 / w) - math.atanh(math.sqrt(1 / w)), "yours is 1/w"),
    ("latch", lambda w: (w - 1) * math.sqrt(1 - 1 / w), "artanh(h), not h"),
    ("latch", lambda w: math.sqrt(1 - 1 / w), "find the bias"),
    ("latch", lambda w: w, "b* at w = 1.5: wanted"),
    ("latch", lambda w: "small", "expected a number"),
    (
        "find-the-bug",
        lambda W, radius: W * radius / np.linalg.eigvals(W).real.max(),
        "largest real part",
    ),
    ("find-the-bug", lambda W, radius: W * radius / np.linalg.norm(W, 2), "singular value"),
    ("find-the-bug", lambda W, radius: W * radius / np.linalg.norm(W), "Frobenius"),
    ("find-the-bug", lambda W, radius: W * radius / np.linalg.eigvals(W).max(), "complex"),
    ("find-the-bug", lambda W, radius: W * radius, "scaled W[0, 0]: wanted"),
]


@pytest.mark.parametrize(("name", "answer", "sentence"), MISTAKES)
def test_a_wrong_answer_is_refused_with_its_own_sentence(name, answer, sentence):
    result = check(f"gradients.{name}", answer)
    assert not result.passed
    assert sentence in result.message


# For the tests that all exercises share, with RIGHT: wrong answers.
WRONG = {name: [wrong for of, wrong, _ in MISTAKES if f"gradients.{of}" == name] for name in RIGHT}
