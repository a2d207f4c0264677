"""Errors that help: the checks of arguments that all parts of the package share, without torch."""

import re
from collections.abc import Collection, Mapping, Sequence
from functools import cache
from numbers import Integral, Real
from typing import Any

import numpy as np
from numpy.typing import ArrayLike


class KindError(ValueError, TypeError):
    """A value of a wrong type, for which torch's layers raise TypeError."""


class TensorError(ValueError, RuntimeError):
    """A tensor whose shape, dtype or device does not fit, for which torch raises either."""


Sizes = dict[str, Any]  # letter -> size, and "dtype" -> the dtype that all arrays of a call share
Shapes = Mapping[str, Sequence[str]]  # name of a field -> its shape, as in `check_array`
FLOATS = (np.dtype("float32"), np.dtype("float64"))


@cache
def parse(label: str) -> tuple[int, str]:
    """ "3H" as (3, "H")."""
    match = re.fullmatch(r"(\d*)([A-Z])", label)
    assert match, f"not a shape letter: {label}"
    return int(match[1] or 1), match[2]


def check_plain(name: str, value: object) -> None:
    """Raise a ValueError for an array whose operations differ from those of others of its shape."""
    if isinstance(value, np.ma.MaskedArray):
        raise ValueError(
            f"{name}: expected an array without a mask, got MaskedArray, whose hidden numbers "
            "would be computed with: take .filled(0) of it, and lengths for steps not to read"
        )
    if isinstance(value, np.matrix):
        raise ValueError(f"{name}: expected an array, got matrix, whose * is @: take np.asarray")


def check_floats(name: str, value: np.ndarray, sizes: Sizes, wanted: str = "a NumPy array") -> None:
    """Raise a ValueError unless `value` is a finite float array, of any shape but an empty one.

    Parameters
    ----------
    name : the argument's name, as the message calls it
    value : what the caller passed
    sizes : dict whose key "dtype" holds the dtype that all arrays of one call must share; the
        first array sets it
    wanted : what a message says was expected where `value` is no array
    """
    if not isinstance(value, np.ndarray):
        raise ValueError(f"{name}: expected {wanted}, got {type(value).__name__}")
    check_plain(name, value)
    if value.dtype not in FLOATS:
        raise ValueError(f"{name}: expected dtype float64 or float32, got {value.dtype}")
    if value.dtype != sizes.setdefault("dtype", value.dtype):
        raise ValueError(
            f"{name}: expected dtype {sizes['dtype']} like the other arrays, got {value.dtype}"
        )
    if value.size == 0:
        raise ValueError(f"{name}: expected an array with no empty axis, got shape {value.shape}")
    if not np.isfinite(value).all():
        where = tuple(int(i) for i in np.argwhere(~np.isfinite(value))[0])
        raise ValueError(f"{name}: expected finite numbers, got {value[where]} at index {where}")


def check_array(name: str, value: np.ndarray, shape: Sequence[str], sizes: Sizes) -> None:
    """Raise a ValueError unless `value` is a finite float array of the given shape.

    Parameters
    ----------
    name, value : as in `check_floats`
    shape : tuple of str, one entry an axis: a letter, or a multiple such as "3H"
    sizes : dict, letter -> size, and "dtype" as in `check_floats`; letters met for the first time
        are added to it
    """
    wanted = f"({', '.join(shape)}{',' if len(shape) == 1 else ''})"
    check_floats(name, value, sizes, f"a NumPy array of shape {wanted}")
    if value.ndim != len(shape):
        raise ValueError(f"{name}: expected shape {wanted}, got {value.shape}")
    for axis, (label, size) in enumerate(zip(shape, value.shape, strict=True)):
        factor, letter = parse(label)
        if size % factor:
            raise ValueError(
                f"{name}: expected shape {wanted} with axis {axis} a multiple of {factor}, "
                f"got {value.shape}"
            )
        known = sizes.setdefault(letter, size // factor)
        if size != factor * known:
            raise ValueError(
                f"{name}: expected shape {wanted} with {label} = {factor * known}, "
                f"got {value.shape} (axis {axis})"
            )


def check_params(params: tuple, shapes: Shapes, sizes: Sizes) -> None:
    """Check every array of a Params tuple; `shapes` maps field names to shapes.

    Peepholes are the only field that may be missing.
    """
    fields = getattr(params, "_fields", ())
    required = tuple(field for field in shapes if field != "peephole")
    if fields not in (required, tuple(shapes)):
        raise ValueError(
            f"params: expected a Params tuple with {', '.join(required)}, "
            f"got {type(params).__name__}"
        )
    for field in fields:
        check_array(f"params.{field}", getattr(params, field), shapes[field], sizes)


def check_lengths(lengths: ArrayLike, sizes: Sizes) -> np.ndarray:
    """Return `lengths` as an (N,) integer array of values from 1 to T."""
    n, t = sizes["N"], sizes["T"]
    check_plain("lengths", lengths)
    lengths = np.asarray(lengths)
    if lengths.shape != (n,) or lengths.dtype.kind not in "iu":
        raise ValueError(
            f"lengths: expected {n} whole numbers, one a sequence, "
            f"got shape {lengths.shape} and dtype {lengths.dtype}"
        )
    bad = (lengths < 1) | (lengths > t)
    if bad.any():
        i = int(np.argmax(bad))
        advice = "; leave out a sequence without a step, it has no state to return"
        raise ValueError(
            f"lengths: expected values from 1 to T = {t}, got {lengths[i]} at index {i}"
            f"{'' if lengths[i] else advice}"
        )
    return lengths


def check_sequences(
    xs: np.ndarray, lengths: ArrayLike | None, params: tuple, shapes: Shapes, sizes: Sizes
) -> tuple[np.ndarray, np.ndarray | None]:
    """Check a batch of sequences; return it with zeros for padding, and its checked lengths.

    Padding is never read: not even a number there that overflows can reach a result.
    """
    check_params(params, shapes, sizes)
    check_array("xs", xs, ("N", "T", "I"), sizes)
    if lengths is None:
        return xs, None
    lengths = check_lengths(lengths, sizes)
    return np.where(np.arange(sizes["T"])[:, None] < lengths[:, None, None], xs, 0), lengths


def check_whole(name: str, value: int, least: int = 1) -> int:
    """Return `value` as an int; raise a ValueError unless it is a whole number, and large enough.

    It is a KindError if `value` is no whole number.
    """
    whole = isinstance(value, Integral) and not isinstance(value, bool)
    if not whole or value < least:
        error = ValueError if whole else KindError
        raise error(f"{name}: expected a whole number of at least {least}, got {value!r}")
    return int(value)


def check_sizes(**sizes: int) -> None:
    """Raise a ValueError unless each size is a whole number of at least 1."""
    for name, value in sizes.items():
        check_whole(name, value)


def check_positive(**settings: float) -> None:
    """Raise a ValueError unless each setting is a finite number above 0."""
    for name, value in settings.items():
        numeric = isinstance(value, Real) and not isinstance(value, bool)
        if not numeric or not 0 < float(value) < np.inf:
            raise ValueError(f"{name}: expected a finite number above 0, got {value!r}")


def check_rng(rng: np.random.Generator) -> None:
    """Raise a ValueError unless `rng` is a NumPy generator."""
    if not isinstance(rng, np.random.Generator):
        raise ValueError(
            f"rng: expected a generator such as np.random.default_rng(0), got {type(rng).__name__}"
        )


def check_choice(name: str, value: object, choices: Collection) -> None:
    """Raise a ValueError unless `value` is one of `choices`."""
    if value not in choices:
        raise ValueError(f"{name}: expected one of {', '.join(map(repr, choices))}, got {value!r}")


def check_switch(name: str, value: object) -> bool:
    """Return `value` as True or False; raise a ValueError unless it is one, or the number 1 or 0.

    What Python takes for true, such as the text "False", is no answer to a question of yes or no.
    """
    if not isinstance(value, (bool, np.bool_, int, np.integer)) or value not in (0, 1):
        raise ValueError(f"{name}: expected True or False, got {value!r:.80}")
    return bool(value)
