"""Linear recurrences against a loop in float64, and their gradients against autograd's."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from gru_course.nn.scan import linear_scan, log_space_scan

MODES = ("sequential", "scan")  # "triton" is for kernels/test_scan.py


def loop(a, b, h):
    """The oracle: the recurrence as it is written, under autograd."""
    hs = []
    for a_t, b_t in zip(a.unbind(1), b.unbind(1), strict=True):
        h = a_t * h + b_t
        hs.append(h)
    return torch.stack(hs, dim=1)


def draw(shape, seed=0, dtype=torch.float64):
    N, T, H = shape
    generator = torch.Generator().manual_seed(seed)
    a = torch.rand(N, T, H, generator=generator, dtype=dtype) * 2 - 1
    b = torch.randn(N, T, H, generator=generator, dtype=dtype)
    h0 = torch.randn(N, H, generator=generator, dtype=dtype)
    return [tensor.requires_grad_() for tensor in (a, b, h0)]


@pytest.mark.parametrize("mode", MODES)
@settings(max_examples=40, deadline=None)
@given(
    shape=st.tuples(st.integers(1, 3), st.integers(1, 40), st.integers(1, 4)),
    seed=st.integers(0, 2**31),
)
def test_equals_the_loop_with_its_gradients(mode, shape, seed):
    arguments = draw(shape, seed)
    wanted, got = loop(*arguments), linear_scan(*arguments, mode)
    torch.testing.assert_close(got, wanted, rtol=0, atol=1e-12)
    weights = torch.randn(shape, dtype=torch.float64)
    for ours, theirs in zip(
        torch.autograd.grad((weights * got).sum(), arguments),
        torch.autograd.grad((weights * wanted).sum(), arguments),
        strict=True,
    ):
        torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-11)


@pytest.mark.parametrize("mode", MODES)
def test_central_differences(mode):
    arguments = draw((2, 7, 3))
    assert torch.autograd.gradcheck(lambda *args: linear_scan(*args, mode), arguments)


@pytest.mark.parametrize("mode", MODES)
def test_derivatives_of_derivatives(mode):
    arguments = draw((2, 4, 2))
    assert torch.autograd.gradgradcheck(lambda *args: linear_scan(*args, mode), arguments)

    def third(scan):
        value = scan(*arguments).square().sum()
        for _ in range(2):
            grads = torch.autograd.grad(value, arguments, create_graph=True)
            value = sum(grad.square().sum() for grad in grads)
        return torch.autograd.grad(value, arguments)

    for ours, theirs in zip(
        third(lambda *args: linear_scan(*args, mode)), third(loop), strict=True
    ):
        torch.testing.assert_close(ours, theirs, rtol=1e-10, atol=0)


def test_a_long_sequence_in_float32():
    """Factors of sigmoids, as a minGRU has them, at a length that is no power of two."""
    _, b, h0 = draw((2, 4097, 8), dtype=torch.float32)
    a = torch.sigmoid(3 + b)
    wanted = loop(*(tensor.double() for tensor in (a, (1 - a) * b, h0)))
    for mode in MODES:
        got = linear_scan(a, (1 - a) * b, h0, mode)
        assert got.dtype == torch.float32
        torch.testing.assert_close(got.double(), wanted, rtol=0, atol=1e-5)


@settings(max_examples=25, deadline=None)
@given(
    shape=st.tuples(st.integers(1, 3), st.integers(1, 40), st.integers(1, 4)),
    zeros=st.booleans(),
    seed=st.integers(0, 2**31),
)
def test_log_space(shape, zeros, seed):
    a, b, h0 = (tensor.detach().abs() for tensor in draw(shape, seed))
    h0 = 0 * h0 if zeros else h0
    got = log_space_scan(a.log(), b.log(), h0.log())
    torch.testing.assert_close(got, loop(a, b, h0), rtol=1e-9, atol=1e-12)


def test_gradients_of_log_space_through_a_start_of_zero():
    log_a, log_b = (tensor.detach() for tensor in draw((2, 9, 3))[:2])
    log_a = -log_a.abs()
    inputs = [log_a.requires_grad_(), log_b.requires_grad_()]
    log_h0 = torch.full((2, 3), -math.inf, dtype=torch.float64)
    got = torch.autograd.grad(log_space_scan(*inputs, log_h0).sum(), inputs)
    wanted = torch.autograd.grad(
        loop(log_a.exp(), log_b.exp(), torch.zeros(2, 3, dtype=torch.float64)).sum(), inputs
    )
    for ours, theirs in zip(got, wanted, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-10)


A, H0 = torch.zeros(2, 5, 3), torch.zeros(2, 3)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            (A[0], A, H0),
            r"a: expected shape \(N, T, H\) with at least one step and unit, got \(5, 3\)",
        ),
        ((A[:, :0], A, H0), r"a: expected shape .* got \(2, 0, 3\)"),
        ((A, A[:, :4], H0), r"b: expected shape \(2, 5, 3\), got \(2, 4, 3\)"),
        ((A, A, H0[:1]), r"h0: expected shape \(2, 3\), got \(1, 3\)"),
        ((A, A.double(), H0), "b: expected torch.float32 on cpu like a, got torch.float64 on cpu"),
        ((A, A, H0.to("meta")), "h0: expected torch.float32 on cpu like a, .* on meta"),
        ((A.int(), A, H0), "a: expected a floating dtype, got torch.int32"),
        ((A, A.tolist(), H0), r"b: expected a tensor \(2, 5, 3\), got list"),
        ((A, A, H0, "tree"), "mode: expected one of 'sequential', 'scan', 'triton', got 'tree'"),
    ],
)
def test_bad_input_is_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        linear_scan(*arguments)


def test_bad_input_in_log_space_is_named_as_there():
    with pytest.raises(ValueError, match=r"log_b: expected shape \(2, 5, 3\), got \(2, 4, 3\)"):
        log_space_scan(A, A[:, :4], H0)
