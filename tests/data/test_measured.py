"""The measured data against facts that are printed elsewhere."""

import numpy as np

from gru_course.data import digits, sunspots


def test_sunspots_are_the_known_series():
    years, numbers = sunspots()
    assert years.dtype == numbers.dtype == np.float64
    np.testing.assert_array_equal(years, np.arange(1700, 2009))
    assert numbers.shape == (309,)
    # Version 1 of the series: the Maunder minimum's last years, and the record maximum of 1957.
    assert years[numbers == 0].tolist() == [1711, 1712, 1810]
    assert years[numbers.argmax()] == 1957
    assert numbers.max() == 190.2
    # Schwabe's cycle: the strongest period of the spectrum is close to 11 years.
    power = np.abs(np.fft.rfft(numbers - numbers.mean())) ** 2
    assert 10 < 1 / np.fft.rfftfreq(309)[power.argmax()] < 12


def test_digits_are_rows_of_images():
    rows, labels = digits()
    assert rows.shape == (1797, 8, 8)
    assert rows.dtype == np.float64
    assert (rows.min(), rows.max()) == (0, 1)
    np.testing.assert_array_equal(rows * 16, np.round(rows * 16))
    assert labels.dtype == np.int64
    # The counts of the data set's own description, classes 0 to 9.
    assert np.bincount(labels).tolist() == [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]
    # Time runs down the image: a one has little ink in the first column, and some in every row.
    ones = rows[labels == 1].mean(axis=0)
    assert ones.sum(axis=1).min() > 0.5
    assert ones[:, 0].max() < 0.1
