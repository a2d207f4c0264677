"""Generated sequences whose solution is known."""

import numpy as np

from gru_course.reference._checks import check_sizes


def tone(frequency, seconds, rate=8000):
    """A pure tone, sampled.

        sin(2 pi frequency k / rate),   k = 0, 1, ...

    Parameters
    ----------
    frequency : in hertz, above 0 and below half the rate
    seconds : duration, above 0
    rate : samples a second

    Returns
    -------
    (round(seconds * rate),) array, from -1 to 1

    Raises
    ------
    ValueError : if the frequency is not between 0 and half the rate, or the duration not positive

    >>> tone(1.0, seconds=1.0, rate=4).round(3) + 0.0
    array([ 0.,  1.,  0., -1.])
    """
    check_sizes(rate=rate)
    if not 0 < frequency < rate / 2:
        raise ValueError(f"frequency: expected between 0 and {rate / 2} hertz, got {frequency}")
    if not seconds > 0:
        raise ValueError(f"seconds: expected a positive duration, got {seconds}")
    return np.sin(2 * np.pi * frequency * np.arange(round(seconds * rate)) / rate)


def delayed_echo(rng, n, length, lag):
    """Say again what was heard `lag` steps ago.

        y_t = x_{t - lag},   0 before

    Parameters
    ----------
    rng : numpy.random.Generator
    n : int, number of sequences
    length : int, time steps
    lag : int, from 1 to length - 1

    Returns
    -------
    inputs : (n, length, 1), each -1 or 1 by the toss of a coin
    targets : (n, length, 1)

    Raises
    ------
    ValueError : if a size is not a whole number of at least 1, or the lag not below the length

    >>> inputs, targets = delayed_echo(np.random.default_rng(0), n=1, length=5, lag=2)
    >>> bool((targets[:, 2:] == inputs[:, :-2]).all()), targets[0, :2, 0].tolist()
    (True, [0.0, 0.0])
    """
    check_sizes(n=n, length=length, lag=lag)
    if lag >= length:
        raise ValueError(f"lag: expected less than length = {length}, got {lag}")
    inputs = rng.choice([-1.0, 1.0], size=(n, length, 1))
    targets = np.zeros_like(inputs)
    targets[:, lag:] = inputs[:, :-lag]
    return inputs, targets


def first_symbol(rng, n, length):
    """Remember the first input through noise.

    Parameters
    ----------
    rng : numpy.random.Generator
    n : int, number of sequences
    length : int, time steps, at least 2

    Returns
    -------
    inputs : (n, length, 2): the symbol, -1 or 1, in channel 0 of the first step, then zeros there;
        noise from N(0, 1) in channel 1 at all steps
    targets : (n, 1), the symbol

    Raises
    ------
    ValueError : if n is not a whole number of at least 1, or length of at least 2

    >>> inputs, targets = first_symbol(np.random.default_rng(0), n=3, length=10)
    >>> bool((inputs[:, 0, 0] == targets[:, 0]).all()), bool(inputs[:, 1:, 0].any())
    (True, False)
    """
    check_sizes(n=n, length=length)
    if length < 2:
        raise ValueError(f"length: expected at least 2 steps, got {length}")
    targets = rng.choice([-1.0, 1.0], size=(n, 1))
    inputs = np.zeros((n, length, 2))
    inputs[:, 0, 0] = targets[:, 0]
    inputs[:, :, 1] = rng.normal(size=(n, length))
    return inputs, targets


def running_parity(rng, n, length):
    """Whether the number of ones so far is odd.

        y_t = (x_1 + ... + x_t) mod 2

    Parameters
    ----------
    rng : numpy.random.Generator
    n : int, number of sequences
    length : int, time steps

    Returns
    -------
    inputs : (n, length, 1), each 0 or 1
    targets : (n, length, 1), each 0 or 1

    Raises
    ------
    ValueError : if a size is not a whole number of at least 1

    >>> inputs, targets = running_parity(np.random.default_rng(0), n=1, length=6)
    >>> inputs[0, :, 0].astype(int).tolist(), targets[0, :, 0].astype(int).tolist()
    ([1, 1, 1, 0, 0, 0], [1, 0, 1, 1, 1, 1])
    """
    check_sizes(n=n, length=length)
    inputs = rng.integers(0, 2, size=(n, length, 1)).astype(float)
    return inputs, np.cumsum(inputs, axis=1) % 2
