"""Generators against their definitions, written as plain loops."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gru_course.data import (
    delayed_echo,
    latched_bit,
    running_count,
    running_parity,
    tone,
    windows,
)

SIZES = {"n": st.integers(1, 5), "length": st.integers(1, 12), "seed": st.integers(0, 2**31)}


@given(st.integers(2, 30), st.data())
def test_windows_follow_their_definition(size, data):
    length = data.draw(st.integers(1, size - 1))
    series = np.random.default_rng(size).normal(size=size)
    inputs, targets = windows(series, length)
    assert inputs.shape == (size - length, length, 1)
    assert targets.shape == (size - length, 1)
    for i in range(size - length):
        for t in range(length):
            assert inputs[i, t, 0] == series[i + t]
        assert targets[i, 0] == series[i + length]


def test_windows_are_copies():
    series = np.arange(5.0)
    inputs, targets = windows(series, 2)
    inputs[:], targets[:] = -1, -1
    np.testing.assert_array_equal(series, np.arange(5.0))


def test_a_tone_has_its_frequency_and_length():
    sound = tone(440.0, seconds=0.5, rate=8000)
    assert sound.shape == (4000,)
    assert np.abs(sound).max() <= 1
    spectrum = np.abs(np.fft.rfft(sound))
    assert np.fft.rfftfreq(4000, d=1 / 8000)[spectrum.argmax()] == 440
    assert spectrum.argmax() == np.flatnonzero(spectrum > 1e-6)  # one line, nothing else
    assert tone(1, seconds=1, rate=8)[2] == pytest.approx(1)  # a quarter of a period


@given(lag=st.integers(0, 11), **SIZES)
def test_delayed_echo(n, length, seed, lag):
    lag = min(lag, length - 1)
    inputs, targets = delayed_echo(np.random.default_rng(seed), n, length, lag)
    assert inputs.shape == targets.shape == (n, length, 1)
    assert set(inputs.ravel()) <= {-1.0, 1.0}
    for t in range(length):
        wanted = inputs[:, t - lag] if t >= lag else np.zeros((n, 1))
        np.testing.assert_array_equal(targets[:, t], wanted)


@given(**SIZES)
def test_running_parity(n, length, seed):
    inputs, targets = running_parity(np.random.default_rng(seed), n, length)
    assert inputs.shape == targets.shape == (n, length, 1)
    assert set(inputs.ravel()) <= {0.0, 1.0}
    parity = np.zeros((n, 1), dtype=int)
    for t in range(length):
        parity ^= inputs[:, t].astype(int)
        np.testing.assert_array_equal(targets[:, t], parity)


@given(gap=st.integers(1, 6), **SIZES)
def test_latched_bit(n, length, seed, gap):
    inputs, targets = latched_bit(np.random.default_rng(seed), n, length, gap)
    assert inputs.shape == (n, length, 2)
    assert targets.shape == (n, length, 1)
    assert set(inputs[..., 0].ravel()) <= {-1.0, 1.0}
    assert set(inputs[..., 1].ravel()) <= {0.0, 1.0}
    assert (inputs[:, 0, 1] == 1).all()
    for values, wanted in zip(inputs, targets, strict=True):
        held = None
        for (value, command), target in zip(values, wanted, strict=True):
            held = value if command else held
            assert target == held


def test_commands_come_as_often_as_the_gap_says():
    inputs, _ = latched_bit(np.random.default_rng(0), 2000, 51, 5)
    assert inputs[:, 1:, 1].mean() == pytest.approx(0.2, abs=0.007)  # five standard deviations
    assert latched_bit(np.random.default_rng(0), 2, 9, 1)[0][..., 1].all()


@given(**SIZES)
def test_running_count(n, length, seed):
    inputs, targets = running_count(np.random.default_rng(seed), n, length)
    assert inputs.shape == targets.shape == (n, length, 1)
    assert set(inputs.ravel()) <= {0.0, 1.0}
    for t in range(length):
        ones = (inputs[:, : t + 1] == 1).sum(axis=1)
        np.testing.assert_allclose(10 * targets[:, t], ones, rtol=0, atol=1e-12)


def test_the_chances_are_equal():
    rng = np.random.default_rng(0)
    # 20 000 fair draws: five standard deviations of the mean of +-1 are 0.035.
    for values in (
        delayed_echo(rng, 2000, 10, 1)[0],
        2 * running_parity(rng, 2000, 10)[0] - 1,
        2 * running_count(rng, 2000, 10)[0] - 1,
        latched_bit(rng, 2000, 10, 3)[0][..., 0],
    ):
        assert abs(values.mean()) < 0.035


def test_the_same_seed_gives_the_same_data():
    for make in (lambda rng: delayed_echo(rng, 3, 8, 2), lambda rng: running_parity(rng, 3, 8)):
        for a, b in zip(
            make(np.random.default_rng(1)), make(np.random.default_rng(1)), strict=True
        ):
            np.testing.assert_array_equal(a, b)


RNG = np.random.default_rng(0)
HOLES = np.array([0.0, 1.0, np.nan, 3.0])


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: windows(np.arange(5), 2), r"series: expected a float array .* dtype int64"),
        (lambda: windows([1.0, 2.0], 1), r"series: expected a float array .* got list"),
        (lambda: windows(np.zeros((5, 1)), 2), r"series: .* got shape \(5, 1\)"),
        (lambda: windows(HOLES, 2), "series: expected finite numbers, got nan at index 2"),
        (lambda: windows(np.zeros(5), 0), "length: expected a whole number of at least 1, got 0"),
        (lambda: windows(np.zeros(5), 5), "length: expected less than T = 5, .* got 5"),
        (lambda: windows(np.zeros(0), 1), "length: expected less than T = 0"),
        (lambda: tone(500, 1, 1000), "frequency: expected less than rate / 2 = 500.0 Hz, got 500"),
        (lambda: tone(-1, 1, 1000), "frequency: expected a finite number above 0, got -1"),
        (lambda: tone(1, np.nan, 1000), "seconds: expected a finite number above 0, got nan"),
        (lambda: tone(1, "1", 1000), "seconds: expected a finite number above 0, got '1'"),
        (lambda: tone(1, 1e-9, 1000), "seconds: expected at least one sample"),
        (lambda: tone(1, 1, 0.5), "rate: expected a whole number of at least 1, got 0.5"),
        (lambda: delayed_echo(0, 1, 1, 0), "rng: expected a generator .* got int"),
        (lambda: delayed_echo(RNG, 0, 1, 0), "n: expected a whole number of at least 1, got 0"),
        (lambda: delayed_echo(RNG, 1, 4, 4), "lag: expected less than length = 4, got 4"),
        (lambda: delayed_echo(RNG, 1, 4, -1), "lag: expected a whole number of at least 0, got -1"),
        (lambda: delayed_echo(RNG, 1, 4, True), "lag: expected a whole number .* got True"),
        (lambda: delayed_echo(RNG, 1.0, 1, 0), "n: expected a whole number of at least 1"),
        (lambda: running_parity(np.random, 1, 1), "rng: expected a generator .* got module"),
        (lambda: running_parity(RNG, 1, 0), "length: expected a whole number of at least 1"),
        (lambda: running_parity(RNG, -1, 1), "n: expected a whole number of at least 1"),
        (lambda: latched_bit(RNG, 1, 1, 0), "gap: expected a whole number of at least 1, got 0"),
        (lambda: latched_bit(RNG, 1, 1, 2.5), "gap: expected a whole number of at least 1"),
        (lambda: latched_bit(RNG, 0, 1, 1), "n: expected a whole number of at least 1"),
        (lambda: running_count(7, 1, 1), "rng: expected a generator .* got int"),
        (lambda: running_count(RNG, 1, 0), "length: expected a whole number of at least 1"),
    ],
)
def test_bad_arguments_are_named(call, message):
    with pytest.raises(ValueError, match=f"^{message}"):
        call()
