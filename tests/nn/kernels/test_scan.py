"""The scan's kernels against a loop in float64 and the reference, and what they compile to."""

import re
import subprocess
import sys

import numpy as np
import pytest
import torch
from compiled import compiled

from gru_course.nn import MinGRU
from gru_course.nn import mingru as nn_mingru
from gru_course.nn.kernels import scan as kernels
from gru_course.nn.scan import linear_scan
from gru_course.reference import mingru

DEVICE = "cpu" if kernels.INTERPRETED else "cuda"
DTYPES = torch.float64, torch.float32, torch.bfloat16
UNITS = kernels.UNITS


def loop(a, b, h):
    """The oracle: the recurrence as it is written, under autograd."""
    hs = []
    for a_t, b_t in zip(a.unbind(1), b.unbind(1), strict=True):
        h = a_t * h + b_t
        hs.append(h)
    return torch.stack(hs, dim=1)


def draw(N, T, H, dtype=torch.float64, smallest=-1.0):
    """Factors from `smallest` to 1, inputs, a start and cotangents of the states."""
    generator = torch.Generator().manual_seed(0)
    a = smallest + (1 - smallest) * torch.rand(N, T, H, generator=generator, dtype=torch.float64)
    b, dhs = torch.randn(2, N, T, H, generator=generator, dtype=torch.float64)
    h0 = torch.randn(N, H, generator=generator, dtype=torch.float64)
    return [x.to(dtype).to(DEVICE) for x in (a, b, h0, dhs)]


def outcome(scan, a, b, h0, dhs):
    """The states and the gradients of a, b and h0."""
    arguments = [x.detach().requires_grad_() for x in (a, b, h0)]
    hs = scan(*arguments)
    return hs.detach(), *torch.autograd.grad(hs, arguments, dhs)


def by_kernel(*arguments):
    return outcome(lambda a, b, h0: linear_scan(a, b, h0, "triton"), *arguments)


def by_loop(*arguments):
    return outcome(loop, *(x.double() for x in arguments))


def assert_close(got, wanted, dtype):
    """Equal but for roundings: of each operation, and of what is stored.

    Triton's interpreter does not round to bfloat16, it cuts: an error of 2^-7. The gradient of a is
    a product with a stored state and is stored itself, so that it has two such errors.
    """
    atol = 1e-12 if dtype == torch.float64 else 2e-5
    errors = {"hs": 2**-7, "da": 2**-6, "db": 2**-7, "dh0": 2**-7}
    for (name, rtol), ours, theirs in zip(errors.items(), got, wanted, strict=True):
        assert ours.dtype == dtype, name
        ours, theirs = ours.double().cpu(), theirs.cpu()
        rtol = rtol if dtype == torch.bfloat16 else 0
        np.testing.assert_allclose(ours, theirs, rtol=rtol, atol=atol, err_msg=name)


def lengths_around_chunks(dtype):
    chunks = {kernels.chunk(dtype, arrays) for arrays in (2, 3)}
    return sorted({T for c in chunks for T in (1, c - 1, c, c + 1, 2 * c + 3)})


@pytest.mark.parametrize(
    ("dtype", "T"), [(dtype, T) for dtype in DTYPES for T in lengths_around_chunks(dtype)]
)
def test_equals_the_loop_with_its_gradients(dtype, T):
    arguments = draw(2, T, UNITS + 1, dtype)
    assert_close(by_kernel(*arguments), by_loop(*arguments), dtype)


@pytest.mark.parametrize("H", [1, UNITS - 1, UNITS, 2 * UNITS + 1])
def test_any_number_of_units(H):
    arguments = draw(3, 5, H)
    assert_close(by_kernel(*arguments), by_loop(*arguments), torch.float64)


def test_the_state_is_carried_in_float32():
    # Factors near 1: a state that is rounded to bfloat16 at each step goes astray.
    a, b, h0, dhs = draw(1, 100, 2, torch.bfloat16, smallest=0.98)
    arguments = a, b.abs(), h0, dhs.abs()
    assert_close(by_kernel(*arguments), by_loop(*arguments), torch.bfloat16)


def test_central_differences():
    a, b, h0, _ = (x.requires_grad_() for x in draw(1, kernels.chunk(torch.float64, 3) + 1, 1))
    assert torch.autograd.gradcheck(lambda *args: linear_scan(*args, "triton"), (a, b, h0))


def test_second_derivatives():
    a, b, h0, _ = (x.requires_grad_() for x in draw(1, kernels.chunk(torch.float64, 3) + 1, 1))
    assert torch.autograd.gradgradcheck(lambda *args: linear_scan(*args, "triton"), (a, b, h0))


def test_any_place_in_memory():
    a, b, h0, dhs = draw(2, 11, 5)
    wanted = by_loop(a, b, h0, dhs)
    gates = torch.cat([a, b], dim=2)

    def arranged(axis, other):
        return [x.transpose(axis, other).contiguous().transpose(axis, other) for x in (a, b, dhs)]

    def surrounded():
        around = torch.full((3, 4, 13, 9), torch.nan, dtype=a.dtype, device=DEVICE)
        inner = around[:, 1:3, 1:12, 2:7]
        return inner.copy_(torch.stack([a, b, dhs])).unbind()

    for a_there, b_there, dhs_there in (
        (gates[..., :5], gates[..., 5:], dhs),  # rows of twice the width
        arranged(0, 1),  # time first
        arranged(1, 2),  # units apart
        surrounded(),  # by what must not be read
    ):
        got = by_kernel(a_there, b_there, h0.T.contiguous().T, dhs_there)
        assert_close(got, wanted, torch.float64)
    ones = torch.ones(1, 1, 1, device=DEVICE, dtype=torch.float64).expand_as(dhs)
    assert_close(by_kernel(a, b, h0, ones), by_loop(a, b, h0, ones), torch.float64)


def test_the_same_numbers_each_time_and_with_any_chunk(monkeypatch):
    arguments = draw(2, 21, 5, torch.float32)
    first, again = by_kernel(*arguments), by_kernel(*arguments)
    monkeypatch.setattr(kernels, "chunk", lambda dtype, arrays: 4)
    for one, two, three in zip(first, again, by_kernel(*arguments), strict=True):
        assert torch.equal(one, two)
        assert torch.equal(one, three)


@pytest.mark.parametrize("lengths", [None, [11, 1, 8]])
@pytest.mark.parametrize("candidate", ["linear", "positive"])
def test_the_layer_equals_the_reference(candidate, lengths):
    torch.manual_seed(0)
    layer = MinGRU(3, UNITS + 1, candidate, "triton").double()
    rng = np.random.default_rng(0)
    xs, h0 = rng.normal(size=(3, 11, 3)), rng.normal(size=(3, UNITS + 1))
    dhs = rng.normal(size=(3, 11, UNITS + 1))
    params = mingru.Params(*(p.detach().numpy() for p in layer.parameters()))
    hs, cache = mingru.forward(xs, h0, params, lengths=lengths, candidate=candidate)
    dxs, dh0, grads = mingru.backward(dhs, cache)

    layer.to(DEVICE)
    inputs = [torch.tensor(x, device=DEVICE, requires_grad=True) for x in (xs, h0)]
    got, last = layer(*inputs, lengths)
    leaves = [*inputs, *layer.parameters()]
    ours = torch.autograd.grad((got * torch.tensor(dhs, device=DEVICE)).sum(), leaves)
    assert last.untyped_storage().nbytes() == 3 * (UNITS + 1) * 8  # not all of hs
    for a, b in zip((got, last, *ours), (hs, hs[:, -1], dxs, dh0, *grads), strict=True):
        np.testing.assert_allclose(a.detach().cpu(), b, rtol=0, atol=1e-12)


def test_an_ended_sequence_keeps_its_state_and_padding_is_never_read():
    torch.manual_seed(0)
    layer = MinGRU(3, UNITS + 1, mode="triton").to(DEVICE)
    lengths = [19, 1, 8, 13]
    padding = torch.arange(19) >= torch.tensor(lengths)[:, None]
    xs = torch.randn(4, 19, 3).to(DEVICE)
    outcomes = []
    for garbage in (0.0, torch.nan):
        xs = xs.masked_fill(padding[..., None].to(DEVICE), garbage).requires_grad_()
        hs, last = layer(xs, lengths=lengths)
        (dxs,) = torch.autograd.grad(hs.square().sum(), xs)
        outcomes.append((hs, last, dxs))
    for one, other in zip(*outcomes, strict=True):
        assert torch.equal(one, other)
    assert torch.equal(last, hs[range(4), [length - 1 for length in lengths]])
    assert (dxs[padding] == 0).all()


def test_the_layer_runs_under_autocast():
    torch.manual_seed(0)
    layer, xs = MinGRU(3, 4, mode="triton").to(DEVICE), torch.randn(2, 5, 3).to(DEVICE)
    wanted, _ = layer(xs)
    with torch.autocast(DEVICE, torch.bfloat16):
        got, _ = layer(xs)
    assert got.dtype == torch.bfloat16
    torch.testing.assert_close(got.float(), wanted, rtol=0, atol=0.03)
    got.sum().backward()
    assert layer.weight.grad.dtype == torch.float32


def test_auto_takes_the_kernels_on_a_gpu_where_they_can_run(monkeypatch):
    layer, cpu, other = MinGRU(2, 3), torch.empty(1), torch.empty(1, device="meta")
    assert (layer._mode(cpu), layer._mode(other)) == ("sequential", "scan")
    monkeypatch.setattr(nn_mingru, "why_not_scan", lambda xs: None)
    assert (layer._mode(cpu), layer._mode(other)) == ("sequential", "triton")
    assert MinGRU(2, 3, mode="scan")._mode(other) == "scan"


@pytest.mark.parametrize(
    ("dtype", "device", "reason"),
    [
        (torch.float16, DEVICE, "kernels take float32, bfloat16 and float64, not torch.float16"),
        (torch.float32, "meta", "the kernels run on CUDA devices, not on meta"),
    ],
)
def test_says_why_it_cannot_run(dtype, device, reason):
    a = torch.zeros(2, 3, 4, dtype=dtype, device=device)
    message = f'mode: expected "sequential" or "scan" here, got "triton": .*{reason}'
    with pytest.raises(ValueError, match=message):
        linear_scan(a, a, a[:, 0], "triton")
    with pytest.raises(ValueError, match=message):
        MinGRU(4, 4, mode="triton").to(device, dtype)(a)


def test_says_that_a_cpu_is_no_gpu(monkeypatch):
    monkeypatch.delenv("TRITON_INTERPRET", raising=False)
    with pytest.raises(ValueError, match="the kernels run on CUDA devices, not on cpu"):
        MinGRU(2, 3, mode="triton")(torch.zeros(1, 2, 2))


def test_the_layer_works_without_triton():
    program = """if True:
        import sys
        sys.modules["triton"] = None  # an import of it now fails
        import torch
        from gru_course.nn import MinGRU
        xs = torch.ones(4, 5, 2)
        print(MinGRU(2, 3)(xs)[0].shape)
        try:
            MinGRU(2, 3, mode="triton")(xs)
        except ValueError as error:
            print(error)
    """
    command = [sys.executable, "-c", program]
    run = subprocess.run(command, capture_output=True, text=True, check=True)
    shape, error = run.stdout.splitlines()
    assert shape == "torch.Size([4, 5, 3])"
    assert error.startswith('mode: expected "sequential" or "scan" here, got "triton": Triton is n')


@pytest.mark.parametrize(
    ("kernel", "dtype", "pointers", "strides", "steps"),
    [
        ("forward", "fp32", "a b h0 hs", "a_n a_t b_n b_t h_n h_t", 32),
        ("backward", "bf16", "a h0 hs dhs da db dh0", "a_n a_t h_n h_t g_n g_t d_n d_t", 32),
    ],
)
def test_stays_in_registers(kernel, dtype, pointers, strides, steps):
    signature = dict.fromkeys(pointers.split(), f"*{dtype}:16")
    signature |= dict.fromkeys(["H", *strides.split()], "i32:16") | {"T": "i32"}
    code = compiled(
        f"gru_course.nn.kernels.scan.{kernel}_kernel",
        signature,
        {"UNITS": 32, "BLOCK_T": steps},
        num_warps=1,
    )
    assert code["spills"] == code["shared"] == 0
    assert "shfl" not in code["ptx"]  # no thread waits for another
    arrays = {"forward": 2, "backward": 3}[kernel]
    loads = re.findall(r"ld\.global", code["ptx"])
    assert len(loads) == 2 * arrays * steps + 1  # the first chunk, the next one, and h0
