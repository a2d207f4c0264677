"""Name the first of fifteen symbols: which forget bias learns it, at which rate, how soon?

The chapter "The LSTM" draws its results. Every batch is new, so there is nothing to overfit; one
seed has the same first weights at every forget bias, and the same batches for every network.
"""

from itertools import product
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from gru_course.nn import Readout

SETTINGS = {
    "length": 15,  # symbols, each one of 4
    "hidden_size": 16,
    "batch_size": 32,
    "clip": 1.0,  # of the gradient's norm
    "networks": [["RNN", None], ["LSTM", 0.0], ["LSTM", 1.0], ["LSTM", 3.0]],  # cell, forget bias
    "lrs": [0.003, 0.01, 0.02],  # Adam's
    "seeds": list(range(12)),
    "updates": [0, 50, 100, 150, 200, 300, 400, 500, 600, 700, 800, 900, 1000],  # where it looks
}
QUICK = {"seeds": [0, 1], "updates": [0, 50, 100, 150, 200]}


def jobs(settings: dict[str, Any]) -> list[dict[str, Any]]:
    """One a network, learning rate and seed."""
    every = product(settings["networks"], settings["lrs"], settings["seeds"])
    return [
        {"cell": cell, "forget_bias": bias, "lr": lr, "seed": seed}
        for (cell, bias), lr, seed in every
    ]


def run(job: dict[str, Any], settings: dict[str, Any]) -> dict[str, Any]:
    """Train one network; its losses on new sequences, at the updates where the settings look."""
    names = ("length", "hidden_size", "batch_size", "clip", "updates")
    losses = train(**job, **{name: settings[name] for name in names})
    return {"losses": [round(loss, 5) for loss in losses]}


def sequences(rng: np.random.Generator, n: int, length: int) -> tuple[Tensor, Tensor]:
    """One-hot symbols (n, length, 4), each of four equally likely, and the first of them (n,).

    >>> xs, first = sequences(np.random.default_rng(0), n=1, length=5)
    >>> xs[0].argmax(dim=1), first
    (tensor([3, 2, 2, 1, 1]), tensor([3]))
    """
    symbols = torch.from_numpy(rng.integers(0, 4, size=(n, length)))
    return torch.nn.functional.one_hot(symbols, 4).float(), symbols[:, 0]


def network(
    cell: str,
    forget_bias: float | None,
    hidden_size: int,
    seed: int,
    *,
    input_size: int = 4,
    output_size: int = 4,
    last: bool = True,
) -> Readout:
    """An RNN, or an LSTM with this forget bias, and a linear layer that reads its states."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        layer = getattr(torch.nn, cell)(input_size, hidden_size, batch_first=True)
        model = Readout(layer, output_size, last=last)
    if forget_bias is not None:
        forget = slice(hidden_size, 2 * hidden_size)  # rows i, f, g, o
        layer.bias_ih_l0.data[forget] = forget_bias
        layer.bias_hh_l0.data[forget] = 0.0  # the gate sees the sum of the two
    return model


def train(
    cell: str,
    forget_bias: float | None,
    lr: float,
    seed: int,
    updates: list[int],
    *,
    length: int = SETTINGS["length"],
    hidden_size: int = SETTINGS["hidden_size"],
    batch_size: int = SETTINGS["batch_size"],
    clip: float = SETTINGS["clip"],
) -> list[float]:
    """Train one network with Adam, on the CPU.

    Parameters
    ----------
    cell : "RNN" or "LSTM"
    forget_bias : the bias of every forget gate at the start; None for the RNN
    lr : Adam's learning rate
    seed : of the first weights and of the batches
    updates : numbers of updates, rising, after which to look; the last one ends the training
    length, hidden_size, batch_size, clip : as in SETTINGS

    Returns
    -------
    list of the losses after these numbers of updates, on 512 sequences that no batch holds but
        by chance; ln 4 is chance
    """
    model = network(cell, forget_bias, hidden_size, seed)
    optimizer = torch.optim.Adam(model.parameters(), lr=lr)
    rng, unseen = np.random.default_rng(seed), np.random.default_rng(1_000_000)
    valid_xs, valid_first = sequences(unseen, 512, length)
    losses = []
    for update in range(updates[-1] + 1):
        if update in updates:
            with torch.no_grad():
                losses.append(cross_entropy(model(valid_xs), valid_first).item())
        xs, first = sequences(rng, batch_size, length)
        loss = cross_entropy(model(xs), first)
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), clip)
        optimizer.step()
    return losses
