"""Is this the gradient? Ask the function itself, entry by entry."""

from collections.abc import Callable, Mapping

import numpy as np

from gru_course._checks import check_floats, check_positive


def central_differences(
    f: Callable[[np.ndarray], float], array: np.ndarray, eps: float = 1e-5
) -> np.ndarray:
    """Gradient of a scalar function, from two evaluations an entry.

        df/da_i = (f(a + eps e_i) - f(a - eps e_i)) / (2 eps) + O(eps^2)

    Parameters
    ----------
    f : function of one array that returns a number
    array : float64 array of any shape: where to take the gradient; it is left as it was
    eps : float > 0. Truncation grows as eps^2 and rounding as 1e-16 / eps; near 1e-5 both are
        about 1e-11 for a function of order one.

    Returns
    -------
    array of the shape of `array`

    Raises
    ------
    ValueError : if array is not finite and float64, or f does not return one finite number

    Notes
    -----
    Exact only where f is smooth: within eps of the corner of a ReLU the two slopes are mixed.

    >>> central_differences(lambda a: (a**2).sum(), np.array([1.0, 3.0])).round(6)
    array([2., 6.])
    """
    check_floats("array", array, {"dtype": np.dtype(np.float64)})
    check_positive(eps=eps)

    def evaluate(index, shift):
        shifted = array.copy()  # afresh each time, lest f change it
        shifted[index] += shift
        value = f(shifted)
        if np.ndim(value) != 0 or not np.isfinite(value):
            raise ValueError(f"f: expected to return one finite number, got {value!r}")
        return float(value)

    gradient = np.empty_like(array)
    for index in np.ndindex(array.shape):
        gradient[index] = (evaluate(index, eps) - evaluate(index, -eps)) / (2 * eps)
    return gradient


def gradcheck(
    f: Callable[..., float],
    arguments: Mapping[str, np.ndarray],
    grads: Mapping[str, np.ndarray],
    *,
    tolerance: float = 1e-7,
    eps: float = 1e-5,
) -> float:
    """Hold gradients against central differences, over every entry of every argument.

    Parameters
    ----------
    f : function that takes the arguments by name and returns a number
    arguments : dict, name -> float64 array; they are left as they were
    grads : dict, the same names -> the gradient that is claimed for each
    tolerance : float, the largest absolute difference allowed
    eps : as in `central_differences`

    Returns
    -------
    float, the largest absolute difference found

    Raises
    ------
    AssertionError : names the first argument and index that disagree, what was wanted (the
        central difference) and what came
    ValueError : if the names or shapes of arguments and grads differ, or as in
        `central_differences`

    Notes
    -----
    The chapter "Back-propagation through time" uses it on a whole sequence.

    >>> f = lambda a, b: (a * b).sum()
    >>> a, b = np.array([1.0, 2.0]), np.array([3.0, 4.0])
    >>> gradcheck(f, {"a": a, "b": b}, {"a": b, "b": a}) < 1e-7
    True
    >>> gradcheck(f, {"a": a, "b": b}, {"a": b, "b": np.array([1.0, -2.0])})
    Traceback (most recent call last):
    AssertionError: gradient of b[1]: wanted 2.0, got -2.0 (they differ by 4; tolerance 1e-07)
    """
    if set(arguments) != set(grads):
        raise ValueError(
            f"grads: expected gradients of {', '.join(arguments)}, got {', '.join(grads)}"
        )
    for name, array in arguments.items():
        check_floats(f"arguments[{name!r}]", array, {"dtype": np.dtype(np.float64)})
        if np.shape(grads[name]) != array.shape:
            raise ValueError(
                f"grads[{name!r}]: expected shape {array.shape}, got {np.shape(grads[name])}"
            )

    largest = 0.0
    for name, array in arguments.items():
        others = {key: value for key, value in arguments.items() if key != name}
        wanted = central_differences(
            lambda a, name=name, others=others: f(**{name: a}, **others), array, eps
        )
        error = np.abs(np.asarray(grads[name]) - wanted)
        bad = np.argwhere(~(error <= tolerance))  # also where the error is NaN
        if len(bad):
            index = tuple(int(i) for i in bad[0])
            raise AssertionError(
                f"gradient of {name}{list(index)}: wanted {float(wanted[index]):.10}, "
                f"got {float(grads[name][index]):.10} "
                f"(they differ by {error[index]:.3g}; tolerance {tolerance})"
            )
        largest = max(largest, float(error.max()))
    return largest
