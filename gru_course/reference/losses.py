"""Losses that return their gradient with their value."""

import numpy as np
from numpy.typing import ArrayLike

from gru_course._checks import check_array, check_floats, check_plain


def softmax_cross_entropy(logits: np.ndarray, targets: ArrayLike) -> tuple[float, np.ndarray]:
    """Cross-entropy of softmax(logits) against class indices, mean over all entries.

        loss = mean of log(sum_k exp(logits_k)) - logits_target
        dlogits = (softmax(logits) - one_hot(targets)) / number of entries

    The largest logit is subtracted before the exponential, so that nothing overflows.

    Parameters
    ----------
    logits : (N, K) for one label a sequence, or (N, T, K) for one a time step
    targets : (N,) or (N, T) whole numbers from 0 to K - 1

    Returns
    -------
    loss : float, in nats
    dlogits : array of the shape and dtype of logits

    Raises
    ------
    ValueError : if a shape or dtype does not fit, a logit is not finite, or a target is no class

    Notes
    -----
    Goodfellow, Bengio and Courville (2016), Deep Learning, section 6.2.2.3. Equal to
    torch.nn.functional.cross_entropy, which wants the classes on axis 1.

    >>> loss, dlogits = softmax_cross_entropy(np.zeros((1, 4)), np.array([2]))
    >>> round(loss, 4)  # ln 4: four classes, all equally likely
    1.3863
    >>> dlogits
    array([[ 0.25,  0.25, -0.75,  0.25]])
    """
    check_array("logits", logits, "NTK" if np.ndim(logits) == 3 else "NK", {})
    check_plain("targets", targets)
    targets = np.asarray(targets)
    if targets.shape != logits.shape[:-1] or targets.dtype.kind not in "iu":
        raise ValueError(
            f"targets: expected whole numbers of shape {logits.shape[:-1]}, "
            f"got shape {targets.shape} and dtype {targets.dtype}"
        )
    classes = logits.shape[-1]
    bad = (targets < 0) | (targets >= classes)
    if bad.any():
        where = tuple(int(i) for i in np.argwhere(bad)[0])
        raise ValueError(
            f"targets: expected classes from 0 to {classes - 1}, "
            f"got {targets[where]} at index {where}"
        )

    shifted = logits - logits.max(axis=-1, keepdims=True)
    log_p = shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))
    one_hot = np.arange(classes) == targets[..., None]
    return -float(log_p[one_hot].mean()), (np.exp(log_p) - one_hot) / targets.size


def mean_squared_error(predictions: np.ndarray, targets: np.ndarray) -> tuple[float, np.ndarray]:
    """Mean over all entries of the squared difference.

        loss = mean of (predictions - targets)^2
        dpredictions = 2 (predictions - targets) / number of entries

    Parameters
    ----------
    predictions : array of any shape
    targets : array of the same shape; (N,) against (N, 1) is refused, where NumPy would
        broadcast the difference to (N, N) and return a wrong loss without a word

    Returns
    -------
    loss : float, in squared units of the predictions
    dpredictions : array of the shape and dtype of predictions

    Raises
    ------
    ValueError : if the shapes or dtypes differ, or a number is not finite

    >>> loss, dpredictions = mean_squared_error(np.array([1.0, 2.0]), np.array([1.0, 4.0]))
    >>> loss, dpredictions
    (2.0, array([ 0., -2.]))
    """
    sizes = {}
    check_floats("predictions", predictions, sizes)
    check_floats("targets", targets, sizes)
    if targets.shape != predictions.shape:
        raise ValueError(
            f"targets: expected shape {predictions.shape} like predictions, got {targets.shape}; "
            f"reshape one of them, they are not broadcast"
        )
    difference = predictions - targets
    return float(np.mean(difference**2)), 2 * difference / difference.size
