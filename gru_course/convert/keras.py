"""The weights of Keras' `SimpleRNN`, `LSTM` and `GRU`."""

from collections.abc import Callable, Sequence

import numpy as np

from gru_course._checks import check_array, check_switch
from gru_course.convert._layers import (
    NONLINEARITIES,
    Layer,
    Options,
    blocks,
    check_layer,
    from_order,
    options,
    params,
    refuse_peepholes,
    to_order,
)

# Which of our blocks stands at each place of Keras' matrices, by the number of blocks.
ORDER = {1: [0], 3: [1, 0, 2], 4: [0, 1, 2, 3]}


def from_keras(
    weights: Sequence[np.ndarray],
    *,
    reset_after: bool | None = None,
    activation: str | Callable | None = None,
    recurrent_activation: str | Callable = "sigmoid",
    go_backwards: bool = False,
    bidirectional: bool | None = None,
) -> tuple[Layer, Options]:
    """The weights of one Keras `SimpleRNN`, `LSTM` or `GRU`, alone or in `Bidirectional`.

    Parameters
    ----------
    weights : list of arrays, `layer.get_weights()`: kernel (I, kH), recurrent_kernel (H, kH) and,
        unless use_bias=False, bias; twice for `Bidirectional`, the forward direction first
    reset_after : the attribute of a Keras GRU, True by default there. Its bias tells: (2, 3H) if
        True, (3H,) if False. Without a bias nothing does, and it has to be given.
    activation : the attribute of the Keras layer, as there or by its name: "tanh" or "relu" of a
        `SimpleRNN`, where it has to be given; of the others nothing but "tanh" has a counterpart
    recurrent_activation, go_backwards : the attributes of the Keras layer; nothing but the defaults
        has a counterpart
    bidirectional : whether twice the arrays are those of `Bidirectional`. It has to be given where
        I = H, since those of two layers then look the same.

    Returns
    -------
    layer : tuple of 1 or 2 Params
    options : {"reset_after": ...} for a GRU, {"nonlinearity": ...} for a plain RNN, else {}

    Raises
    ------
    ValueError : if the number of arrays or a shape does not fit, an attribute is missing,
        contradicts the arrays or has no counterpart, or the arrays are those of two layers

    Notes
    -----
    Keras 3, keras.layers.GRU. A single bias becomes bias_ih, and bias_hh is zero.

    >>> kernel, recurrent_kernel, bias = np.ones((2, 9)), np.ones((3, 9)), np.ones((2, 9))
    >>> layer, options = from_keras([kernel, recurrent_kernel, bias])
    >>> layer[0].weight_ih.shape, options
    ((9, 2), {'reset_after': True})
    """
    if not isinstance(weights, (list, tuple)):
        raise ValueError(
            f"weights: expected a list of arrays, got {type(weights).__name__}: of a layer take "
            "layer.get_weights()"
        )
    each = {2: 2, 3: 3, 4: 2, 6: 3}.get(len(weights))
    if each is None:
        raise ValueError(
            "weights: expected kernel, recurrent_kernel and perhaps bias, or twice that for "
            f"Bidirectional, got {len(weights)} arrays"
        )
    _check_directions(weights, each, bidirectional)
    layer, k = [], 0
    for start in range(0, len(weights), each):
        kernel, recurrent_kernel, *bias = weights[start : start + each]
        H, k = blocks("recurrent_kernel", recurrent_kernel, axis=1)
        sizes = {"H": H, "dtype": recurrent_kernel.dtype, "B": 2}
        columns = f"{k}H" if k > 1 else "H"
        check_array("kernel", kernel, ("I", columns), sizes)
        b = bias[0] if bias else np.zeros(k * H, recurrent_kernel.dtype)
        if k > 1 and np.shape(b) == (2 * k * H,):
            raise ValueError(
                f"bias: expected that of a Keras GRU or LSTM, got {b.shape}: CuDNNGRU and "
                "CuDNNLSTM of Keras 2 store bias_ih and bias_hh one after the other, their kernels "
                "in another order too. Load their file in Keras 2 into GRU(reset_after=True) or "
                "LSTM, which put both in order, and take get_weights() of that"
            )
        two = k == 3 and np.ndim(b) == 2  # what only reset_after=True has
        check_array("bias", b, ("B", columns) if two else (columns,), sizes)
        if bias and k == 3:
            if reset_after is not None and check_switch("reset_after", reset_after) != two:
                raise ValueError(
                    f"reset_after: expected {two}, since the bias has shape {b.shape}, "
                    f"got {reset_after}"
                )
            reset_after = two
        b_ih, b_hh = b if two else (b, np.zeros_like(b))
        arrays = [kernel.T, recurrent_kernel.T, b_ih, b_hh]
        layer.append(params(k, *(from_order(a, ORDER[k]) for a in arrays)))
    layer = tuple(layer)
    check_layer(layer)
    nonlinearity = _check_attributes(k, activation, recurrent_activation, go_backwards)
    return layer, options(k, reset_after, nonlinearity)


def _check_directions(weights, each, bidirectional):
    """Raise a ValueError unless the arrays are those of one layer, in one or two directions."""
    if bidirectional is not None:
        bidirectional = check_switch("bidirectional", bidirectional)
    if len(weights) == each:
        if bidirectional:
            raise ValueError(f"weights: expected {2 * each} for Bidirectional, got {each} arrays")
        return
    I, H, again = (np.shape(weights[place])[:1] for place in (0, 1, each))
    if bidirectional is False or (again != I and again == H):
        raise ValueError(
            f"weights: expected those of one layer, got {2 * each} arrays, of two: convert each of "
            "them, and give to_torch the list"
        )
    if bidirectional is None and I == H == again:
        raise ValueError(
            f"bidirectional: expected True or False for {2 * each} arrays with I = H, which may be "
            "those of Bidirectional or of two layers, got None; convert two layers one by one"
        )


def _check_attributes(k, activation, recurrent_activation, go_backwards):
    """Return the nonlinearity of a plain RNN; raise a ValueError for what the cells do not have."""
    # A layer keeps functions, its get_config() their names.
    activation, gate = (
        getattr(value, "__name__", value) for value in (activation, recurrent_activation)
    )
    if k == 1 and activation is None:
        raise ValueError(
            'activation: expected "tanh" or "relu" for a SimpleRNN, whose arrays look the same '
            "with both and compute different numbers, got None"
        )
    if activation not in (NONLINEARITIES if k == 1 else ("tanh", None)):
        wanted = '"tanh" or "relu"' if k == 1 else '"tanh"'
        raise ValueError(
            f"activation: expected {wanted}, got {activation!r}, which this cell does not have"
        )
    if k > 1 and gate != "sigmoid":
        raise ValueError(
            f'recurrent_activation: expected "sigmoid", got {gate!r}, which no gate here has '
            '("hard_sigmoid" is 0.2 a + 0.5 in Keras 2, a / 6 + 0.5 in Keras 3, cut at 0 and 1)'
        )
    if check_switch("go_backwards", go_backwards):
        raise ValueError(
            "go_backwards: expected False, since the weights do not hold the direction: convert "
            "without it, take recurrent.forward(..., reverse=True), and turn its states, which "
            "Keras lists in the order in which they were read"
        )
    return activation


def to_keras(
    layer: Layer, *, reset_after: bool | None = None, nonlinearity: str | None = None
) -> list[np.ndarray]:
    """What `set_weights` of a Keras `SimpleRNN`, `LSTM` or `GRU` takes, to compute the same.

    Parameters
    ----------
    layer : tuple of 1 or 2 Params; two are for `Bidirectional`
    reset_after : how the Params of a GRU are meant; the Keras layer must be made with the same
    nonlinearity : of a plain RNN, "tanh" or "relu", the activation with which the `SimpleRNN` must
        be made; asked for only there

    Returns
    -------
    list of arrays: kernel (I, kH), recurrent_kernel (H, kH), bias; twice that for two directions

    Raises
    ------
    ValueError : for peepholes, which Keras does not have, or if a shape does not fit

    Notes
    -----
    Where Keras has one bias it gets bias_ih + bias_hh: only their sum enters the equations.
    """
    k = check_layer(layer)
    two_biases = options(k, reset_after, nonlinearity).get("reset_after")
    weights = []
    for direction in layer:
        refuse_peepholes(direction, "keras.layers.LSTM")
        W, R, b_ih, b_hh = (to_order(a, ORDER[k]) for a in direction)
        bias = np.stack([b_ih, b_hh]) if two_biases else b_ih + b_hh
        weights += [W.T, R.T, bias]
    return weights
