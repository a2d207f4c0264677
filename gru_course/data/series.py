"""Series in time: a tone to listen to, and the cutting of a series into examples."""

import numpy as np

from gru_course._checks import check_positive, check_sizes


def tone(frequency: float, seconds: float, rate: int) -> np.ndarray:
    """A pure tone.

        s_t = sin(2 pi frequency t / rate),   t = 0 ... T - 1,   T = round(seconds * rate)

    Parameters
    ----------
    frequency : float, in Hz, below rate / 2
    seconds : float, duration in seconds, at least half a sample
    rate : int, samples a second

    Returns
    -------
    (T,) float64, from -1 to 1

    Raises
    ------
    ValueError : if a number is not positive, the tone has no sample, or the frequency is at or
        above rate / 2, where the samples would be those of a lower tone

    >>> tone(1.0, seconds=1.0, rate=4).round(12) + 0.0
    array([ 0.,  1.,  0., -1.])
    """
    check_sizes(rate=rate)
    check_positive(frequency=frequency, seconds=seconds)
    if frequency >= rate / 2:
        raise ValueError(f"frequency: expected less than rate / 2 = {rate / 2} Hz, got {frequency}")
    length = round(seconds * rate)
    if length == 0:
        raise ValueError(f"seconds: expected at least one sample, got {seconds} s at {rate} Hz")
    return np.sin(2 * np.pi * frequency * np.arange(length) / rate)


def windows(series: np.ndarray, length: int) -> tuple[np.ndarray, np.ndarray]:
    """Cut a series into examples of one-step-ahead forecasting.

        inputs_i = (s_i, ..., s_{i+L-1}),   target_i = s_{i+L},   i = 0 ... T - L - 1

    Parameters
    ----------
    series : (T,) finite float array
    length : int L from 1 to T - 1, how many values the forecast may look at

    Returns
    -------
    inputs : (T - L, L, 1)
    targets : (T - L, 1)

    Raises
    ------
    ValueError : if series is not a finite (T,) float array, or no window fits

    Notes
    -----
    Neighbouring windows share all values but one. Cut the series in time before calling this, and
    fit scalers on the training part: windows shuffled and then split have seen their test.

    >>> inputs, targets = windows(np.arange(5.0), length=3)
    >>> inputs[..., 0]
    array([[0., 1., 2.],
           [1., 2., 3.]])
    >>> targets
    array([[3.],
           [4.]])
    """
    if not isinstance(series, np.ndarray) or series.ndim != 1 or series.dtype.kind != "f":
        came = (
            f"shape {series.shape} and dtype {series.dtype}"
            if isinstance(series, np.ndarray)
            else type(series).__name__
        )
        raise ValueError(f"series: expected a float array of shape (T,), got {came}")
    if not np.isfinite(series).all():
        index = int(np.argmin(np.isfinite(series)))
        raise ValueError(f"series: expected finite numbers, got {series[index]} at index {index}")
    check_sizes(length=length)
    if length >= len(series):
        raise ValueError(
            f"length: expected less than T = {len(series)}, to leave a target, got {length}"
        )
    inputs = np.lib.stride_tricks.sliding_window_view(series[:-1], length)
    return inputs[..., None].copy(), series[length:, None].copy()
