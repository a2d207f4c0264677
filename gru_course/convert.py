"""Weights between this course, PyTorch, Keras and ONNX, as NumPy arrays.

None of those libraries is imported: a state_dict, `layer.get_weights()` and the inputs of an ONNX
node are arrays. The cell is read off their shapes: a recurrent matrix of H by kH holds a plain RNN
for k = 1, a GRU for k = 3, an LSTM for k = 4.

A layer is a tuple of Params, one for each direction, as in `reference.recurrent`. `options` is
{"reset_after": True or False} for a GRU and {} for the others: what the shapes cannot tell. Every
`from_...` returns it, every `to_...` asks for it, and `recurrent.forward` takes it, so that
converting from one framework to another is `to_torch([layer], **options)`, and a convention cannot
get lost on the way. What has no exact counterpart raises a ValueError that says why.

    library   kernel        GRU gates   LSTM gates   biases
    torch     (kH, I)       r | z | n   i | f | g | o   (kH,) and (kH,)
    Keras     (I, kH)       z | r | n   i | f | g | o   (2, 3H) for reset_after, else (kH,)
    ONNX      (D, kH, I)    z | r | n   i | o | f | g   (D, 2kH)

In all of them z = 1 keeps the old state. The chapter "Conventions" shows where they differ.
"""

import numpy as np

from gru_course.reference import gru, lstm, rnn
from gru_course.reference._checks import check_array, check_floats, check_params

_CELLS = {1: rnn, 3: gru, 4: lstm}  # k, the number of blocks -> cell

# Which of our blocks stands at each place of a library's matrix; torch's order is ours.
_KERAS_ORDER = {1: [0], 3: [1, 0, 2], 4: [0, 1, 2, 3]}
_ONNX_ORDER = {1: [0], 3: [1, 0, 2], 4: [0, 3, 1, 2]}
_ONNX_PEEPHOLES = [0, 2, 1]  # i | o | f from our i | f | o

_TORCH_NAMES = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")


def from_torch(state_dict):
    """The weights of `torch.nn.RNN`, `LSTM` or `GRU`.

    Parameters
    ----------
    state_dict : dict, name -> array, for example
        ``{name: w.numpy() for name, w in layer.state_dict().items()}``. The names are torch's:
        weight_ih_l0, weight_hh_l0, bias_ih_l0, bias_hh_l0 for the first layer, with _reverse
        appended for the second direction.

    Returns
    -------
    layers : list of L tuples of 1 or 2 Params; biases are zeros where the layer has none
    options : {"reset_after": True} for a GRU, else {}

    Raises
    ------
    ValueError : if a name is missing or unknown, or a shape does not fit

    Notes
    -----
    Names and stacking: torch.nn.RNN, LSTM and GRU, section "Variables" of their documentation.

    >>> layers = [(gru.init(np.random.default_rng(0), 2, 3),)]
    >>> again, options = from_torch(to_torch(layers, reset_after=True))
    >>> options, bool((again[0][0].weight_hh == layers[0][0].weight_hh).all())
    ({'reset_after': True}, True)
    """
    left = dict(state_dict)
    has_bias = "bias_ih_l0" in left
    suffixes = ["", "_reverse"] if "weight_ih_l0_reverse" in left else [""]
    layers = []
    while not layers or left:
        layer = []
        for suffix in suffixes:
            names = [f"{name}_l{len(layers)}{suffix}" for name in _TORCH_NAMES]
            names = names if has_bias else names[:2]
            if missing := [name for name in names if name not in left]:
                raise ValueError(
                    f"state_dict: expected the names of torch.nn.RNN, LSTM or GRU, "
                    f"found no {missing[0]}; got {', '.join(state_dict)}"
                )
            arrays = [left.pop(name) for name in names]
            H, k = _blocks(names[1], arrays[1], axis=0)
            for name, array, shape in zip(names, arrays, _CELLS[k].SHAPES.values(), strict=False):
                check_array(name, array, shape, {"H": H, "dtype": arrays[1].dtype})
            if not has_bias:
                arrays += [np.zeros(k * H, arrays[1].dtype)] * 2
            layer.append(_params(k, *arrays))
        layers.append(tuple(layer))
    _check_layers(layers, True)
    return layers, _options(layers[0], True)


def to_torch(layers, *, reset_after=None):
    """The state_dict of a `torch.nn.RNN`, `LSTM` or `GRU` that computes the same.

    Parameters
    ----------
    layers : list of L tuples of 1 or 2 Params
    reset_after : how the Params of a GRU are meant; asked for only there

    Returns
    -------
    dict, name -> array, in the order of torch's state_dict

    Raises
    ------
    ValueError : for what torch does not have, which is the reset gate before the product and
        peepholes, or if a shape does not fit

    Notes
    -----
    ``module.load_state_dict({name: torch.tensor(w) for name, w in to_torch(...).items()})``
    """
    if _check_layers(layers, reset_after) == 3 and not reset_after:
        raise ValueError(
            "reset_after: torch.nn.GRU applies the reset gate after the product, "
            "r * (W_hn h + b_hn). These weights were trained with W_hn (r * h), and no other "
            "weights make the one equal to the other. Use gru_course.nn.GRUCell(I, H, "
            "reset_after=False), which is torch too."
        )
    state_dict = {}
    for layer_number, layer in enumerate(layers):
        for params, suffix in zip(layer, ("", "_reverse"), strict=False):
            _refuse_peepholes(params, "torch.nn.LSTM")
            for name, array in params._asdict().items():
                state_dict[f"{name}_l{layer_number}{suffix}"] = array.copy()
    return state_dict


def from_keras(weights, *, reset_after=None):
    """The weights of one Keras `SimpleRNN`, `LSTM` or `GRU`, alone or in `Bidirectional`.

    Parameters
    ----------
    weights : list of arrays, `layer.get_weights()`: kernel (I, kH), recurrent_kernel (H, kH) and,
        unless use_bias=False, bias; twice for `Bidirectional`, the forward direction first
    reset_after : the attribute of a Keras GRU, True by default there. Its bias tells: (2, 3H) if
        True, (3H,) if False. Without a bias nothing does, and it has to be given.

    Returns
    -------
    layer : tuple of 1 or 2 Params
    options : {"reset_after": ...} for a GRU, else {}

    Raises
    ------
    ValueError : if the number of arrays or a shape does not fit, or reset_after is missing or
        contradicts the bias

    Notes
    -----
    Keras 3, keras.layers.GRU. A single bias becomes bias_ih, and bias_hh is zero.

    >>> kernel, recurrent_kernel, bias = np.ones((2, 9)), np.ones((3, 9)), np.ones((2, 9))
    >>> layer, options = from_keras([kernel, recurrent_kernel, bias])
    >>> layer[0].weight_ih.shape, options
    ((9, 2), {'reset_after': True})
    """
    count = len(weights)
    each = {2: 2, 3: 3, 4: 2, 6: 3}.get(count)
    if each is None:
        raise ValueError(
            "weights: expected kernel, recurrent_kernel and perhaps bias, or twice that for "
            f"Bidirectional, got {count} arrays"
        )
    layer = []
    for start in range(0, count, each):
        kernel, recurrent_kernel, *bias = weights[start : start + each]
        H, k = _blocks("recurrent_kernel", recurrent_kernel, axis=1)
        sizes = {"H": H, "dtype": recurrent_kernel.dtype, "B": 2}
        columns = f"{k}H" if k > 1 else "H"
        check_array("kernel", kernel, ("I", columns), sizes)
        b = bias[0] if bias else np.zeros(k * H, recurrent_kernel.dtype)
        two = k == 3 and np.ndim(b) == 2  # what only reset_after=True has
        check_array("bias", b, ("B", columns) if two else (columns,), sizes)
        if bias and k == 3:
            if reset_after not in (None, two):
                raise ValueError(
                    f"reset_after: expected {two}, since the bias has shape {b.shape}, "
                    f"got {reset_after}"
                )
            reset_after = two
        b_ih, b_hh = b if two else (b, np.zeros_like(b))
        arrays = [kernel.T, recurrent_kernel.T, b_ih, b_hh]
        layer.append(_params(k, *(_from_order(a, _KERAS_ORDER[k]) for a in arrays)))
    layer = tuple(layer)
    _check_layer(layer, reset_after)
    return layer, _options(layer, reset_after)


def to_keras(layer, *, reset_after=None):
    """What `set_weights` of a Keras `SimpleRNN`, `LSTM` or `GRU` takes, to compute the same.

    Parameters
    ----------
    layer : tuple of 1 or 2 Params; two are for `Bidirectional`
    reset_after : how the Params of a GRU are meant; the Keras layer must be made with the same

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
    k = _check_layer(layer, reset_after)
    weights = []
    for params in layer:
        _refuse_peepholes(params, "keras.layers.LSTM")
        W, R, b_ih, b_hh = (_to_order(a, _KERAS_ORDER[k]) for a in params)
        bias = np.stack([b_ih, b_hh]) if k == 3 and reset_after else b_ih + b_hh
        weights += [W.T, R.T, bias]
    return weights


def from_onnx(W, R, B=None, P=None, *, linear_before_reset=0):
    """The weights of one ONNX node RNN, LSTM or GRU.

    Parameters
    ----------
    W : (D, kH, I) array
    R : (D, kH, H) array
    B : (D, 2kH) array, biases of W and then of R; None for zeros
    P : (D, 3H) array, an LSTM's peepholes i | o | f; None for none
    linear_before_reset : a GRU node's attribute, 0 where the node does not name it: then the reset
        gate comes before the product. Ignored for the other cells.

    Returns
    -------
    layer : tuple of D Params, or of PeepholeParams
    options : {"reset_after": bool(linear_before_reset)} for a GRU, else {}

    Raises
    ------
    ValueError : if a shape does not fit

    Notes
    -----
    The attributes activations, clip and input_forget change what a node computes; the cells of
    this course have none of them, so a node that sets them has no counterpart here.

    >>> layer, options = from_onnx(np.ones((1, 9, 2)), np.ones((1, 9, 3)))
    >>> layer[0].bias_ih.shape, options
    ((9,), {'reset_after': False})
    """
    sizes = {}
    check_array("W", W, ("D", "K", "I"), sizes)
    check_array("R", R, ("D", "K", "H"), sizes)
    H, k = _blocks("R[0]", R[0], axis=0)
    B = np.zeros((len(W), 2 * k * H), W.dtype) if B is None else B
    check_array("B", B, ("D", "2K"), sizes)
    if P is not None:
        if k != 4:
            raise ValueError(f"P: expected peepholes for an LSTM only, got R with {k} blocks")
        check_array("P", P, ("D", "3H"), sizes)
    layer = []
    for d in range(len(W)):
        b_ih, b_hh = np.split(B[d], 2)
        arrays = [_from_order(a, _ONNX_ORDER[k]) for a in (W[d], R[d], b_ih, b_hh)]
        if P is not None:
            arrays.append(_from_order(P[d], _ONNX_PEEPHOLES))
        layer.append(_params(k, *arrays))
    layer = tuple(layer)
    _check_layer(layer, bool(linear_before_reset))
    return layer, _options(layer, bool(linear_before_reset))


def to_onnx(layer, *, reset_after=None):
    """Inputs, and for a GRU the attribute, of an ONNX node that computes the same.

    Parameters
    ----------
    layer : tuple of D Params: the node's direction is "forward" or "reverse", or, for two,
        "bidirectional"
    reset_after : how the Params of a GRU are meant; asked for only there

    Returns
    -------
    dict with the inputs "W" (D, kH, I), "R" (D, kH, H), "B" (D, 2kH), for peepholes "P" (D, 3H),
    and for a GRU the attribute "linear_before_reset", 0 or 1

    Raises
    ------
    ValueError : if reset_after is missing for a GRU, or a shape does not fit

    Notes
    -----
    The ONNX operators RNN, LSTM and GRU, whose schemas give the order of the gates.
    """
    k = _check_layer(layer, reset_after)
    W, R, b_ih, b_hh = (
        np.stack([_to_order(params[field], _ONNX_ORDER[k]) for params in layer])
        for field in range(4)
    )
    node: dict[str, np.ndarray | int] = {"W": W, "R": R, "B": np.concatenate([b_ih, b_hh], axis=1)}
    if hasattr(layer[0], "peephole"):
        node["P"] = np.stack([_to_order(params.peephole, _ONNX_PEEPHOLES) for params in layer])
    if k == 3:
        node["linear_before_reset"] = 1 if reset_after else 0
    return node


def flip_update_gate(params):
    """Between z = 1 keeps the old state and z = 1 takes the new one; twice is once.

        sigmoid(-a) = 1 - sigmoid(a),   so   W_iz, W_hz, b_iz, b_hz -> their negatives

    Parameters
    ----------
    params : gru.Params

    Returns
    -------
    gru.Params, with which h = (1 - z) * n + z * h_prev computes what params computed with
    h = z * n + (1 - z) * h_prev, and the reverse

    Raises
    ------
    ValueError : if params are not those of a GRU

    Notes
    -----
    Cho et al. (2014) and PyTorch keep at z = 1, Chung et al. (2014) write.
    """
    check_params(params, gru.SHAPES, {})
    H = params.weight_hh.shape[1]
    sign = np.repeat([1, -1, 1], H).astype(params.weight_hh.dtype)
    return gru.Params(*(sign.reshape(-1, *[1] * (a.ndim - 1)) * a for a in params))


def _blocks(name, recurrent, axis):
    """H and k of a recurrent matrix whose k blocks lie along `axis`."""
    wanted = "(kH, H)" if axis == 0 else "(H, kH)"
    check_floats(name, recurrent, {}, f"a NumPy array of shape {wanted}")
    long, H = (*recurrent.shape, 1, 1)[axis], (*recurrent.shape, 1, 1)[1 - axis]
    if recurrent.ndim != 2 or long % H or long // H not in _CELLS:
        raise ValueError(
            f"{name}: expected shape {wanted} with k = 1 for a plain RNN, 3 for a GRU or 4 for an "
            f"LSTM, got {recurrent.shape}"
        )
    return H, long // H


def _params(k, *arrays):
    """The cell's Params, of copies: nobody's weights change with another's."""
    cell = _CELLS[k]
    kind = cell.PeepholeParams if len(arrays) == 5 else cell.Params
    params = kind(*(np.array(a, order="C") for a in arrays))
    check_params(params, cell.SHAPES, {})
    return params


def _options(layer, reset_after):
    return {"reset_after": reset_after} if isinstance(layer[0], gru.Params) else {}


def _check_layer(layer, reset_after):
    """Return k; raise a ValueError unless the layer's cells are of one kind and shape."""
    size = len(layer) if isinstance(layer, tuple) and not hasattr(layer, "_fields") else 0
    if size not in (1, 2):
        raise ValueError(
            f"layer: expected a tuple of 1 or 2 Params, got {size or type(layer).__name__}"
        )
    sizes = {}
    for params in layer:
        cell = {rnn.Params: rnn, gru.Params: gru}.get(type(params), lstm)
        check_params(params, cell.SHAPES, sizes)
    if len({type(params) for params in layer}) == 2:
        raise ValueError("layer: expected one kind of cell in both directions")
    k = len(layer[0].bias_hh) // sizes["H"]
    if k == 3 and not isinstance(reset_after, bool):
        raise ValueError(
            "reset_after: expected True or False for a GRU, whose arrays look the same under both "
            f"conventions and compute different numbers, got {reset_after!r}"
        )
    return k


def _check_layers(layers, reset_after):
    """Return k; raise a ValueError unless the layers can stand one on the other."""
    if not isinstance(layers, list) or not layers:
        raise ValueError(f"layers: expected a list of layers, got {layers!r:.60}")
    ks = [_check_layer(layer, reset_after) for layer in layers]
    D, H = len(layers[0]), layers[0][0].weight_hh.shape[1]
    for number, (layer, k) in enumerate(zip(layers, ks, strict=True)):
        kind = (len(layer), k, layer[0].weight_hh.shape[1])
        if kind != (D, ks[0], H):
            raise ValueError(
                f"layers[{number}]: expected the directions, the kind of cell and the hidden size "
                f"of layers[0], (D, k, H) = {(D, ks[0], H)}, got {kind}"
            )
        I = layer[0].weight_ih.shape[1]
        if number and I != D * H:
            raise ValueError(f"layers[{number}]: expected I = D * H = {D * H}, got {I}")
    return ks[0]


def _refuse_peepholes(params, peer):
    if hasattr(params, "peephole"):
        raise ValueError(f"layer: {peer} has no peepholes, and no other weights replace them")


def _to_order(array, order):
    """Reorder the blocks along axis 0: ours to a library's."""
    blocks = np.split(array, len(order))
    return np.concatenate([blocks[i] for i in order])


def _from_order(array, order):
    """The inverse of `_to_order`."""
    return _to_order(array, [order.index(i) for i in range(len(order))])
