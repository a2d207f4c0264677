"""The gradients of one direction of a GRU layer by torch's autograd, for those who ask for more.

A backward pass written by hand has no derivative itself, and takes no gradients in batches. Where
either is wanted, torch's own operation is run again and differentiated.
"""

from collections.abc import Sequence
from typing import Any

import torch
from torch import _VF, Tensor


def gradients_by_autograd(
    ctx: Any, tensors: Sequence[Tensor], dhs: Tensor, dh_last: Tensor
) -> tuple[Tensor | None, ...]:
    """What `GRUFunction.backward` returns, from its inputs x, h0 and weights: differentiable."""
    needs = ctx.needs_input_grad[-len(tensors) - 2 :]  # of x, h0, sizes, turn and the weights
    needs = [*needs[:2], *needs[4:]]
    again = torch.is_grad_enabled()
    # cuDNN's operation has no second derivative either.
    with torch.enable_grad(), torch.backends.cudnn.flags(enabled=False):
        # Views, because one input may depend on another: x on h0, through the layer below. Of
        # views none depends on another, so that no gradient comes on such a way.
        x, h0, *weights = own = [tensor.view_as(tensor) for tensor in tensors]
        xs = ctx.turn(x) if ctx.turn else x
        sizes, bias = torch.tensor(ctx.sizes), len(weights) == 4
        hs, h_last = _VF.gru(xs, sizes, h0[None], weights, bias, 1, 0.0, False, False)
        outputs = (ctx.turn(hs) if ctx.turn else hs), h_last[0]
        wanted = [tensor for tensor, need in zip(own, needs, strict=True) if need]
        found = iter(torch.autograd.grad(outputs, wanted, (dhs, dh_last), create_graph=again))
    dx, dh0, *dweights = (next(found) if need else None for need in needs)
    return dx, dh0, None, None, *dweights
