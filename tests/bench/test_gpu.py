"""The table of the GPU, run on the CPU: the same numbers from all, and a file that survives.

Where there is a GPU it runs there, with the contenders that need one. Elsewhere Triton's
interpreter runs the kernels.
"""

import sys
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from gru_course.bench import contenders, gpu, gpu_card
from gru_course.bench import gpu_contenders as contending
from gru_course.nn import GRUCell
from gru_course.reference import gru as reference

from .card import DEVICE, GRUS, SIZE, B, D, H, T

pytest.importorskip("triton", reason="Triton is for Linux")


@pytest.mark.parametrize("backward", [False, True])
def test_all_grus_compute_what_the_reference_does(backward):
    xs, dhs, params = contenders.numbers(*SIZE)
    hs, cache = reference.forward(xs, np.zeros((B, H), np.float32), params)
    dxs, _, grads = reference.backward(dhs, cache)
    wanted = [hs.transpose(1, 0, 2), dxs.transpose(1, 0, 2), *grads]
    numbers = contending.numbers(SIZE).to(DEVICE)
    inputs = (numbers.xs, numbers.dhs) if backward else (numbers.xs,)
    assert len(GRUS) > 2
    for name in GRUS:
        with gpu_card.products("ieee"):
            got = contending.gru(name, numbers, backward)(*inputs)
        assert len(got) == (len(contending.ARRAYS) if backward else 1), name
        for array, ours, theirs in zip(contending.ARRAYS, got, wanted, strict=False):
            ours = ours.cpu().numpy()
            np.testing.assert_allclose(ours, theirs, rtol=0, atol=2e-5, err_msg=f"{name}: {array}")


def test_a_layer_trains_only_where_gradients_are_wanted(monkeypatch):
    layers = []

    def kept(D, H):
        layer, states = contending.torch_gru(D, H)
        layers.append(layer)
        return layer, states

    monkeypatch.setitem(contending.MAKERS, "kept", kept)
    numbers = contending.numbers(SIZE)
    for backward in (False, True):
        contending.gru("kept", numbers, backward)
    assert [layer.training for layer in layers] == [False, True]


def recurrence(a, b, dhs):
    """hs, da and db of h_t = a_t h_{t-1} + b_t from zeros, step by step in NumPy."""
    hs, dh = np.zeros_like(a), np.zeros_like(a)
    for t in range(a.shape[1]):
        hs[:, t] = b[:, t] + (a[:, t] * hs[:, t - 1] if t else 0)
    for t in reversed(range(a.shape[1])):
        later = a[:, t + 1] * dh[:, t + 1] if t + 1 < a.shape[1] else 0
        dh[:, t] = dhs[:, t] + later
    before = np.concatenate([np.zeros_like(hs[:, :1]), hs[:, :-1]], axis=1)
    return hs, dh * before, dh


@pytest.fixture
def a_peer(monkeypatch):
    """accelerated-scan's form, (B, C, T) and contiguous, since it needs a GPU itself."""

    def scan(forget, inputs):
        assert forget.shape == inputs.shape == (B, H, T)
        assert forget.is_contiguous()
        assert inputs.is_contiguous()
        states = [inputs[..., 0]]
        for t in range(1, T):
            states.append(forget[..., t] * states[-1] + inputs[..., t])
        return torch.stack(states, dim=-1)

    monkeypatch.setitem(sys.modules, "accelerated_scan", SimpleNamespace())
    monkeypatch.setitem(sys.modules, "accelerated_scan.scalar", SimpleNamespace(scan=scan))


@pytest.mark.usefixtures("a_peer")
@pytest.mark.parametrize("name", contending.SCANS)
def test_all_scans_compute_the_recurrence(name):
    arrays = contending.scan_numbers((B, T, H), DEVICE)
    assert [array.shape for array in arrays] == [(B, T, H)] * 3
    wanted = recurrence(*(array.cpu().double().numpy() for array in arrays))
    got = contending.scan_results(contending.SCANS[name](), *arrays)
    for ours, theirs in zip(got, wanted, strict=True):
        np.testing.assert_allclose(ours.cpu().numpy(), theirs, rtol=1e-5, atol=1e-6)
    # What is timed: the states, and the two gradients by themselves, in the scan's own form.
    hs = contending.timed_scan(name, *arrays, False, cache=100)()
    own = contending.SCANS[name]()
    np.testing.assert_allclose(own.back(hs).cpu().numpy(), wanted[0], rtol=1e-5)
    backward = contending.timed_scan(name, *arrays, True, cache=100)
    da, db = backward()
    assert torch.equal(backward()[0], da), "the next copy holds the same numbers"
    if name == contending.HEINSEN:  # its inputs are logarithms: d log a = a da
        da, db = da / arrays[0], db / arrays[1]
    np.testing.assert_allclose(own.back(da).cpu().numpy(), wanted[1], rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(own.back(db).cpu().numpy(), wanted[2], rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("cache", [0, 1, 479, 480, 481, 10_000])
def test_inputs_rotate_over_more_than_the_cache(cache):
    given = torch.ones(3, 5, 4, requires_grad=True), torch.ones(3, 5, 4)  # 480 bytes
    inputs = contending.copies(given, cache)
    seen = []
    call = contending.rotating(lambda *tensors: seen.append(tensors), inputs)
    for _ in range(2 * len(inputs)):
        call()
    places = [tuple(t.data_ptr() for t in tensors) for tensors in seen]
    once, again = places[: len(inputs)], places[len(inputs) :]
    assert once == again
    distinct = {tensor.data_ptr(): tensor.nbytes for tensors in inputs[1:] for tensor in tensors}
    assert sum(distinct.values()) > cache, "read between two uses of the first"
    assert not {place for pair in places for place in pair} & {t.data_ptr() for t in given}
    for tensors in seen:
        assert [t.requires_grad for t in tensors] == [True, False]
        assert all(torch.equal(t, g) for t, g in zip(tensors, given, strict=True))


def test_flop_and_bytes_are_those_of_a_pass():
    numbers = contending.numbers(SIZE)
    cell = GRUCell(D, H)
    h = torch.zeros(B, H, requires_grad=True)  # so that each step has all three products
    with FlopCounterMode(display=False) as forward:
        hs = []
        for x in numbers.to(torch.float32).xs:
            h = cell(x, h)
            hs.append(h)
    with FlopCounterMode(display=False) as backward:
        torch.autograd.backward(hs, list(numbers.dhs))
    assert contending.gru_flop(SIZE, False) == forward.get_total_flops()
    total = forward.get_total_flops() + backward.get_total_flops()
    assert contending.gru_flop(SIZE, True) == total

    for dtype in (torch.float32, torch.bfloat16):
        xs, dhs, params = numbers.to(dtype)
        inputs = [xs, *params]
        results = contending.gru(contending.BASELINE, numbers.to(dtype), False)(xs)
        moved = sum(t.nbytes for t in (*inputs, *results))
        assert contending.gru_bytes(SIZE, False, dtype.itemsize) == moved
        results = contending.gru(contending.BASELINE, numbers.to(dtype), True)(xs, dhs)
        moved = sum(t.nbytes for t in (*inputs, dhs, *results))
        assert contending.gru_bytes(SIZE, True, dtype.itemsize) == moved

    a, b, dhs = contending.scan_numbers((B, T, H), torch.device("cpu"))
    hs, da, db = contending.scan_results(contending.our_scan("sequential"), a, b, dhs)
    assert contending.scan_bytes((B, T, H), False) == a.nbytes + b.nbytes + hs.nbytes
    assert contending.scan_bytes((B, T, H), True) == sum(t.nbytes for t in (a, hs, dhs, da, db))


def test_products_set_both_switches_and_put_them_back():
    switches = torch.backends.cudnn, torch.backends.cuda.matmul
    before = [switch.allow_tf32 for switch in switches]
    assert before == [True, False], "the two differ by default"
    for precision in gpu_card.DTYPES:
        with gpu_card.products(precision):
            now = [switch.allow_tf32 for switch in switches]
            assert now == [precision == "tf32"] * 2
    with pytest.raises(RuntimeError), gpu_card.products("tf32"):
        raise RuntimeError
    assert [switch.allow_tf32 for switch in switches] == before


def test_events_are_recorded_around_the_calls_and_give_seconds(monkeypatch):
    order = []

    class Event:
        def __init__(self, enable_timing):
            assert enable_timing

        def record(self):
            order.append("record")

        def synchronize(self):
            order.append("wait")

        def elapsed_time(self, end):
            assert end is not self
            return 1500.0  # milliseconds

    monkeypatch.setattr(torch.cuda, "Event", Event)
    monkeypatch.setattr(torch.cuda, "synchronize", lambda device: order.append("idle"))
    seconds = gpu_card.clock(lambda: order.append("call"), 2, torch.device("cuda"))
    assert seconds == 1.5
    assert order == ["idle", "record", "call", "call", "record", "wait"]


def test_operators_are_known_by_name_whatever_calls_them():
    a = torch.ones(2, 2, requires_grad=True)
    with gpu_card.Operators() as operators:
        (a @ a).sum().backward()
    assert {"aten::mm", "aten::sum"} <= operators.names
    assert not gpu_card.ran_cudnn(lambda: a @ a)
    # The operator that torch.nn.GRU calls where there is cuDNN: without it, on shapes alone.
    x, h, *weights = (
        torch.empty(shape, device="meta")
        for shape in ((T, B, D), (1, B, H), (3 * H, D), (3 * H, H), (3 * H,), (3 * H,))
    )
    how = {"mode": 3, "hidden_size": H, "proj_size": 0, "num_layers": 1, "batch_first": False}
    how |= {"dropout": 0.0, "train": False, "bidirectional": False, "batch_sizes": []}
    cudnn = torch.ops.aten._cudnn_rnn
    assert gpu_card.ran_cudnn(
        lambda: cudnn(x, weights, 4, None, h, None, dropout_state=None, **how)
    )


def test_errors_are_relative_norms_and_repetition_means_bits():
    truth = torch.tensor([3.0, 4.0], dtype=torch.float64)
    assert gpu.relative_error(torch.tensor([3.0, 4.5]), truth) == pytest.approx(0.1)
    counter = iter(range(10))
    assert gpu.identical(lambda: [torch.zeros(2), torch.ones(2)])
    assert not gpu.identical(lambda: [torch.zeros(2), torch.full((2,), 1 + 1e-7 * next(counter))])
    reused = torch.zeros(1)  # as a CUDA graph's results are
    assert not gpu.identical(lambda: [reused.add_(1)])
