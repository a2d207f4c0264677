"""Training many networks at once against training each of them alone."""

import copy

import numpy as np
import pytest
import torch

from gru_course import nn
from gru_course.training import fit_side_by_side

MSE = torch.nn.functional.mse_loss


def networks(count=3, hidden_size=4):
    torch.manual_seed(0)
    cells = [nn.GRUCell(2, hidden_size) for _ in range(count)]
    return [nn.Readout(nn.Recurrent(cell), 1, last=False) for cell in cells]


def batches(count, seed=0, steps=6):
    rng = np.random.default_rng(seed)
    shape = (steps, 5, 7) if count is None else (steps, count, 5, 7)
    inputs = rng.normal(size=(*shape, 2))
    return inputs, inputs.cumsum(axis=-2)[..., :1]


def alone(model, inputs, targets, lr, clip):
    """One model, torch's own optimizer and clipping, one batch a step."""
    optimizer = torch.optim.Adam(model.parameters(), lr=lr)
    losses = []
    for x, y in zip(inputs, targets, strict=True):
        loss = MSE(model(torch.tensor(x).float()), torch.tensor(y).float())
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), clip)
        optimizer.step()
        losses.append(loss.item())
    return losses


@pytest.mark.parametrize("own_data", [False, True])
@pytest.mark.parametrize("clip", [1.0, 0.05, float("inf")])
def test_side_by_side_is_one_after_another(own_data, clip):
    models = networks()
    singles = [copy.deepcopy(model) for model in models]
    inputs, targets = batches(3 if own_data else None)
    feed = zip(inputs, targets, strict=True)
    losses = fit_side_by_side(models, MSE, lambda: next(feed), steps=6, lr=0.03, clip=clip)
    assert losses.shape == (6, 3)
    for k, (model, single) in enumerate(zip(models, singles, strict=True)):
        mine = (inputs[:, k], targets[:, k]) if own_data else (inputs, targets)
        np.testing.assert_allclose(losses[:, k], alone(single, *mine, 0.03, clip), rtol=1e-4)
        for name, wanted in single.state_dict().items():
            found = model.state_dict()[name]
            torch.testing.assert_close(found, wanted, rtol=1e-3, atol=1e-5)


def test_the_models_learn():
    models = networks()
    rng = np.random.default_rng(0)

    def draw():
        inputs = rng.normal(size=(16, 4, 2))
        return inputs, 0.5 * inputs[..., :1]

    losses = fit_side_by_side(models, MSE, draw, steps=80, lr=0.03)
    assert (losses[-5:].mean(axis=0) < 0.3 * losses[:5].mean(axis=0)).all()


def nan():
    return np.full((2, 3, 2), np.nan), np.zeros((2, 3, 1))


@pytest.mark.parametrize(
    ("models", "draw", "steps", "message"),
    [
        ([], nan, 1, "models: expected at least one, got none"),
        ([*networks(1), *networks(1, 5)], nan, 1, "models: expected one architecture, number 1"),
        ([*networks(1), torch.nn.Linear(2, 1)], nan, 1, "models: .* number 1 differs"),
        (networks(2), nan, 0, "steps: expected a whole number of at least 1, got 0"),
        (networks(2), nan, True, "steps: expected a whole number of at least 1, got True"),
        (networks(2), nan, 1, "the loss is not finite in step 0"),
        (
            networks(2),
            lambda: (np.zeros((3, 4, 5, 2)), np.zeros((3, 4, 5, 1))),
            1,
            r"draw: expected 2 batches, one a model, got shapes \(3, 4, 5, 2\)",
        ),
    ],
)
def test_bad_arguments_are_named(models, draw, steps, message):
    with pytest.raises(ValueError, match=message):
        fit_side_by_side(models, MSE, draw, steps=steps, lr=0.01)
