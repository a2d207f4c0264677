"""One run of the table of the GPU, small and on the CPU: what it writes, prints and draws."""

import contextlib
import io
import json
import sys
from datetime import UTC, datetime

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch

from gru_course import plots
from gru_course.bench import __main__ as command
from gru_course.bench import gpu, gpu_card, timing
from gru_course.bench import gpu_contenders as contending

from .card import A_CARD, CUDA, DEVICE, GRUS, PRECISIONS, SHORT, SIZE, B, H, T

pytest.importorskip("triton", reason="Triton is for Linux")


def small(monkeypatch, *arguments):
    """The command on the CPU, with small products and copies."""
    monkeypatch.setattr(sys, "argv", ["bench", "gpu", *arguments])
    monkeypatch.setattr(gpu_card, "device", lambda: DEVICE)
    monkeypatch.setattr(gpu, "card", lambda device: dict(A_CARD))
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
    assert {key: results[key] for key in A_CARD} == A_CARD
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
