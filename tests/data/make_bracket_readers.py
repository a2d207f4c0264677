"""Make gru_course/data/bracket_readers.npz: small networks that read how many brackets are open.

    python tests/data/make_bracket_readers.py

Five kinds of cell with about 530 parameters each, eight seeds of each kind. Takes about five
minutes on one core. The weights are stored in half precision; another processor gives others.
"""

from pathlib import Path

import numpy as np
import torch

from gru_course import data, nn, training

FILE = Path(__file__).parents[2] / "gru_course" / "data" / "bracket_readers.npz"
SEEDS, T, N = range(8), 64, 32
CELLS = {
    "gru": lambda: nn.GRUCell(12, 8),
    "update-only": lambda: nn.UpdateOnlyCell(12, 11),
    "reset-only": lambda: nn.ResetOnlyCell(12, 11),
    "mgu": lambda: nn.MinimalGatedUnit(12, 11),
    "rnn": lambda: nn.RNNCell(12, 17),
}


def windows(rng):
    """Batches of pieces of text that begin where no bracket is open."""
    text = data.source_code("train")
    inputs, depth = data.character_kinds(text), data.bracket_depth(text)
    lines = [0, *(i + 1 for i, c in enumerate(text) if c == "\n" and depth[i] == 0)]
    starts = [i for i in lines if i + T <= len(text)]

    def draw():
        at = rng.choice(starts, size=(N, 1)) + np.arange(T)  # (N, T)
        return inputs[at], depth[at][..., None] / 2  # in pairs: the size of a state's range

    return draw


def trained(make_cell):
    """The weights of all seeds, first axis the seed."""
    models = []
    for seed in SEEDS:
        training.seed_everything(seed)
        models.append(nn.Readout(nn.Recurrent(make_cell()), 1, last=False))
    draw = windows(np.random.default_rng(0))
    for steps, lr in ((600, 0.01), (200, 0.002)):
        losses = training.fit_side_by_side(
            models, torch.nn.functional.mse_loss, draw, steps=steps, lr=lr
        )
        print(f"  lr {lr}: loss {losses[-50:].mean(axis=0).round(4)}", flush=True)
    names = models[0].state_dict()
    return {n: np.stack([m.state_dict()[n].numpy() for m in models]) for n in names}


if __name__ == "__main__":
    torch.set_num_threads(1)
    arrays = {}
    for kind, make_cell in CELLS.items():
        print(kind, flush=True)
        for name, values in trained(make_cell).items():
            arrays[f"{kind}/{name}"] = values.astype(np.float16)
        np.savez_compressed(FILE, **arrays)
    print(f"{FILE}: {FILE.stat().st_size} bytes")
