"""Spectral radii and half-lives against their definitions."""

import numpy as np
import pytest

from gru_course.analysis import half_life, scaled_recurrent, spectral_radius


@pytest.mark.parametrize("kind", ["gaussian", "orthogonal"])
@pytest.mark.parametrize("hidden_size", [1, 2, 7, 64])
@pytest.mark.parametrize("radius", [0.5, 1, 1.3])
def test_powers_grow_with_the_radius(kind, hidden_size, radius):
    W = scaled_recurrent(np.random.default_rng(hidden_size), hidden_size, radius, kind)
    assert W.shape == (hidden_size, hidden_size)
    # Gelfand: |W^k|^(1/k) tends to the spectral radius; an oracle without eigenvalues.
    norm, power = 0.0, W
    for _ in range(12):  # k = 2^12 by repeated squaring, the logarithm of the norm kept apart
        size = np.linalg.norm(power)
        norm = 2 * (norm + np.log(size))
        power = (power / size) @ (power / size)
    assert np.exp((norm + np.log(np.linalg.norm(power))) / 2**12) == pytest.approx(radius, rel=5e-3)


@pytest.mark.parametrize("hidden_size", [1, 2, 16])
def test_the_orthogonal_kind_keeps_lengths(hidden_size):
    W = scaled_recurrent(np.random.default_rng(0), hidden_size, 0.9, "orthogonal")
    np.testing.assert_allclose(W.T @ W, 0.81 * np.eye(hidden_size), rtol=0, atol=1e-12)


def test_orthogonal_matrices_are_uniform():
    # Without the fixed signs the diagonal of Q would be negative on average.
    rng = np.random.default_rng(0)
    Q = np.stack([scaled_recurrent(rng, 3, 1.0, "orthogonal") for _ in range(4000)])
    np.testing.assert_allclose(Q.mean(axis=0), 0, atol=0.05)
    assert abs(np.sign(np.linalg.det(Q)).mean()) < 0.08  # rotations and reflections alike


def test_the_gaussian_kind_stretches():
    W = scaled_recurrent(np.random.default_rng(0), 200, 1.0)
    assert 1.7 < np.linalg.norm(W, ord=2) < 2.3


@pytest.mark.parametrize("z", [0.1, 0.5, 0.9, 0.999])
def test_after_its_half_life_a_state_has_halved(z):
    assert z ** half_life(z) == pytest.approx(0.5, rel=1e-9)


def test_half_life_of_arrays_and_ends():
    z = np.array([[0.0, 0.25], [0.5, 1.0]])
    np.testing.assert_allclose(half_life(z), [[0.0, 0.5], [1.0, np.inf]])
    h, steps = 1.0, 0
    while h > 0.5:
        h, steps = h * 0.99, steps + 1
    assert steps == np.ceil(half_life(0.99))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: half_life(1.5), "z: expected values from 0 to 1, got 1.5"),
        (lambda: half_life([0.5, -0.1]), "z: expected values from 0 to 1, got -0.1"),
        (lambda: half_life(np.nan), "z: expected values from 0 to 1, got nan"),
        (lambda: spectral_radius(np.zeros((2, 3))), "matrix: expected shape"),
        (lambda: spectral_radius([[1.0]]), "matrix: expected a NumPy array"),
        (lambda: spectral_radius(np.full((2, 2), np.nan)), "matrix: expected finite numbers"),
        (lambda: scaled_recurrent(np.random.default_rng(0), 0, 1.0), "hidden_size: expected"),
        (lambda: scaled_recurrent(np.random.default_rng(0), 2, 0.0), "radius: expected a finite"),
        (lambda: scaled_recurrent(np.random.default_rng(0), 2, "1"), "radius: expected a finite"),
        (
            lambda: scaled_recurrent(np.random.default_rng(0), 2, 1.0, "sparse"),
            "kind: expected one",
        ),
    ],
)
def test_bad_arguments_are_named(call, message):
    with pytest.raises(ValueError, match=f"^{message}"):
        call()
