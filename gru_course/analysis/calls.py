"""How often a function calls NumPy."""

from collections import Counter
from collections.abc import Callable

import numpy as np

PRODUCTS = {np.matmul, np.dot, np.inner, np.einsum, np.tensordot}


class _Counted(np.ndarray):
    """An array that counts the calls that work on it; what they return counts too."""

    counter: Counter | None

    def __array_finalize__(self, parent):
        self.counter = getattr(parent, "counter", None)

    def __array_ufunc__(self, ufunc, method, *inputs, **options):
        return self._count(ufunc, getattr(ufunc, method), inputs, options)

    def __array_function__(self, function, types, args, options):
        return self._count(function, function, args, options)

    def _count(self, what, function, args, options):
        if self.counter is not None:
            self.counter["products" if what in PRODUCTS else "other"] += 1
        # Plain arrays, so that what a function calls in turn is not counted again.
        options = {name: _plain(value) for name, value in options.items()}
        return _counting(function(*_plain(args), **options), self.counter)


def _plain(value):
    if isinstance(value, list | tuple):
        return type(value)(map(_plain, value))
    return value.view(np.ndarray) if isinstance(value, np.ndarray) else value


def _counting(value, counter):
    """The same arrays, also inside of tuples and lists, with a counter."""
    if isinstance(value, list | tuple):
        parts = [_counting(part, counter) for part in value]
        return type(value)(*parts) if hasattr(value, "_fields") else type(value)(parts)
    if isinstance(value, np.ndarray):
        value = value.view(_Counted)
        value.counter = counter
    return value


def calls_per_step(
    function: Callable, xs: np.ndarray, h0: np.ndarray, params: tuple[np.ndarray, ...]
) -> dict[str, int]:
    """How many calls of NumPy one more time step costs.

    A call is one operation on whole arrays (`+`, `@`, `np.tanh`) or one of NumPy's functions
    (`np.dot`, `np.split`). Indexing and transposing only make views and are not counted.

    Parameters
    ----------
    function : maps (xs, h0, params) to whatever it likes. A call counts where one of its arrays
        comes from these three: `np.empty_like` keeps that up, `np.empty` and `np.asarray` do not.
    xs : (N, T, I) inputs with T at least 2; the function runs on the first step, then on two
    h0 : (N, H) initial states
    params : tuple of arrays

    Returns
    -------
    dict with the number of "products" and of "other" calls

    Raises
    ------
    ValueError : if xs has fewer than two steps

    Notes
    -----
    The chapter "How fast can a GRU go?" multiplies it by what a call costs.

    >>> def states(xs, h, params):
    ...     for x in xs.transpose(1, 0, 2):
    ...         h = np.tanh(x @ params[0] + h)
    >>> calls_per_step(states, np.ones((1, 5, 2)), np.ones((1, 3)), (np.ones((2, 3)),))
    {'products': 1, 'other': 2}
    """
    if xs.ndim != 3 or xs.shape[1] < 2:
        raise ValueError(f"xs: expected shape (N, T, I) with T at least 2, got {xs.shape}")
    one, two = Counter(), Counter()
    for steps, counter in ((1, one), (2, two)):
        function(*_counting((xs[:, :steps], h0, params), counter))
    return {kind: two[kind] - one[kind] for kind in ("products", "other")}
