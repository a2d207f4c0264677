"""Name a handwritten digit after reading its 64 pixels one by one: which forget bias does best?

The chapter "The LSTM" draws its results. The last 597 images are not trained on; the images stand
in the order in which they were written, so that most of those are of other hands.
"""

from itertools import product
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from gru_course import data
from gru_course.experiments.recall import network
from gru_course.nn import Readout

SETTINGS = {
    "trained_on": 1200,  # of 1,797 images
    "hidden_size": 32,
    "batch_size": 50,
    "clip": 1.0,  # of the gradient's norm
    "forget_biases": [0.0, 1.0, 3.0],
    "lrs": [0.005, 0.02],  # Adam's
    "seeds": list(range(6)),
    "epochs": [0, 1, 2, 4, 6, 8, 12, 16, 24, 32, 40],  # where it looks
}
QUICK = {"lrs": [0.02], "seeds": [0], "epochs": [0, 1]}


def jobs(settings: dict[str, Any]) -> list[dict[str, Any]]:
    """One a forget bias, learning rate and seed."""
    every = product(settings["forget_biases"], settings["lrs"], settings["seeds"])
    return [{"forget_bias": bias, "lr": lr, "seed": seed} for bias, lr, seed in every]


def run(job: dict[str, Any], settings: dict[str, Any]) -> dict[str, Any]:
    """Train one network; the share of unseen images that it names rightly, as training goes on."""
    names = ("trained_on", "hidden_size", "batch_size", "clip", "epochs")
    _, right = train(**job, **{name: settings[name] for name in names})
    return {"right": [round(share, 4) for share in right]}


def pixels() -> tuple[Tensor, Tensor]:
    """The images as sequences (1797, 64, 1), row after row, from 0 to 1; and the digits (1797,)."""
    rows, labels = data.digits()
    return torch.from_numpy(rows).float().reshape(-1, 64, 1), torch.from_numpy(labels)


def train(
    forget_bias: float,
    lr: float,
    seed: int,
    epochs: list[int],
    *,
    trained_on: int = SETTINGS["trained_on"],
    hidden_size: int = SETTINGS["hidden_size"],
    batch_size: int = SETTINGS["batch_size"],
    clip: float = SETTINGS["clip"],
) -> tuple[Readout, list[float]]:
    """Train one LSTM with Adam, on the CPU.

    Parameters
    ----------
    forget_bias : the bias of every forget gate at the start
    lr : Adam's learning rate
    seed : of the first weights and of the order of the images
    epochs : numbers of passes over the training images, rising, after which to look; the last one
        ends the training
    trained_on, hidden_size, batch_size, clip : as in SETTINGS

    Returns
    -------
    model : the trained network
    right : list of the shares, from 0 to 1, of the other images that it named after these passes
    """
    xs, labels = pixels()
    model = network("LSTM", forget_bias, hidden_size, seed, input_size=1, output_size=10)
    optimizer = torch.optim.Adam(model.parameters(), lr=lr)
    shuffle = torch.Generator().manual_seed(seed)
    right = []
    for epoch in range(epochs[-1] + 1):
        if epoch in epochs:
            with torch.no_grad():
                answers = model(xs[trained_on:]).argmax(dim=1)
            right.append((answers == labels[trained_on:]).float().mean().item())
        if epoch < epochs[-1]:
            for batch in torch.randperm(trained_on, generator=shuffle).split(batch_size):
                loss = cross_entropy(model(xs[batch]), labels[batch])
                optimizer.zero_grad()
                loss.backward()
                torch.nn.utils.clip_grad_norm_(model.parameters(), clip)
                optimizer.step()
    return model, right
