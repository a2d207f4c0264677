"""The minGRU in torch, with a hand-written backward pass that is fast on a CPU.

No gate looks at the state, so all that is left of the recurrence is one multiplication and one
addition a step; what costs time is the input product and moving arrays through memory. The layer
therefore works through time in chunks that stay in the cache: product, gates, states; and back.
On a GPU the states come from one kernel, and autograd goes back through the rest.

Shapes: N batch, T time steps, I input size, H hidden size. Gates are stacked z | n, as in
`gru_course.reference.mingru`, which is the explanation of what is computed here.
"""

from typing import Any

import torch
from numpy.typing import ArrayLike
from torch import Tensor, nn

from gru_course._checks import check_choice, check_lengths, check_sizes
from gru_course.nn._checks import check_tensor
from gru_course.nn._modes import plain
from gru_course.nn.kernels import why_not_scan
from gru_course.nn.scan import MODES, linear_scan, states
from gru_course.reference.mingru import CANDIDATES

ROWS = 1024  # of a chunk's products: enough to be fast, few enough to stay in the cache


class MinGRU(nn.Module):
    """One layer of the minGRU over a batch of sequences.

        z_t = sigmoid(W_z x_t + b_z)
        n_t = W_n x_t + b_n                            candidate="linear"
        n_t = g(W_n x_t + b_n)                         candidate="positive"
        h_t = (1 - z_t) * n_t + z_t * h_{t-1}

    with g(a) = a + 1/2 for a >= 0 and sigmoid(a) below, which is positive everywhere.

    Parameters
    ----------
    input_size, hidden_size : int, at least 1
    candidate : "linear" or "positive"
    mode : how the states are computed; the numbers are the same but for rounding. "sequential"
        goes from step to step, which is the fast way on a CPU; "scan" takes about 2 log2(T) rounds
        of whole-tensor operations; "triton" is one kernel, which runs on a GPU. "auto" takes
        "sequential" on a CPU, and on a GPU "triton" where it can run, else "scan".

    Raises
    ------
    ValueError : if a size is not a whole number of at least 1, or a name is unknown

    Notes
    -----
    Feng et al. (2024), arXiv:2410.01201, whose z is our 1 - z. The chapter "The minGRU and the
    parallel scan" derives it.

    The layer has derivatives of any order. Where torch does more than compute, as in `torch.func`,
    under autocast, in `torch.compile`, traces and exports, it takes operations that torch can
    follow, and "triton" is "scan". `torch.compile` and `torch.export` fix the number of steps;
    `torch.jit.trace` and `torch.onnx.export` with dynamo=False do not. `torch.jit.script` cannot
    compile it.

    >>> hs, h_last = MinGRU(2, 3)(torch.ones(4, 5, 2))
    >>> hs.shape, h_last.shape
    (torch.Size([4, 5, 3]), torch.Size([4, 3]))
    """

    def __init__(
        self, input_size: int, hidden_size: int, candidate: str = "linear", mode: str = "auto"
    ):
        super().__init__()
        check_sizes(input_size=input_size, hidden_size=hidden_size)
        check_choice("candidate", candidate, CANDIDATES)
        check_choice("mode", mode, ("auto", *MODES))
        self.input_size, self.hidden_size = input_size, hidden_size
        self.candidate, self.mode = candidate, mode
        self.weight = nn.Parameter(torch.empty(2 * hidden_size, input_size))
        self.bias = nn.Parameter(torch.empty(2 * hidden_size))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw both parameters from U(-1/sqrt(H), 1/sqrt(H))."""
        bound = self.hidden_size**-0.5
        for parameter in self.parameters():
            nn.init.uniform_(parameter, -bound, bound)

    def extra_repr(self) -> str:
        candidate, mode = self.candidate, self.mode
        return f"{self.input_size}, {self.hidden_size}, {candidate=}, {mode=}"

    def forward(
        self, xs: Tensor, state: Tensor | None = None, lengths: ArrayLike | Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """All hidden states and the last state.

        Parameters
        ----------
        xs : (N, T, I) inputs, batch first
        state : (N, H) the state before the first step; None for zeros
        lengths : (N,) whole numbers from 1 to T, or None for all T. Past its length a sequence's
            state is frozen; padding is never read and gets no gradient.

        Returns
        -------
        hs : (N, T, H) hidden states
        h_last : (N, H) the state after each sequence's last step

        Raises
        ------
        ValueError : if a shape, dtype, device or length does not fit, or mode="triton" where the
            kernels cannot run
        """
        if isinstance(xs, torch.fx.Proxy):  # a leaf of `torch.fx`'s graphs, as torch's layers are
            tracer: Any = xs.tracer
            path = tracer.path_of_module(self)
            return tracer.create_proxy("call_module", path, (xs, state, lengths), {})
        check_tensor(
            "xs", xs, ("N", "T", "I"), self.weight, nonempty="at least one step", I=self.input_size
        )
        N, T, _ = xs.shape
        if state is None:
            state = xs.new_zeros(N, self.hidden_size)
        check_tensor("state", state, ("N", "H"), self.weight, N=N, H=self.hidden_size)
        ended = None
        only_computes = plain(xs, state, self.weight, self.bias)
        if lengths is not None:
            if only_computes:  # else a record would hold what they are now
                lengths = check_lengths(torch.as_tensor(lengths).cpu().numpy(), {"N": N, "T": T})
            if not isinstance(lengths, Tensor):
                lengths = torch.as_tensor(lengths)
            steps = torch.arange(T, device=xs.device)
            ended = steps[:, None] >= lengths.to(xs.device)  # (T, N), True at padding
            xs = xs.masked_fill(ended.T[:, :, None], 0)
        mode = self._mode(xs)
        if mode == "triton" or not only_computes:
            hs = _by_scan(xs, state, self.weight, self.bias, ended, self.candidate, mode)
            return hs, hs[:, -1].clone()
        arguments = xs.transpose(0, 1), state, self.weight, self.bias, ended
        how = self.candidate, mode
        if torch.is_grad_enabled() and any(t.requires_grad for t in arguments[:4]):
            hs = _MinGRU.apply(*arguments, *how)
        else:
            hs, _ = _forward(*arguments, *how, keep=False)
        # A copy: a state that is kept must not keep those of all steps, nor change with them.
        return hs.transpose(0, 1), hs[-1].clone()

    def _mode(self, xs):
        if self.mode != "auto":
            return self.mode
        if xs.device.type == "cpu":
            return "sequential"
        return "scan" if why_not_scan(xs) else "triton"


def _by_scan(xs, h0, weight, bias, ended, candidate, mode):
    """The states (N, T, H), under autograd; here the batch comes first, as in memory."""
    z, n = nn.functional.linear(xs, weight, bias).chunk(2, dim=2)
    z = z.sigmoid()
    if candidate == "positive":
        n = torch.where(n >= 0, n + 0.5, n.sigmoid())
    if ended is not None:  # an ended sequence copies its state
        z = z.masked_fill(ended.T[:, :, None], 1)
    # Under autocast the product, and with it the scan, is in a lower precision than the rest.
    return linear_scan(z, n - z * n, h0.to(z.dtype), mode)


class _MinGRU(torch.autograd.Function):
    """From here on time comes first: xs (T, N, I), hs (T, N, H), ended (T, N)."""

    @staticmethod
    def forward(ctx, xs, h0, weight, bias, ended, candidate, mode):
        hs, gates = _forward(xs, h0, weight, bias, ended, candidate, mode, keep=True)
        ctx.save_for_backward(xs, h0, weight, bias, ended, hs, gates)
        ctx.how = candidate, mode
        return hs

    @staticmethod
    def backward(ctx, dhs):
        *inputs, ended, hs, gates = ctx.saved_tensors
        needed = ctx.needs_input_grad[:4]
        # The gradient's gradient is wanted (create_graph=True), or gradients come in batches.
        if (again := torch.is_grad_enabled()) or not plain(dhs):
            # Views, since one input may come from another, which is not for this gradient to know.
            with torch.enable_grad():
                xs, h0, weight, bias = inputs = [tensor.view_as(tensor) for tensor in inputs]
                hs = _by_scan(xs.transpose(0, 1), h0, weight, bias, ended, *ctx.how)
            wanted = [tensor for tensor, need in zip(inputs, needed, strict=True) if need]
            grads = torch.autograd.grad(hs, wanted, dhs.transpose(0, 1), create_graph=again)
            found = iter(grads)
            return *(next(found) if need else None for need in needed), None, None, None
        xs, h0, weight, _ = inputs
        dxs = xs.new_empty(xs.shape) if needed[0] else None
        return *_backward(dhs, xs, h0, weight, hs, gates, *ctx.how, dxs=dxs), None, None, None


def _chunks(T, N, mode):
    """The chunks of time, as slices; a scan takes all of it at once."""
    steps = T if mode == "scan" else max(1, ROWS // max(1, N))
    return [slice(t, min(t + steps, T)) for t in range(0, T, steps)]


def _forward(xs, h, weight, bias, ended, candidate, mode, *, keep):
    """The states, and with `keep` the gates of all steps (T, N, 2H)."""
    (T, N, I), H = xs.shape, h.shape[1]
    chunks = _chunks(T, N, mode)
    hs = xs.new_empty(T, N, H)
    # A row for each step, or room for one chunk that all of them use in turn.
    gates = xs.new_empty(T if keep else chunks[0].stop, N, 2 * H)
    for chunk in chunks:
        own = gates[chunk] if keep else gates[: chunk.stop - chunk.start]
        torch.addmm(bias, xs[chunk].reshape(-1, I), weight.T, out=own.view(-1, 2 * H))
        z, n = own.split(H, dim=2)
        z.sigmoid_()
        if candidate == "positive":
            n.copy_(torch.where(n >= 0, n + 0.5, n.sigmoid()))
        if ended is not None:  # an ended sequence copies its state
            z.masked_fill_(ended[chunk, :, None], 1)
        if mode == "scan":  # there is one chunk
            hs = states(z, n - z * n, h, mode)
        else:
            for n_t, z_t, out in zip(n.unbind(), z.unbind(), hs[chunk].unbind(), strict=True):
                h = torch.lerp(n_t, h, z_t, out=out)  # n + z (h - n)
    return hs, gates


def _backward(dhs, xs, h0, weight, hs, gates, candidate, mode, *, dxs):
    """The gradients of xs (written to dxs, if there is one), h0, weight and bias."""
    (T, N, I), H = xs.shape, h0.shape[1]
    dweight, dbias = torch.zeros_like(weight), weight.new_zeros(2 * H)
    dh = torch.zeros_like(h0)  # what reaches the last state of the chunk from the next one
    zs, ns = gates.split(H, dim=2)
    for chunk in reversed(_chunks(T, N, mode)):
        z, n = zs[chunk], ns[chunk]
        h_prev = torch.cat([hs[chunk.start - 1][None] if chunk.start else h0[None], hs[chunk][:-1]])
        # All that reaches h_t: dh_t = dhs_t + z_{t+1} dh_{t+1}, the recurrence from its end.
        above = dhs[chunk]
        z_next = torch.cat([z[1:], torch.ones_like(z[:1])])
        dh_all = states(z_next, above, dh, mode, reverse=True)
        dh = dh_all[0] * z[0]

        da = torch.empty_like(gates[chunk])
        da_z, da_n = da.split(H, dim=2)
        torch.addcmul(dh_all, dh_all, z, value=-1, out=da_n)  # dh (1 - z), of the candidate
        torch.sub(h_prev, n, out=da_z).mul_(z).mul_(da_n)
        if candidate == "positive":
            da_n.mul_(torch.where(n >= 0.5, 1, n - n * n))
        da, x = da.view(-1, 2 * H), xs[chunk].reshape(-1, I)
        dweight.addmm_(da.T, x)
        dbias += da.sum(0)
        if dxs is not None:
            torch.mm(da, weight, out=dxs[chunk].view(-1, I))
    return dxs, dh, dweight, dbias
