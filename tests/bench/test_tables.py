"""Contenders of a table compute the same numbers; the command runs each in its own process."""

import json
import os
import sys

import numpy as np
import pytest

from gru_course.bench import __main__ as command
from gru_course.bench import contenders
from gru_course.bench.process import Contender

SIZE = (3, 5, 4, 6)


def arrays(results):
    return [np.asarray(result) for result in results]


@pytest.mark.parametrize("name", contenders.TABLES)
@pytest.mark.parametrize("network", ["GRU", "minGRU"])
def test_all_contenders_compute_the_same(name, network, monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    passes = {
        contender: make(*SIZE)
        for contender, make in contenders.TABLES[name].makers.items()
        if not contender.startswith("products")
        and ("min" in contender.lower()) == (network != "GRU")
    }
    if not passes:
        return
    assert len(passes) > 1
    forward, both = next(iter(passes.values()))
    wanted = {"forward": [np.asarray(forward())], "both": arrays(both())}
    for contender, (forward, both) in passes.items():
        got = {"forward": [np.asarray(forward())], "both": arrays(both()) if both else None}
        for name in ("forward", "both") if both else ("forward",):
            for ours, peers in zip(got[name], wanted[name], strict=True):
                np.testing.assert_allclose(ours, peers, rtol=0, atol=2e-5, err_msg=contender)


def test_a_process_that_ends_is_explained():
    contender = Contender("ender", os._exit, threads=1)
    with pytest.raises(SystemExit, match=r"ender: its process ended with code 3 .* build"):
        contender.ask("build", 3)


def test_a_contender_has_its_own_process_and_threads(monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "7")
    contender = Contender("reference", contenders.reference_gru, threads=2)
    assert contender.process.pid != os.getpid()
    assert os.environ["OMP_NUM_THREADS"] == "7", "left as it was"
    assert contender.ask("build", *SIZE) is True
    assert contender.ask("time", True, 3) > 0
    found = contender.ask("describe")
    assert "numpy" in found["versions"]
    assert "torch" not in found["versions"], "a process holds one contender's libraries"
    assert {pool["num_threads"] for pool in found["pools"]} <= {1, 2}
    assert contender.ask("peak") >= 0
    contender.close()
    assert contender.process.exitcode == 0


def test_the_command_prints_tables_and_writes_every_round(monkeypatch, capsys, tmp_path):
    makers = {
        "reference.gru": contenders.reference_gru,
        "products (NumPy)": contenders.numpy_products,
    }
    small = contenders.Table(makers, [SIZE], "products (NumPy)", ["reference.gru"])
    monkeypatch.setitem(contenders.TABLES, "cpu", small)
    monkeypatch.setattr(command, "processors", lambda: 1)
    file = tmp_path / "times.json"
    monkeypatch.setattr(sys, "argv", ["bench", "cpu", "--json", str(file), "--size", "2,3,4,5"])
    command.main()
    printed = capsys.readouterr().out
    assert "## forward + backward, (B, T, D, H) = (2, 3, 4, 5), 1 thread" in printed
    assert "numpy" in printed
    results = json.loads(file.read_text())
    assert [record["pass"] for record in results["races"]] == ["forward", "forward + backward"]
    for record in results["races"]:
        assert record["size"] == [2, 3, 4, 5]
        assert {len(times) for times in record["times"].values()} == {command.ROUNDS}
        line = next(x for x in printed.splitlines() if x.startswith("reference.gru  "))
        assert float(line.split()[1]) > 0
    middle = 1000 * np.median(results["races"][0]["times"]["reference.gru"])
    assert f"{middle:.3f}" in printed
    assert results["memory"][0]["mebibytes"] >= 0
    assert "numpy" in results["races"][0]["libraries"]["reference.gru"]["versions"]
    assert results["processor"] in printed


@pytest.mark.parametrize("size", ["1,2,3", "1,2,3,0", "a,b,c,d"])
def test_sizes_are_checked(size, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["bench", "cpu", "--size", size])
    with pytest.raises(SystemExit):
        command.main()
    assert "--size" in capsys.readouterr().err
