"""The table of the GPU, run on the CPU: the same numbers from all, and a file that survives.

Where there is a GPU it runs there, with the contenders that need one. Elsewhere Triton's
interpreter runs the kernels.
"""

import contextlib
import io
import json
import sys
from datetime import UTC, datetime
from types import SimpleNamespace

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from gru_course import plots
from gru_course.bench import __main__ as command
from gru_course.bench import contenders, gpu, gpu_card, timing
from gru_course.bench import gpu_contenders as contending
from gru_course.nn import GRUCell
from gru_course.reference import gru as reference

SIZE = B, T, D, H = (3, 5, 4, 6)
CUDA = torch.cuda.is_available()
DEVICE = torch.device("cuda" if CUDA else "cpu")
SHORT = (3, 2, 4, 6)  # since the interpreter takes its time
HERE = {"device": "a small one", "capability": [0, 0], "driver": None, "l2_bytes": 1000}
GRUS = [name for name in contending.MAKERS if CUDA or name not in contending.NEED_CUDA]
PRECISIONS = ["bf16", "tf32", "ieee"]

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


def small(monkeypatch, *arguments):
    """The command on the CPU, with small products and copies."""
    monkeypatch.setattr(sys, "argv", ["bench", "gpu", *arguments])
    monkeypatch.setattr(gpu_card, "device", lambda: DEVICE)
    monkeypatch.setattr(gpu, "card", lambda device: dict(HERE))
    monkeypatch.setattr(gpu, "ROUNDS", 2)
    monkeypatch.setattr(timing, "AT_LEAST", 0)
    monkeypatch.setattr(gpu_card, "COPIED", 1000)
    monkeypatch.setattr(gpu_card, "EDGE", 16)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """What one run of the command printed, and the file that it wrote."""
    file = tmp_path_factory.mktemp("bench") / "times.json"
    printed = io.StringIO()
    with pytest.MonkeyPatch.context() as patch, contextlib.redirect_stdout(printed):
        small(patch, "--json", str(file), "--size", ",".join(map(str, SHORT)))
        patch.setitem(gpu.GOALS, (SHORT, "tf32"), (3, 2.5))
        patch.setitem(sys.modules, "accelerated_scan", None)
        command.main()
    return printed.getvalue(), json.loads(file.read_text())


def test_the_file_says_where_and_what_was_measured(run):
    _, results = run
    assert {key: results[key] for key in HERE} == HERE
    assert set(results["versions"]) >= {"torch", "triton", "cuda", "cudnn", "python", "gru_course"}
    assert results["versions"]["torch"] == torch.__version__
    assert datetime.fromisoformat(results["date"]).tzinfo is UTC
    assert len(results["copy_bandwidth"]) == 2
    assert [len(results["matrix_rates"][precision]) for precision in PRECISIONS] == [2] * 3
    heads = [(precision, name) for precision in PRECISIONS for name in gpu.PASSES]
    for part in ("baseline", "races"):
        assert [(r["precision"], r["pass"]) for r in results[part]] == heads
        assert all(r["size"] == list(SHORT) for r in results[part])
    for record in results["baseline"]:
        assert list(record["times"]) == [contending.BASELINE]
        assert record["cudnn"] is CUDA
    for record in results["races"]:
        assert list(record["times"]) == GRUS
        assert {len(times) for times in record["times"].values()} == {2}
        assert not record["left_out"]
        bytes_a_number = 2 if record["precision"] == "bf16" else 4
        backward = gpu.PASSES[record["pass"]]
        assert record["bytes"] == contending.gru_bytes(SHORT, backward, bytes_a_number)
        assert record["flop"] == contending.gru_flop(SHORT, backward)
    assert [r["goal"] for r in results["races"]] == [None, None, 3, 2.5, None, None]
    for record, (name, backward) in zip(results["scan"], gpu.SCAN_PASSES.items(), strict=True):
        assert (record["pass"], record["size"]) == (name, [3, 2, 6])
        assert record["bytes"] == contending.scan_bytes((3, 2, 6), backward)
        assert record["goal"] is None
        assert set(record["times"]) == set(contending.SCANS) - {contending.ACCELERATED}
        assert "ModuleNotFoundError" in record["left_out"][contending.ACCELERATED]


def test_the_file_holds_errors_and_who_repeats_itself(run):
    _, results = run
    *grus, scans = results["errors"]
    bound = {"bf16": 3e-2, "tf32": 5e-3 if CUDA else 1e-5, "ieee": 1e-5}  # no TF32 on a CPU
    for record in grus:
        assert list(record["errors"]) == GRUS
        for who, found in record["errors"].items():
            assert list(found) == list(contending.ARRAYS if gpu.PASSES[record["pass"]] else ["hs"])
            assert all(0 < e < bound[record["precision"]] for e in found.values()), (who, found)
            # bfloat16 has 8 significant bits: none comes much nearer than half of the last one
            assert record["precision"] != "bf16" or max(found.values()) > 2**-11
    for found in scans["errors"].values():
        assert list(found) == ["hs", "da", "db"]
        assert all(0 < e < 1e-5 for e in found.values())
    *grus, scans = results["identical"]
    assert all(record["identical"][contending.OURS] for record in grus)
    assert scans["identical"][contending.OUR_SCAN]


def test_the_table_shows_what_the_file_holds(run):
    printed, results = run
    race = results["races"][2]
    times = {name: np.array(seconds) for name, seconds in race["times"].items()}
    ours = times[contending.OURS]
    table = printed.partition(f"## forward, {SHORT}, tf32\n")[2].partition("\n\n")[0]
    line = next(x for x in table.splitlines() if x.startswith(contending.OURS))
    assert f" {1e6 * np.median(ours) / SHORT[1]:.3f} " in line
    second = np.median(ours)
    rate = np.median(results["matrix_rates"]["tf32"])
    assert f"{race['flop'] / second / 1e12:.2f} TFLOP/s {race['flop'] / second / rate:6.1%}" in line
    copies = np.median(results["copy_bandwidth"])
    assert f"{race['bytes'] / second / 1e9:.1f} GB/s {race['bytes'] / second / copies:6.1%}" in line
    ratio = np.median(times[contending.BASELINE] / ours)
    assert f"{contending.BASELINE} / {contending.OURS}: {ratio:.2f}, goal 3\n" in table
    assert "Without accelerated-scan: ModuleNotFoundError" in printed


@pytest.mark.parametrize("passes", gpu.PASSES)
def test_the_figure_shows_medians_a_step(run, passes):
    _, results = run
    races = [race for race in results["races"] if race["pass"] == passes]
    _, ax = plt.subplots()
    drawn = plots.step_times(ax, results, passes)
    assert set(drawn) == set(GRUS)
    points = [container.lines[0].get_ydata() for container in ax.containers]
    for (name, medians), on_axes in zip(drawn.items(), points, strict=True):
        wanted = [1e6 * np.median(race["times"][name]) / SHORT[1] for race in races]
        np.testing.assert_allclose(medians, wanted)
        np.testing.assert_allclose(on_axes, wanted)
    assert [text.get_text() for text in ax.get_xticklabels()] == [
        f"{precision}\nB 3\nT 2\nH 6\nD 4" for precision in PRECISIONS
    ]
    assert {text.get_text() for text in ax.texts} == set(GRUS)
    plt.close("all")


def test_the_figure_says_which_passes_there_are(run):
    with pytest.raises(ValueError, match=r"passes: expected one of \['forward', .*got 'backward'"):
        plots.step_times(None, run[1], "backward")


def test_the_tables_own_sizes_are_those_with_goals(monkeypatch, capsys, tmp_path):
    file = tmp_path / "times.json"
    small(monkeypatch, "--json", str(file))
    monkeypatch.setattr(gpu, "GOALS", {(SIZE, "ieee"): (1.5, 1.3)})
    monkeypatch.setattr(gpu, "SCAN_SIZE", (B, T, H))
    monkeypatch.setattr(
        contending,
        "MAKERS",
        {contending.BASELINE: contending.torch_gru} | {contending.EAGER: contending.cell_loop},
    )
    command.main()
    results = json.loads(file.read_text())
    assert [(r["precision"], r["goal"]) for r in results["races"]] == [("ieee", 1.5), ("ieee", 1.3)]
    assert [r["goal"] for r in results["scan"]] == [0.8, 0.7]
    assert "of the copies' bandwidth, goal 0.8" in capsys.readouterr().out


def test_a_run_that_is_stopped_leaves_the_baseline(monkeypatch, tmp_path):
    file = tmp_path / "times.json"
    small(monkeypatch, "--json", str(file), "--size", "1,2,2,2")

    def stop(*arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr(gpu, "attempt", stop)
    with pytest.raises(KeyboardInterrupt):
        command.main()
    results = json.loads(file.read_text())
    assert len(results["baseline"]) == 6
    assert results["races"] == []


def test_who_fails_is_left_out_with_the_reason_but_not_the_baseline(monkeypatch, capsys):
    def refuse(D, H):
        raise ValueError("no such kernel\nand more")

    small(monkeypatch, "--size", "1,2,2,2")
    monkeypatch.setitem(contending.MAKERS, contending.OURS, refuse)
    results = {}
    for _ in gpu.measure(results, DEVICE, [(1, 2, 2, 2)]):
        pass
    for record in results["races"]:
        assert record["left_out"] == {contending.OURS: "ValueError: no such kernel"}
        assert list(record["times"]) == [contending.BASELINE, contending.EAGER]
    assert "Without nn.GRU (Triton): ValueError: no such kernel\n" in capsys.readouterr().out
    monkeypatch.setitem(contending.MAKERS, contending.BASELINE, refuse)
    with pytest.raises(ValueError, match="no such kernel"):
        list(gpu.measure({}, DEVICE, [(1, 2, 2, 2)]))


def test_without_cuda_the_command_says_what_it_needs(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(sys, "argv", ["bench", "gpu"])
    with pytest.raises(SystemExit, match=r"^The table gpu needs a CUDA device, .* NVIDIA GPU"):
        command.main()
