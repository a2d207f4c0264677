"""Optimisers against torch.optim over 20 updates, in float64."""

from typing import NamedTuple

import numpy as np
import pytest
import torch

from gru_course.reference import gru, optim, rnn


class Model(NamedTuple):
    """A cell and its readout: tuples may be nested."""

    cell: gru.Params
    weight_out: np.ndarray


OPTIMISERS = {
    "sgd": (lambda: optim.SGD(0.1), lambda p: torch.optim.SGD(p, 0.1)),
    "momentum": (
        lambda: optim.Momentum(0.1, momentum=0.8),
        lambda p: torch.optim.SGD(p, 0.1, momentum=0.8),
    ),
    "momentum's default": (
        lambda: optim.Momentum(0.1),
        lambda p: torch.optim.SGD(p, 0.1, momentum=0.9),
    ),
    "rmsprop": (
        lambda: optim.RMSProp(0.02, decay=0.9, eps=1e-3),
        lambda p: torch.optim.RMSprop(p, 0.02, alpha=0.9, eps=1e-3),
    ),
    "rmsprop's defaults": (optim.RMSProp, torch.optim.RMSprop),
    "adam": (
        lambda: optim.Adam(0.02, beta1=0.8, beta2=0.95, eps=1e-3),
        lambda p: torch.optim.Adam(p, 0.02, betas=(0.8, 0.95), eps=1e-3),
    ),
    "adam's defaults": (optim.Adam, torch.optim.Adam),
}


def random_model(rng):
    return Model(gru.init(rng, input_size=2, hidden_size=3), rng.normal(size=(1, 3)))


def arrays(model):
    return [*model.cell, model.weight_out]


@pytest.mark.parametrize("name", OPTIMISERS)
def test_twenty_updates_equal_torch(name):
    ours, theirs = OPTIMISERS[name]
    rng = np.random.default_rng(0)
    params = random_model(rng)
    start = [array.copy() for array in arrays(params)]
    tensors = [torch.tensor(array, requires_grad=True) for array in arrays(params)]
    ours, theirs = ours(), theirs(tensors)
    original = params
    for _ in range(20):
        grads = random_model(rng)
        params = ours.update(params, grads)
        for tensor, grad in zip(tensors, arrays(grads), strict=True):
            tensor.grad = torch.tensor(grad)
        theirs.step()
        for array, tensor in zip(arrays(params), tensors, strict=True):
            np.testing.assert_allclose(array, tensor.detach().numpy(), rtol=0, atol=1e-12)
    assert isinstance(params, Model)
    assert all(np.array_equal(a, b) for a, b in zip(arrays(original), start, strict=True))


@pytest.mark.parametrize("name", OPTIMISERS)
def test_float32_stays_float32(name):
    params = rnn.init(np.random.default_rng(0), 2, 3, dtype=np.float32)
    optimiser = OPTIMISERS[name][0]()
    for _ in range(2):
        params = optimiser.update(params, params)
    assert {array.dtype for array in params} == {np.dtype(np.float32)}


def test_adam_minimises_a_quadratic():
    params = rnn.Params(*(np.full(2, a) for a in (3.0, -2.0, 1.0, 5.0)))
    optimiser = optim.Adam(learning_rate=0.1)
    for _ in range(500):
        params = optimiser.update(params, params)
    assert max(np.abs(array).max() for array in params) < 1e-3


@pytest.mark.parametrize("max_norm", [0.5, 3.0, 100.0])
def test_clipping_equals_torch(max_norm):
    grads = random_model(np.random.default_rng(1))
    tensors = [torch.tensor(array, requires_grad=True) for array in arrays(grads)]
    for tensor, grad in zip(tensors, arrays(grads), strict=True):
        tensor.grad = torch.tensor(grad)
    wanted = torch.nn.utils.clip_grad_norm_(tensors, max_norm).item()
    clipped, norm = optim.clip_by_global_norm(grads, max_norm)
    assert isinstance(clipped, Model)
    assert norm == pytest.approx(wanted, rel=1e-12)
    for array, tensor in zip(arrays(clipped), tensors, strict=True):
        # torch divides by norm + 1e-6
        np.testing.assert_allclose(array, tensor.grad.numpy(), rtol=2e-6 / norm, atol=0)
    after = np.sqrt(sum((array**2).sum() for array in arrays(clipped)))
    assert after == pytest.approx(min(norm, max_norm), rel=1e-12)


@pytest.mark.parametrize(("dtype", "size"), [(np.float32, 1e30), (np.float64, 1e300)])
def test_clipping_exploded_gradients_does_not_overflow(dtype, size):
    grads = rnn.Params(*np.full((4, 2, 2), size, dtype))
    with np.errstate(all="raise", under="ignore"):
        clipped, norm = optim.clip_by_global_norm(grads, 1.0)
    assert norm == pytest.approx(4 * size)
    assert clipped.weight_hh.dtype == dtype
    np.testing.assert_allclose(clipped.weight_hh, 0.25, rtol=1e-6)


def test_clipping_zero_gradients_leaves_them():
    grads = rnn.Params(*np.zeros((4, 2, 2)))
    clipped, norm = optim.clip_by_global_norm(grads, 1.0)
    assert norm == 0.0
    assert not any(array.any() for array in clipped)


PARAMS = rnn.init(np.random.default_rng(0), 2, 3)
NAN_GRADS = PARAMS._replace(bias_hh=np.array([0, np.nan, 0]))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: optim.SGD(0), "learning_rate: expected a finite number above 0, got 0"),
        (lambda: optim.SGD(np.nan), "learning_rate: .* got nan"),
        (lambda: optim.Momentum(0.1, momentum=1), "momentum: .* from 0 to below 1, got 1"),
        (lambda: optim.RMSProp(decay=-0.1), "decay: .* got -0.1"),
        (lambda: optim.Adam(eps=0), "eps: .* above 0, got 0"),
        (lambda: optim.Adam(beta2=1.5), "beta2: .* got 1.5"),
        (
            lambda: optim.SGD(1).update(PARAMS, NAN_GRADS),
            r"grads.bias_hh: expected finite numbers, got nan at index \(1,\)",
        ),
        (
            lambda: optim.Momentum(1).update(PARAMS, PARAMS._replace(bias_ih=np.zeros((3, 1)))),
            r"grads.bias_ih: expected shape \(3,\), got \(3, 1\)",
        ),
        (
            lambda: optim.RMSProp(1).update(PARAMS, gru.Params(*PARAMS)._asdict()),
            "grads: expected a Params tuple like params, got dict",
        ),
        (
            lambda: optim.Adam(1).update(
                PARAMS, rnn.Params(*(array.astype(np.float32) for array in PARAMS))
            ),
            "grads.weight_ih: expected dtype float64 like the other arrays, got float32",
        ),
        (
            lambda: optim.SGD(1).update(PARAMS._asdict(), PARAMS),
            "params: expected a NamedTuple of arrays, got dict",
        ),
        (lambda: optim.clip_by_global_norm(PARAMS, 0), "max_norm: .* above 0, got 0"),
        (lambda: optim.clip_by_global_norm(NAN_GRADS, 1), r"grads.bias_hh: .* got nan"),
    ],
)
def test_bad_input(call, message):
    with pytest.raises(ValueError, match=message):
        call()
