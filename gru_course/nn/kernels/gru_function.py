"""One direction of a GRU layer through the kernels of `gru.py`, and its backward pass.

Around the kernels stand the products that wait for no state: of all steps at once, by torch. The
gradient of W_hh is one of them. A kernel that added it up step by step would have to keep three
more matrices on the chip.

Shapes: as in `gru_course.nn.gru_function`.
"""

from itertools import accumulate

import torch

from gru_course.nn._modes import plain
from gru_course.nn.gru_autograd import gradients_by_autograd
from gru_course.nn.gru_function import previous
from gru_course.nn.kernels import gru


def _own_copy(states):
    """For a kernel to write over."""
    return states.to(torch.float32, copy=True, memory_format=torch.contiguous_format)


class FusedGRUFunction(torch.autograd.Function):
    """Rows x (S, I) and h0 (N, H) to all states hs (S, H) and each sequence's last one (N, H).

    `precision`, of float32 products, is "tf32" or "ieee"; `keep` says whether to keep what the
    backward pass needs. The rest is as in `GRUFunction`.
    """

    @staticmethod
    def forward(ctx, precision, keep, x, h0, sizes, turn, W_ih, W_hh, b_ih=None, b_hh=None):
        (S, _), (N, H) = x.shape, h0.shape
        xs = turn(x) if turn else x
        gates = x.new_empty(S, 4 * H)
        if b_ih is None or b_hh is None:
            b_hn = x.new_zeros(H)
            torch.mm(xs, W_ih.T, out=gates[:, H:])
        else:
            b_rzn, b_hn = b_ih.clone(), b_hh[2 * H :].contiguous()
            b_rzn[: 2 * H] += b_hh[: 2 * H]
            torch.addmm(b_rzn, xs, W_ih.T, out=gates[:, H:])
        states = x.new_empty(N + S, H)
        states[:N] = h0
        carry = _own_copy(h0)
        starts = torch.tensor([0, *accumulate(sizes, initial=N), N + S], dtype=torch.int32)
        starts = starts.to(x.device, non_blocking=True)
        W_hh = W_hh.contiguous()
        tensors = states, gates, b_hn, carry, W_hh, starts
        gru.launch(gru.forward_kernel, len(sizes), tensors, precision, KEEP=keep)
        if keep:
            biases = [] if b_ih is None or b_hh is None else [b_ih, b_hh]
            ctx.save_for_backward(states, gates, starts, x, h0, W_ih, W_hh, *biases)
            ctx.sizes, ctx.turn, ctx.precision = sizes, turn, precision
        hs = states[N:]
        # A copy, for the caller to change in place: the backward pass reads these states.
        return turn(hs) if turn else hs.clone(), carry.to(x.dtype)

    @staticmethod
    def backward(ctx, dhs, dh_last):
        states, gates, starts, *inputs = ctx.saved_tensors
        if torch.is_grad_enabled() or not plain(dhs, dh_last):
            return None, None, *gradients_by_autograd(ctx, inputs, dhs, dh_last)
        x, _, W_ih, W_hh, *_ = inputs
        sizes, turn, (N, H) = ctx.sizes, ctx.turn, dh_last.shape
        xs, dhs = (turn(x), turn(dhs)) if turn else (x, dhs)
        da = torch.empty_like(gates)
        dh0 = _own_copy(dh_last)
        tensors = states, gates, dhs.contiguous(), da, dh0, W_hh, starts
        gru.launch(gru.backward_kernel, len(sizes), tensors, ctx.precision)

        da_hn, da_rz, da_rzn = da[:, :H], da[:, H : 3 * H], da[:, H:]
        # The kernel stops before h0: its gradient through the first step's gates is due.
        dh0 = dh0 + da_rz[:N] @ W_hh[: 2 * H] + da_hn[:N] @ W_hh[2 * H :]
        ragged = sizes[-1] < N
        h_prev = torch.cat(previous(states, sizes)) if ragged else states[: len(x)]
        dx, dW_ih = da_rzn @ W_ih, da_rzn.T @ xs
        dW_hh = torch.cat([da_rz.T @ h_prev, da_hn.T @ h_prev])
        db_ih, db_hh = da_rzn.sum(0), torch.cat([da_rz.sum(0), da_hn.sum(0)])
        dx = turn(dx) if turn else dx
        grads = (None, None, dx, dh0.to(x.dtype), None, None, dW_ih, dW_hh, db_ih, db_hh)
        return grads[: len(ctx.needs_input_grad)]
