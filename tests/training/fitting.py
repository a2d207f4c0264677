"""What the tests of the training loop share: a small task, a model for it, and a stop."""

import itertools

import numpy as np
import torch
from torch.nn.functional import mse_loss

from gru_course.nn import GRUCell, Readout, Recurrent

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
