"""The gated recurrent unit as a layer: `torch.nn.GRU` with a faster forward and backward pass.

`cells.GRUCell` is the formula. Here is the same mathematics with little work a step: one product
serves the inputs of all steps, the loop over time writes in place, and the backward pass is
written by hand, so that each weight's gradient is one product after the loop.

Shapes: N batch, T time steps, I input size, H hidden size, L layers, D directions, and S rows:
the T * N steps of all sequences one after the other, time first, without padding. Gates are
stacked r | z | n.
"""

from numbers import Real

import torch
from torch.nn.functional import dropout
from torch.nn.utils.rnn import PackedSequence

from gru_course.reference._checks import check_choice, check_sizes

# grad * z * (1 - z) and grad * (1 - n^2), each in one pass, into `grad_input`.
sigmoid_backward = torch.ops.aten.sigmoid_backward.grad_input
tanh_backward = torch.ops.aten.tanh_backward.grad_input


class _Direction(torch.autograd.Function):
    """One layer in one direction: rows x (S, I) and h0 (N, H) to hs (S, H) and h_last (N, H).

    `sizes` is the number of rows of each step. It never grows: sequences are sorted by length.
    `turn` reverses each sequence in rows, for the direction that reads from the end, or is None.
    """

    @staticmethod
    def forward(ctx, x, h0, sizes, turn, W_ih, W_hh, b_ih=None, b_hh=None):
        (S, _), (N, H) = x.shape, h0.shape
        ctx.sizes, ctx.turn = sizes, turn
        xs = turn(x) if turn else x
        # Pre-activations r | z | W_hn h_prev + b_hn, and apart from them n: the inputs' part first.
        a, n = x.new_empty(S, 3 * H), x.new_empty(S, H)
        rz, a_hn = a[:, : 2 * H], a[:, 2 * H :]
        if b_ih is None or b_hh is None:
            torch.mm(xs, W_ih[: 2 * H].T, out=rz)
            torch.mm(xs, W_ih[2 * H :].T, out=n)
            a_hn.zero_()
        else:
            torch.addmm((b_ih + b_hh)[: 2 * H], xs, W_ih[: 2 * H].T, out=rz)
            torch.addmm(b_ih[2 * H :], xs, W_ih[2 * H :].T, out=n)
            a_hn.copy_(b_hh[2 * H :].expand_as(a_hn))

        states = x.new_empty(N + S, H)  # h0 and all that follow
        blocks = states.split([N, *sizes])
        blocks[0].copy_(h0)
        W_hh_T = W_hh.T
        parts = (part.split(sizes) for part in (a, rz, rz[:, :H], rz[:, H:], a_hn, n))
        for h, h_new, a_t, rz_t, r, z, a_hn_t, n_t in zip(
            _kept(blocks, sizes), blocks[1:], *parts, strict=True
        ):
            a_t.addmm_(h, W_hh_T)
            rz_t.sigmoid_()
            n_t.addcmul_(r, a_hn_t).tanh_()
            torch.lerp(n_t, h, z, out=h_new)  # n + z (h - n) = (1 - z) n + z h

        ctx.save_for_backward(x, states, a, n, W_ih, W_hh)
        hs = states[N:]
        return turn(hs) if turn else hs, torch.cat(_ended(blocks[1:], sizes))

    @staticmethod
    def backward(ctx, dhs, dh_last):
        if torch.is_grad_enabled():  # once_differentiable would let a gradient penalty pass as 0
            raise RuntimeError(
                "nn.GRU: no second derivative, so no create_graph=True; GRUCell has one"
            )
        x, states, a, n, W_ih, W_hh = ctx.saved_tensors
        sizes, turn, (S, H), N = ctx.sizes, ctx.turn, n.shape, len(dh_last)
        r, z, a_hn = a.view(S, 3, H).unbind(1)
        if sizes[-1] == N:  # no sequence ends early
            h_prev = states[:S]
        else:
            h_prev = torch.cat(_kept(states.split([N, *sizes]), sizes))

        # What each pre-activation's gradient is a multiple of is known for all steps before the
        # loop. The loop turns these factors, of r | z | W_hn h_prev + b_hn, into the gradients.
        da = x.new_empty(S, 3, H)
        da_r, da_z, da_hn = da.unbind(1)
        buffer = h_prev - n
        sigmoid_backward(buffer, z, grad_input=da_z)
        torch.sub(x.new_ones(()), z, out=buffer)
        tanh_backward(buffer, n, grad_input=buffer)
        torch.mul(buffer, r, out=da_hn)
        buffer.mul_(a_hn)
        sigmoid_backward(buffer, r, grad_input=da_r)

        dh = buffer.copy_(
            turn(dhs) if turn else dhs
        )  # from above; the loop adds what comes from the future
        dh0, blocks = torch.zeros_like(dh_last), dh.split(sizes)
        ended = _ended(blocks, sizes)
        for block, part in zip(ended, dh_last.split([len(h) for h in ended]), strict=True):
            block.add_(part)
        das = da.view(S, 3 * H)
        parts = (part.split(sizes) for part in (dh[:, None], da, das, z))
        steps = zip(_kept([dh0, *blocks], sizes), blocks, *parts, strict=True)
        for dh_prev, dh_t, dh_each, da_t, das_t, z_t in reversed(list(steps)):
            da_t.mul_(dh_each)
            dh_prev.addmm_(das_t, W_hh).addcmul_(dh_t, z_t)

        needs = ctx.needs_input_grad
        dW_hh = das.T @ h_prev if needs[5] else None
        db_hh = das.sum(0) if needs[6:] else None
        dh.addcmul_(dh, z, value=-1)
        tanh_backward(dh, n, grad_input=da_hn)  # from the gradient of W_hn h_prev + b_hn to a_n's
        dW_ih = das.T @ (turn(x) if turn else x) if needs[4] else None
        db_ih = das.sum(0) if needs[6:] else None
        dx = das @ W_ih if needs[0] else None
        dx = turn(dx) if turn and dx is not None else dx
        return (dx, dh0, None, None, dW_ih, dW_hh, db_ih, db_hh)[: len(needs)]


def _kept(blocks, sizes):
    """Of the states h_0 to h_T, the rows that go on into each of the T steps."""
    # A slice costs a microsecond, so there is none where no sequence ends.
    return [
        h if before == size else h[:size]
        for h, before, size in zip(blocks, [sizes[0], *sizes], sizes, strict=False)
    ]


def _ended(blocks, sizes):
    """Of the states h_1 to h_T, the last ones of the sequences, in the sequences' order."""
    after = [*sizes[1:], 0]
    return [h[k:] for h, size, k in zip(blocks, sizes, after, strict=True) if k < size][::-1]


def _turn(sizes, device):
    """The function that reverses each sequence in rows (S, ...); twice is once."""
    T, N, S = len(sizes), sizes[0], sum(sizes)
    if sizes[-1] == N:
        return lambda rows: rows.unflatten(0, (T, N)).flip(0).flatten(0, 1)
    # Row number (t, i) is starts[t] + i; it changes places with (lengths[i] - 1 - t, i).
    n = torch.tensor(sizes)
    starts, t = n.cumsum(0) - n, torch.repeat_interleave(n)
    i = torch.arange(S) - starts[t]
    lengths = (n[:, None] > torch.arange(N)).sum(0)
    order = (starts[lengths[i] - 1 - t] + i).to(device)
    return lambda rows: rows[order]


class GRU(torch.nn.GRU):
    """A drop-in for `torch.nn.GRU`: the same parameters, arguments and results, sooner.

        r_t = sigmoid(W_ir x_t + b_ir + W_hr h_{t-1} + b_hr)
        z_t = sigmoid(W_iz x_t + b_iz + W_hz h_{t-1} + b_hz)
        n_t = tanh(W_in x_t + b_in + r_t * (W_hn h_{t-1} + b_hn))
        h_t = (1 - z_t) * n_t + z_t * h_{t-1}

    A layer above the first reads the states of the one below, h_t (N, D * H), after dropout. A
    reverse direction reads each sequence from its own last step to its first.

    Parameters
    ----------
    input_size, hidden_size, num_layers : int, at least 1
    bias : whether there are b_ih and b_hh
    batch_first : whether inputs and outputs are (N, T, ...) rather than (T, N, ...)
    dropout : probability from 0 to 1 with which training drops a state between two layers
    bidirectional : whether each layer reads in both directions, D = 2
    device, dtype : of the parameters

    Raises
    ------
    ValueError : if a size is not a whole number of at least 1, a switch not True or False, or
        dropout not from 0 to 1

    Notes
    -----
    Cho et al. (2014), arXiv:1406.1078, equations 5 to 8, with the reset gate after the product, as
    in PyTorch and cuDNN. The gradients are written by hand and have no derivative themselves:
    create_graph=True is refused with an error. `Recurrent(GRUCell(...))` has second derivatives.

    >>> hs, h_last = GRU(2, 3, num_layers=2, batch_first=True)(torch.ones(4, 5, 2))
    >>> hs.shape, h_last.shape
    (torch.Size([4, 5, 3]), torch.Size([2, 4, 3]))
    """

    def __init__(
        self,
        input_size,
        hidden_size,
        num_layers=1,
        bias=True,
        batch_first=False,
        dropout=0.0,
        bidirectional=False,
        device=None,
        dtype=None,
    ):
        check_sizes(input_size=input_size, hidden_size=hidden_size, num_layers=num_layers)
        switches = {"bias": bias, "batch_first": batch_first, "bidirectional": bidirectional}
        for name, value in switches.items():
            check_choice(name, value, (True, False))
        if not isinstance(dropout, Real) or isinstance(dropout, bool) or not 0 <= dropout <= 1:
            raise ValueError(f"dropout: expected a number from 0 to 1, got {dropout!r}")
        super().__init__(
            input_size,
            hidden_size,
            num_layers,
            dropout=dropout,
            device=device,
            dtype=dtype,
            **switches,
        )

    def forward(self, input, hx=None):
        """All hidden states of the last layer, and every layer's and direction's last one.

        Parameters
        ----------
        input : (T, N, I), (N, T, I) with batch_first, (T, I) for one sequence, or a PackedSequence
        hx : (L * D, N, H) states before the first step, (L * D, H) for one sequence, None for zeros

        Returns
        -------
        hs : (T, N, D * H), (N, T, D * H) with batch_first, (T, D * H) for one sequence, or a
            PackedSequence, as the input is
        h_last : (L * D, N, H), or (L * D, H) for one sequence

        Raises
        ------
        ValueError : if a shape, dtype or device does not fit
        """
        if isinstance(input, PackedSequence):
            x, batch_sizes, order, back = input
            self._check("input.data", x, ("S", self.input_size))
            sizes = batch_sizes.tolist()
            hx = self._start(hx, x, sizes[0])
            hs, h_last = self._run(x, hx if order is None else hx[:, order], sizes)
            h_last = h_last if back is None else h_last[:, back]
            return PackedSequence(hs, batch_sizes, order, back), h_last

        single = isinstance(input, torch.Tensor) and input.ndim == 2
        if single:
            self._check("input", input, ("T", self.input_size))
            x = input[:, None]
        else:
            axes = ("N", "T") if self.batch_first else ("T", "N")
            self._check("input", input, (*axes, self.input_size))
            x = input.transpose(0, 1) if self.batch_first else input
        T, N, _ = x.shape
        hs, h_last = self._run(x.flatten(0, 1), self._start(hx, x, N, single), [N] * T)
        if single:
            return hs, h_last[:, 0]
        hs = hs.unflatten(0, (T, N))
        return hs.transpose(0, 1) if self.batch_first else hs, h_last

    def _run(self, x, hx, sizes):
        """All layers and directions: rows x (S, I) to hs (S, D * H) and h_last (L * D, N, H)."""
        turn = _turn(sizes, x.device) if self.bidirectional else None
        directions = (None, turn) if turn else (None,)
        runs = iter(zip(hx.unbind(), self.all_weights, strict=True))
        lasts = []
        for layer in range(self.num_layers):
            if layer and self.dropout and self.training:
                x = dropout(x, self.dropout)
            outputs = []
            for direction, (h0, weights) in zip(directions, runs, strict=False):
                hs, h_last = _Direction.apply(x, h0, sizes, direction, *weights)
                outputs.append(hs)
                lasts.append(h_last)
            x = torch.cat(outputs, dim=1) if turn else outputs[0]
        return x, torch.stack(lasts)

    def _start(self, hx, x, N, single=False):
        """The checked (L * D, N, H) states before the first step; zeros if there are none."""
        layers, H = len(self.all_weights), self.hidden_size
        if hx is None:
            return x.new_zeros(layers, N, H)
        self._check("hx", hx, (layers, H) if single else (layers, N, H))
        return hx[:, None] if single else hx

    def _check(self, name, value, shape):
        """Letters in `shape` stand for any size of at least 1."""
        wanted = f"({', '.join(map(str, shape))})"
        if not isinstance(value, torch.Tensor):
            raise ValueError(f"{name}: expected a tensor {wanted}, got {type(value).__name__}")
        if value.ndim != len(shape) or not all(
            size == want or (isinstance(want, str) and size)
            for size, want in zip(value.shape, shape, strict=True)
        ):
            raise ValueError(f"{name}: expected shape {wanted}, got {tuple(value.shape)}")
        weight = self.weight_ih_l0
        if (value.dtype, value.device) != (weight.dtype, weight.device):
            raise ValueError(
                f"{name}: expected {weight.dtype} on {weight.device} like the weights, "
                f"got {value.dtype} on {value.device}"
            )
