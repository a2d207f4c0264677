"""The fast minGRU against the NumPy reference, and its two modes against each other."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from gru_course.nn import MinGRU, Readout
from gru_course.nn import mingru as nn_mingru
from gru_course.reference import mingru

MODES = ("sequential", "scan")  # "triton" is for kernels/test_scan.py
CANDIDATES = ("linear", "positive")


def draw(layer, n, steps, seed=0, with_lengths=False):
    """Inputs, start, cotangents of the states, and lengths, as arrays in float64."""
    rng = np.random.default_rng(seed)
    xs = rng.normal(size=(n, steps, layer.input_size))
    h0 = rng.normal(size=(n, layer.hidden_size))
    dhs = rng.normal(size=(n, steps, layer.hidden_size))
    return xs, h0, dhs, rng.integers(1, steps + 1, n) if with_lengths else None


def by_reference(layer, xs, h0, dhs, lengths):
    params = mingru.Params(*(p.detach().double().numpy() for p in layer.parameters()))
    hs, cache = mingru.forward(xs, h0, params, lengths=lengths, candidate=layer.candidate)
    dxs, dh0, grads = mingru.backward(dhs, cache)
    return [hs, hs[:, -1], dxs, dh0, *grads]


def by_layer(layer, xs, h0, dhs, lengths):
    dtype = layer.weight.dtype
    xs, h0 = (torch.tensor(a, dtype=dtype, requires_grad=True) for a in (xs, h0))
    hs, h_last = layer(xs, h0, lengths)
    loss = (hs * torch.tensor(dhs, dtype=dtype)).sum()
    grads = torch.autograd.grad(loss, [xs, h0, *layer.parameters()])
    return [t.detach().numpy() for t in (hs, h_last, *grads)]


def assert_close(got, wanted, atol):
    names = ["hs", "h_last", "dxs", "dh0", "dweight", "dbias"]
    for name, a, b in zip(names, got, wanted, strict=True):
        np.testing.assert_allclose(a, b, rtol=0, atol=atol, err_msg=name)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("candidate", CANDIDATES)
@settings(max_examples=25, deadline=None)
@given(
    n=st.integers(1, 4),
    steps=st.integers(1, 20),
    sizes=st.tuples(st.integers(1, 4), st.integers(1, 5)),
    with_lengths=st.booleans(),
    rows=st.sampled_from([1, 7, 1024]),
    seed=st.integers(0, 2**31),
)
def test_equals_the_reference(candidate, mode, n, steps, sizes, with_lengths, rows, seed):
    layer = MinGRU(*sizes, candidate, mode).double()
    arguments = draw(layer, n, steps, seed, with_lengths)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(nn_mingru, "ROWS", rows)  # sequences of one chunk, and of many
        got = by_layer(layer, *arguments)
    assert_close(got, by_reference(layer, *arguments), 1e-10)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("candidate", CANDIDATES)
def test_central_differences(candidate, mode):
    torch.manual_seed(0)
    layer = MinGRU(2, 3, candidate, mode).double()
    xs = torch.randn(2, 6, 2, dtype=torch.float64, requires_grad=True)
    h0 = torch.randn(2, 3, dtype=torch.float64, requires_grad=True)

    def f(xs, h0, weight, bias):
        state = {"weight": weight, "bias": bias}
        return torch.func.functional_call(layer, state, (xs, h0), {"lengths": [6, 4]})

    assert torch.autograd.gradcheck(f, (xs, h0, *layer.parameters()))


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("candidate", CANDIDATES)
def test_second_derivatives(candidate, mode):
    torch.manual_seed(0)
    layer = MinGRU(2, 3, candidate, mode).double()
    xs = torch.randn(2, 6, 2, dtype=torch.float64, requires_grad=True)
    h0 = torch.randn(2, 3, dtype=torch.float64, requires_grad=True)

    def f(xs, h0, weight, bias):
        state = {"weight": weight, "bias": bias}
        h0 = h0 * xs.mean(dim=(1, 2))[:, None]  # one input depends on another
        return torch.func.functional_call(layer, state, (xs, h0), {"lengths": [6, 4]})

    assert torch.autograd.gradgradcheck(f, (xs, h0, *layer.parameters()))
    # A penalty on the gradient of the inputs alone, with frozen weights.
    layer.requires_grad_(False)
    assert torch.autograd.gradgradcheck(lambda xs: layer(xs)[0], xs)


@pytest.mark.parametrize("mode", MODES)
def test_the_last_state_is_a_copy(mode):
    layer, xs = MinGRU(2, 3, mode=mode), torch.randn(4, 5, 2)
    wanted = layer(xs)[0].detach()
    hs, h_last = layer(xs)
    h_last.detach()[:] = 7
    assert torch.equal(hs, wanted)
    assert h_last.untyped_storage().nbytes() == 4 * 3 * 4  # and keeps one state alive, not all
    hs.sum().backward()
    with torch.no_grad():
        hs, h_last = layer(xs)
    h_last[:] = 7
    assert torch.equal(hs, wanted)


def test_modes_agree_over_4096_steps_in_float32():
    torch.manual_seed(0)
    layer = MinGRU(8, 16)
    xs, h0, dhs, _ = draw(layer, 2, 4096)
    scan = MinGRU(8, 16, mode="scan")
    scan.load_state_dict(layer.state_dict())
    wanted = by_reference(layer, xs.astype(np.float32).astype(float), h0, dhs, None)
    for (name, a), b, exact in zip(
        enumerate(by_layer(layer, xs, h0, dhs, None)),
        by_layer(scan, xs, h0, dhs, None),
        wanted,
        strict=True,
    ):
        assert a.dtype == b.dtype == np.float32
        scale = max(1, np.abs(exact).max())  # weights collect over 8,192 rows
        np.testing.assert_allclose(a, b, rtol=0, atol=1e-5 * scale, err_msg=str(name))
        np.testing.assert_allclose(a, exact, rtol=0, atol=1e-5 * scale, err_msg=str(name))


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("candidate", CANDIDATES)
@pytest.mark.parametrize("garbage", [float("nan"), float("inf"), 1e38])
def test_padding_is_never_read(candidate, mode, garbage):
    torch.manual_seed(0)
    layer = MinGRU(3, 4, candidate, mode)
    xs, h0, dhs, _ = draw(layer, 3, 8)
    lengths = [8, 1, 5]
    wanted = by_layer(layer, xs, h0, dhs, lengths)
    padding = np.arange(8) >= np.array(lengths)[:, None]
    xs[padding] = garbage
    got = by_layer(layer, xs, h0, dhs, torch.tensor(lengths))
    for a, b in zip(got, wanted, strict=True):
        assert np.array_equal(a, b)
    hs, h_last, dxs = got[:3]
    assert (dxs[padding] == 0).all()
    assert np.array_equal(h_last, hs[np.arange(3), np.array(lengths) - 1])
    assert np.array_equal(h_last, hs[:, -1])


@pytest.mark.parametrize("mode", MODES)
def test_without_gradients_the_numbers_are_the_same_and_nothing_is_kept(mode, monkeypatch):
    torch.manual_seed(0)
    layer = MinGRU(3, 4, mode=mode)
    monkeypatch.setattr(nn_mingru, "ROWS", 6)
    xs = torch.randn(2, 10, 3)
    wanted, wanted_last = layer(xs)
    assert wanted.requires_grad
    with torch.no_grad():
        hs, h_last = layer(xs)
    assert torch.equal(hs, wanted)
    assert torch.equal(h_last, wanted_last)
    arguments = xs.transpose(0, 1), torch.zeros(2, 4), *layer.requires_grad_(False).parameters()
    _, gates = nn_mingru._forward(*arguments, None, "linear", mode, keep=False)
    assert len(gates) == (3 if mode == "sequential" else 10)  # rows of one chunk
    assert layer(xs)[0].grad_fn is None


def test_gradient_of_the_inputs_is_computed_only_if_asked_for():
    layer = MinGRU(3, 4)
    xs = torch.randn(2, 10, 3)
    hs, _ = layer(xs)
    grads = nn_mingru._MinGRU.backward(hs.grad_fn.next_functions[0][0], torch.ones(10, 2, 4))
    assert grads[0] is None
    assert grads[2].shape == (8, 3)


@pytest.mark.parametrize("mode", MODES)
def test_two_halves_make_a_whole(mode):
    layer = MinGRU(2, 3, mode=mode).double()
    xs = torch.randn(4, 7, 2, dtype=torch.float64)
    hs, state = layer(xs)
    first, between = layer(xs[:, :3])
    second, end = layer(xs[:, 3:], between)
    torch.testing.assert_close(torch.cat([first, second], dim=1), hs, rtol=0, atol=1e-14)
    torch.testing.assert_close(end, state, rtol=0, atol=1e-14)


def test_arguments_are_left_alone():
    layer = MinGRU(3, 4, "positive")
    xs, h0 = torch.randn(2, 10, 3), torch.randn(2, 4)
    before = [t.clone() for t in (xs, h0, *layer.parameters())]
    layer(xs, h0, lengths=[10, 3])[0].sum().backward()
    for a, b in zip((xs, h0, *layer.parameters()), before, strict=True):
        assert torch.equal(a, b)


def test_draws_between_plus_and_minus_one_over_the_root_of_h():
    weight = MinGRU(40, 25).weight.detach()
    assert -0.2 <= weight.min() < -0.19 < 0.19 < weight.max() <= 0.2


def test_a_readout_reads_it_and_it_prints_its_choices():
    model = Readout(MinGRU(2, 3, "positive", "scan"), 5, last=False)
    assert model(torch.zeros(4, 6, 2)).shape == (4, 6, 5)
    assert repr(model.recurrent) == "MinGRU(2, 3, candidate='positive', mode='scan')"


@pytest.mark.parametrize("mode", MODES)
def test_runs_without_data(mode):
    # On the meta device tensors have shapes and no values: reading one would raise.
    with torch.device("meta"):
        hs, h_last = MinGRU(2, 3, mode=mode)(torch.empty(4, 5, 2))
    assert (hs.shape, h_last.shape) == ((4, 5, 3), (4, 3))


XS, H = torch.zeros(2, 6, 3), torch.zeros(2, 4)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((XS.numpy(),), r"xs: expected a tensor \(N, T, I\), got ndarray"),
        (
            (XS[0],),
            r"xs: expected shape \(N, T, I\) with I = 3 and at least one step, got \(6, 3\)",
        ),
        ((XS[..., :2],), r"xs: expected shape .* got \(2, 6, 2\)"),
        ((XS[:, :0],), r"xs: expected shape .* and at least one step, got \(2, 0, 3\)"),
        ((XS.double(),), "xs: expected torch.float32 on cpu like the weights, got torch.float64"),
        ((XS.to("meta"),), "xs: expected torch.float32 on cpu like the weights, .* on meta"),
        ((XS, H[:1]), r"state: expected shape \(N, H\) with N = 2 and H = 4, got \(1, 4\)"),
        ((XS, (H, H)), r"state: expected a tensor \(N, H\), got tuple"),
        ((XS, None, [6, 7]), "lengths: expected values from 1 to T = 6, got 7 at index 1"),
        ((XS, None, [0, 6]), "lengths: expected values from 1 to T = 6, got 0 at index 0"),
        ((XS, None, [6]), r"lengths: expected 2 whole numbers, one a sequence, got shape \(1,\)"),
        ((XS, None, [6.0, 6.0]), r"got shape \(2,\) and dtype float32"),
    ],
)
def test_bad_input_is_named(arguments, message):
    for kind in (ValueError, RuntimeError):  # torch raises either
        if "lengths" in message or "dtype float32" in message:
            kind = ValueError  # torch's layers have none
        with pytest.raises(kind, match=message):
            MinGRU(3, 4)(*arguments)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((0, 4), "input_size: expected a whole number of at least 1, got 0"),
        ((3, True), "hidden_size: expected a whole number"),
        ((3, 4, "tanh"), "candidate: expected one of 'linear', 'positive', got 'tanh'"),
        (
            (3, 4, "linear", "loop"),
            "mode: expected one of 'auto', 'sequential', 'scan', 'triton', got 'loop'",
        ),
    ],
)
def test_bad_settings_are_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        MinGRU(*arguments)
