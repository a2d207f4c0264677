"""Optimisers on NamedTuples of arrays.

An optimiser takes the parameters and their gradients and returns new parameters; nothing is
changed in place. The parameters are a NamedTuple of arrays, such as `gru.Params`, or of further
such tuples, such as a model of a cell and its readout. What an optimiser remembers (a velocity, a
mean of squares) is a tuple of the same form, zero before the first update, and stands on the
object.

With g the gradient and theta the parameter, each class states its update. The defaults and the
results are those of torch.optim.
"""

from typing import TypeVar

import numpy as np

from gru_course._checks import check_floats, check_positive

Tree = TypeVar("Tree", bound=tuple)  # a NamedTuple of arrays, or of further such tuples


class SGD:
    """Gradient descent.

        theta <- theta - learning_rate * g

    Parameters
    ----------
    learning_rate : float > 0

    Raises
    ------
    ValueError : if a setting is out of its range; from `update`, if `grads` is not finite or does
        not have the form, shapes and dtype of `params`

    >>> from gru_course.reference import rnn
    >>> params = rnn.Params(*np.ones((4, 1, 1)))
    >>> SGD(learning_rate=0.1).update(params, params).weight_ih
    array([[0.9]])
    """

    def __init__(self, learning_rate: float):
        check_positive(learning_rate=learning_rate)
        self.learning_rate = learning_rate

    def update(self, params: Tree, grads: Tree) -> Tree:
        """Return the parameters after one update."""
        _check_like("grads", grads, params)
        return _map(lambda p, g: p - self.learning_rate * g, params, grads)


class Momentum:
    """Gradient descent with heavy-ball momentum.

        v <- momentum * v + g
        theta <- theta - learning_rate * v

    Parameters
    ----------
    learning_rate : float > 0
    momentum : float in [0, 1)

    Raises
    ------
    ValueError : as in `SGD`

    Notes
    -----
    Sutskever et al. (2013), ICML, with the learning rate outside the velocity, as in torch.
    """

    def __init__(self, learning_rate: float, momentum: float = 0.9):
        check_positive(learning_rate=learning_rate)
        _check_decay(momentum=momentum)
        self.learning_rate, self.momentum = learning_rate, momentum
        self.v: tuple | None = None

    def update(self, params: Tree, grads: Tree) -> Tree:
        """Return the parameters after one update."""
        _check_like("grads", grads, params)
        v = _map(np.zeros_like, params) if self.v is None else self.v
        self.v = _map(lambda v, g: self.momentum * v + g, v, grads)
        return _map(lambda p, v: p - self.learning_rate * v, params, self.v)


class RMSProp:
    """A step for each entry in units of its gradient's recent root mean square.

        s <- decay * s + (1 - decay) * g^2
        theta <- theta - learning_rate * g / (sqrt(s) + eps)

    Parameters
    ----------
    learning_rate : float > 0
    decay : float in [0, 1)
    eps : float > 0

    Raises
    ------
    ValueError : as in `SGD`

    Notes
    -----
    Tieleman and Hinton (2012), lecture 6.5 of "Neural Networks for Machine Learning".
    """

    def __init__(self, learning_rate: float = 1e-2, decay: float = 0.99, eps: float = 1e-8):
        check_positive(learning_rate=learning_rate, eps=eps)
        _check_decay(decay=decay)
        self.learning_rate, self.decay, self.eps = learning_rate, decay, eps
        self.s: tuple | None = None

    def update(self, params: Tree, grads: Tree) -> Tree:
        """Return the parameters after one update."""
        _check_like("grads", grads, params)
        s = _map(np.zeros_like, params) if self.s is None else self.s
        self.s = _map(lambda s, g: self.decay * s + (1 - self.decay) * g**2, s, grads)
        return _map(
            lambda p, g, s: p - self.learning_rate * g / (np.sqrt(s) + self.eps),
            params,
            grads,
            self.s,
        )


class Adam:
    """Momentum and RMSProp in one, both corrected for their start at zero.

        m <- beta1 * m + (1 - beta1) * g
        s <- beta2 * s + (1 - beta2) * g^2
        theta <- theta - learning_rate * (m / (1 - beta1^t)) / (sqrt(s / (1 - beta2^t)) + eps)

    Parameters
    ----------
    learning_rate : float > 0
    beta1, beta2 : floats in [0, 1)
    eps : float > 0

    Raises
    ------
    ValueError : as in `SGD`

    Notes
    -----
    Kingma and Ba (2015), arXiv:1412.6980, algorithm 1; t counts the updates from 1.
    """

    def __init__(
        self,
        learning_rate: float = 1e-3,
        beta1: float = 0.9,
        beta2: float = 0.999,
        eps: float = 1e-8,
    ):
        check_positive(learning_rate=learning_rate, eps=eps)
        _check_decay(beta1=beta1, beta2=beta2)
        self.learning_rate, self.beta1, self.beta2, self.eps = learning_rate, beta1, beta2, eps
        self.m: tuple | None = None
        self.s: tuple | None = None
        self.t = 0

    def update(self, params: Tree, grads: Tree) -> Tree:
        """Return the parameters after one update."""
        _check_like("grads", grads, params)
        if self.t == 0:
            self.m = self.s = _map(np.zeros_like, params)
        self.t += 1
        self.m = _map(lambda m, g: self.beta1 * m + (1 - self.beta1) * g, self.m, grads)
        self.s = _map(lambda s, g: self.beta2 * s + (1 - self.beta2) * g**2, self.s, grads)
        m_scale, s_scale = 1 - self.beta1**self.t, 1 - self.beta2**self.t
        return _map(
            lambda p, m, s: (
                p - self.learning_rate * (m / m_scale) / (np.sqrt(s / s_scale) + self.eps)
            ),
            params,
            self.m,
            self.s,
        )


def clip_by_global_norm(grads: Tree, max_norm: float) -> tuple[Tree, float]:
    """Shrink all gradients by one factor, so that together they are no longer than `max_norm`.

        norm = sqrt(sum of the squares of all entries of all arrays)
        grads <- grads * min(1, max_norm / norm)

    The direction stays; only the length changes.

    Parameters
    ----------
    grads : NamedTuple of arrays, or of further such tuples
    max_norm : float > 0

    Returns
    -------
    clipped : tuple of the form of grads
    norm : float, the norm before clipping

    Raises
    ------
    ValueError : if a gradient is not finite or max_norm is not above 0

    Notes
    -----
    Pascanu et al. (2013), arXiv:1211.5063, algorithm 1. torch.nn.utils.clip_grad_norm_ adds 1e-6
    to the norm in the quotient.

    >>> from gru_course.reference import rnn
    >>> clipped, norm = clip_by_global_norm(rnn.Params(*np.full((4, 1, 1), 3.0)), max_norm=1.0)
    >>> norm, clipped.weight_ih
    (6.0, array([[0.5]]))
    """
    check_positive(max_norm=max_norm)
    _check_like("grads", grads, grads)
    arrays = _arrays(grads)
    # Exploding gradients are what this is for: their squares would overflow, their ratios do not.
    largest = max(float(np.abs(g).max()) for g in arrays)
    if largest == 0:
        return grads, 0.0
    norm = largest * float(np.sqrt(sum(np.sum((g / largest) ** 2) for g in arrays)))
    if norm <= max_norm:
        return grads, norm
    return _map(lambda g: g * (max_norm / norm), grads), norm


def _map(function, *trees):
    """Apply `function` to the arrays that stand at the same place in all `trees`."""
    if isinstance(trees[0], np.ndarray):
        return function(*trees)
    return type(trees[0])(*(_map(function, *parts) for parts in zip(*trees, strict=True)))


def _arrays(tree):
    return [tree] if isinstance(tree, np.ndarray) else [a for part in tree for a in _arrays(part)]


def _check_like(name, value, model):
    """Raise a ValueError unless `value` has the form, shapes and dtypes of `model`."""
    if isinstance(model, np.ndarray):
        check_floats(name, value, {"dtype": model.dtype})
        if value.shape != model.shape:
            raise ValueError(f"{name}: expected shape {model.shape}, got {value.shape}")
    elif not hasattr(model, "_fields"):
        raise ValueError(f"params: expected a NamedTuple of arrays, got {type(model).__name__}")
    elif type(value) is not type(model):
        raise ValueError(
            f"{name}: expected a {type(model).__name__} tuple like params, "
            f"got {type(value).__name__}"
        )
    else:
        for field in model._fields:
            _check_like(f"{name}.{field}", getattr(value, field), getattr(model, field))


def _check_decay(**settings):
    for name, value in settings.items():
        if not 0 <= value < 1:
            raise ValueError(f"{name}: expected a number from 0 to below 1, got {value}")
