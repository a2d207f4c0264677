"""Name the latest cue among noise: where does a trained LSTM keep it?

The chapter "The LSTM" draws its results. After training, one part of the network is cut out at a
time: a recurrent matrix, so that one gate or the candidate no longer reads h, or the forget gate.
"""

from copy import deepcopy
from itertools import product
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from gru_course.experiments.recall import network
from gru_course.nn import Readout
from gru_course.reference import lstm

SETTINGS = {
    "length": 40,  # symbols: 4 cues and 4 of noise
    "cue_share": 0.1,
    "hidden_size": 16,
    "forget_bias": 1.0,
    "batch_size": 32,
    "clip": 1.0,  # of the gradient's norm
    "lrs": [0.01, 0.02],  # Adam's
    "updates": [150, 750],
    "seeds": list(range(6)),
    "ages": list(range(16)),  # steps since the latest cue
    "window": 10,  # steps of noise
}
QUICK = {"updates": [150], "seeds": [0, 1]}
BLOCKS = {"W_hi": 0, "W_hf": 1, "W_hg": 2, "W_ho": 3, "f": 1}  # what is cut out: rows of weights


def jobs(settings: dict[str, Any]) -> list[dict[str, Any]]:
    """One a learning rate, number of updates and seed."""
    every = product(settings["lrs"], settings["updates"], settings["seeds"])
    return [{"lr": lr, "updates": updates, "seed": seed} for lr, updates, seed in every]


def run(job: dict[str, Any], settings: dict[str, Any]) -> dict[str, Any]:
    """Train a network; what its gates do, and how often it is right with each part cut out."""
    names = ("length", "cue_share", "hidden_size", "forget_bias", "batch_size", "clip")
    model = train(**job, **{name: settings[name] for name in names})
    xs, wanted, is_cue = unseen(settings["length"], settings["cue_share"])
    i, f, _, _ = gates(model, xs)
    later = is_cue & (np.arange(settings["length"]) > 0)  # the first cue has nothing before it
    kept = kept_by_best_unit(f, is_cue, settings["window"])
    numbers: dict[str, Any] = {
        "f": [_share(f[~is_cue]), _share(f[later])],  # mean at noise, and at a new cue
        "i": [_share(i[~is_cue]), _share(i[later])],
        "kept": [_share(np.median(kept)), _share(kept.max())],
        "right": {},  # at noise, and at cues
        "right_by_age": {},  # from 0 steps since the cue
    }
    age = steps_since(is_cue)
    for what in ("nothing", *BLOCKS):
        right = answers(model if what == "nothing" else cut(model, what), xs) == wanted
        numbers["right"][what] = [_share(right[~is_cue]), _share(right[is_cue])]
        numbers["right_by_age"][what] = [_share(right[age == k]) for k in settings["ages"]]
    return numbers


def sequences(
    rng: np.random.Generator, n: int, length: int, cue_share: float
) -> tuple[Tensor, np.ndarray, np.ndarray]:
    """One-hot symbols (n, length, 8), the latest cue (n, length), and where cues are.

    Symbols 0 to 3 are cues, among them always the first symbol; 4 to 7 are noise.
    """
    is_cue = rng.random((n, length)) < cue_share
    is_cue[:, 0] = True
    symbols = rng.integers(0, 4, size=(n, length)) + np.where(is_cue, 0, 4)
    last = np.arange(length) - steps_since(is_cue)
    xs = torch.nn.functional.one_hot(torch.from_numpy(symbols), 8).float()
    return xs, np.take_along_axis(symbols, last, axis=1), is_cue


def steps_since(is_cue: np.ndarray) -> np.ndarray:
    """How many steps ago the latest cue came, 0 at a cue; (n, length).

    >>> steps_since(np.array([[True, False, False, True, False]]))
    array([[0, 1, 2, 0, 1]])
    """
    steps = np.arange(is_cue.shape[1])
    return steps - np.maximum.accumulate(np.where(is_cue, steps, 0), axis=1)


def unseen(
    length: int = SETTINGS["length"], cue_share: float = SETTINGS["cue_share"]
) -> tuple[Tensor, np.ndarray, np.ndarray]:
    """256 sequences to try a network on, always the same, as `sequences` returns them."""
    return sequences(np.random.default_rng(1_000_000), 256, length, cue_share)


def train(
    lr: float,
    seed: int,
    updates: int,
    *,
    length: int = SETTINGS["length"],
    cue_share: float = SETTINGS["cue_share"],
    hidden_size: int = SETTINGS["hidden_size"],
    forget_bias: float = SETTINGS["forget_bias"],
    batch_size: int = SETTINGS["batch_size"],
    clip: float = SETTINGS["clip"],
) -> Readout:
    """An LSTM that names the latest cue at every step, trained with Adam on the CPU.

    Parameters
    ----------
    lr : Adam's learning rate
    seed : of the first weights and of the batches, each of which is new
    updates : int, how many
    length, cue_share, hidden_size, forget_bias, batch_size, clip : as in SETTINGS
    """
    model = network("LSTM", forget_bias, hidden_size, seed, input_size=8, last=False)
    optimizer = torch.optim.Adam(model.parameters(), lr=lr)
    rng = np.random.default_rng(seed)
    for _ in range(updates):
        xs, wanted, _ = sequences(rng, batch_size, length, cue_share)
        loss = cross_entropy(model(xs).flatten(0, 1), torch.from_numpy(wanted).flatten())
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), clip)
        optimizer.step()
    return model


def answers(model: Readout, xs: Tensor) -> np.ndarray:
    """The cue that the model names at each step, (n, length)."""
    with torch.no_grad():
        return model(xs).argmax(dim=-1).numpy()


def gates(model: Readout, xs: Tensor) -> list[np.ndarray]:
    """The i, f, g and o of its LSTM, (n, length, H) each."""
    layer: Any = model.recurrent
    params = lstm.Params(*(p.detach().double().numpy() for p in layer.parameters()))
    zero = np.zeros((len(xs), layer.hidden_size))
    _, cache = lstm.forward(xs.double().numpy(), lstm.State(zero, zero), params)
    return np.split(cache.gates.transpose(1, 0, 2), 4, axis=2)


def kept_by_best_unit(f: np.ndarray, is_cue: np.ndarray, window: int) -> np.ndarray:
    """The largest product of forget gates over all units, for each window of noise steps."""
    starts = range(f.shape[1] - window + 1)
    products = [f[:, t : t + window].prod(axis=1).max(axis=1) for t in starts]
    noise = [~is_cue[:, t : t + window].any(axis=1) for t in starts]
    return np.array(products)[np.array(noise)]


def cut(model: Readout, what: str) -> Readout:
    """A copy of the model with one of BLOCKS cut out: a recurrent matrix at zero, or f at zero."""
    copy = deepcopy(model)
    layer: Any = copy.recurrent
    rows = slice(BLOCKS[what] * layer.hidden_size, (BLOCKS[what] + 1) * layer.hidden_size)
    layer.weight_hh_l0.data[rows] = 0.0
    if what == "f":
        layer.weight_ih_l0.data[rows] = 0.0
        layer.bias_ih_l0.data[rows] = -100.0  # its sigmoid is 4e-44
    return copy


def _share(values):
    return round(float(np.mean(values)), 4)
