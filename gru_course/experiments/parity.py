"""Parity with layers that do not look at their state: how far does training bring one, and two?

The chapter "The minGRU and the scan" draws its results. Every batch is new, so there is nothing to
overfit; one seed has the same first weights at every learning rate, and the same batches for all.
"""

from itertools import pairwise, product
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import mse_loss

from gru_course import data
from gru_course.nn import MinGRU, Readout

SETTINGS = {
    "length": 16,  # bits
    "beyond": 48,  # how far a trained network is tried
    "batch_size": 32,
    "clip": 1.0,  # of the gradient's norm
    "layers": [[188], [20, 20]],  # units of each; both are 941 parameters with the readout
    "lrs": [0.02, 0.005],  # Adam's
    "seeds": list(range(5)),
    "updates": list(range(0, 3001, 100)),  # where it looks
}
QUICK = {"seeds": [0], "updates": [0, 100, 200]}


def jobs(settings: dict[str, Any]) -> list[dict[str, Any]]:
    """One a stack, learning rate and seed."""
    every = product(settings["layers"], settings["lrs"], settings["seeds"])
    return [{"layers": layers, "lr": lr, "seed": seed} for layers, lr, seed in every]


def run(job: dict[str, Any], settings: dict[str, Any]) -> dict[str, Any]:
    """Train one network; its shares of right answers where the settings look, and beyond."""
    names = ("length", "batch_size", "clip", "updates")
    model, shares = train(**job, **{name: settings[name] for name in names})
    later = right(model, settings["beyond"])[settings["length"] :].mean()
    return {"right": [round(share, 4) for share in shares], "right_beyond": round(float(later), 4)}


class Stacked(torch.nn.Module):
    """minGRU layers, each of which reads the states of the one below.

    Parameters
    ----------
    sizes : numbers of inputs, of units of the first layer, of units of the second ...
    """

    def __init__(self, *sizes: int):
        super().__init__()
        self.layers = torch.nn.ModuleList(MinGRU(i, h) for i, h in pairwise(sizes))
        self.hidden_size = sizes[-1]

    def forward(self, xs: Tensor) -> tuple[Tensor, Tensor]:
        """States (N, T, H) of the last layer and its last ones (N, H), from (N, T, I)."""
        last = xs[:, 0]
        for layer in self.layers:
            xs, last = layer(xs)
        return xs, last


def network(layers: list[int], seed: int, *, input_size: int = 1) -> Readout:
    """Stacked minGRU layers and a linear layer that reads their states at every step."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return Readout(Stacked(input_size, *layers), 1, last=False)


def right(model: torch.nn.Module, length: int) -> np.ndarray:
    """Share of right answers at each step, (length,), on 200 sequences that no batch holds."""
    inputs, targets = _parity(np.random.default_rng(1_000_000), 200, length)
    with torch.no_grad():
        near = (model(inputs) - targets).abs() < 0.5
    return near.double().mean(dim=(0, 2)).numpy()


def train(
    layers: list[int],
    lr: float,
    seed: int,
    updates: list[int],
    *,
    length: int = SETTINGS["length"],
    batch_size: int = SETTINGS["batch_size"],
    clip: float = SETTINGS["clip"],
) -> tuple[Readout, list[float]]:
    """Train one network with Adam, on the CPU, to say after each bit whether the ones are odd.

    Parameters
    ----------
    layers : units of each layer
    lr : Adam's learning rate
    seed : of the first weights and of the batches
    updates : numbers of updates, rising, after which to look; the last one ends the training
    length, batch_size, clip : as in SETTINGS

    Returns
    -------
    the network, and its mean share of right answers over `length` steps after these updates; a
        half is chance
    """
    model = network(layers, seed)
    optimizer = torch.optim.Adam(model.parameters(), lr=lr)
    rng, shares = np.random.default_rng(seed), []
    for update in range(updates[-1] + 1):
        if update in updates:
            shares.append(float(right(model, length).mean()))
        if update == updates[-1]:
            break
        inputs, targets = _parity(rng, batch_size, length)
        loss = mse_loss(model(inputs), targets)
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), clip)
        optimizer.step()
    return model, shares


def _parity(rng: np.random.Generator, n: int, length: int) -> tuple[Tensor, Tensor]:
    inputs, targets = data.running_parity(rng, n, length)
    return torch.from_numpy(inputs).float(), torch.from_numpy(targets).float()
