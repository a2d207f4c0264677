"""One direction of a GRU layer as a single function, its backward pass written by hand.

`cells.GRUCell` is the formula. Here is the same mathematics with little work a step: one product
serves the inputs of all steps, the loops over time write in place, and weights' gradients are
products of many steps. The backward pass goes in blocks of steps, so that the gradients of a
block's pre-activations are used while they are in the cache, and then overwritten.

The loops are written twice, in torch and in NumPy, because a call costs about a microsecond in
torch and half of that in NumPy: where a step's arrays are small, calls are what a step costs. NumPy
works on the tensors' own memory. Whose products the rest takes, `products.py` decides.

Shapes: N batch, T time steps, I input size, H hidden size, and S rows: the T * N steps of all
sequences, time first, without padding. Gates are stacked r | z | n.
"""

from itertools import accumulate, pairwise

import numpy as np
import torch

from gru_course.nn._modes import plain
from gru_course.nn.gru_autograd import gradients_by_autograd
from gru_course.nn.products import Matrix, add_outer, known_to_numpy

# grad * z * (1 - z) and grad * (1 - n^2), each in one pass, into `grad_input`.
sigmoid_backward = torch.ops.aten.sigmoid_backward.grad_input
tanh_backward = torch.ops.aten.tanh_backward.grad_input

SMALL = 2048  # numbers in a state (N, H) up to which the loops in NumPy take less time

ROWS = 512  # of the backward pass's products: enough to be fast, few enough to stay in the cache


class GRUFunction(torch.autograd.Function):
    """Rows x (S, I) and h0 (N, H) to all states hs (S, H) and each sequence's last one (N, H).

    `sizes` is the number of rows of each step. It never grows: sequences are sorted by length.
    `turn` reverses each sequence in rows, for the direction that reads from the end, or is None.
    """

    @staticmethod
    def forward(ctx, x, h0, sizes, turn, W_ih, W_hh, b_ih=None, b_hh=None):
        (S, _), (N, H) = x.shape, h0.shape
        ctx.sizes, ctx.turn = sizes, turn
        xs = turn(x.detach()) if turn else x.detach()
        # The inputs' part of the pre-activations of r, z and n. That of n stands apart, since r
        # multiplies only what W_hn adds: the last third of `a` is for W_hn h_prev + b_hn.
        a = x.new_empty(S, 3 * H)
        Matrix(W_ih.T, rows=S).into(a, xs)
        if b_ih is None or b_hh is None:
            n = a[:, 2 * H :].clone()
            a[:, 2 * H :] = 0
        else:
            a[:, : 2 * H] += b_ih[: 2 * H] + b_hh[: 2 * H]
            n = a[:, 2 * H :] + b_ih[2 * H :]
            a[:, 2 * H :] = b_hh[2 * H :]

        states = x.new_empty(N + S, H)  # h0 and all that follow
        states[:N] = h0
        loop = _forward_in_numpy if _small(h0) else _forward_in_torch
        loop(states, a, n, W_hh, sizes)
        biases = [] if b_ih is None or b_hh is None else [b_ih, b_hh]
        ctx.save_for_backward(states, a, n, x, h0, W_ih, W_hh, *biases)
        hs = states[N:]
        h_last = torch.cat(_last(hs, sizes))
        # A copy, for the caller to change in place: the backward pass reads these states.
        return turn(hs) if turn else hs.clone(), h_last

    @staticmethod
    def backward(ctx, dhs, dh_last):
        states, a, n, *inputs = ctx.saved_tensors
        if torch.is_grad_enabled() or not plain(dhs, dh_last):
            return gradients_by_autograd(ctx, inputs, dhs, dh_last)
        x, _, W_ih, W_hh, *_ = inputs
        sizes, turn, (S, H), N = ctx.sizes, ctx.turn, n.shape, len(dh_last)
        needs_x, _, _, _, needs_W_ih, needs_W_hh, *_ = ctx.needs_input_grad
        if turn:
            x, dhs = turn(x), turn(dhs)
        r, z, a_hn = a.view(S, 3, H).unbind(1)
        # Without a sequence that ends early the states before each step are one block.
        h_prevs = None if sizes[-1] == N else previous(states, sizes)
        if _small(dh_last):
            loop, weights_hh = _backward_in_numpy, W_hh
        else:
            loop, weights_hh = _backward_in_torch, Matrix(W_hh, N, times=len(sizes))

        dx = torch.empty_like(x) if needs_x else None
        dW_ih = torch.zeros_like(W_ih) if needs_W_ih else None
        dW_hh = torch.zeros_like(W_hh) if needs_W_hh else None
        db_ih, db_hh = x.new_zeros(2, 3 * H)
        # What reaches each sequence's state from its future; in the end, the gradient of h0.
        future = dh_last.clone(memory_format=torch.contiguous_format)
        blocks = _blocks(sizes)
        most = max(rows.stop - rows.start for rows, _ in blocks)
        weights_ih = Matrix(W_ih, most, times=len(blocks)) if needs_x else None
        da_rows, dh_rows = x.new_empty(most, 3 * H), x.new_empty(most, H)  # every block's in turn
        ones = x.new_ones(most)  # a product with them sums rows in half the time of `sum`
        for rows, steps in reversed(blocks):
            r_b, z_b, n_b = r[rows], z[rows], n[rows]
            ones_b, dh, da = (part[: len(n_b)] for part in (ones, dh_rows, da_rows))
            da_each = da.view(-1, 3, H)
            h_prev = states[rows] if h_prevs is None else torch.cat(h_prevs[steps])

            # What each pre-activation's gradient is a multiple of is known before the loop. The
            # loop turns these factors, of r | z | W_hn h_prev + b_hn, into the gradients, and
            # leaves all that reaches the block's states, from above and from the future, in dh.
            da_r, da_z, da_hn = da_each.unbind(1)
            torch.sub(h_prev, n_b, out=dh)
            sigmoid_backward(dh, z_b, grad_input=da_z)
            torch.sub(ones[0], z_b, out=dh)
            tanh_backward(dh, n_b, grad_input=dh)
            torch.mul(dh, r_b, out=da_hn)
            dh.mul_(a_hn[rows])
            sigmoid_backward(dh, r_b, grad_input=da_r)
            loop(future, dhs[rows], dh, da_each, z_b, weights_hh, sizes[steps])

            if dW_hh is not None:
                add_outer(dW_hh, da, h_prev)
            db_hh.addmv_(da.T, ones_b)
            dh.addcmul_(dh, z_b, value=-1)
            tanh_backward(dh, n_b, grad_input=da_hn)  # now of a_n, not of W_hn h_prev + b_hn
            if dW_ih is not None:
                add_outer(dW_ih, da, x[rows])
            db_ih.addmv_(da.T, ones_b)
            if dx is not None and weights_ih is not None:
                weights_ih.into(dx[rows], da)
        dx = turn(dx) if turn and dx is not None else dx
        grads = (dx, future, None, None, dW_ih, dW_hh, db_ih, db_hh)
        return grads[: len(ctx.needs_input_grad)]


def _forward_in_torch(states, a, n, W_hh, sizes):
    H, weights = n.shape[1], Matrix(W_hh.T, sizes[0], times=len(sizes))
    parts = (a, a[:, : 2 * H], a[:, :H], a[:, H : 2 * H], a[:, 2 * H :], n, states[sizes[0] :])
    steps = zip(previous(states, sizes), *(_cut(part, sizes) for part in parts), strict=True)
    for h, a_t, rz, r, z, a_hn, n_t, h_new in steps:
        weights.add_to(a_t, h)
        rz.sigmoid_()
        n_t.addcmul_(r, a_hn).tanh_()
        torch.lerp(n_t, h, z, out=h_new)  # n + z (h - n) = (1 - z) n + z h


def _forward_in_numpy(states, a, n, W_hh, sizes):
    H = n.shape[1]
    # sigmoid(a) = 1 / (1 + exp(-a)): the minus goes into the weights once, not into every step.
    states, a, n = states.numpy(), a.numpy(), n.numpy()
    W_hh_T = np.array(W_hh.detach().numpy().T, order="C")
    W_hh_T[:, : 2 * H] *= -1
    a[:, : 2 * H] *= -1
    one = np.array(1, n.dtype)  # an array is added in less time than a number
    parts = (a, a[:, : 2 * H], a[:, :H], a[:, H : 2 * H], a[:, 2 * H :], n, states[sizes[0] :])
    steps = zip(previous(states, sizes), *(_cut(part, sizes) for part in parts), strict=True)
    with np.errstate(over="ignore"):  # exp may give infinity; then the gate is 0, as it should be
        for h, a_t, rz, r, z, a_hn, n_t, h_new in steps:
            a_t += np.dot(h, W_hh_T)
            np.exp(rz, rz)
            rz += one
            np.reciprocal(rz, rz)
            n_t += r * a_hn
            np.tanh(n_t, n_t)
            np.subtract(h, n_t, h_new)
            h_new *= z
            h_new += n_t


def _backward_in_torch(future, above, dh, da, z, weights, sizes):
    parts = (above, dh, dh[:, None], da, da.flatten(1), z)
    steps = zip(sizes, *(_cut(part, sizes) for part in parts), strict=True)
    for size, above_t, dh_t, dh_each, da_t, das_t, z_t in reversed(list(steps)):
        future_t = future[:size]
        torch.add(future_t, above_t, out=dh_t)
        da_t.mul_(dh_each)
        torch.mul(dh_t, z_t, out=future_t)
        weights.add_to(future_t, das_t)


def _backward_in_numpy(future, above, dh, da, z, W_hh, sizes):
    future, above, dh, da, z, W_hh = (
        tensor.detach().numpy() for tensor in (future, above, dh, da, z, W_hh)
    )
    parts = (above, dh, dh[:, None], da, da.reshape(len(da), -1), z)
    steps = zip(sizes, *(_cut(part, sizes) for part in parts), strict=True)
    for size, above_t, dh_t, dh_each, da_t, das_t, z_t in reversed(list(steps)):
        future_t = future[:size]
        np.add(future_t, above_t, dh_t)
        da_t *= dh_each
        np.dot(das_t, W_hh, future_t)
        future_t += dh_t * z_t


def _small(state):
    return known_to_numpy(state) and state.numel() <= SMALL


def _blocks(sizes):
    """The rows and the steps, as two slices, of each block of whole steps with about ROWS rows."""
    starts = [0, *accumulate(sizes)]
    first = [t for t in range(1, len(sizes)) if starts[t] // ROWS > starts[t - 1] // ROWS]
    pairs = pairwise([0, *first, len(sizes)])
    return [(slice(starts[start], starts[end]), slice(start, end)) for start, end in pairs]


def _cut(rows, sizes):
    """The rows of each step, of a tensor or an array (S, ...)."""
    if isinstance(rows, torch.Tensor):
        return rows.split(sizes)
    if sizes[-1] == sizes[0]:
        return rows.reshape(len(sizes), sizes[0], *rows.shape[1:])
    return [rows[end - size : end] for end, size in zip(accumulate(sizes), sizes, strict=True)]


def previous(states, sizes):
    """The state that each step starts from, of h0 and all states (N + S, H)."""
    steps = _cut(states, [sizes[0], *sizes])[:-1]
    if sizes[-1] == sizes[0]:
        return steps
    return [h[:size] for h, size in zip(steps, sizes, strict=True)]


def _last(states, sizes):
    """The last states of the sequences, in the sequences' order: the longest ones come first."""
    if sizes[-1] == sizes[0]:
        return [states[-sizes[0] :]]
    steps = zip(_cut(states, sizes), sizes, [*sizes[1:], 0], strict=True)
    return [h[following:] for h, size, following in steps if size > following][::-1]
