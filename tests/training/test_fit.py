"""The training loop: what it learns, where it stops, and what it leaves behind."""

import copy
import itertools
import os
import random
import subprocess
import sys
from functools import partial

import numpy as np
import pytest
import torch
from torch.nn.functional import cross_entropy, l1_loss, mse_loss, smooth_l1_loss

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

OPTIONS = {"epochs": 6, "batch_size": 8, "lr": 0.01, "progress": False}


def make_model(seed=0, dropout=0.0):
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        readout = Readout(Recurrent(GRUCell(1, 4)), 1)
        return torch.nn.Sequential(readout, torch.nn.Dropout(dropout))


def make_data(n=30, seed=0):
    """The mean of a short sequence; 30 examples leave a last batch of six."""
    rng = np.random.default_rng(seed)
    xs = rng.normal(size=(n, 5, 1))
    return xs, xs.mean(axis=1)


def assert_same_weights(model, other):
    for (name, a), (_, b) in zip(
        model.state_dict().items(), other.state_dict().items(), strict=True
    ):
        assert torch.equal(a, b), name


@torch.no_grad()
def validation_loss(model, data):
    inputs, targets = (torch.tensor(a, dtype=torch.float32) for a in data)
    return mse_loss(model(inputs), targets).item()


def interrupted_loss(at, error=KeyboardInterrupt):
    """Mean squared error that raises `error` at its call number `at`; never if that is None.

    A checkpoint knows the loss by its name, which is the same for all of these.
    """
    calls = itertools.count(1)

    def loss(prediction, target):
        if next(calls) == at:
            raise error
        return mse_loss(prediction, target)

    return loss


# Thirty examples in batches of eight: four batches of training and four of validation an epoch.
CALLS_AN_EPOCH = 8


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


@pytest.mark.parametrize("dropout", [0.0, 0.3])
@pytest.mark.parametrize("call", [2 * CALLS_AN_EPOCH + 2, 3 * CALLS_AN_EPOCH - 1])
def test_a_resumed_run_is_bit_for_bit_the_uninterrupted_one(tmp_path, dropout, call):
    train, valid = make_data(30, 1), make_data(30, 2)
    whole = make_model(dropout=dropout)
    wanted = fit(whole, interrupted_loss(None), train, valid, **OPTIONS)

    path = tmp_path / "runs" / "mean.pt"
    stopped = make_model(dropout=dropout)
    history = fit(stopped, interrupted_loss(call), train, valid, checkpoint=path, **OPTIONS)
    assert history.stopped == "interrupted"
    assert history.valid == wanted.valid[:2]

    resumed = make_model(seed=99, dropout=dropout)  # its weights come from the file
    torch.manual_seed(5)
    assert fit(resumed, interrupted_loss(None), train, valid, checkpoint=path, **OPTIONS) == wanted
    assert_same_weights(resumed, whole)
    assert [file.name for file in path.parent.iterdir()] == ["mean.pt"]

    # A finished run comes back as it was, and can be made longer.
    again = make_model(seed=98, dropout=dropout)
    assert fit(again, interrupted_loss(None), train, valid, checkpoint=path, **OPTIONS) == wanted
    assert_same_weights(again, whole)
    longer = OPTIONS | {"epochs": 9}
    wanted = fit(
        straight := make_model(dropout=dropout), interrupted_loss(None), train, valid, **longer
    )
    assert fit(again, interrupted_loss(None), train, valid, checkpoint=path, **longer) == wanted
    assert_same_weights(again, straight)


def test_a_run_that_stopped_for_patience_stays_stopped(tmp_path):
    rng = np.random.default_rng(0)
    data = rng.normal(size=(16, 5, 1)), rng.normal(size=(16, 1))
    valid = rng.normal(size=(50, 5, 1)), rng.normal(size=(50, 1))
    options = OPTIONS | {"epochs": 300, "lr": 0.03, "patience": 3, "checkpoint": tmp_path / "run"}
    first = fit(make_model(), mse_loss, data, valid, **options)
    assert first.stopped == "patience"
    assert fit(make_model(1), mse_loss, data, valid, **options) == first


@pytest.mark.parametrize("finished", [0, 3])
def test_an_interrupt_keeps_what_is_finished(finished):
    train, valid = make_data(30, 1), make_data(30, 2)
    model = make_model()
    loss = interrupted_loss(finished * CALLS_AN_EPOCH + 3)
    history = fit(model, loss, train, valid, **OPTIONS)
    assert history.stopped == "interrupted"
    assert len(history.train) == len(history.valid) == len(history.grad_norm) == finished
    if finished:
        assert validation_loss(model, valid) == pytest.approx(min(history.valid), rel=1e-6)
    else:
        assert history.best_epoch is None


def test_an_error_keeps_the_best_weights_too():
    train, valid = make_data(30, 1), make_data(30, 2)
    model, other = make_model(), make_model()
    with pytest.raises(ZeroDivisionError):
        fit(model, interrupted_loss(20, ZeroDivisionError), train, valid, **OPTIONS)
    fit(other, mse_loss, train, valid, **OPTIONS | {"epochs": 2})
    assert_same_weights(model, other)


def test_a_failed_write_leaves_the_old_checkpoint(tmp_path, monkeypatch):
    train, valid = make_data(30, 1), make_data(30, 2)
    path = tmp_path / "run.pt"
    fit(make_model(), mse_loss, train, valid, checkpoint=path, **OPTIONS | {"epochs": 2})
    old = path.read_bytes()

    def half_a_file(run, file):
        file.write(b"half")
        raise OSError("disk full")

    monkeypatch.setattr(torch, "save", half_a_file)
    with pytest.raises(OSError, match="disk full"):
        fit(make_model(), mse_loss, train, valid, checkpoint=path, **OPTIONS)
    assert path.read_bytes() == old


def test_other_settings_or_another_file_are_refused(tmp_path):
    train, valid = make_data(30, 1), make_data(30, 2)
    path = tmp_path / "run.pt"
    fit(make_model(), mse_loss, train, valid, checkpoint=path, **OPTIONS)
    with pytest.raises(ValueError, match=r"checkpoint: .* written with lr = 0.01, got 0.02"):
        fit(make_model(), mse_loss, train, valid, checkpoint=path, **OPTIONS | {"lr": 0.02})
    with pytest.raises(ValueError, match=r"checkpoint: .* written with data"):
        fit(make_model(), mse_loss, valid, make_data(29), checkpoint=path, **OPTIONS)
    for content in (b"", b"not a checkpoint", path.read_bytes()[:200]):
        (tmp_path / "broken").write_bytes(content)
        with pytest.raises(ValueError, match="broken is not a checkpoint of `fit`"):
            fit(make_model(), mse_loss, train, valid, checkpoint=tmp_path / "broken", **OPTIONS)
    torch.save([1, 2], tmp_path / "list")
    with pytest.raises(ValueError, match="list is not a checkpoint of `fit`"):
        fit(make_model(), mse_loss, train, valid, checkpoint=tmp_path / "list", **OPTIONS)


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
