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
        (networks(2), nan, 1, "draw inputs: expected finite numbers"),
        (networks(2), lambda: [nan()[1]] * 3, 1, "draw: expected a pair"),
        ([torch.nn.Tanh()], nan, 1, r"models\[0\]: expected a module with parameters to train"),
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


def test_settings_out_of_range_are_named():
    def draw():
        return np.zeros((2, 3, 2)), np.zeros((2, 3, 1))

    for change, message in [
        ({"lr": -0.1}, "lr: expected a finite number above 0"),
        ({"lr": float("inf")}, "lr: expected a finite number above 0"),
        ({"clip": None}, "clip: expected a number above 0"),
    ]:
        with pytest.raises(ValueError, match=message):
            fit_side_by_side(networks(2), MSE, draw, **{"steps": 1, "lr": 0.01} | change)
    with pytest.raises(ValueError, match="the loss is not finite in step 0"):
        fit_side_by_side(
            networks(2),
            lambda p, t: MSE(p, t) * torch.inf,
            lambda: (draw()[0], draw()[1] + 1),
            steps=np.int64(1),
            lr=0.01,
        )


def test_predictions_and_targets_of_other_shapes_are_refused():
    models = [torch.nn.Linear(1, 1) for _ in range(2)]
    x = np.zeros((8, 1))
    message = r"targets: expected the shape of the model's predictions \(8, 1\), got \(8,\)"
    with pytest.raises(ValueError, match=message):
        fit_side_by_side(models, MSE, lambda: (x, x[:, 0]), steps=1, lr=0.1)
    with pytest.raises(ValueError, match="loss_function: expected one number"):
        fit_side_by_side(models, lambda p, t: (p - t) ** 2, lambda: (x, x), steps=1, lr=0.1)
    with pytest.raises(ValueError, match=r"model: expected .* returns a tuple; .*Readout"):
        fit_side_by_side(
            [nn.Recurrent(nn.GRUCell(2, 3))], MSE, lambda: (np.zeros((8, 4, 2)), x), steps=1, lr=0.1
        )


class Tagger(torch.nn.Module):
    """Word numbers to classes, with a frozen embedding, and a mean that no gradient changes."""

    def __init__(self):
        super().__init__()
        self.embedding = torch.nn.Embedding(7, 3)
        self.embedding.requires_grad_(False)
        self.layer = nn.Readout(nn.Recurrent(nn.RNNCell(3, 4)), 5, last=False)
        self.register_buffer("scale", torch.rand(()), persistent=False)

    def forward(self, words):
        return self.layer(self.embedding(words)) * self.scale


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("own_data", [False, True])
def test_classes_of_words_with_frozen_weights_and_buffers(dtype, own_data):
    torch.manual_seed(0)
    models = [Tagger().to(dtype) for _ in range(3)]
    singles = copy.deepcopy(models)
    shape = (4, 3, 2, 6) if own_data else (4, 2, 6)
    words, tags = torch.randint(7, shape), torch.randint(5, shape)
    feed = zip(words, tags, strict=True)

    def loss(prediction, target):
        return torch.nn.functional.cross_entropy(prediction.movedim(-1, 1), target)

    losses = fit_side_by_side(models, loss, lambda: next(feed), steps=4, lr=0.1)
    for k, (model, single) in enumerate(zip(models, singles, strict=True)):
        optimizer = torch.optim.Adam(single.layer.parameters(), lr=0.1)
        for step in range(4):
            value = loss(
                single(words[step][k] if own_data else words[step]),
                tags[step][k] if own_data else tags[step],
            )
            assert losses.dtype == value.detach().numpy().dtype
            np.testing.assert_allclose(losses[step, k], value.item(), rtol=1e-4)
            optimizer.zero_grad()
            value.backward()
            torch.nn.utils.clip_grad_norm_(single.layer.parameters(), 1.0)
            optimizer.step()
        for name, wanted in single.state_dict().items():
            torch.testing.assert_close(model.state_dict()[name], wanted, rtol=1e-3, atol=1e-5)
