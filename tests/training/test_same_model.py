"""A checkpoint is taken up by the same model and loss alone, however alike another one looks."""

import copy
import os
import subprocess
import sys
from functools import partial

import pytest
import torch
from fitting import OPTIONS, make_data, make_model
from torch.nn.functional import l1_loss, mse_loss, smooth_l1_loss

from gru_course.nn import (
    GRUCell,
    MinGRU,
    MinimalGatedUnit,
    Readout,
    Recurrent,
    RNNCell,
    UpdateOnlyCell,
)
from gru_course.training import fit, fit_side_by_side


class Configured(torch.nn.Module):
    """One number to learn, and an option in a place where modules like to keep them."""

    def __init__(self, **attributes):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.zeros(1, 1))
        vars(self).update(attributes)

    def forward(self, xs):
        return xs.mean(dim=1) * self.weight


def frozen(model):
    model.recurrent.cell.bias_hh.requires_grad_(False)
    return model


def tied(model):
    model.recurrent.cell.bias_hh = model.recurrent.cell.bias_ih
    return model


def readout(cell):
    return Readout(Recurrent(cell), 1)


class Settings:
    def __init__(self, depth):
        self.depth = depth


# Pairs with parameters of the same names and shapes, and the name under which they differ.
ALIKE = {
    "model.recurrent.cell.reset_after": (
        lambda: readout(GRUCell(1, 4)),
        lambda: readout(GRUCell(1, 4, reset_after=False)),
    ),
    "model.recurrent.cell.nonlinearity": (
        lambda: readout(RNNCell(1, 4)),
        lambda: readout(RNNCell(1, 4, nonlinearity="relu")),
    ),
    "model.recurrent.candidate": (
        lambda: Readout(MinGRU(1, 4), 1),
        lambda: Readout(MinGRU(1, 4, "positive"), 1),
    ),
    "model.recurrent.cell": (
        lambda: readout(UpdateOnlyCell(1, 4)),
        lambda: readout(MinimalGatedUnit(1, 4)),
    ),
    "model.1.p": (
        lambda: torch.nn.Sequential(readout(GRUCell(1, 4)), torch.nn.Dropout(0.1)),
        lambda: torch.nn.Sequential(readout(GRUCell(1, 4)), torch.nn.Dropout(0.2)),
    ),
    "model.recurrent.dropout": (
        lambda: Readout(torch.nn.GRU(1, 4, 2, batch_first=True), 1),
        lambda: Readout(torch.nn.GRU(1, 4, 2, batch_first=True, dropout=0.5), 1),
    ),
    "model.recurrent.cell.bias_hh": (
        lambda: readout(GRUCell(1, 4)),
        lambda: frozen(readout(GRUCell(1, 4))),
    ),
    "model.recurrent.cell.bias_hh, tied": (
        lambda: readout(GRUCell(1, 4)),
        lambda: tied(readout(GRUCell(1, 4))),
    ),
    "model.weight": (lambda: Configured(), lambda: Configured().double()),
    "model.options": (
        lambda: Configured(options={"steps": [1, 2]}),
        lambda: Configured(options={"steps": [1, 3]}),
    ),
    "model.options, an object": (
        lambda: Configured(options=[Settings(1)]),
        lambda: Configured(options=[Settings(2)]),
    ),
    "model.mask": (
        lambda: Configured(mask=torch.zeros(2000)),
        lambda: Configured(mask=torch.eye(2000)[1000]),
    ),
    "model.activate": (
        lambda: Configured(activate=torch.tanh),
        lambda: Configured(activate=torch.relu),
    ),
    "model.activate, a lambda": (
        lambda: Configured(activate=lambda a: a + a),
        lambda: Configured(activate=lambda a: a * a),
    ),
    "model.inner": (
        lambda: Configured(inner=[torch.nn.Dropout(0.1)]),  # no list that modules know of
        lambda: Configured(inner=[torch.nn.Dropout(0.2)]),
    ),
}


@pytest.mark.parametrize("name", ALIKE)
def test_two_models_of_the_same_shapes_are_not_taken_for_one(name, tmp_path):
    one, other = ALIKE[name]
    data, path = make_data(8), tmp_path / "run.pt"
    options = OPTIONS | {"epochs": 1, "checkpoint": path}
    history = fit(one(), mse_loss, data, data, **options)
    assert fit(one(), mse_loss, data, data, **options) == history  # made anew, it is the same
    assert fit(copy.deepcopy(one()), mse_loss, data, data, **options) == history
    message = rf"checkpoint: .* written with {name.split(',')[0]} = .*, got"
    with pytest.raises(ValueError, match=message):
        fit(other(), mse_loss, data, data, **options)
    # Nor where one model's code computes for all.
    x = torch.zeros(3, 5, 1)
    message = rf"models: .* number 1 differs from number 0: {name.split(',')[0]} is .*, not "
    with pytest.raises(ValueError, match=message):
        fit_side_by_side([one(), other()], mse_loss, lambda: (x, x[:, 0]), steps=1, lr=0.1)


LOSSES = {
    "a function": (mse_loss, l1_loss),
    "a lambda": (lambda p, t: ((p - t) ** 2).mean(), lambda p, t: ((p + t) ** 2).mean()),
    "a partial": (partial(smooth_l1_loss, beta=1.0), partial(smooth_l1_loss, beta=2.0)),
    "a module": (torch.nn.SmoothL1Loss(beta=1.0), torch.nn.SmoothL1Loss(beta=2.0)),
}


@pytest.mark.parametrize("kind", LOSSES)
def test_two_losses_are_not_taken_for_one(kind, tmp_path):
    loss, other = LOSSES[kind]
    data, options = make_data(8), OPTIONS | {"epochs": 1, "checkpoint": tmp_path / "run.pt"}
    history = fit(make_model(), loss, data, data, **options)
    assert fit(make_model(), copy.deepcopy(loss), data, data, **options) == history
    with pytest.raises(ValueError, match=r"checkpoint: .* written with loss_function.* = .*, got"):
        fit(make_model(), other, data, data, **options)


def test_a_model_is_told_in_the_same_words_by_another_process():
    program = """if True:
        import torch
        from gru_course.training._options import options
        from gru_course.nn import GRU, Readout
        class Own: pass
        model = Readout(GRU(2, 3, batch_first=True), 1)
        model.kept = {"a", "b", "c", torch.tanh, print, Own}, Own(), torch.nn.Linear.forward
        print(options("model", model), options("loss", lambda p, t: {"a", "b", p}))
    """
    runs = [
        subprocess.run(
            [sys.executable, "-c", program],
            env=os.environ | {"PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in "12"
    ]
    assert runs[0] == runs[1]
    assert "model.recurrent.batch_first" in runs[0]
