"""The gradient check itself, and the cells under it."""

import numpy as np
import pytest

from gru_course.reference import activations, gru
from gru_course.reference.gradcheck import central_differences, gradcheck

from .cells import pack, problem, run, run_steps, unpack


def loss_of_sequence(cell, p):
    """The loss whose gradient `run` returns, as a function of every array by name."""

    def loss(xs, params, *state0):
        states, _ = cell.module.forward(
            xs, pack(cell, state0), params, lengths=p.lengths, **cell.options
        )
        return sum((d * s).sum() for d, s in zip(p.dstates, unpack(cell, states), strict=True))

    return by_name(cell, loss)


def loss_of_step(cell, p):
    def loss(xs, params, *state0):
        state, _ = cell.module.step(xs[:, 0], pack(cell, state0), params, **cell.options)
        return sum((d[:, 0] * s).sum() for d, s in zip(p.dstates, unpack(cell, state), strict=True))

    return by_name(cell, loss)


def by_name(cell, loss):
    def f(xs, **others):
        state0 = [others.pop(f"{part}0") for part in cell.state]
        return loss(xs, cell.params_type(**others), *state0)

    return f


def arguments_and_grads(cell, p, result):
    starts = {f"{part}0": s for part, s in zip(cell.state, p.state0, strict=True)}
    arguments = {"xs": p.xs} | starts | p.params._asdict()
    grads = {name: result[f"d{name}" if f"d{name}" in result else name] for name in arguments}
    return arguments, grads


def test_step_against_central_differences(cell):
    p = problem(cell, (3, 1, 2, 4))
    arguments, grads = arguments_and_grads(cell, p, run_steps(cell, p))
    assert 0 < gradcheck(loss_of_step(cell, p), arguments, grads) <= 1e-7


@pytest.mark.parametrize("last_only", [False, True])
@pytest.mark.parametrize("with_lengths", [False, True])
def test_sequence_against_central_differences(cell, with_lengths, last_only):
    p = problem(cell, (3, 6, 2, 3), with_lengths=with_lengths)
    p = p.last_only() if last_only else p
    arguments, grads = arguments_and_grads(cell, p, run(cell, p))
    assert 0 < gradcheck(loss_of_sequence(cell, p), arguments, grads) <= 1e-7


def test_sigmoid_slope():
    x = np.linspace(-6, 6, 25)
    s = activations.sigmoid(x)
    gradcheck(lambda x: activations.sigmoid(x).sum(), {"x": x}, {"x": s * (1 - s)})


def test_central_differences_of_a_known_function():
    a = np.arange(24.0).reshape(2, 3, 4) / 10
    got = central_differences(lambda a: np.sin(a).sum(), a)
    np.testing.assert_allclose(got, np.cos(a), rtol=0, atol=1e-9)


def test_planted_error_is_found_and_named():
    params = gru.init(np.random.default_rng(0), input_size=2, hidden_size=3)
    x, h_prev = np.ones((4, 2)), np.full((4, 3), 0.5)
    h, cache = gru.step(x, h_prev, params)
    dx, dh_prev, grads = gru.step_backward(np.ones_like(h), cache)

    def f(x, h_prev, **weights):
        return gru.step(x, h_prev, gru.Params(**weights))[0].sum()

    arguments = {"x": x, "h_prev": h_prev, **params._asdict()}
    claimed = {"x": dx, "h_prev": dh_prev, **grads._asdict()}
    assert gradcheck(f, arguments, claimed) < 1e-9

    right = float(claimed["weight_hh"][7, 1])
    claimed["weight_hh"][7, 1] += 1e-6
    claimed["weight_hh"][8, 0] += 1.0
    claimed["bias_ih"][0] += 1.0
    with pytest.raises(AssertionError) as caught:
        gradcheck(f, arguments, claimed)
    message = str(caught.value)
    assert message.startswith(f"gradient of weight_hh[7, 1]: wanted {right:.6}"[:-1])
    assert f"got {claimed['weight_hh'][7, 1]:.10}" in message
    assert "differ by 1e-06; tolerance 1e-07" in message


def test_nan_gradient_is_found():
    with pytest.raises(AssertionError, match=r"gradient of a\[1\]: wanted 1.0, got nan"):
        gradcheck(lambda a: a.sum(), {"a": np.zeros(2)}, {"a": np.array([1.0, np.nan])})


def test_largest_error_is_returned():
    claimed = {"a": np.array([1.0, 1.0 + 4e-8]), "b": np.array([1.0 - 2e-8])}
    arguments = {"a": np.zeros(2), "b": np.zeros(1)}
    got = gradcheck(lambda a, b: a.sum() + b.sum(), arguments, claimed)
    assert got == pytest.approx(4e-8, abs=1e-10)


def test_arguments_are_left_alone_even_by_a_function_that_writes():
    def careless(a):
        a *= 2
        return a.sum()

    a = np.array([1.0, 2.0])
    assert gradcheck(careless, {"a": a}, {"a": np.full(2, 2.0)}) < 1e-9
    assert a.tolist() == [1.0, 2.0]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: central_differences(np.sum, np.ones(2, np.float32)), "array: expected dtype f"),
        (lambda: central_differences(np.sum, np.ones(2), eps=0), "eps: .* above 0, got 0"),
        (lambda: central_differences(lambda a: a, np.ones(2)), "f: expected to return one finite"),
        (lambda: central_differences(lambda a: np.nan, np.ones(2)), "one finite number, got nan"),
        (lambda: gradcheck(np.sum, {"a": np.ones(2)}, {}), "grads: expected gradients of a, got "),
        (
            lambda: gradcheck(np.sum, {"a": np.ones(2)}, {"a": np.ones((2, 1))}),
            r"grads\['a'\]: expected shape \(2,\), got \(2, 1\)",
        ),
        (
            lambda: gradcheck(np.sum, {"a": np.ones(2, int)}, {"a": np.ones(2)}),
            r"arguments\['a'\]: expected dtype float64 or float32, got int64",
        ),
    ],
)
def test_bad_input(call, message):
    with pytest.raises(ValueError, match=message):
        call()
