"""Errors that help, for the arguments of the generators."""

import numpy as np


def check_size(name, value, least=1):
    """Raise a ValueError unless `value` is a whole number of at least `least`."""
    if not isinstance(value, (int, np.integer)) or isinstance(value, bool) or value < least:
        raise ValueError(f"{name}: expected a whole number of at least {least}, got {value!r}")


def check_positive(name, value):
    """Raise a ValueError unless `value` is a finite number above 0."""
    numeric = isinstance(value, (int, float, np.number)) and not isinstance(value, bool)
    if not numeric or not 0 < value < np.inf:
        raise ValueError(f"{name}: expected a finite number above 0, got {value!r}")


def check_rng(rng):
    """Raise a ValueError unless `rng` is a NumPy generator."""
    if not isinstance(rng, np.random.Generator):
        raise ValueError(
            f"rng: expected a generator such as np.random.default_rng(0), got {type(rng).__name__}"
        )
