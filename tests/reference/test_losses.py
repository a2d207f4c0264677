"""Losses and the sigmoid against torch and SciPy."""

import numpy as np
import pytest
import torch
from scipy.special import expit

from gru_course.reference.activations import sigmoid
from gru_course.reference.losses import mean_squared_error, softmax_cross_entropy

RNG = np.random.default_rng(0)


def torch_value_and_gradient(loss, argument):
    tensor = torch.tensor(argument, requires_grad=True)
    value = loss(tensor)
    return value.item(), torch.autograd.grad(value, tensor)[0].numpy()


@pytest.mark.parametrize("shape", [(1, 1), (6, 4), (2, 5, 3)])
@pytest.mark.parametrize("scale", [1.0, 1e4])
def test_cross_entropy_equals_torch(shape, scale):
    logits = scale * RNG.normal(size=shape)
    targets = RNG.integers(0, shape[-1], shape[:-1])
    wanted, gradient = torch_value_and_gradient(
        lambda t: torch.nn.functional.cross_entropy(
            t.reshape(-1, shape[-1]), torch.tensor(targets.reshape(-1))
        ),
        logits,
    )
    with np.errstate(all="raise", under="ignore"):
        loss, dlogits = softmax_cross_entropy(logits, targets)
    assert isinstance(loss, float)
    assert loss == pytest.approx(wanted, rel=1e-12, abs=1e-12)
    np.testing.assert_allclose(dlogits, gradient, rtol=0, atol=1e-12)


@pytest.mark.parametrize("shape", [(5,), (5, 1), (2, 3, 4)])
def test_mean_squared_error_equals_torch(shape):
    predictions, targets = RNG.normal(size=(2, *shape))
    wanted, gradient = torch_value_and_gradient(
        lambda t: torch.nn.functional.mse_loss(t, torch.tensor(targets)), predictions
    )
    loss, dpredictions = mean_squared_error(predictions, targets)
    assert isinstance(loss, float)
    assert loss == pytest.approx(wanted, rel=1e-12)
    np.testing.assert_allclose(dpredictions, gradient, rtol=0, atol=1e-12)


def test_float32_stays_float32():
    a = RNG.normal(size=(3, 4)).astype(np.float32)
    assert softmax_cross_entropy(a, np.array([0, 1, 2]))[1].dtype == np.float32
    assert mean_squared_error(a, a + 1)[1].dtype == np.float32


LOGITS = np.zeros((3, 4))


@pytest.mark.parametrize(
    ("logits", "targets", "message"),
    [
        (LOGITS, np.zeros((3, 1), int), r"targets: .* shape \(3,\), got shape \(3, 1\)"),
        (LOGITS, np.zeros((3, 4), int), r"targets: .* shape \(3,\), got shape \(3, 4\)"),
        (LOGITS, np.zeros(3), "targets: expected whole numbers .* dtype float64"),
        (LOGITS, np.array([0, 4, 1]), "targets: .* from 0 to 3, got 4 at index \\(1,\\)"),
        (LOGITS, np.array([0, 1, -1]), "targets: .* from 0 to 3, got -1 at index \\(2,\\)"),
        (np.zeros(3), np.zeros(3, int), r"logits: expected shape \(N, K\), got \(3,\)"),
        (np.zeros((3, 4), int), np.zeros(3, int), "logits: expected dtype .*, got int64"),
        (np.full((3, 4), np.nan), np.zeros(3, int), r"logits: .* got nan at index \(0, 0\)"),
        (np.zeros((0, 4)), np.zeros(0, int), r"logits: .* no empty axis, got shape \(0, 4\)"),
        ([[1.0, 2.0]], [0], r"logits: expected a NumPy array of shape \(N, K\), got list"),
    ],
)
def test_cross_entropy_refuses(logits, targets, message):
    with pytest.raises(ValueError, match=message):
        softmax_cross_entropy(logits, targets)


@pytest.mark.parametrize(
    ("predictions", "targets", "message"),
    [
        (np.zeros(3), np.zeros((3, 1)), r"targets: expected shape \(3,\) .*, got \(3, 1\)"),
        (np.zeros((3, 1)), np.zeros(3), r"targets: expected shape \(3, 1\) .*, got \(3,\)"),
        (np.zeros(3), np.zeros(3, np.float32), "targets: expected dtype float64 .* float32"),
        (np.zeros(3), np.array([0, np.inf, 0]), r"targets: .* got inf at index \(1,\)"),
        (np.zeros(3, int), np.zeros(3), "predictions: expected dtype .*, got int64"),
        (1.0, np.zeros(3), "predictions: expected a NumPy array, got float"),
        (np.zeros(0), np.zeros(0), "predictions: expected an array with no empty axis"),
    ],
)
def test_mean_squared_error_refuses(predictions, targets, message):
    with pytest.raises(ValueError, match=message):
        mean_squared_error(predictions, targets)


@pytest.mark.parametrize(("dtype", "atol"), [(np.float64, 1e-15), (np.float32, 1e-6)])
def test_sigmoid_equals_scipy(dtype, atol):
    x = np.concatenate([np.linspace(-40, 40, 801), [-1e30, -800, 800, 1e30]]).astype(dtype)
    with np.errstate(all="raise", under="ignore"):
        got = sigmoid(x)
    assert got.dtype == dtype
    np.testing.assert_allclose(got, expit(x.astype(np.float64)), rtol=0, atol=atol)
