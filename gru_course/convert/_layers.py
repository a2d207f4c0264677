"""What the conversions share: layers of Params, their checks, and the order of their blocks."""

import numpy as np

from gru_course._checks import check_choice, check_floats, check_params, check_switch
from gru_course.reference import gru, lstm, rnn
from gru_course.reference.recurrent import Params

CELLS = {1: rnn, 3: gru, 4: lstm}  # k, the number of blocks -> cell
NONLINEARITIES = ("tanh", "relu")
Layer = tuple[Params, ...]  # one for each direction
Options = dict[str, bool | str]  # what the arrays of a layer do not tell


def flip_update_gate(params: gru.Params) -> gru.Params:
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


def blocks(name: str, recurrent: np.ndarray, axis: int) -> tuple[int, int]:
    """H and k of a recurrent matrix whose k blocks lie along `axis`."""
    wanted = "(kH, H)" if axis == 0 else "(H, kH)"
    check_floats(name, recurrent, {}, f"a NumPy array of shape {wanted}")
    long, H = (*recurrent.shape, 1, 1)[axis], (*recurrent.shape, 1, 1)[1 - axis]
    if recurrent.ndim != 2 or long % H or long // H not in CELLS:
        raise ValueError(
            f"{name}: expected shape {wanted} with k = 1 for a plain RNN, 3 for a GRU or 4 for an "
            f"LSTM, got {recurrent.shape}"
        )
    return H, long // H


def params(k: int, *arrays: np.ndarray) -> Params:
    """The cell's Params, of copies: nobody's weights change with another's."""
    cell = CELLS[k]
    kind = cell.PeepholeParams if len(arrays) == 5 else cell.Params
    params = kind(*(np.array(a, order="C") for a in arrays))
    check_params(params, cell.SHAPES, {})
    return params


def options(k: int, reset_after: bool | None, nonlinearity: str | None) -> Options:
    """What the arrays of a layer with k blocks do not tell, checked, by the names of the cells."""
    if k == 3:
        if reset_after is None:
            raise ValueError(
                "reset_after: expected True or False for a GRU, whose arrays look the same under "
                "both conventions and compute different numbers, got None"
            )
        return {"reset_after": check_switch("reset_after", reset_after)}
    if k == 1:
        if nonlinearity is None:
            raise ValueError(
                'nonlinearity: expected "tanh" or "relu" for a plain RNN, whose arrays look the '
                "same with both and compute different numbers, got None"
            )
        check_choice("nonlinearity", nonlinearity, NONLINEARITIES)
        return {"nonlinearity": nonlinearity}
    return {}


def check_layer(layer: Layer) -> int:
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
    return len(layer[0].bias_hh) // sizes["H"]


def check_layers(layers: list[Layer]) -> int:
    """Return k; raise a ValueError unless the layers can stand one on the other."""
    if not isinstance(layers, list) or not layers:
        raise ValueError(f"layers: expected a list of layers, got {layers!r:.60}")
    ks = [check_layer(layer) for layer in layers]
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


def refuse_peepholes(params: Params, peer: str) -> None:
    if hasattr(params, "peephole"):
        raise ValueError(f"layer: {peer} has no peepholes, and no other weights replace them")


def to_order(array: np.ndarray, order: list[int]) -> np.ndarray:
    """Reorder the blocks along axis 0: ours to a library's."""
    blocks = np.split(array, len(order))
    return np.concatenate([blocks[i] for i in order])


def from_order(array: np.ndarray, order: list[int]) -> np.ndarray:
    """The inverse of `to_order`."""
    return to_order(array, [order.index(i) for i in range(len(order))])
