"""One direction of a GRU layer in NumPy: `reference.gru_fast`, on the memory of torch's tensors.

Shapes and arguments: as in `gru_course.nn.gru_function`.
"""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from gru_course.reference.gru_fast import Cache, Params, run, run_back


# Infinity and NaN pass in silence, as through torch's own operations.
@np.errstate(all="ignore")
def forward(
    xs: Tensor, h0: Tensor, sizes: list[int], weights: Sequence[Tensor], keep: bool
) -> tuple[Tensor, Tensor, list[Tensor]]:
    """All states, the last ones, and a list of what `backward` reads."""
    mask = _mask(sizes)
    hs, cache = run(_padded(xs.numpy(), sizes, mask), h0.numpy(), _params(weights), _lengths(mask))
    h_last = torch.from_numpy(hs[-1].copy())
    rows = torch.from_numpy(_rows(hs, mask))
    if not keep:  # nor what else lies in the same memory
        return rows.clone(), h_last, []
    kept = [cache.h_prevs, cache.rs, cache.zs, cache.ns, cache.a_hns]
    return rows, h_last, [torch.from_numpy(array) for array in kept]


@np.errstate(all="ignore")
def backward(
    dhs: Tensor,
    dh_last: Tensor,
    x: Tensor,
    sizes: list[int],
    weights: Sequence[Tensor],
    kept: Sequence[Tensor],
    needs: Sequence[bool],
) -> list[Tensor]:
    """Gradients of x, h0 and the weights, needed or not: little work where a state is small."""
    mask = _mask(sizes)
    xs = _padded(x.detach().numpy(), sizes, mask).transpose(1, 0, 2)
    h_prevs, rs, zs, ns, a_hns = (tensor.numpy() for tensor in kept)
    cache = Cache(xs, h_prevs, rs, zs, ns, a_hns, _lengths(mask), _params(weights))
    dxs, dh0, grads = run_back(_padded(dhs.numpy(), sizes, mask), dh_last.numpy(), cache)
    found = (_rows(dxs, mask), dh0, *grads[: len(weights)])
    return [torch.from_numpy(array) for array in found]


def _params(weights):
    arrays = [weight.detach().numpy() for weight in weights]
    if len(arrays) == 2:
        arrays += [np.zeros(len(arrays[0]), arrays[0].dtype)] * 2
    W_ih, W_hh, b_ih, b_hh = arrays
    return Params(W_ih, W_hh, b_ih, b_hh)


# Sequences of several lengths get steps of padding, which cost little: where a state is small, a
# step costs as much as its calls.
def _mask(sizes):
    """Which steps (T, N) are not padding; None if all are."""
    return None if sizes[-1] == sizes[0] else np.array(sizes)[:, None] > np.arange(sizes[0])


def _lengths(mask):
    return None if mask is None else mask.sum(0)


def _padded(rows, sizes, mask):
    """Rows (S, ...) as steps (T, N, ...)."""
    shape = len(sizes), sizes[0], *rows.shape[1:]
    if mask is None:
        return rows.reshape(shape)
    steps = np.zeros(shape, rows.dtype)
    steps[mask] = rows
    return steps


def _rows(steps, mask):
    return steps.reshape(-1, *steps.shape[2:]) if mask is None else steps[mask]
