"""One direction of a GRU layer as a single function, its backward pass written by hand.

`cells.GRUCell` is the formula. Here is the same mathematics with little work a step: one product
serves the inputs of many steps, the loops over time write in place, and weights' gradients are
products of many steps. Both passes go in blocks of steps, so that what stands around the loop finds
a block in the cache.

A call costs about a microsecond in torch and half of that in NumPy, and where a state is small,
calls are what a step costs: `gru_numpy.py` then takes over, on the tensors' own memory. Whose
products the rest takes, `products.py` decides.

Shapes: N batch, T time steps, I input size, H hidden size, and S rows: the T * N steps of all
sequences, time first, without padding. Gates are stacked r | z | n.
"""

from itertools import accumulate, pairwise

import torch
from torch import Tensor

from gru_course.nn import gru_numpy
from gru_course.nn._modes import plain
from gru_course.nn.gru_autograd import gradients_by_autograd
from gru_course.nn.products import Matrix, add_outer, known_to_numpy

# grad * z * (1 - z) and grad * (1 - n^2), each in one pass, into `grad_input`.
sigmoid_backward = torch.ops.aten.sigmoid_backward.grad_input
tanh_backward = torch.ops.aten.tanh_backward.grad_input

SMALL = 2048  # numbers in a state (N, H) up to which NumPy takes less time

ROWS = 512  # of a block: enough for fast products, few enough to stay in the cache


class GRUFunction(torch.autograd.Function):
    """Rows x (S, I) and h0 (N, H) to all states hs (S, H) and each sequence's last one (N, H).

    `keep` says whether to keep what the backward pass needs. `sizes` is the number of rows of each
    step. It never grows: sequences are sorted by length. `turn` reverses each sequence in rows, for
    the direction that reads from the end, or is None.
    """

    @staticmethod
    def forward(ctx, keep, x, h0, sizes, turn, *weights):
        keep = keep and any(ctx.needs_input_grad)
        ctx.sizes, ctx.turn = sizes, turn
        ctx.small = known_to_numpy(h0) and h0.numel() <= SMALL
        xs = turn(x.detach()) if turn else x.detach()
        own = [weight.detach() for weight in weights]
        forward = gru_numpy.forward if ctx.small else _forward
        hs, h_last, kept = forward(xs, h0.detach(), sizes, own, keep)
        if keep:
            ctx.save_for_backward(x, h0, *weights, *kept)
        # A copy, for the caller to change in place: the backward pass reads these states.
        return turn(hs) if turn else hs.clone() if keep else hs, h_last

    @staticmethod
    def backward(ctx, dhs, dh_last):
        count = len(ctx.needs_input_grad) - 3  # x, h0 and the weights
        inputs, kept = ctx.saved_tensors[:count], ctx.saved_tensors[count:]
        if torch.is_grad_enabled() or not plain(dhs, dh_last):
            return None, *gradients_by_autograd(ctx, inputs, dhs, dh_last)
        turn, (x, _, *weights) = ctx.turn, inputs
        needs = [ctx.needs_input_grad[1], *ctx.needs_input_grad[5:]]  # of x and the weights
        if turn:
            x, dhs = turn(x), turn(dhs)
        backward = gru_numpy.backward if ctx.small else _backward
        dx, dh0, *grads = backward(dhs, dh_last, x, ctx.sizes, weights, kept, needs)
        dx = turn(dx) if turn and dx is not None else dx
        return None, dx, dh0, None, None, *grads


def _forward(xs, h0, sizes, weights, keep):
    """All states, the last ones, and a list of what `_backward` reads."""
    W_ih, W_hh, *biases = weights
    S, (N, H) = len(xs), h0.shape
    blocks = _blocks(sizes)
    most = max(rows.stop - rows.start for rows, _ in blocks)
    weights_ih = Matrix(W_ih.T, most, times=len(blocks))
    weights_hh = Matrix(W_hh.T, N, times=len(sizes))
    states = xs.new_empty(N + S, H)  # h0 and all that follow
    states[:N] = h0
    h_prevs, hs = previous(states, sizes), states[N:].split(sizes)
    # The inputs' part of the pre-activations of r, z and n. That of n stands apart, since r
    # multiplies only what W_hn adds: the last third of `a` is for W_hn h_prev + b_hn.
    # What is not kept is every block's in turn.
    a, n = (xs.new_empty(S if keep else most, width) for width in (3 * H, H))
    b_ih, b_hh = biases or [W_hh.new_zeros(3 * H)] * 2
    b_rz, b_in, b_hn = b_ih[: 2 * H] + b_hh[: 2 * H], b_ih[2 * H :], b_hh[2 * H :]
    for rows, steps in blocks:
        a_b, n_b = (part[rows] if keep else part[: rows.stop - rows.start] for part in (a, n))
        weights_ih.into(a_b, xs[rows])
        a_b[:, : 2 * H] += b_rz
        torch.add(a_b[:, 2 * H :], b_in, out=n_b)
        a_b[:, 2 * H :] = b_hn
        _step_through(h_prevs[steps], hs[steps], a_b, n_b, weights_hh, sizes[steps])
    return states[N:], torch.cat(_last(hs, sizes)), [states, a, n]


def _step_through(h_prevs, hs, a, n, weights_hh, sizes):
    H = n.shape[1]
    parts = (a, a[:, : 2 * H], a[:, :H], a[:, H : 2 * H], a[:, 2 * H :], n)
    steps = zip(h_prevs, hs, *(part.split(sizes) for part in parts), strict=True)
    for h, h_new, a_t, rz, r, z, a_hn, n_t in steps:
        weights_hh.add_to(a_t, h)
        rz.sigmoid_()
        n_t.addcmul_(r, a_hn).tanh_()
        torch.lerp(n_t, h, z, out=h_new)  # n + z (h - n) = (1 - z) n + z h


def _backward(dhs, dh_last, x, sizes, weights, kept, needs):
    """Gradients of x, h0 and the weights; None for what needs none, but for h0 and biases."""
    (W_ih, W_hh, *biases), (states, a, n) = weights, kept
    (S, H), N = n.shape, len(dh_last)
    needs_x, needs_W_ih, needs_W_hh, *_ = needs
    r, z, a_hn = a.view(S, 3, H).unbind(1)
    # Without a sequence that ends early the states before each step are one block.
    h_prevs = None if sizes[-1] == N else previous(states, sizes)
    weights_hh = Matrix(W_hh, N, times=len(sizes))

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
        _step_back(future, dhs[rows], dh, da_each, z_b, weights_hh, sizes[steps])

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
    return dx, future, dW_ih, dW_hh, *([db_ih, db_hh] if biases else [])


def _step_back(future, above, dh, da, z, weights, sizes):
    parts = (above, dh, dh[:, None], da, da.flatten(1), z)
    steps = zip(sizes, *(part.split(sizes) for part in parts), strict=True)
    for size, above_t, dh_t, dh_each, da_t, das_t, z_t in reversed(list(steps)):
        future_t = future[:size]
        torch.add(future_t, above_t, out=dh_t)
        da_t.mul_(dh_each)
        torch.mul(dh_t, z_t, out=future_t)
        weights.add_to(future_t, das_t)


def _blocks(sizes):
    """The rows and the steps, as two slices, of each block of whole steps with about ROWS rows."""
    starts = [0, *accumulate(sizes)]
    first = [t for t in range(1, len(sizes)) if starts[t] // ROWS > starts[t - 1] // ROWS]
    pairs = pairwise([0, *first, len(sizes)])
    return [(slice(starts[start], starts[end]), slice(start, end)) for start, end in pairs]


def previous(states: Tensor, sizes: list[int]) -> tuple[Tensor, ...] | list[Tensor]:
    """The state that each step starts from, of h0 and all states (N + S, H)."""
    steps = states.split([sizes[0], *sizes])[:-1]
    if sizes[-1] == sizes[0]:
        return steps
    return [h[:size] for h, size in zip(steps, sizes, strict=True)]


def _last(hs, sizes):
    """The last states of the sequences, in the sequences' order: the longest ones come first."""
    if sizes[-1] == sizes[0]:
        return [hs[-1]]
    steps = zip(hs, sizes, [*sizes[1:], 0], strict=True)
    return [h[following:] for h, size, following in steps if size > following][::-1]
