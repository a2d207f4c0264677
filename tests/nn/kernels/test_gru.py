"""The GRU's kernels against the NumPy reference and torch's layer, in Triton's interpreter.

Where there is a GPU, the same tests run on it.
"""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from compiled import compiled
from torch.nn.utils.rnn import pack_padded_sequence

from gru_course.nn import GRU, kernels
from gru_course.nn.kernels import gru
from gru_course.reference import gru as reference

DEVICE = torch.device("cuda" if torch.cuda.is_available() else "cpu")
# Relative to the norm: float32 keeps 24 bits, bfloat16 8, and products in TF32 11.
TOLERANCE = {
    (torch.float32, False): 1e-6,
    (torch.float32, True): 1e-6 if DEVICE.type == "cpu" else 2e-3,
    (torch.bfloat16, True): 1.5e-2,
}


@pytest.fixture
def split(monkeypatch):
    """Split units over programs as if 8 of them were too many for one program."""
    monkeypatch.setattr(gru, "ALONE", 8)


@pytest.fixture(autouse=True)
def restored():
    before = torch.backends.cudnn.allow_tf32
    yield
    torch.backends.cudnn.allow_tf32 = before


def layer_and_numbers(N, T, I, H, dtype, **chosen):
    torch.manual_seed(0)
    layer = GRU(I, H, batch_first=True, backend="triton", dtype=dtype, device=DEVICE, **chosen)
    for parameter in layer.parameters():  # gates that are neither open nor closed nor all alike
        torch.nn.init.normal_(parameter, std=0.5 * parameter.shape[-1] ** -0.5)
    states = layer.num_layers * (1 + layer.bidirectional)
    shapes = [(N, T, I), (states, N, H), (N, T, (1 + layer.bidirectional) * H), (states, N, H)]
    return layer, *(torch.randn(shape, dtype=dtype, device=DEVICE) for shape in shapes)


def results(layer, xs, h0, dhs, dh_last, lengths=None):
    """Outputs and all gradients, as float64 on the CPU."""
    xs, h0 = xs.detach().requires_grad_(), h0.detach().requires_grad_()
    if lengths is None:
        hs, h_last = layer(xs, h0)
    else:
        packed = pack_padded_sequence(xs, lengths, batch_first=True, enforce_sorted=False)
        out, h_last = layer(packed, h0)
        hs = out.data
        dhs = pack_padded_sequence(dhs, lengths, batch_first=True, enforce_sorted=False).data
    wanted = [xs, h0, *layer.parameters()]
    gradients = torch.autograd.grad([hs, h_last], wanted, [dhs, dh_last])
    return [value.detach().double().cpu() for value in (hs, h_last, *gradients)]


def in_float64(layer):
    exact = torch.nn.GRU(
        layer.input_size,
        layer.hidden_size,
        layer.num_layers,
        bias=layer.bias,
        batch_first=True,
        bidirectional=layer.bidirectional,
        dtype=torch.float64,
    )
    exact.load_state_dict({k: v.double().cpu() for k, v in layer.state_dict().items()})
    return exact


def assert_close(found, wanted, tolerance):
    for i, (ours, theirs) in enumerate(zip(found, wanted, strict=True)):
        error = (ours - theirs).norm() / theirs.norm()
        assert error < tolerance, f"result {i} is off by {error:.1e}"  # NaN is not less


DTYPES = pytest.mark.parametrize(
    ("dtype", "tf32"), TOLERANCE, ids=["float32 IEEE", "float32 TF32", "bfloat16"]
)


@DTYPES
@pytest.mark.parametrize(
    ("N", "T", "I", "H"),
    [(1, 1, 1, 1), (3, 4, 2, 5), (2, 3, 5, 17), (17, 3, 3, 8), (2, 3, 4, 64), (2, 2, 3, 128)],
)
def test_one_program_a_tile_equals_torch_in_float64(N, T, I, H, dtype, tf32):
    torch.backends.cudnn.allow_tf32 = tf32
    layer, *numbers = layer_and_numbers(N, T, I, H, dtype)
    wanted = results(in_float64(layer), *(value.double().cpu() for value in numbers))
    assert_close(results(layer, *numbers), wanted, TOLERANCE[dtype, tf32])


@DTYPES
@pytest.mark.parametrize(
    ("N", "T", "I", "H"), [(2, 1, 3, 9), (3, 4, 2, 16), (2, 3, 3, 33), (18, 3, 2, 20)]
)
def test_split_units_equal_torch_in_float64(N, T, I, H, dtype, tf32, split):
    torch.backends.cudnn.allow_tf32 = tf32
    layer, *numbers = layer_and_numbers(N, T, I, H, dtype)
    wanted = results(in_float64(layer), *(value.double().cpu() for value in numbers))
    assert_close(results(layer, *numbers), wanted, TOLERANCE[dtype, tf32])


def test_the_first_size_that_is_split():
    layer, *numbers = layer_and_numbers(2, 2, 3, gru.ALONE + 1, torch.float32)
    wanted = results(in_float64(layer), *(value.double().cpu() for value in numbers))
    assert_close(results(layer, *numbers), wanted, TOLERANCE[torch.float32, True])


@pytest.mark.parametrize("alone", [8, 128], ids=["split", "one program"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_lengths_layers_and_directions(alone, dtype, monkeypatch):
    monkeypatch.setattr(gru, "ALONE", alone)
    layer, *numbers = layer_and_numbers(4, 5, 3, 12, dtype, num_layers=2, bidirectional=True)
    lengths = [2, 5, 1, 4]
    numbers[0][torch.arange(5) >= torch.tensor(lengths)[:, None]] = torch.nan  # is not read
    exact = (value.double().cpu() for value in numbers)
    wanted = results(in_float64(layer), *exact, lengths)
    assert_close(results(layer, *numbers, lengths), wanted, TOLERANCE[dtype, True])


def test_without_biases(split):
    layer, *numbers = layer_and_numbers(3, 4, 2, 10, torch.float32, bias=False)
    wanted = results(in_float64(layer), *(value.double().cpu() for value in numbers))
    assert_close(results(layer, *numbers), wanted, TOLERANCE[torch.float32, True])


@pytest.mark.parametrize("alone", [4, 128], ids=["split", "one program"])
def test_equals_the_reference(alone, monkeypatch):
    """The oracle has lengths of its own: frozen states, not packed rows."""
    monkeypatch.setattr(gru, "ALONE", alone)
    layer, xs, h0, dhs, _ = layer_and_numbers(4, 6, 3, 7, torch.float32)
    lengths = np.array([6, 4, 4, 1])
    packed = pack_padded_sequence(xs, torch.from_numpy(lengths), batch_first=True)
    hs = layer(packed, h0)[0]
    d_rows = pack_padded_sequence(dhs, torch.from_numpy(lengths), batch_first=True).data
    got = torch.autograd.grad(hs.data, [*layer.parameters()], d_rows)

    def exact(tensor):
        return tensor.detach().double().cpu().numpy()

    params = reference.Params(*map(exact, layer.parameters()))
    wanted_hs, cache = reference.forward(exact(xs), exact(h0[0]), params, lengths=lengths)
    valid = np.arange(6) < lengths[:, None]
    _, _, wanted = reference.backward(exact(dhs) * valid[:, :, None], cache)
    rows = wanted_hs.transpose(1, 0, 2)[valid.T]
    assert_close([torch.from_numpy(exact(hs.data))], [torch.from_numpy(rows)], 1e-6)
    pairs = zip(got, wanted, strict=True)
    for ours, theirs in pairs:
        assert_close([ours.double().cpu()], [torch.from_numpy(theirs)], 2e-6)


@pytest.mark.skipif(DEVICE.type == "cuda", reason="on a GPU the other tests' barriers are real")
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_programs_that_run_at_once_wait_for_one_another(dtype, split, in_threads, monkeypatch):
    """The barrier itself: all steps in one launch, with a thread for each program."""
    layer, *numbers = layer_and_numbers(18, 4, 2, 40, dtype)
    one_by_one = results(layer, *numbers)
    monkeypatch.setattr(gru, "spans", lambda T, programs, reverse: [(0, T)])
    for name in ("forward_kernel", "backward_kernel"):
        monkeypatch.setattr(gru, name, in_threads(getattr(gru, name)))
    at_once = results(layer, *numbers)
    for ours, theirs in zip(at_once, one_by_one, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-6 if dtype.itemsize == 4 else 0)


@pytest.mark.parametrize("alone", [8, 128], ids=["split", "one program"])
@pytest.mark.parametrize("lengths", [None, [3, 1, 2]], ids=["whole", "packed"])
def test_stays_inside_its_tensors(alone, lengths, guarded, monkeypatch):
    monkeypatch.setattr(gru, "ALONE", alone)
    launch = gru.launch

    def guarding(kernel, T, tensors, *others, **options):
        guarded[:] = tensors
        launch(kernel, T, tensors, *others, **options)

    monkeypatch.setattr(gru, "launch", guarding)
    layer, *numbers = layer_and_numbers(3, 3, 2, 13, torch.float32)
    assert all(value.isfinite().all() for value in results(layer, *numbers, lengths))


def test_batches_too_large_for_one_launch(split, monkeypatch):
    """Three multiprocessors have room for one tile of three programs at a time."""
    monkeypatch.setattr(gru, "multiprocessors", lambda device: 3)
    layer, *numbers = layer_and_numbers(33, 3, 2, 40, torch.float32)
    assert gru.plan(33, 40, "tf32", 3)[:2] == (32, 16)
    wanted = results(in_float64(layer), *(value.double().cpu() for value in numbers))
    assert_close(results(layer, *numbers), wanted, TOLERANCE[torch.float32, True])


def test_run_to_run_identical(split):
    layer, *numbers = layer_and_numbers(3, 5, 4, 20, torch.bfloat16)
    first, second = results(layer, *numbers), results(layer, *numbers)
    assert all(torch.equal(a, b) for a, b in zip(first, second, strict=True))


def test_without_gradients_nothing_is_kept(monkeypatch):
    layer, xs, h0, *_ = layer_and_numbers(2, 3, 2, 5, torch.float32)
    gates, launch = [], gru.launch

    def looking(kernel, T, tensors, *others, **options):
        launch(kernel, T, tensors, *others, **options)
        gates.append(tensors[1])

    monkeypatch.setattr(gru, "launch", looking)
    found, last = layer(xs, h0)
    with torch.no_grad():
        hs, h_last = layer(xs, h0)
    torch.testing.assert_close(hs, found.detach(), rtol=0, atol=0)
    torch.testing.assert_close(h_last, last.detach(), rtol=0, atol=0)
    kept, not_kept = (whose[:, :5].isnan() for whose in gates)  # the place of W_hn h_prev + b_hn
    assert not kept.any()
    assert not_kept.all()


def test_no_second_derivative():
    layer, xs, h0, *_ = layer_and_numbers(2, 3, 2, 5, torch.float32)
    hs, _ = layer(xs, h0)
    with pytest.raises(RuntimeError, match="no second derivative"):
        torch.autograd.grad(hs.sum(), layer.weight_hh_l0, create_graph=True)


def test_says_why_kernels_cannot_run(monkeypatch):
    def why(**chosen):
        return pytest.raises(ValueError, match=chosen.pop("match"))

    with why(match=r'backend: expected "auto" or "torch" .* not in torch.float64'):
        GRU(2, 3, dtype=torch.float64, device=DEVICE, backend="triton")(
            torch.ones(4, 1, 2, dtype=torch.float64, device=DEVICE)
        )
    with why(match=r"513 units do not fit on the chip, those of 512 in torch.float32 do"):
        GRU(2, 513, device=DEVICE, backend="triton")(torch.ones(4, 1, 2, device=DEVICE))
    with why(match="backend: expected one of 'auto', 'torch', 'triton', got 'cuda'"):
        GRU(2, 3, backend="cuda")
    monkeypatch.setenv("TRITON_INTERPRET", "0")
    with why(match="the kernels run on CUDA devices, not on cpu"):
        GRU(2, 3, backend="triton")(torch.ones(4, 1, 2))
    monkeypatch.setattr("gru_course.nn.kernels.find_spec", lambda name: None)
    with why(match=r'Triton is not installed; `pip install "gru-course\[triton\]"` brings it'):
        GRU(2, 3, device=DEVICE, backend="triton")(torch.ones(4, 1, 2, device=DEVICE))
    assert GRU(2, 3).why_torch() == ("the kernels are for CUDA devices, the weights are on cpu"), (
        "auto takes torch on the CPU, interpreted or not"
    )


def test_auto_takes_the_kernels_only_on_gpus_with_committed_results(monkeypatch):
    results = Path(__file__).parents[3] / "book/performance/results"
    cards = {json.loads(file.read_text())["device"] for file in results.glob("*.json")}
    assert set(kernels.MEASURED) == cards
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda device: "NVIDIA ABC")
    assert kernels.why_not_measured("cuda") == (
        'nobody has measured the kernels on a NVIDIA ABC, so only "triton" takes them'
    )
    monkeypatch.setattr(kernels, "MEASURED", ("NVIDIA ABC",))
    assert kernels.why_not_measured("cuda") is None


POINTERS = {
    "forward_kernel": ["states", "gates", "b_hn", "carry", "W_hh"],
    "backward_kernel": ["states", "gates", "above", "da", "carry", "W_hh"],
}
SIZES = [  # N, H, dtype, precision, and bytes a thread may spill
    (64, 128, "bf16", "tf32", 0),
    (64, 512, "bf16", "tf32", 0),
    (128, 1024, "bf16", "tf32", 0),
    (64, 512, "fp32", "tf32", 0),
    (64, 512, "fp32", "ieee", 512),
    (64, 128, "fp32", "tf32", 0),
]


def for_hopper(kernel, p, dtype, precision):
    """What a kernel needs of a Hopper GPU when it follows a plan."""
    pointers = dict.fromkeys(POINTERS[kernel], f"*{dtype}:16") | {"carry": "*fp32:16"}
    numbers = dict.fromkeys(["tile0", "t_begin", "t_end", "N"], "i32")
    constants = {
        "ALONE": p.programs == 1,
        "PRECISION": precision,
        "INTERPRETED": False,
        **{name: getattr(p, name) for name in ("BB", "HS", "K", "KS")},
    }
    if kernel == "forward_kernel":
        constants["KEEP"] = True
    return compiled(
        f"gru_course.nn.kernels.gru.{kernel}",
        {**pointers, "starts": "*i32:16", "arrived": "*i32:16", **numbers, "H": "i32:16"},
        constants,
        gru.WARPS,
    )


@pytest.mark.parametrize("kernel", POINTERS)
@pytest.mark.parametrize(("N", "H", "dtype", "precision", "spills"), SIZES)
def test_weights_stay_on_a_hopper_gpus_chip(kernel, N, H, dtype, precision, spills):
    """Compiled, not run: registers and shared memory hold what a program needs."""
    p = gru.plan(N, H, precision, 132)
    found = for_hopper(kernel, p, dtype, precision)
    assert found["spills"] <= spills
    assert found["shared"] <= 227 * 2**10, "what a program of a Hopper GPU may have"
    itemsize = 2 if dtype == "bf16" else 4
    assert found["shared"] - 3 * p.K * p.HS * itemsize <= gru.SCRATCH


@pytest.mark.parametrize("kernel", POINTERS)
def test_tiles_of_64_sequences_would_not_fit(kernel):
    """Why `plan` knows tiles of 16 and 32 only."""
    p = gru.plan(128, 1024, "tf32", 132)._replace(BB=64)
    assert for_hopper(kernel, p, "bf16", "tf32")["spills"] > 0
