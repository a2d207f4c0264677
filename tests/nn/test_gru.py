"""The fast layer against torch's, in outputs and every gradient."""

import copy

import numpy as np
import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence, pad_packed_sequence

from gru_course.nn import GRU, gru_function
from gru_course.reference import gru_fast

sizes = st.integers(1, 4)
options = {
    "num_layers": st.integers(1, 3),
    "bidirectional": st.booleans(),
    "batch_first": st.booleans(),
    "bias": st.booleans(),
}
MANY = {"num_layers": 2, "bidirectional": True, "batch_first": True, "bias": True}


def pair(I, H, dtype=torch.float64, **chosen):
    """Torch's layer and ours with the same weights."""
    torchs = torch.nn.GRU(I, H, dtype=dtype, **chosen)
    ours = GRU(I, H, dtype=dtype, **chosen)
    ours.load_state_dict(torchs.state_dict())
    return torchs, ours


def states(layer, N, generator):
    directions = 2 if layer.bidirectional else 1
    shape = (directions * layer.num_layers, *([N] if N else []), layer.hidden_size)
    dtype = layer.weight_ih_l0.dtype
    return torch.randn(shape, generator=generator, dtype=dtype, requires_grad=True)


def results(layer, xs, h0, *, pack=None):
    """Outputs and the gradients of a loss that reads all of them, each weighted differently."""
    input = xs if pack is None else pack(xs)
    hs, h_last = layer(input) if h0 is None else layer(input, h0)
    rows = hs.data if isinstance(hs, PackedSequence) else hs
    generator = torch.Generator().manual_seed(1)
    loss = sum(
        (part * torch.randn(part.shape, generator=generator, dtype=part.dtype)).sum()
        for part in (rows, h_last)
    )
    wanted = [xs, *([] if h0 is None else [h0]), *layer.parameters()]
    return hs, [rows, h_last, *torch.autograd.grad(loss, wanted)]


def assert_same(ours, torchs, **tolerance):
    assert len(ours) == len(torchs)
    for a, b in zip(ours, torchs, strict=True):
        torch.testing.assert_close(a, b, **(tolerance or {"rtol": 0, "atol": 1e-10}))


@settings(max_examples=60, deadline=None, database=None)
@given(
    N=st.integers(0, 4),  # 0 for one sequence without a batch
    T=st.integers(1, 7),
    I=sizes,
    H=sizes,
    with_h0=st.booleans(),
    seed=st.integers(0, 2**31),
    **options,
)
@example(N=5, T=40, I=3, H=8, with_h0=True, seed=0, **MANY)
@example(N=70, T=3, I=3, H=70, with_h0=True, seed=0, **MANY)
def test_equals_torchs_layer(N, T, I, H, with_h0, seed, **chosen):
    torch.manual_seed(seed)
    generator = torch.Generator().manual_seed(seed)
    torchs, ours = pair(I, H, **chosen)
    shape = ([N, T] if chosen["batch_first"] else [T, N]) if N else [T]
    xs = torch.randn(*shape, I, generator=generator, dtype=torch.float64, requires_grad=True)
    h0 = states(ours, N, generator) if with_h0 else None
    assert_same(results(ours, xs, h0)[1], results(torchs, xs, h0)[1])


@settings(max_examples=60, deadline=None, database=None)
@given(
    lengths=st.lists(st.integers(1, 6), min_size=1, max_size=5),
    enforce_sorted=st.booleans(),
    I=sizes,
    H=sizes,
    with_h0=st.booleans(),
    seed=st.integers(0, 2**31),
    **options,
)
@example(lengths=[2, 9, 9, 1], enforce_sorted=False, I=3, H=5, with_h0=True, seed=0, **MANY)
@example(lengths=[9, 5, 3] * 30, enforce_sorted=False, I=3, H=70, with_h0=True, seed=0, **MANY)
def test_equals_torchs_layer_on_packed_sequences(
    lengths, enforce_sorted, I, H, with_h0, seed, **chosen
):
    torch.manual_seed(seed)
    generator = torch.Generator().manual_seed(seed)
    torchs, ours = pair(I, H, **chosen)
    lengths = sorted(lengths, reverse=True) if enforce_sorted else lengths
    first = chosen["batch_first"]
    xs = torch.randn(len(lengths), max(lengths), I, generator=generator, dtype=torch.float64)
    padding = torch.arange(max(lengths)) >= torch.tensor(lengths)[:, None]
    xs[padding] = torch.nan  # padding is not read
    xs = (xs if first else xs.transpose(0, 1)).requires_grad_()
    h0 = states(ours, len(lengths), generator) if with_h0 else None

    def pack(xs):
        return pack_padded_sequence(xs, lengths, first, enforce_sorted)

    hs, ours_results = results(ours, xs, h0, pack=pack)
    wanted_hs, wanted = results(torchs, xs, h0, pack=pack)
    assert_same(ours_results, wanted)
    padded, found_lengths = pad_packed_sequence(hs, batch_first=first)
    wanted_padded, _ = pad_packed_sequence(wanted_hs, batch_first=first)
    torch.testing.assert_close(padded, wanted_padded, rtol=0, atol=1e-10)
    assert found_lengths.tolist() == lengths


@pytest.mark.parametrize("limit", [0, 10**9], ids=["in torch", "in NumPy"])
@pytest.mark.parametrize("lengths", [[9] * 5, [2, 9, 9, 1, 4]], ids=["whole", "packed"])
@pytest.mark.parametrize("bias", [True, False])
def test_blocks_of_any_size_give_the_same_gradients(monkeypatch, limit, lengths, bias):
    torch.manual_seed(0)
    generator = torch.Generator().manual_seed(0)
    _, layer = pair(3, 4, num_layers=2, bidirectional=True, bias=bias)
    xs = torch.randn(9, 5, 3, generator=generator, dtype=torch.float64, requires_grad=True)
    h0 = states(layer, 5, generator)
    packed = len(set(lengths)) > 1

    def pack(xs):
        return pack_padded_sequence(xs, lengths, enforce_sorted=False)

    monkeypatch.setattr(gru_function, "SMALL", limit)
    found = []
    for rows in (10**9, 11, 1):  # one block, several, and each step one
        monkeypatch.setattr(gru_function, "ROWS", rows)
        monkeypatch.setattr(gru_fast, "ROWS", rows)
        found.append(results(layer, xs, h0, pack=pack if packed else None)[1])
        with torch.no_grad():  # nothing is kept
            hs, h_last = layer(pack(xs) if packed else xs, h0)
        assert_same([hs.data, h_last], found[-1][:2], rtol=0, atol=0)
    assert_same(found[1], found[0], rtol=0, atol=1e-12)
    assert_same(found[2], found[0], rtol=0, atol=1e-12)


def test_a_block_is_the_steps_that_start_in_as_many_rows(monkeypatch):
    monkeypatch.setattr(gru_function, "ROWS", 10)
    blocks = gru_function._blocks([5, 5, 5, 4, 3, 1])
    assert [(rows.start, rows.stop) for rows, _ in blocks] == [(0, 10), (10, 22), (22, 23)]
    assert [(steps.start, steps.stop) for _, steps in blocks] == [(0, 2), (2, 5), (5, 6)]
    assert len(gru_function._blocks([30, 30])) == 2


def test_gradients_in_any_layout_of_memory():
    torchs, ours = pair(3, 4)
    xs = torch.randn(5, 2, 3, dtype=torch.float64, requires_grad=True)
    found = []
    for layer in (ours, torchs):
        hs, h_last = layer(xs)
        above = torch.arange(40.0, dtype=torch.float64).reshape(4, 2, 5).permute(2, 1, 0)
        last = torch.arange(8.0, dtype=torch.float64).reshape(4, 2).T[None]
        wanted = [xs, *layer.parameters()]
        found.append(torch.autograd.grad([hs, h_last], wanted, [above, last]))
    assert_same(*found)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("limit", [0, 10**9], ids=["in torch", "in NumPy"])
@pytest.mark.parametrize("value", [torch.inf, torch.nan])
def test_infinity_and_nan_pass_in_silence_as_through_torchs(monkeypatch, limit, value):
    monkeypatch.setattr(gru_function, "SMALL", limit)
    torchs, ours = pair(3, 4)
    xs = torch.randn(5, 2, 3, dtype=torch.float64)
    xs[2, 1] = value
    found, wanted = (results(each, xs.clone().requires_grad_(), None)[1] for each in (ours, torchs))
    for a, b in zip(found, wanted, strict=True):
        torch.testing.assert_close(a, b, rtol=0, atol=1e-10, equal_nan=True)


@pytest.mark.parametrize("shape", [(1, 64, 16, 32), (16, 50, 64, 128)])
def test_float32_equals_torch_to_five_digits(shape):
    torch.manual_seed(0)
    N, T, I, H = shape
    torchs, ours = pair(I, H, dtype=torch.float32, batch_first=True)
    xs = torch.randn(N, T, I, requires_grad=True)
    for a, b in zip(results(ours, xs, None)[1], results(torchs, xs, None)[1], strict=True):
        torch.testing.assert_close(a, b, rtol=0, atol=1e-5 * b.detach().abs().max().item())


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("bidirectional", [True, False])
def test_the_same_seed_gives_torchs_parameters_and_state_dicts_go_both_ways(bias, bidirectional):
    made = []
    for layer in (torch.nn.GRU, GRU):
        torch.manual_seed(3)
        made.append(layer(3, 4, 2, bias, bidirectional=bidirectional))
    torchs, ours = made
    assert list(ours.state_dict()) == list(torchs.state_dict())
    for a, b in zip(ours.parameters(), torchs.parameters(), strict=True):
        assert torch.equal(a, b)
    assert repr(ours) == repr(torchs)
    torch.manual_seed(4)
    other = GRU(3, 4, 2, bias, bidirectional=bidirectional)
    torchs.load_state_dict(other.state_dict())
    xs = torch.randn(5, 2, 3)
    torch.testing.assert_close(other(xs)[0], torchs(xs)[0])
    ours.load_state_dict(torchs.state_dict())
    assert torch.equal(ours(xs)[0], other(xs)[0])
    assert torch.equal(copy.deepcopy(ours)(xs)[0], ours(xs)[0])


def test_dropout_acts_between_layers_in_training_only():
    torch.manual_seed(0)
    torchs, ours = pair(3, 4, num_layers=3, dropout=0.5)
    xs = torch.randn(6, 2, 3, dtype=torch.float64, requires_grad=True)
    found = []
    for layer in (ours, torchs):
        torch.manual_seed(1)  # both draw the same masks
        found.append(results(layer, xs, None)[1])
    assert_same(*found)
    ours.eval()
    plain = GRU(3, 4, num_layers=3, dtype=torch.float64)
    plain.load_state_dict(ours.state_dict())
    assert torch.equal(ours(xs)[0], plain(xs)[0])
    assert not torch.allclose(found[0][0], plain(xs)[0])


@pytest.mark.parametrize("bidirectional", [True, False])
def test_gradients_against_finite_differences(bidirectional):
    torch.manual_seed(0)
    layer = GRU(2, 3, num_layers=2, bidirectional=bidirectional, dtype=torch.float64)
    lengths = [4, 2, 1]
    names = [name for name, _ in layer.named_parameters()]

    def run(xs, h0, *weights):
        given = dict(zip(names, weights, strict=True))
        packed = pack_padded_sequence(xs, lengths)
        hs, h_last = torch.func.functional_call(layer, given, (packed, h0))
        return hs.data, h_last

    xs = torch.randn(4, 3, 2, dtype=torch.float64, requires_grad=True)
    h0 = states(layer, 3, torch.Generator().manual_seed(0))
    assert torch.autograd.gradcheck(run, (xs, h0, *layer.parameters()))


def test_without_gradients_nothing_is_stored():
    layer = GRU(3, 4, num_layers=2, bidirectional=True)
    xs, saved = torch.randn(5, 2, 3), []

    def hooks():
        return torch.autograd.graph.saved_tensors_hooks(
            lambda tensor: saved.append(tensor) or tensor, lambda tensor: tensor
        )

    with hooks():
        wanted, _ = layer(xs)
    assert saved
    saved.clear()
    with hooks(), torch.no_grad():
        hs, h_last = layer(xs)
    assert torch.equal(hs, wanted)
    assert not saved
    assert not hs.requires_grad
    assert not h_last.requires_grad


def test_only_wanted_gradients():
    torch.manual_seed(0)
    torchs, ours = pair(3, 4)
    xs = torch.randn(5, 2, 3, dtype=torch.float64)
    for layer in (torchs, ours):
        layer.weight_hh_l0.requires_grad_(False)
        layer.bias_ih_l0.requires_grad_(False)
        layer(xs)[1].sum().backward()  # and no gradient arrives at hs
    assert ours.weight_hh_l0.grad is None
    assert ours.bias_ih_l0.grad is None
    for name in ("weight_ih_l0", "bias_hh_l0"):
        a, b = getattr(ours, name).grad, getattr(torchs, name).grad
        torch.testing.assert_close(a, b, rtol=0, atol=1e-12)


def test_a_graph_can_be_used_twice():
    layer = GRU(3, 4)
    xs = torch.randn(5, 2, 3, requires_grad=True)
    hs, _ = layer(xs)
    (first,) = torch.autograd.grad(hs.sum(), xs, retain_graph=True)
    (again,) = torch.autograd.grad(hs.sum(), xs, retain_graph=True)
    assert torch.equal(first, again)


@pytest.mark.parametrize("chosen", [{}, MANY, {"bias": False}], ids=["plain", "all", "no bias"])
def test_gradients_of_gradients_and_gradients_in_batches(chosen):
    torch.manual_seed(0)
    layers = pair(2, 3, **chosen)
    xs = torch.randn(4, 3, 2, dtype=torch.float64, requires_grad=True)
    h0 = states(layers[1], len(xs) if layers[1].batch_first else 3, torch.Generator())
    found = []
    for layer in layers:
        read, leaves = (lambda xs, layer=layer: layer(xs, h0)[0]), [xs, h0, *layer.parameters()]
        first = torch.autograd.grad(read(xs).pow(2).sum(), leaves, create_graph=True)
        second = torch.autograd.grad(sum(part.pow(2).sum() for part in first), leaves)
        jacobian = torch.autograd.functional.jacobian(read, xs, vectorize=True)
        found.append([*first, *second, jacobian])
    assert_same(*found)


def test_gradients_of_gradients_against_finite_differences():
    torch.manual_seed(0)
    layer = GRU(2, 3, bidirectional=True, dtype=torch.float64)
    xs = torch.randn(4, 3, 2, dtype=torch.float64, requires_grad=True)

    def run(xs, h0):
        hs, h_last = layer(pack_padded_sequence(xs, [4, 2, 1]), h0)
        return hs.data, h_last

    assert torch.autograd.gradgradcheck(run, (xs, states(layer, 3, torch.Generator())))


def test_runs_without_data():
    with torch.device("meta"):
        hs, h_last = GRU(2, 3, num_layers=2, bidirectional=True)(torch.empty(5, 4, 2))
        assert (hs.shape, h_last.shape) == ((5, 4, 6), (4, 4, 3))
        hs.sum().backward()


def test_bad_arguments_are_named():
    for arguments, message in [
        ({"input_size": 0}, "input_size: expected a whole number of at least 1, got 0"),
        ({"hidden_size": 2.0}, r"hidden_size: expected a whole number of at least 1, got 2\.0"),
        ({"num_layers": True}, "num_layers: expected a whole number of at least 1, got True"),
        ({"bias": None}, "bias: expected one of True, False, got None"),
        ({"batch_first": 2}, "batch_first: expected one of True, False, got 2"),
        ({"bidirectional": "no"}, "bidirectional: expected one of True, False, got 'no'"),
        ({"dropout": 1.5}, r"dropout: expected a number from 0 to 1, got 1\.5"),
        ({"dropout": True}, "dropout: expected a number from 0 to 1, got True"),
        ({"dropout": "0"}, "dropout: expected a number from 0 to 1, got '0'"),
    ]:
        with pytest.raises(ValueError, match=message):
            GRU(**{"input_size": 2, "hidden_size": 3, **arguments})


def test_bad_inputs_are_named():
    layer, first = GRU(2, 3, num_layers=2), GRU(2, 3, batch_first=True)
    xs = torch.zeros(5, 4, 2)
    packed = pack_padded_sequence(torch.zeros(5, 4, 7), [5, 4, 4, 1])
    for module, arguments, message in [
        (layer, (np.zeros((5, 4, 2)),), r"input: expected a tensor \(T, N, 2\), got ndarray"),
        (layer, (torch.zeros(2),), r"input: expected shape \(T, N, 2\), got \(2,\)"),
        (layer, (torch.zeros(5, 4, 3),), r"input: expected shape \(T, N, 2\), got \(5, 4, 3\)"),
        (layer, (torch.zeros(0, 4, 2),), r"input: expected at least one step, got .* \(0, 4, 2\)"),
        (first, (torch.zeros(5, 0, 2),), r"input: expected at least one step, got .* \(5, 0, 2\)"),
        (first, (torch.zeros(4, 5, 7),), r"input: expected shape \(N, T, 2\), got \(4, 5, 7\)"),
        (layer, (torch.zeros(5, 3),), r"input: expected shape \(T, 2\), got \(5, 3\)"),
        (layer, (packed,), r"input.data: expected shape \(S, 2\), got \(14, 7\)"),
        (layer, (xs.double(),), "input: expected torch.float32 on cpu like the weights, got"),
        (layer, (xs, xs), r"hx: expected shape \(2, 4, 3\), got \(5, 4, 2\)"),
        (layer, (xs[:, 0], torch.zeros(2, 1, 3)), r"hx: expected shape \(2, 3\), got \(2, 1, 3\)"),
        (layer, (xs, torch.zeros(2, 4, 3).double()), "hx: expected torch.float32 on cpu"),
        (layer, (xs, [0]), r"hx: expected a tensor \(2, 4, 3\), got list"),
    ]:
        with pytest.raises(ValueError, match=message):
            module(*arguments)
