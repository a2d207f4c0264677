"""Real data that well-kept packages ship, so that nothing is downloaded."""

import numpy as np

from gru_course.reference._checks import check_sizes


def sunspots():
    """Yearly sunspot numbers from 1700 to 2008.

    Returns
    -------
    years : (309,) float
    numbers : (309,) float, yearly mean sunspot number (dimensionless)

    Notes
    -----
    Shipped by statsmodels, whose source is NOAA's National Geophysical Data Center.

    >>> years, numbers = sunspots()
    >>> float(years[0]), float(years[-1])
    (1700.0, 2008.0)
    """
    from statsmodels.datasets import sunspots as dataset  # slow to import, so not before it is used

    table = dataset.load_pandas().data
    return table["YEAR"].to_numpy(float), table["SUNACTIVITY"].to_numpy(float)


def windows(series, length):
    """Cut a series into overlapping windows, each with the value that follows it.

        inputs[k] = series[k], ..., series[k + length - 1];  targets[k] = series[k + length]

    Parameters
    ----------
    series : (K,) array
    length : int, at least 1 and smaller than K

    Returns
    -------
    inputs : (K - length, length, 1)
    targets : (K - length, 1)

    Raises
    ------
    ValueError : if the series is not one-dimensional or not longer than a window

    >>> inputs, targets = windows(np.arange(5.0), 3)
    >>> inputs[:, :, 0]
    array([[0., 1., 2.],
           [1., 2., 3.]])
    >>> targets[:, 0]
    array([3., 4.])
    """
    check_sizes(length=length)
    series = np.asarray(series)
    if series.ndim != 1 or len(series) <= length:
        raise ValueError(
            f"series: expected one axis with more than length = {length} values, "
            f"got shape {series.shape}"
        )
    cut = np.lib.stride_tricks.sliding_window_view(series, length + 1)
    return cut[:, :-1, None].copy(), cut[:, -1:].copy()


def digits():
    """Images of handwritten digits, to be read row by row.

    Returns
    -------
    images : (1797, 8, 8) float, ink from 0 to 1: 8 time steps of 8 pixels
    labels : (1797,) int, 0 to 9

    Notes
    -----
    Shipped by scikit-learn: the test part of the UCI data set "Optical Recognition of Handwritten
    Digits" (Alpaydin and Kaynak, 1998).

    >>> images, labels = digits()
    >>> images.shape, float(images.max())
    ((1797, 8, 8), 1.0)
    """
    from sklearn.datasets import load_digits  # slow to import, so not before it is used

    images, labels = load_digits(return_X_y=True)
    return images.reshape(-1, 8, 8) / 16.0, labels
