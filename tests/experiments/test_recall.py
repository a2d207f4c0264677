"""The recall experiment: what is trained, and a thin slice of it beside the stored numbers."""

import numpy as np
import pytest
import torch

from gru_course import experiments
from gru_course.experiments import recall


def test_the_target_is_the_first_symbol_and_nothing_else_tells_it():
    xs, first = recall.sequences(np.random.default_rng(0), n=4000, length=6)
    symbols = xs.numpy().argmax(axis=2)
    assert xs.shape == (4000, 6, 4)
    assert (xs.sum(dim=2) == 1).all()
    assert (symbols[:, 0] == first.numpy()).all()
    for later in symbols.T[1:]:  # each agrees with the target as often as chance has it
        assert 0.22 < (later == first.numpy()).mean() < 0.28


@pytest.mark.parametrize("bias", [0.0, 1.0, 3.0])
def test_forget_gates_start_where_they_were_set(bias):
    # From the zero state and without input, with i = 1 and g = 0, c shows f * c_prev alone.
    layer = recall.network("LSTM", bias, hidden_size=5, seed=0).recurrent
    layer.weight_hh_l0.data.zero_()
    layer.bias_ih_l0.data[10:15] = layer.bias_hh_l0.data[10:15] = 0.0  # g
    c0 = torch.ones(1, 1, 5)
    _, (_, c) = layer(torch.zeros(1, 1, 4), (torch.zeros(1, 1, 5), c0))
    assert c.detach().numpy() == pytest.approx(np.full((1, 1, 5), 1 / (1 + np.exp(-bias))))


def test_biases_share_their_first_weights_and_the_global_generator_is_left_alone():
    torch.manual_seed(7)
    expected = torch.rand(3)
    torch.manual_seed(7)
    low, high = (recall.network("LSTM", bias, 5, seed=1).recurrent for bias in (0.0, 3.0))
    assert torch.equal(torch.rand(3), expected)
    assert torch.equal(low.weight_hh_l0, high.weight_hh_l0)
    assert torch.equal(low.bias_ih_l0[:5], high.bias_ih_l0[:5])


@pytest.mark.parametrize(("cell", "bias"), recall.SETTINGS["networks"])
def test_a_slice_gives_the_numbers_of_the_file(cell, bias):
    result = experiments.load("recall")
    points = [0, 50, 100, 200]
    columns = [result["settings"]["updates"].index(point) for point in points]
    runs = experiments.select(result["runs"], cell=cell, forget_bias=bias, lr=0.01)
    stored = np.array([run["losses"] for run in runs])[:, columns]
    got = np.array(recall.train(cell, bias, lr=0.01, seed=0, updates=points))
    # Another processor rounds otherwise, and training multiplies that: soon only the spread holds.
    assert got[:2] == pytest.approx(stored[0, :2], abs=0.01)
    room = 0.1 + 0.5 * (stored.max(axis=0) - stored.min(axis=0))
    assert (got > stored.min(axis=0) - room).all()
    assert (got < stored.max(axis=0) + room).all()
