"""Data that somebody measured; both sets come with installed libraries, nothing is downloaded."""

import numpy as np


def sunspots() -> tuple[np.ndarray, np.ndarray]:
    """The yearly mean sunspot number from 1700 to 2008.

    Returns
    -------
    years : (309,) float64, calendar years
    numbers : (309,) float64, yearly means of the relative sunspot number k (10 g + s), with g
        groups and s single spots seen on the Sun, and k the scale of the observer; no unit

    Notes
    -----
    As shipped by statsmodels, which names the United States' National Geophysical Data Center as
    its source and states that the data are in the public domain. The series itself is the
    international sunspot number of SILSO, Royal Observatory of Belgium, in its version 1. Version
    2 of 2015 is corrected and on another scale, its numbers are about 1 / 0.6 times as large
    (Clette et al., 2014).

    >>> years, numbers = sunspots()
    >>> float(years[0]), float(numbers[0]), len(years)
    (1700.0, 5.0, 309)
    """
    # Imported here, since importing statsmodels takes seconds.
    from statsmodels.datasets import sunspots as dataset

    years, numbers = np.array(dataset.load_pandas().data, dtype=np.float64).T
    return years.copy(), numbers.copy()


def digits() -> tuple[np.ndarray, np.ndarray]:
    """Handwritten digits read row by row: each image is a sequence of eight steps.

    Returns
    -------
    rows : (1797, 8, 8) float64 from 0 (paper) to 1 (ink): image, row from the top as the time
        step, column from the left as the input
    labels : (1797,) int64, the digit from 0 to 9

    Notes
    -----
    The test part of "Optical Recognition of Handwritten Digits", UCI Machine Learning Repository
    (Alpaydin and Kaynak, 1998), as shipped by scikit-learn. A pixel counts the ink in a block of
    4 by 4 of the scanned bitmap, from 0 to 16, and is divided by 16 here. The images stand in
    the order of the original file, in which several by one writer can follow each other.

    >>> rows, labels = digits()
    >>> rows.shape, float(rows.min()), float(rows.max()), int(labels[0])
    ((1797, 8, 8), 0.0, 1.0, 0)
    """
    from sklearn.datasets import load_digits

    pixels, labels = load_digits(return_X_y=True)
    return np.reshape(pixels, (-1, 8, 8)) / 16.0, np.asarray(labels, dtype=np.int64)
