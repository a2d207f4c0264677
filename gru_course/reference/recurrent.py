"""Layers and directions over any of the cells: what torch's RNN, LSTM and GRU do.

`cell` is a module of the reference: `rnn`, `lstm`, `gru` or `mingru`. A network is a list of
layers, a layer a tuple of the cell's Params, one for each direction: (forward,), (reverse,) or
(forward, reverse).

A reverse direction reads each sequence from its own last step to its first. A layer hands both
directions' states, side by side, to the next one.

Shapes: N batch, T time steps, I input size, H hidden size, L layers, D directions.
"""

from types import ModuleType
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, DTypeLike

from gru_course._checks import (
    check_array,
    check_lengths,
    check_params,
    check_sizes,
    check_switch,
)
from gru_course.reference import gru, lstm, mingru, rnn

Params = rnn.Params | lstm.Params | lstm.PeepholeParams | gru.Params  # laid out as torch's
Layer = tuple[Params | mingru.Params, ...]  # one for each direction
State = np.ndarray | lstm.State


class Cache(NamedTuple):
    """What `backward` needs from `forward`."""

    cell: ModuleType
    cells: list  # L * D caches of `cell.forward`
    hidden_size: int
    directions: int
    reverse: bool
    order: np.ndarray  # (N, T): where in time a reverse direction finds its step t
    alive: np.ndarray  # (N, T): False at padding


def init(
    rng: np.random.Generator,
    cell: ModuleType,
    input_size: int,
    hidden_size: int,
    *,
    num_layers: int = 1,
    bidirectional: bool = False,
    dtype: DTypeLike = np.float64,
) -> list[Layer]:
    """Draw a network's weights and biases from U(-1/sqrt(H), 1/sqrt(H)), as torch does.

    Parameters
    ----------
    rng : numpy.random.Generator
    cell : `gru_course.reference.rnn`, `lstm`, `gru` or `mingru`
    input_size, hidden_size, num_layers : int, at least 1
    bidirectional : whether each layer reads in both directions
    dtype : np.float64 or np.float32

    Returns
    -------
    list of L tuples of 1 or 2 Params

    Raises
    ------
    ValueError : if a size is not a whole number of at least 1, bidirectional is not True or False,
        or for another dtype

    >>> from gru_course.reference import gru
    >>> layers = init(np.random.default_rng(0), gru, 2, 3, num_layers=2, bidirectional=True)
    >>> [[params.weight_ih.shape for params in layer] for layer in layers]
    [[(9, 2), (9, 2)], [(9, 6), (9, 6)]]
    """
    check_sizes(num_layers=num_layers)
    directions = 2 if check_switch("bidirectional", bidirectional) else 1
    return [
        tuple(
            cell.init(rng, directions * hidden_size if k else input_size, hidden_size, dtype)
            for _ in range(directions)
        )
        for k in range(num_layers)
    ]


def forward(
    cell: ModuleType,
    xs: np.ndarray,
    layers: list[Layer],
    *,
    state0: State | None = None,
    lengths: ArrayLike | None = None,
    reverse: bool = False,
    **options: bool | str,
) -> tuple[np.ndarray, State, Cache]:
    """Run a network of cells over a batch of sequences.

    Parameters
    ----------
    cell : `gru_course.reference.rnn`, `lstm`, `gru` or `mingru`
    xs : (N, T, I) inputs, batch first
    layers : list of L tuples of D Params; D = 2 reads in both directions
    state0 : (L * D, N, H) initial states, or lstm.State of two such arrays, in torch's order: the
        directions of layer 1, those of layer 2, ...; None for zeros
    lengths : (N,) whole numbers from 1 to T, or None for all T. Padding is never read. A length of
        0 is refused, as by torch's pack_padded_sequence: its last state would be the initial one,
        which nothing has been read into. ONNX takes it and returns just that.
    reverse : whether layers with one direction read from the last step to the first
    options : passed to `cell.forward`, such as reset_after=False

    Returns
    -------
    hs : (N, T, D * H) hidden states of the last layer; 0 at padding, as torch's
        pad_packed_sequence and ONNX have it
    last : (L * D, N, H) state after the last step that each direction reads, or lstm.State
    cache : Cache, for `backward`

    Raises
    ------
    ValueError : if a shape, dtype or length does not fit, a number is not finite, or a switch is
        not True or False

    Notes
    -----
    Schuster and Paliwal (1997) read in two directions; the layout is that of torch.nn.GRU.

    >>> from gru_course.reference import gru
    >>> layers = init(np.random.default_rng(0), gru, 2, 3, num_layers=2, bidirectional=True)
    >>> hs, last, _ = forward(gru, np.ones((4, 5, 2)), layers)
    >>> hs.shape, last.shape
    ((4, 5, 6), (4, 4, 3))
    """
    reverse = check_switch("reverse", reverse)
    sizes = {}
    check_array("xs", xs, ("N", "T", "I"), sizes)
    N, T, I = sizes["N"], sizes["T"], sizes["I"]
    H, D = _check_layers(cell, layers, I, reverse, sizes["dtype"])
    start = _parts(cell, "state0", state0, (len(layers) * D, N, H), sizes["dtype"])
    lengths = np.full(N, T) if lengths is None else check_lengths(lengths, sizes)
    t = np.arange(T)
    alive = t < lengths[:, None]
    order = np.where(alive, lengths[:, None] - 1 - t, t)  # its own inverse

    caches, last = [], np.empty_like(start)
    for k, layer in enumerate(layers):
        outputs = []
        for d, params in enumerate(layer):
            flip = _flip(order, reverse or d == 1)
            states, cell_cache = cell.forward(
                flip(xs), _pack(cell, start[:, k * D + d]), params, lengths=lengths, **options
            )
            parts = np.stack(states) if hasattr(cell, "State") else states[None]  # (P, N, T, H)
            last[:, k * D + d] = parts[:, :, -1]  # an ended sequence keeps its state
            outputs.append(flip(parts[0] * alive[..., None]))
            caches.append(cell_cache)
        xs = np.concatenate(outputs, axis=2)
    return xs, _pack(cell, last), Cache(cell, caches, H, D, reverse, order, alive)


def backward(
    dhs: np.ndarray, dlast: State | None, cache: Cache
) -> tuple[np.ndarray, State, list[Layer]]:
    """Back-propagation through time, layers and directions.

    Parameters
    ----------
    dhs : (N, T, D * H) gradient of the loss with respect to hs; what arrives at padding, where hs
        is constant, is ignored
    dlast : gradient of the loss with respect to last, in its shape; None for zeros
    cache : Cache from `forward`

    Returns
    -------
    dxs : (N, T, I), zero at padding
    dstate0 : gradient with respect to state0, in its shape
    grads : list of L tuples of D Params of gradients, summed over batch and time

    Raises
    ------
    ValueError : if a shape or dtype does not fit, or a number is not finite
    """
    cell, caches, H, D, reverse, order, alive = cache
    N, T = order.shape
    dtype = caches[0].xs.dtype
    check_array("dhs", dhs, ("N", "T", "S"), {"N": N, "T": T, "S": D * H, "dtype": dtype})
    dlast = _parts(cell, "dlast", dlast, (len(caches), N, H), dtype)

    dstate0, grads = np.empty_like(dlast), []
    for k in reversed(range(len(caches) // D)):
        dxs, dlayer = np.zeros((), dtype), []
        for d in range(D):
            flip = _flip(order, reverse or d == 1)
            dparts = np.zeros((len(dlast), N, T, H), dtype)
            dparts[0] = flip(dhs[:, :, d * H : (d + 1) * H] * alive[..., None])
            dparts[:, :, -1] += dlast[:, k * D + d]
            dx, dstart, dparams = cell.backward(_pack(cell, dparts), caches[k * D + d])
            dxs = dxs + flip(dx)
            dstate0[:, k * D + d] = dstart  # of one part, or of h and c
            dlayer.append(dparams)
        grads.insert(0, tuple(dlayer))
        dhs = dxs  # what the layer below sent up
    return dhs, _pack(cell, dstate0), grads


def _flip(order, backwards):
    """Put (N, T, ...) arrays into the order in which a direction reads; twice is once."""
    if not backwards:
        return lambda sequence: sequence
    return lambda sequence: np.take_along_axis(sequence, order[..., None], axis=1)


def _pack(cell, parts):
    """(P, ...) -> lstm.State for P = 2, the array itself for P = 1."""
    return cell.State(*parts) if hasattr(cell, "State") else parts[0]


def _parts(cell, name, state, shape, dtype) -> np.ndarray:
    """The inverse of `_pack`, checked; zeros for None."""
    fields = getattr(getattr(cell, "State", None), "_fields", ("",))
    if state is None:
        return np.zeros((len(fields), *shape), dtype)
    if fields != getattr(state, "_fields", ("",)):
        wanted = "an array" if fields == ("",) else "lstm.State(h, c)"
        raise ValueError(f"{name}: expected {wanted}, got {type(state).__name__}")
    parts = state if len(fields) == 2 else (state,)
    sizes = {**dict(zip("LNH", shape, strict=True)), "dtype": dtype}
    for field, part in zip(fields, parts, strict=True):
        check_array(f"{name}.{field}".rstrip("."), part, ("L", "N", "H"), sizes)
    return np.stack(parts)


def _check_layers(cell, layers, input_size, reverse, dtype):
    """Return H and D; raise a ValueError that names the first Params that does not fit."""
    if not isinstance(layers, list) or not layers:
        raise ValueError(
            f"layers: expected a list of tuples of Params, one tuple a layer, got {layers!r:.60}"
        )
    D = _size(layers[0])
    wanted = "1 Params, since reverse=True" if reverse else "1 or 2 Params"
    if D not in ((1,) if reverse else (1, 2)):
        raise ValueError(
            f"layers[0]: expected a tuple of {wanted}, got {D or type(layers[0]).__name__}"
        )
    sizes = {"I": input_size, "dtype": dtype}
    for k, layer in enumerate(layers):
        if _size(layer) != D:
            raise ValueError(
                f"layers[{k}]: expected a tuple of {D} Params like layers[0], got "
                f"{_size(layer) or type(layer).__name__}"
            )
        for d, params in enumerate(layer):
            try:
                check_params(params, cell.SHAPES, sizes)
            except ValueError as error:
                raise ValueError(f"layers[{k}][{d}]: {error}") from None
        sizes["I"] = D * sizes["H"]
    return sizes["H"], D


def _size(layer):
    """Directions in a layer; 0 for Params without the tuple around them, and what is no tuple."""
    return len(layer) if isinstance(layer, tuple) and not hasattr(layer, "_fields") else 0
