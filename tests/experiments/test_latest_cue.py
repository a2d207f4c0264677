"""The latest-cue experiment: its task, its cuts, and a thin slice beside the stored numbers."""

import numpy as np
import pytest
import torch

from gru_course import experiments
from gru_course.experiments import latest_cue


def test_the_target_is_the_latest_cue():
    xs, wanted, is_cue = latest_cue.sequences(np.random.default_rng(0), 30, 12, 0.3)
    assert is_cue[:, 0].all()
    latest = None
    for symbols, answers, cues in zip(xs.numpy().argmax(axis=2), wanted, is_cue, strict=True):
        for symbol, answer, cue in zip(symbols, answers, cues, strict=True):
            assert cue == (symbol < 4)
            latest = symbol if cue else latest
            assert answer == latest


def test_gates_are_those_with_which_torch_computes_its_states():
    model = latest_cue.train(lr=0.01, seed=0, updates=2)
    xs, _, _ = latest_cue.unseen()
    i, f, g, o = latest_cue.gates(model, xs)
    c, hs = 0.0, []
    for t in range(xs.shape[1]):
        c = f[:, t] * c + i[:, t] * g[:, t]
        hs.append(o[:, t] * np.tanh(c))
    wanted, _ = model.recurrent(xs)
    assert np.stack(hs, axis=1) == pytest.approx(wanted.detach().numpy(), abs=1e-5)


def test_a_cut_takes_away_one_part_and_leaves_the_model_whole():
    model = latest_cue.train(lr=0.02, seed=0, updates=2)
    xs, _, _ = latest_cue.unseen()
    before = latest_cue.answers(model, xs)
    whole = latest_cue.gates(model, xs)
    assert latest_cue.gates(latest_cue.cut(model, "f"), xs)[1].max() < 1e-30
    for k, what in enumerate(("W_hi", "W_hf", "W_hg", "W_ho")):
        after = latest_cue.gates(latest_cue.cut(model, what), xs)
        W, b = (getattr(model.recurrent, n).data for n in ("weight_ih_l0", "bias_ih_l0"))
        rows, b = slice(16 * k, 16 * (k + 1)), b + model.recurrent.bias_hh_l0.data
        squash = torch.tanh if what == "W_hg" else torch.sigmoid
        alone = squash(xs @ W[rows].T + b[rows])  # a function of the input alone
        assert after[k] == pytest.approx(alone.numpy(), abs=1e-5)
        assert abs(after[k] - whole[k]).max() > 0.01
    assert (latest_cue.answers(model, xs) == before).all()


def test_the_best_unit_of_each_window_of_noise():
    f = np.array([[[0.5, 0.9], [0.5, 0.1], [1.0, 0.2], [0.3, 0.4]]])  # (1, 4, 2)
    is_cue = np.array([[False, False, False, True]])
    assert latest_cue.kept_by_best_unit(f, is_cue, 2) == pytest.approx([0.25, 0.5])


def test_a_slice_gives_the_numbers_of_the_file():
    result = experiments.load("latest_cue")
    settings, job = result["settings"], {"lr": 0.02, "updates": 150, "seed": 0}
    got = latest_cue.run(job, settings)
    runs = experiments.select(result["runs"], lr=0.02, updates=150)
    for key in ("f", "i"):
        stored = np.array([run[key] for run in runs])
        assert (np.array(got[key]) > stored.min(axis=0) - 0.1).all()
        assert (np.array(got[key]) < stored.max(axis=0) + 0.1).all()
    for what, (noise, cues) in got["right"].items():
        stored = np.array([run["right"][what] for run in runs])
        assert (np.array([noise, cues]) > stored.min(axis=0) - 0.15).all()
        assert (np.array([noise, cues]) < stored.max(axis=0) + 0.15).all()
