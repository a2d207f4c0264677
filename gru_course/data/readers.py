"""Stored networks that tell, character by character, how many brackets are open in a text."""

import numpy as np

from gru_course.data._stored import stored

READERS = ("gru", "update-only", "reset-only", "mgu", "rnn")
SEEDS = 8


def bracket_reader(cell: str, seed: int) -> dict[str, np.ndarray]:
    """Return the weights of a small network that was trained to read the depth of brackets.

        y_t = W h_t + b = depth after character t, in pairs of brackets

    Stored, because a network trained anew has other units on another processor, and a page that
    points at one of them needs the same everywhere. Inputs are those of `character_kinds`.

    Parameters
    ----------
    cell : "gru" with 8 units; "update-only", "reset-only" or "mgu" with 11; "rnn" with 17
    seed : int from 0 to 7

    Returns
    -------
    dict of float32 arrays, a state_dict of `nn.Readout(nn.Recurrent(cell), 1, last=False)`:
    recurrent.cell.weight_ih, .weight_hh, .bias_ih and .bias_hh, linear.weight (1, H) and
    linear.bias (1,)

    Raises
    ------
    ValueError : if there is no such network

    Notes
    -----
    Written by tests/data/make_bracket_readers.py: 800 updates on windows of 64 characters of
    `source_code("train")`. The chapter "What gates learn" opens them.

    >>> bracket_reader("gru", seed=0)["recurrent.cell.weight_ih"].shape
    (24, 12)
    """
    if cell not in READERS:
        raise ValueError(f"cell: expected one of {', '.join(READERS)}, got {cell!r}")
    if isinstance(seed, bool) or not isinstance(seed, (int, np.integer)) or not 0 <= seed < SEEDS:
        raise ValueError(f"seed: expected a whole number from 0 to {SEEDS - 1}, got {seed!r}")
    arrays = stored("bracket_readers.npz", cell)
    return {name: array[seed].astype(np.float32) for name, array in arrays.items()}
