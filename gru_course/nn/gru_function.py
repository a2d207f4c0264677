"""One direction of a GRU layer as a single function, its backward pass written by hand.

`cells.GRUCell` is the formula. Here is the same mathematics with little work a step: one product
serves the inputs of all steps, the loop over time writes in place, and each weight's gradient is
one product after the loop. The loop is written twice, in torch and in NumPy, because a call costs
about a microsecond in torch and half of that in NumPy: where a step's arrays are small, calls are
what a step costs. NumPy works on the tensors' own memory.

Shapes: N batch, T time steps, I input size, H hidden size, and S rows: the T * N steps of all
sequences, time first, without padding. Gates are stacked r | z | n.
"""

from itertools import accumulate, groupby

import numpy as np
import torch

# grad * z * (1 - z) and grad * (1 - n^2), each in one pass, into `grad_input`.
sigmoid_backward = torch.ops.aten.sigmoid_backward.grad_input
tanh_backward = torch.ops.aten.tanh_backward.grad_input

# Numbers in a state (N, H) up to which the loop in NumPy takes less time, on the CPU. The forward
# one has to be smaller, since NumPy takes three times as long for a tanh as torch for a sigmoid.
SMALL_FORWARD, SMALL_BACKWARD = 256, 2048

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
        xs = turn(x) if turn else x
        # The inputs' part of the pre-activations of r, z and n. That of n stands apart, since r
        # multiplies only what W_hn adds: the last third of `a` is for W_hn h_prev + b_hn.
        if b_ih is None or b_hh is None:
            a = xs @ W_ih.T
            n = a[:, 2 * H :].clone()
            a[:, 2 * H :] = 0
        else:
            b_rzn = torch.cat([(b_ih + b_hh)[: 2 * H], b_ih[2 * H :]])
            a = torch.addmm(b_rzn, xs, W_ih.T)
            n = a[:, 2 * H :].clone()
            a[:, 2 * H :] = b_hh[2 * H :]

        states = x.new_empty(N + S, H)  # h0 and all that follow
        states[:N] = h0
        loop = _forward_in_numpy if _small(h0, SMALL_FORWARD) else _forward_in_torch
        loop(states, a, n, W_hh, sizes)
        ctx.save_for_backward(x, states, a, n, W_ih, W_hh)
        hs = states[N:]
        h_last = torch.cat(_last(hs, sizes))
        return turn(hs) if turn else hs, h_last

    @staticmethod
    def backward(ctx, dhs, dh_last):
        if torch.is_grad_enabled():  # once_differentiable would let a gradient penalty pass as 0
            raise RuntimeError(
                "nn.GRU: no second derivative, so no create_graph=True; GRUCell has one"
            )
        x, states, a, n, W_ih, W_hh = ctx.saved_tensors
        sizes, turn, (S, H), N = ctx.sizes, ctx.turn, n.shape, len(dh_last)
        needs_x, _, _, _, needs_W_ih, needs_W_hh, *needs_b = ctx.needs_input_grad
        if turn:
            x, dhs = turn(x), turn(dhs)
        r, z, a_hn = a.view(S, 3, H).unbind(1)
        blocks = _blocks(sizes)
        most = max(end - start for start, end, _ in blocks)
        da, dh = x.new_empty(most, 3, H), x.new_empty(most, H)
        loop = _backward_in_numpy if _small(dh_last, SMALL_BACKWARD) else _backward_in_torch
        dx = torch.empty_like(x) if needs_x else None
        dW_ih = torch.zeros_like(W_ih) if needs_W_ih else None
        dW_hh = torch.zeros_like(W_hh) if needs_W_hh else None
        db_ih, db_hh = x.new_zeros(2, 3 * H) if needs_b else (None, None)
        # What reaches a state from its future: the last one's is dh_last, that of h0 is left.
        ones = x.new_ones(most)
        future = dh_last.clone()
        for start, end, steps in reversed(blocks):
            rows = slice(start, end)
            r_, z_, n_, da_, dh_ = r[rows], z[rows], n[rows], da[: end - start], dh[: end - start]
            # Without a sequence that ends early the states before each step are one block.
            h_prev = states[rows] if sizes[-1] == N else torch.cat(_previous(states, sizes)[steps])

            # What each pre-activation's gradient is a multiple of is known before the loop. The
            # loop turns these factors, of r | z | W_hn h_prev + b_hn, into the gradients.
            da_r, da_z, da_hn = da_.unbind(1)
            torch.sub(h_prev, n_, out=dh_)
            sigmoid_backward(dh_, z_, grad_input=da_z)
            torch.sub(x.new_ones(()), z_, out=dh_)
            tanh_backward(dh_, n_, grad_input=dh_)
            torch.mul(dh_, r_, out=da_hn)
            dh_.mul_(a_hn[rows])
            sigmoid_backward(dh_, r_, grad_input=da_r)
            loop(future, dhs[rows], dh_, da_, z_, W_hh, sizes[steps])

            das = da_.flatten(1)
            if dW_hh is not None:
                dW_hh.addmm_(das.T, h_prev)
            if db_hh is not None:
                db_hh.addmv_(das.T, ones[: len(das)])
            dh_.addcmul_(dh_, z_, value=-1)
            tanh_backward(dh_, n_, grad_input=da_hn)  # from W_hn h_prev + b_hn's gradient to a_n's
            if dW_ih is not None:
                dW_ih.addmm_(das.T, x[rows])
            if db_ih is not None:
                db_ih.addmv_(das.T, ones[: len(das)])
            if dx is not None:
                torch.mm(das, W_ih, out=dx[rows])
        dx = turn(dx) if turn and dx is not None else dx
        grads = (dx, future, None, None, dW_ih, dW_hh, db_ih, db_hh)
        return grads[: len(ctx.needs_input_grad)]


def _forward_in_torch(states, a, n, W_hh, sizes):
    H, W_hh_T = n.shape[1], W_hh.T.contiguous()
    parts = (a, a[:, : 2 * H], a[:, :H], a[:, H : 2 * H], a[:, 2 * H :], n, states[sizes[0] :])
    steps = zip(_previous(states, sizes), *(_cut(part, sizes) for part in parts), strict=True)
    for h, a_t, rz, r, z, a_hn, n_t, h_new in steps:
        a_t.addmm_(h, W_hh_T)
        rz.sigmoid_()
        n_t.addcmul_(r, a_hn).tanh_()
        torch.lerp(n_t, h, z, out=h_new)  # n + z (h - n) = (1 - z) n + z h


def _forward_in_numpy(states, a, n, W_hh, sizes):
    H = n.shape[1]
    # sigmoid(a) = (1 + tanh(a / 2)) / 2, with the half in the weights.
    states, a, n = states.numpy(), a.numpy(), n.numpy()
    W_hh_T = np.array(W_hh.detach().numpy().T, order="C")
    W_hh_T[:, : 2 * H] *= 0.5
    a[:, : 2 * H] *= 0.5
    half = np.full(2 * H, 0.5, n.dtype)  # an array is added in less time than a number
    parts = (a, a[:, : 2 * H], a[:, :H], a[:, H : 2 * H], a[:, 2 * H :], n, states[sizes[0] :])
    steps = zip(_previous(states, sizes), *(_cut(part, sizes) for part in parts), strict=True)
    for h, a_t, rz, r, z, a_hn, n_t, h_new in steps:
        a_t += np.dot(h, W_hh_T)
        np.tanh(rz, rz)
        rz *= half
        rz += half
        n_t += r * a_hn
        np.tanh(n_t, n_t)
        np.subtract(h, n_t, h_new)
        h_new *= z
        h_new += n_t


def _backward_in_torch(future, above, dh, da, z, W_hh, sizes):
    parts = (above, dh, dh[:, None], da, da.flatten(1), z)
    steps = zip(sizes, *(_cut(part, sizes) for part in parts), strict=True)
    for size, above_t, dh_t, dh_each, da_t, das_t, z_t in reversed(list(steps)):
        future_t = future[:size]
        torch.add(future_t, above_t, out=dh_t)
        da_t.mul_(dh_each)
        torch.mul(dh_t, z_t, out=future_t).addmm_(das_t, W_hh)


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


def _small(state, limit):
    known_to_numpy = state.is_cpu and state.dtype in (torch.float32, torch.float64)
    return known_to_numpy and state.numel() <= limit


def _blocks(sizes):
    """The first row, the one after the last, and the steps, of blocks of about ROWS rows."""
    ends = list(accumulate(sizes))
    starts = [0, *ends[:-1]]
    blocks = []
    for _, group in groupby(range(len(sizes)), lambda t: starts[t] // ROWS):
        first, *_, last = [*(steps := list(group)), steps[-1]]
        blocks.append((starts[first], ends[last], slice(first, last + 1)))
    return blocks


def _cut(rows, sizes):
    """The rows of each step, of a tensor or an array (S, ...)."""
    if isinstance(rows, torch.Tensor):
        return rows.split(sizes)
    if sizes[-1] == sizes[0]:
        return rows.reshape(len(sizes), sizes[0], *rows.shape[1:])
    return [rows[end - size : end] for end, size in zip(accumulate(sizes), sizes, strict=True)]


def _previous(states, sizes):
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
