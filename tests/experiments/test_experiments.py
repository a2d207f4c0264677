"""Experiments resume, refuse what does not belong to their code, and store what they measured."""

import json
import subprocess
import sys

import pytest

from gru_course import experiments
from gru_course.experiments import _measure, recall

TINY = {"networks": [["RNN", None]], "lrs": [0.01, 0.02], "seeds": [0], "updates": [0, 2]}


@pytest.fixture
def tiny(monkeypatch):
    """`quick` runs of recall with two jobs of two updates."""
    monkeypatch.setattr(recall, "QUICK", TINY)


@pytest.mark.parametrize("name", experiments.names())
def test_the_result_has_each_job_of_the_code_once_and_in_order(name):
    result = experiments.load(name)
    jobs = json.loads(json.dumps(experiments.experiment(name).jobs(result["settings"])))
    assert [
        {key: run[key] for key in job} for job, run in zip(jobs, result["runs"], strict=True)
    ] == jobs
    assert result["processor_seconds"] == pytest.approx(
        sum(run["processor_seconds"] for run in result["runs"]), abs=0.1
    )
    assert {"versions", "processor", "date"} < set(result)


def test_a_stopped_experiment_goes_on_where_it_stopped(tiny, tmp_path, monkeypatch):
    file, partial = tmp_path / "tiny.json", tmp_path / "tiny.json.partial"

    def stop_after_one(futures):
        yield futures[0]
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(_measure, "as_completed", stop_after_one)
        with pytest.raises(KeyboardInterrupt):
            _measure.measure("recall", file, quick=True, workers=1)
    head, finished = map(json.loads, partial.read_text("utf8").splitlines())
    assert not file.exists()
    assert finished["lr"] == 0.01

    # Marked, so that it can be told from a second measurement; the next line is cut short.
    marked = finished | {"losses": [9.0, 9.0]}
    partial.write_text(f'{json.dumps(head)}\n{json.dumps(marked)}\n{{"cell": "RN', "utf8")
    result = _measure.measure("recall", file, quick=True, workers=1)
    assert result["runs"][0] == marked
    assert result["runs"][1]["losses"] == pytest.approx(
        recall.train("RNN", None, lr=0.02, seed=0, updates=[0, 2]), abs=1e-3
    )
    assert result == json.loads(file.read_text("utf8"))
    assert not partial.exists()


def test_the_command_measures_and_says_where_it_wrote(tmp_path):
    command = [sys.executable, "-m", "gru_course.experiments", "digits", "--quick"]
    run = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    assert run.stdout.startswith("3 runs, ")
    assert run.stdout.endswith(" digits-quick.json\n")
    result = json.loads((tmp_path / "digits-quick.json").read_text("utf8"))
    assert [run["forget_bias"] for run in result["runs"]] == [0.0, 1.0, 3.0]
    assert all(len(run["right"]) == 2 for run in result["runs"])
    assert result["settings"] == experiments.settings_of("digits", quick=True)


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"settings": {"lrs": [1.0]}}, "settings is"),
        ({"versions": {"torch": "0.1"}}, "versions is"),
    ],
)
def test_a_partial_file_begun_otherwise_is_refused(tiny, tmp_path, changed, words):
    settings = experiments.settings_of("recall", quick=True)
    head = {"settings": settings, "versions": _measure.versions()}
    head |= {"processor": _measure.processor()} | changed
    (tmp_path / "r.json.partial").write_text(json.dumps(head) + "\n", "utf8")
    with pytest.raises(ValueError, match=words):
        _measure.measure("recall", tmp_path / "r.json", quick=True)


def test_a_result_made_with_other_settings_is_refused(monkeypatch):
    monkeypatch.setitem(recall.SETTINGS, "lrs", (0.003, 0.01))
    with pytest.raises(ValueError, match=r"lrs is \[0.003, 0.01\] in the code and .* run `python"):
        experiments.load("recall")


def test_an_unknown_experiment_and_one_without_a_result_are_named(monkeypatch, tmp_path):
    with pytest.raises(ValueError, match=r"expected one of .*recall.*, got 'echo'"):
        experiments.load("echo")
    monkeypatch.setattr(experiments, "files", lambda package: tmp_path)
    with pytest.raises(ValueError, match="recall: there is no result yet; run `python"):
        experiments.load("recall")


def test_a_selection_of_nothing_is_an_error():
    with pytest.raises(ValueError, match=r"none has {'lr': 0.3}"):
        experiments.select([{"lr": 0.1}], lr=0.3)
