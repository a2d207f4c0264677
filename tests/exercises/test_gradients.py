"""Answers to the exercises of the chapter on gradients, right and wrong."""

import math

import numpy as np
from scipy.optimize import brentq


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
    grid = np.linspace(-1, 1, 20002)
    f = np.tanh(w * grid + b) - grid
    left = np.flatnonzero(f[:-1] * f[1:] < 0)
    h = grid[left] - f[left] * (grid[left + 1] - grid[left]) / (f[left + 1] - f[left])
    for _ in range(3):  # Newton
        h = h - (np.tanh(w * h + b) - h) / (w * (1 - np.tanh(w * h + b) ** 2) - 1)
    return h


def fixed_points_off_the_grid(w, b):
    """What the hints lead to on the grid that comes to mind first."""
    grid = np.linspace(-1, 1, 2001)
    f = np.tanh(w * grid + b) - grid
    return np.array(
        [
            brentq(lambda h: np.tanh(w * h + b) - h, grid[i], grid[i + 1])
            for i in np.flatnonzero(f[:-1] * f[1:] < 0)
        ]
    )


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


MISTAKES = {
    "gradients.horizon": [
        (89, "not yet below"),
        (math.log(0.01) / math.log(0.95), "round"),
        (20, "1/e"),
        (45, "wanted 90"),
        ("ninety", "expected a number"),
    ],
    "gradients.jacobian": [
        (lambda h, W: 2 * W, "J for H = 4: J[0, 0]: wanted"),
        (lambda h, W: W[0], "expected shape (4, 4)"),
    ],
    "gradients.clip": [
        (lambda gs, m: [g * min(1, m / norm([g])) for g in gs], "own norm"),
        (lambda gs, m: [np.clip(g, -m, m) for g in gs], "each entry"),
        (lambda gs, m: [g * min(1, m / sum(norm([a]) for a in gs)) for g in gs], "squares add"),
        (lambda gs, m: [g * min(1, m / norm(gs) ** 2) for g in gs], "square root"),
        (lambda gs, m: [g / norm(gs) for g in gs], "multiply by max_norm"),
        (lambda gs, m: [g.copy() for g in gs], "Nothing was clipped"),
        (lambda gs, m: [g * norm(gs) / m for g in gs], "upside down"),
        (lambda gs, m: [g * m / norm(gs) for g in gs], "made longer"),
        (lambda gs, m: [g * 0.5 for g in gs], "too long, grads[0][0, 0]: wanted"),
        (clip_without_care, "came back as NaN"),
        (lambda gs, m: gs[0], "list of 3 arrays"),
        (lambda gs, m: [np.multiply(g, 0.5, out=g) for g in gs], "in place"),
    ],
    "gradients.fixed-points": [
        (lambda w, b: right_fixed_points(w, b)[[0, -1]], "wanted 1 fixed points, got 2"),
        (lambda w, b: np.unique(right_fixed_points(w, b)[[0, -1]]), "unstable one between"),
        (lambda w, b: right_fixed_points(w, b)[:1], "wanted 3 fixed points, got 1"),
        (lambda w, b: right_fixed_points(w, b)[::-1], "sorted"),
        (fixed_points_off_the_grid, "w = 0.8, b = 0.0: h = 0 is a fixed point and is missing"),
        (lambda w, b: np.array([0.0]), "not a fixed point"),
        (lambda w, b: right_fixed_points(w, b)[:, None], "one axis"),
        (lambda w, b: "none", "expected a sorted array"),
    ],
    "gradients.latch": [
        (lambda w: w, "b* at w = 1.5: wanted"),
        (lambda w: "small", "expected a number"),
    ],
    "gradients.find-the-bug": [
        (lambda W, radius: W * radius / np.linalg.eigvals(W).real.max(), "largest real part"),
        (lambda W, radius: W * radius / np.linalg.norm(W, 2), "singular value"),
        (lambda W, radius: W * radius / np.linalg.norm(W), "Frobenius"),
        (lambda W, radius: W * radius / np.linalg.eigvals(W).max(), "complex"),
        (lambda W, radius: W * radius, "scaled W[0, 0]: wanted"),
    ],
}
