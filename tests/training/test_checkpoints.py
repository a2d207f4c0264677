"""A stopped run: what it keeps, and how it goes on."""

import numpy as np
import pytest
import torch
from fitting import (
    CALLS_AN_EPOCH,
    OPTIONS,
    assert_same_weights,
    interrupted_loss,
    make_data,
    make_model,
    validation_loss,
)
from torch.nn.functional import mse_loss

from gru_course.training import fit


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
