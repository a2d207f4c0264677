"""The inputs and attributes of ONNX nodes RNN, LSTM and GRU."""

from collections.abc import Sequence

import numpy as np

from gru_course._checks import check_array, check_switch
from gru_course.convert._layers import (
    Layer,
    Options,
    blocks,
    check_layer,
    from_order,
    options,
    params,
    to_order,
)
from gru_course.reference import lstm

# Which of our blocks stands at each place of ONNX's matrices, by the number of blocks.
ORDER = {1: [0], 3: [1, 0, 2], 4: [0, 3, 1, 2]}
PEEPHOLES = [0, 2, 1]  # i | o | f from our i | f | o
ACTIVATIONS = {1: ["tanh"], 3: ["sigmoid", "tanh"], 4: ["sigmoid", "tanh", "tanh"]}


def from_onnx(
    W: np.ndarray,
    R: np.ndarray,
    B: np.ndarray | None = None,
    P: np.ndarray | None = None,
    *,
    linear_before_reset: int = 0,
    activations: Sequence[str | bytes] | None = None,
    clip: float | None = None,
    input_forget: int = 0,
    direction: str | bytes | None = None,
) -> tuple[Layer, Options]:
    """The weights of one ONNX node RNN, LSTM or GRU.

    Parameters
    ----------
    W : (D, kH, I) array
    R : (D, kH, H) array
    B : (D, 2kH) array, biases of W and then of R; None for zeros
    P : (D, 3H) array, an LSTM's peepholes i | o | f; None for none
    linear_before_reset : a GRU node's attribute, 0 where the node does not name it: then the reset
        gate comes before the product. Ignored for the other cells.
    activations, clip, input_forget, direction : the node's attributes, where it names them. An RNN
        may have the activations "Tanh" or "Relu"; else nothing but ONNX's defaults has a
        counterpart, and a node that goes backwards is converted without `direction`.

    All attributes are values, as onnx.helper.get_attribute_value returns them.

    Returns
    -------
    layer : tuple of D Params, or of PeepholeParams
    options : {"reset_after": bool(linear_before_reset)} for a GRU, {"nonlinearity": ...} for a
        plain RNN, else {}

    Raises
    ------
    ValueError : if a shape does not fit, or an attribute is of a wrong kind or has no counterpart

    Notes
    -----
    The ONNX operators RNN, LSTM and GRU, whose schemas give the attributes and their defaults.

    >>> layer, options = from_onnx(np.ones((1, 9, 2)), np.ones((1, 9, 3)))
    >>> layer[0].bias_ih.shape, options
    ((9,), {'reset_after': False})
    """
    for name, value in {"W": W, "R": R, "B": B, "P": P}.items():
        if hasattr(value, "raw_data"):
            raise ValueError(
                f"{name}: expected a NumPy array, got {type(value).__name__}: take "
                "onnx.numpy_helper.to_array of it"
            )
    reset_after = check_switch("linear_before_reset", linear_before_reset)
    sizes = {}
    check_array("W", W, ("D", "K", "I"), sizes)
    check_array("R", R, ("D", "K", "H"), sizes)
    H, k = blocks("R[0]", R[0], axis=0)
    B = np.zeros((len(W), 2 * k * H), W.dtype) if B is None else B
    check_array("B", B, ("D", "2K"), sizes)
    if P is not None:
        if k != 4:
            raise ValueError(f"P: expected peepholes for an LSTM only, got R with {k} blocks")
        check_array("P", P, ("D", "3H"), sizes)
    layer = []
    for d in range(len(W)):
        b_ih, b_hh = np.split(B[d], 2)
        arrays = [from_order(a, ORDER[k]) for a in (W[d], R[d], b_ih, b_hh)]
        if P is not None:
            arrays.append(from_order(P[d], PEEPHOLES))
        layer.append(params(k, *arrays))
    layer = tuple(layer)
    check_layer(layer)
    nonlinearity = _activation(k, len(layer), activations)
    if clip is not None:
        raise ValueError(f"clip: expected None, got {clip!r}: no cell here clips what it activates")
    if check_switch("input_forget", input_forget):
        raise ValueError(
            "input_forget: expected 0, got 1, which ties the two gates: an LSTM here has both"
        )
    _check_direction(direction, len(layer))
    return layer, options(k, reset_after, nonlinearity)


def _text(value):
    """Attributes of ONNX are bytes, and are written as text."""
    return value.decode() if isinstance(value, bytes) else value


def _activation(k, directions, activations):
    """Return the nonlinearity of a plain RNN; raise a ValueError for what the cells do not have."""
    if activations is None:
        return "tanh"
    got = [str(_text(name)) for name in activations] if np.iterable(activations) else activations
    names = [name.lower() for name in got] if isinstance(got, list) else got
    if k == 1 and names == ["relu"] * directions:
        return "relu"
    if names != ACTIVATIONS[k] * directions:
        wanted = [name.title() for name in ACTIVATIONS[k] * directions]
        also = f" or {['Relu'] * directions}" if k == 1 else ""
        raise ValueError(
            f"activations: expected {wanted}{also}, got {got}: no cell here has others"
        )
    return "tanh"


def _check_direction(direction, directions):
    if direction is None:
        return
    if _text(direction) == "reverse":
        raise ValueError(
            "direction: expected 'forward' or 'bidirectional', got 'reverse', which the weights do "
            "not hold: convert without it, and take recurrent.forward(..., reverse=True)"
        )
    wanted = {1: "forward", 2: "bidirectional"}[directions]
    if _text(direction) != wanted:
        raise ValueError(f"direction: expected {wanted!r} for D = {directions}, got {direction!r}")


def to_onnx(
    layer: Layer, *, reset_after: bool | None = None, nonlinearity: str | None = None
) -> dict[str, np.ndarray | int | list[str]]:
    """Inputs, and for a GRU the attribute, of an ONNX node that computes the same.

    Parameters
    ----------
    layer : tuple of D Params: the node's direction is "forward" or "reverse", or, for two,
        "bidirectional"
    reset_after : how the Params of a GRU are meant; asked for only there
    nonlinearity : of a plain RNN, "tanh" or "relu"; asked for only there

    Returns
    -------
    dict with the inputs "W" (D, kH, I), "R" (D, kH, H), "B" (D, 2kH), for peepholes "P" (D, 3H),
    for a GRU the attribute "linear_before_reset", 0 or 1, and for a plain RNN "activations"

    Raises
    ------
    ValueError : if reset_after or nonlinearity is missing, or a shape does not fit

    Notes
    -----
    The ONNX operators RNN, LSTM and GRU, whose schemas give the order of the gates.
    """
    k = check_layer(layer)
    attributes = options(k, reset_after, nonlinearity)
    W, R, b_ih, b_hh = (
        np.stack([to_order(direction[field], ORDER[k]) for direction in layer])
        for field in range(4)
    )
    node: dict[str, np.ndarray | int | list[str]] = {
        "W": W,
        "R": R,
        "B": np.concatenate([b_ih, b_hh], axis=1),
    }
    peepholes = [d.peephole for d in layer if isinstance(d, lstm.PeepholeParams)]
    if peepholes:
        node["P"] = np.stack([to_order(peephole, PEEPHOLES) for peephole in peepholes])
    if k == 3:
        node["linear_before_reset"] = int(attributes["reset_after"])
    if k == 1:
        node["activations"] = [str(attributes["nonlinearity"]).title()] * len(layer)
    return node
