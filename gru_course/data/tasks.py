"""Small made-up tasks whose answer is known, each asking for one kind of memory."""

import numpy as np

from gru_course._checks import check_rng, check_sizes, check_whole


def delayed_echo(
    rng: np.random.Generator, n: int, length: int, lag: int
) -> tuple[np.ndarray, np.ndarray]:
    """Say again what came in `lag` steps ago (many to many).

        y_t = x_{t-lag},   and 0 in the first lag steps

    Parameters
    ----------
    rng : numpy.random.Generator
    n : int, number of sequences
    length : int, time steps T
    lag : int from 0 to T - 1

    Returns
    -------
    inputs : (n, T, 1) float64, -1 or 1 with equal chance
    targets : (n, T, 1) float64

    Raises
    ------
    ValueError : if an argument is not of this kind

    >>> inputs, targets = delayed_echo(np.random.default_rng(0), n=1, length=5, lag=2)
    >>> inputs[0, :, 0]
    array([ 1.,  1.,  1., -1., -1.])
    >>> targets[0, :, 0]
    array([0., 0., 1., 1., 1.])
    """
    check_rng(rng)
    check_sizes(n=n, length=length)
    check_whole("lag", lag, least=0)
    if lag >= length:
        raise ValueError(f"lag: expected less than length = {length}, got {lag}")
    inputs = rng.choice([-1.0, 1.0], size=(n, length, 1))
    targets = np.zeros_like(inputs)
    targets[:, lag:] = inputs[:, : length - lag]
    return inputs, targets


def running_parity(rng: np.random.Generator, n: int, length: int) -> tuple[np.ndarray, np.ndarray]:
    """Tell after every bit whether the number of ones so far is odd (many to many).

        y_t = (x_1 + ... + x_t) mod 2

    Parameters
    ----------
    rng : numpy.random.Generator
    n : int, number of sequences
    length : int, time steps T

    Returns
    -------
    inputs : (n, T, 1) float64, 0 or 1 with equal chance
    targets : (n, T, 1) float64, 0 or 1

    Raises
    ------
    ValueError : if an argument is not of this kind

    >>> inputs, targets = running_parity(np.random.default_rng(0), n=1, length=5)
    >>> inputs[0, :, 0]
    array([1., 1., 1., 0., 0.])
    >>> targets[0, :, 0]
    array([1., 0., 1., 1., 1.])
    """
    check_rng(rng)
    check_sizes(n=n, length=length)
    inputs = rng.integers(0, 2, size=(n, length, 1)).astype(np.float64)
    return inputs, inputs.cumsum(axis=1) % 2


def latched_bit(
    rng: np.random.Generator, n: int, length: int, gap: int
) -> tuple[np.ndarray, np.ndarray]:
    """Hold the last value that came with the command to write (many to many).

        y_t = v_t if w_t = 1, and y_{t-1} otherwise

    Parameters
    ----------
    rng : numpy.random.Generator
    n : int, number of sequences
    length : int, time steps T
    gap : int, at least 1, mean number of steps from one command to the next

    Returns
    -------
    inputs : (n, T, 2) float64: the value v, -1 or 1 with equal chance, and the command w, 1 with
        chance 1 / gap and in the first step, else 0
    targets : (n, T, 1) float64, -1 or 1

    Raises
    ------
    ValueError : if an argument is not of this kind

    Notes
    -----
    One unit of a GRU solves it: z = 1 - w and n = v.

    >>> inputs, targets = latched_bit(np.random.default_rng(3), n=1, length=6, gap=3)
    >>> inputs[0].T
    array([[ 1., -1., -1., -1., -1.,  1.],
           [ 1.,  1.,  0.,  0.,  1.,  0.]])
    >>> targets[0, :, 0]
    array([ 1., -1., -1., -1., -1., -1.])
    """
    check_rng(rng)
    check_sizes(n=n, length=length, gap=gap)
    values = rng.choice([-1.0, 1.0], size=(n, length))
    writes = rng.random(size=(n, length)) < 1 / gap
    writes[:, 0] = True
    written = np.maximum.accumulate(np.where(writes, np.arange(length), 0), axis=1)  # last command
    targets = np.take_along_axis(values, written, axis=1)
    return np.stack([values, writes], axis=-1), targets[..., None]


def running_count(rng: np.random.Generator, n: int, length: int) -> tuple[np.ndarray, np.ndarray]:
    """Tell after every bit how many ones there have been (many to many).

        y_t = (x_1 + ... + x_t) / 10

    Parameters
    ----------
    rng : numpy.random.Generator
    n : int, number of sequences
    length : int, time steps T

    Returns
    -------
    inputs : (n, T, 1) float64, 0 or 1 with equal chance
    targets : (n, T, 1) float64, in tens

    Raises
    ------
    ValueError : if an argument is not of this kind

    >>> inputs, targets = running_count(np.random.default_rng(0), n=1, length=5)
    >>> inputs[0, :, 0]
    array([1., 1., 1., 0., 0.])
    >>> targets[0, :, 0]
    array([0.1, 0.2, 0.3, 0.3, 0.3])
    """
    check_rng(rng)
    check_sizes(n=n, length=length)
    inputs = rng.integers(0, 2, size=(n, length, 1)).astype(np.float64)
    return inputs, inputs.cumsum(axis=1) / 10
