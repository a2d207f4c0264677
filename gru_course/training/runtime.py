"""Where to compute, and which random numbers."""

import random

import numpy as np
import torch


def device() -> torch.device:
    """The GPU if torch finds one, the CPU otherwise.

    Returns
    -------
    torch.device : "cuda" or "cpu"; pass it to `module.to` and `tensor.to`

    >>> device().type in ("cuda", "cpu")
    True
    """
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def seed_everything(seed: int) -> None:
    """Seed the global generators of `random`, NumPy and torch (the CPU and every GPU).

    Parameters
    ----------
    seed : int from 0 to 2**32 - 1

    Raises
    ------
    ValueError : if seed is not such a number

    Notes
    -----
    The same seed gives the same initial weights, and on one CPU with the same versions and the
    same number of threads the same training. It does not promise equal bits between a CPU and a
    GPU, between two kinds of either, or between versions; some GPU kernels add in an order
    that changes from run to run (see "Reproducibility" in PyTorch's notes). Generators made with
    `np.random.default_rng` have their own seeds and are not touched.

    >>> seed_everything(0)
    >>> first = torch.rand(1)
    >>> seed_everything(0)
    >>> bool(torch.rand(1) == first)
    True
    """
    if isinstance(seed, bool) or not isinstance(seed, (int, np.integer)) or not 0 <= seed < 2**32:
        raise ValueError(f"seed: expected a whole number from 0 to 2**32 - 1, got {seed!r}")
    random.seed(int(seed))
    np.random.seed(int(seed))  # noqa: NPY002, code that is not ours may draw from it
    torch.manual_seed(int(seed))
