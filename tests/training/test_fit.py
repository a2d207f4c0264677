"""The training loop: what it learns, where it stops, and what it refuses."""

import random

import numpy as np
import pytest
import torch
from fitting import (
    CALLS_AN_EPOCH,
    OPTIONS,
    assert_same_weights,
    make_data,
    make_model,
    validation_loss,
)
from torch.nn.functional import cross_entropy, mse_loss

from gru_course.training import fit


def test_learns_a_small_task():
    model, train, valid = make_model(), make_data(200, 1), make_data(100, 2)
    untrained = validation_loss(model, valid)
    history = fit(model, mse_loss, train, valid, **OPTIONS | {"epochs": 15, "lr": 0.03})
    assert history.stopped == "epochs"
    assert len(history.train) == len(history.valid) == len(history.grad_norm) == 15
    assert validation_loss(model, valid) < 0.05 * untrained
    assert history.train[-1] < 0.1 * history.train[0]
    assert not model.training


def test_learns_class_numbers():
    rng = np.random.default_rng(0)
    inputs = rng.normal(size=(100, 2))
    data = inputs, (inputs[:, 0] > inputs[:, 1]).astype(np.int64)
    history = fit(
        torch.nn.Linear(2, 2), cross_entropy, data, data, **OPTIONS | {"epochs": 15, "lr": 0.3}
    )
    assert history.valid[history.best_epoch] < 0.1


def test_equals_a_loop_written_out():
    # The oracle: one batch, so that neither the order nor the averaging enters.
    train, valid = make_data(20, 1), make_data(10, 2)
    model, other = make_model().double(), make_model().double()
    history = fit(
        model, mse_loss, train, valid, epochs=5, batch_size=20, lr=0.01, clip=0.1, progress=False
    )
    x, y = (torch.tensor(a) for a in train)
    optimizer = torch.optim.Adam(other.parameters(), lr=0.01)
    losses, norms, valid_losses = [], [], []
    for _ in range(5):
        grads = torch.autograd.grad(loss := mse_loss(other(x), y), list(other.parameters()))
        norm = torch.sqrt(sum((g**2).sum() for g in grads))
        for parameter, grad in zip(other.parameters(), grads, strict=True):
            parameter.grad = grad * min(1.0, 0.1 / norm.item())
        optimizer.step()
        losses.append(loss.item())
        norms.append(norm.item())
        with torch.no_grad():
            valid_losses.append(
                mse_loss(other(torch.tensor(valid[0])), torch.tensor(valid[1])).item()
            )
    assert max(norms) > 0.2  # so clipping did something
    np.testing.assert_allclose(history.train, losses, rtol=1e-5)
    np.testing.assert_allclose(history.grad_norm, norms, rtol=1e-5)
    np.testing.assert_allclose(history.valid, valid_losses, rtol=1e-5)


def test_the_last_small_batch_weighs_by_its_size():
    # With lr near zero the weights stand still: the mean over batches is the mean over examples.
    train, valid = make_data(30, 1), make_data(11, 2)
    model = make_model()
    wanted = validation_loss(model, train), validation_loss(model, valid)
    history = fit(model, mse_loss, train, valid, epochs=1, batch_size=8, lr=1e-12, progress=False)
    assert history.train[0] == pytest.approx(wanted[0], rel=1e-5)
    assert history.valid[0] == pytest.approx(wanted[1], rel=1e-5)


def test_early_stopping_restores_the_best_weights():
    rng = np.random.default_rng(0)
    # Noise has nothing to learn: the validation loss must rise as the model memorises.
    noise = rng.normal(size=(16, 5, 1)), rng.normal(size=(16, 1))
    valid = rng.normal(size=(50, 5, 1)), rng.normal(size=(50, 1))
    model = make_model()
    history = fit(
        model, mse_loss, noise, valid, epochs=300, batch_size=8, lr=0.03, patience=7, progress=False
    )
    assert history.stopped == "patience"
    assert history.best_epoch == int(np.argmin(history.valid))
    assert len(history.valid) == history.best_epoch + 1 + 7
    assert validation_loss(model, valid) == pytest.approx(min(history.valid), rel=1e-6)
    assert history.valid[-1] > 1.001 * min(history.valid)  # else nothing was there to restore


@pytest.mark.parametrize("dropout", [0.0, 0.3])
def test_the_same_seed_gives_the_same_run_and_touches_nothing_global(dropout):
    train, valid = make_data(30, 1), make_data(30, 2)

    def run(seed, disturb):
        torch.manual_seed(disturb)
        model = make_model(dropout=dropout)
        before = random.getstate(), np.random.get_state()[1].copy(), torch.get_rng_state()  # noqa: NPY002
        history = fit(model, mse_loss, train, valid, seed=seed, **OPTIONS)
        after = random.getstate(), np.random.get_state()[1].copy(), torch.get_rng_state()  # noqa: NPY002
        assert before[0] == after[0]
        assert (before[1] == after[1]).all()
        assert torch.equal(before[2], after[2])
        return model, history

    (model, history), (same, same_history) = run(0, disturb=1), run(0, disturb=2)
    assert history == same_history
    assert_same_weights(model, same)
    assert run(1, disturb=1)[1].train != history.train


@pytest.mark.parametrize(
    ("shape", "target"),
    [
        ((30, 1), torch.zeros(30)),  # (N, 1) against (N,) would compare all pairs
        ((30, 1), torch.zeros(30, 2)),
        ((30, 1), torch.zeros(30, dtype=torch.long)),
        ((30, 3), torch.zeros(30, 3, 1, dtype=torch.long)),
        ((30, 3, 4), torch.zeros(30, 5, dtype=torch.long)),
    ],
)
def test_predictions_and_targets_of_other_shapes_are_refused(shape, target):
    model = torch.nn.Linear(shape[-1], shape[-1])
    data = torch.zeros(shape), target
    with pytest.raises(ValueError, match="targets: expected the shape of the model's predictions"):
        fit(model, mse_loss, data, data, **OPTIONS)


@pytest.mark.parametrize("axis", [1, 2])
def test_the_axis_of_classes_may_be_the_second_or_the_last(axis):
    model = torch.nn.Linear(3, 3)  # (N, T, C) to (N, T, C)
    labels = torch.zeros(30, 5, dtype=torch.long)
    if axis == 1:
        model = torch.nn.Sequential(model, torch.nn.Flatten(1), torch.nn.Unflatten(1, (3, 5)))

    def loss(prediction, target):
        return cross_entropy(prediction.movedim(axis, 1), target)

    data = torch.randn(30, 5, 3), labels
    assert len(fit(model, loss, data, data, **OPTIONS | {"epochs": 1}).train) == 1


def test_a_loss_that_stops_being_finite_is_reported():
    train, valid = make_data(30, 1), make_data(30, 2)
    left = [3 * CALLS_AN_EPOCH]

    def loss(prediction, target):
        left[0] -= 1
        return mse_loss(prediction, target) * (torch.nan if left[0] < 0 else 1.0)

    with pytest.raises(ValueError, match=r"loss is not finite in epoch 3, .* smaller lr than 0.01"):
        fit(make_model(), loss, train, valid, **OPTIONS)


def test_losses_that_are_not_one_number_are_refused():
    data = make_data()
    for loss in (
        lambda prediction, target: (prediction - target) ** 2,
        lambda prediction, target: 0.0,
    ):
        with pytest.raises(ValueError, match="loss_function: expected one number for a batch"):
            fit(make_model(), loss, data, data, **OPTIONS)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("epochs", 0),
        ("epochs", 1.5),
        ("epochs", np.float64(2)),
        ("lr", np.bool_(True)),
        ("batch_size", 0),
        ("batch_size", True),
        ("lr", 0),
        ("lr", -0.1),
        ("lr", float("nan")),
        ("lr", float("inf")),
        ("lr", "0.1"),
        ("clip", 0.0),
        ("clip", None),
        ("patience", 0),
        ("patience", None),
        ("seed", -1),
        ("seed", 0.5),
    ],
)
def test_bad_arguments_are_named(name, value):
    data = make_data()
    with pytest.raises(ValueError, match=f"^{name}: expected"):
        fit(make_model(), mse_loss, data, data, **OPTIONS | {name: value})


def test_numbers_of_numpy_are_numbers():
    data = make_data()
    wanted = fit(make_model(), mse_loss, data, data, **OPTIONS | {"lr": 0.125})
    numpys = {"epochs": np.int64(6), "batch_size": np.uint8(8), "lr": np.float32(0.125)}
    numpys |= {"patience": np.int64(10), "seed": np.int32(0), "clip": np.float64(1)}
    assert fit(make_model(), mse_loss, data, data, **OPTIONS | numpys) == wanted


def test_a_model_that_returns_its_states_is_named():
    data = make_data()
    with pytest.raises(ValueError, match=r"model: expected .* this one returns a tuple; .*Readout"):
        fit(torch.nn.GRU(1, 4), mse_loss, data, data, **OPTIONS)
    with pytest.raises(ValueError, match="model: expected a torch module, got function"):
        fit(make_model, mse_loss, data, data, **OPTIONS)


def test_bad_data_are_named():
    inputs, targets = make_data()
    holes = inputs.copy()
    holes[3, 2, 0] = np.nan
    good = inputs, targets
    for bad, message in [
        (inputs, "train: expected a pair"),
        ((inputs, targets, targets), "train: expected a pair"),
        ((inputs, targets[:-1]), "train: expected as many targets as inputs, got 29 targets"),
        ((inputs[:0], targets[:0]), "train inputs: expected at least one example"),
        ((holes, targets), "train inputs: expected finite numbers"),
        ((np.ma.masked_invalid(holes), targets), "train inputs: expected an array without a mask"),
        ((inputs, np.array(["a"] * 30)), "train targets: expected an array of numbers"),
        ((inputs, None), "train targets: expected an array of numbers"),
    ]:
        with pytest.raises(ValueError, match=message):
            fit(make_model(), mse_loss, bad, good, **OPTIONS)
        with pytest.raises(ValueError, match=message.replace("train", "valid")):
            fit(make_model(), mse_loss, good, bad, **OPTIONS)
    with pytest.raises(ValueError, match="model: expected a module with parameters"):
        fit(torch.nn.Tanh(), mse_loss, good, good, **OPTIONS)


def test_the_bar_shows_the_losses(capsys):
    data = make_data()
    history = fit(make_model(), mse_loss, data, data, **OPTIONS | {"progress": True})
    shown = capsys.readouterr().err
    assert "6/6" in shown
    assert f"valid={history.valid[-1]:.3g}" in shown
    fit(make_model(), mse_loss, data, data, **OPTIONS)
    assert capsys.readouterr().err == ""
