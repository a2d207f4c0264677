"""The weights of `torch.nn.RNN`, `LSTM` and `GRU`; torch's order of the blocks is ours."""

from collections.abc import Mapping

import numpy as np

from gru_course._checks import check_array
from gru_course.convert._layers import (
    CELLS,
    Layer,
    Options,
    blocks,
    check_layers,
    options,
    params,
    refuse_peepholes,
)

NAMES = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")


def from_torch(
    state_dict: Mapping[str, np.ndarray], *, nonlinearity: str | None = None
) -> tuple[list[Layer], Options]:
    """The weights of `torch.nn.RNN`, `LSTM` or `GRU`.

    Parameters
    ----------
    state_dict : dict, name -> array, for example
        ``{name: w.numpy() for name, w in layer.state_dict().items()}``. The names are torch's:
        weight_ih_l0, weight_hh_l0, bias_ih_l0, bias_hh_l0 for the first layer, with _reverse
        appended for the second direction.
    nonlinearity : the attribute of a `torch.nn.RNN`, "tanh" by default there; asked for only there

    Returns
    -------
    layers : list of L tuples of 1 or 2 Params; biases are zeros where the layer has none
    options : {"reset_after": True} for a GRU, {"nonlinearity": ...} for a plain RNN, else {}

    Raises
    ------
    ValueError : if a name is missing or unknown, a shape does not fit, or nonlinearity is missing

    Notes
    -----
    Names and stacking: torch.nn.RNN, LSTM and GRU, section "Variables" of their documentation.

    >>> from gru_course.reference import gru
    >>> layers = [(gru.init(np.random.default_rng(0), 2, 3),)]
    >>> again, options = from_torch(to_torch(layers, reset_after=True))
    >>> options, bool((again[0][0].weight_hh == layers[0][0].weight_hh).all())
    ({'reset_after': True}, True)
    """
    if not isinstance(state_dict, Mapping):
        raise ValueError(
            f"state_dict: expected a dict, name -> array, got {type(state_dict).__name__}: of a "
            "module take {name: w.numpy() for name, w in module.state_dict().items()}"
        )
    for name, value in state_dict.items():
        if hasattr(value, "numpy"):
            raise ValueError(
                f"{name}: expected a NumPy array, got {type(value).__name__}: take .numpy() of it, "
                "after .detach() of a parameter and .cpu() on a GPU"
            )
    left = dict(state_dict)
    has_bias = "bias_ih_l0" in left
    suffixes = ["", "_reverse"] if "weight_ih_l0_reverse" in left else [""]
    layers = []
    while not layers or left:
        layer = []
        for suffix in suffixes:
            names = [f"{name}_l{len(layers)}{suffix}" for name in NAMES]
            names = names if has_bias else names[:2]
            if missing := [name for name in names if name not in left]:
                raise ValueError(
                    f"state_dict: expected the names of torch.nn.RNN, LSTM or GRU, "
                    f"found no {missing[0]}; got {', '.join(state_dict)}"
                )
            arrays = [left.pop(name) for name in names]
            H, k = blocks(names[1], arrays[1], axis=0)
            for name, array, shape in zip(names, arrays, CELLS[k].SHAPES.values(), strict=False):
                check_array(name, array, shape, {"H": H, "dtype": arrays[1].dtype})
            if not has_bias:
                arrays += [np.zeros(k * H, arrays[1].dtype)] * 2
            layer.append(params(k, *arrays))
        layers.append(tuple(layer))
    return layers, options(check_layers(layers), True, nonlinearity)


def to_torch(
    layers: list[Layer], *, reset_after: bool | None = None, nonlinearity: str | None = None
) -> dict[str, np.ndarray]:
    """The state_dict of a `torch.nn.RNN`, `LSTM` or `GRU` that computes the same.

    Parameters
    ----------
    layers : list of L tuples of 1 or 2 Params
    reset_after : how the Params of a GRU are meant; asked for only there
    nonlinearity : of a plain RNN, "tanh" or "relu"; asked for only there. The torch.nn.RNN must be
        made with the same.

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
    if options(check_layers(layers), reset_after, nonlinearity) == {"reset_after": False}:
        raise ValueError(
            "reset_after: torch.nn.GRU applies the reset gate after the product, "
            "r * (W_hn h + b_hn). These weights were trained with W_hn (r * h), and no other "
            "weights make the one equal to the other. Use gru_course.nn.GRUCell(I, H, "
            "reset_after=False), which is torch too."
        )
    state_dict = {}
    for layer_number, layer in enumerate(layers):
        for weights, suffix in zip(layer, ("", "_reverse"), strict=False):
            refuse_peepholes(weights, "torch.nn.LSTM")
            for name, array in weights._asdict().items():
                state_dict[f"{name}_l{layer_number}{suffix}"] = array.copy()
    return state_dict
