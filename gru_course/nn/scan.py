"""Linear recurrences in torch: one step after the other, as a tree, in log space, or in Triton.

    h_t = a_t * h_{t-1} + b_t

Two steps are one step of the same kind, (a_2 a_1, a_2 b_1 + b_2), and this combination is
associative: so the steps may be combined in any grouping, for instance in pairs. The chapter "The
minGRU and the parallel scan" draws it.

Shapes: N batch, T time steps, H hidden size. The loops run over the first axis, time.
"""

import torch
from torch import Tensor

from gru_course._checks import TensorError, check_choice
from gru_course.nn._checks import check_tensor
from gru_course.nn._modes import plain
from gru_course.nn.kernels import why_not_scan

MODES = ("sequential", "scan", "triton")


def linear_scan(a: Tensor, b: Tensor, h0: Tensor, mode: str = "sequential") -> Tensor:
    """All states of a linear recurrence with a factor a step and unit.

        h_t = a_t * h_{t-1} + b_t,   t = 1 ... T

    Parameters
    ----------
    a, b : (N, T, H) factors and inputs, batch first
    h0 : (N, H) the state before the first step
    mode : "sequential" takes T steps one after the other, "scan" 2 log2(T) rounds of whole-tensor
        operations, with three times the work, "triton" one kernel, which runs on a GPU

    Returns
    -------
    hs : (N, T, H)

    Raises
    ------
    ValueError : if a shape, dtype or device does not fit, or the mode is unknown or "triton" where
        its kernels cannot run

    Notes
    -----
    It has derivatives of any order. Where torch does more than compute, as under `torch.func`,
    `torch.compile`, autocast or exports, "triton" is "scan", and a trace holds a loop over time.

    Blelloch (1990), "Prefix sums and their applications"; Martin and Cundy (2018),
    arXiv:1709.04057.

    >>> hs = linear_scan(torch.full((1, 3, 1), 0.5), torch.ones(1, 3, 1), torch.zeros(1, 1))
    >>> hs.flatten().tolist()
    [1.0, 1.5, 1.75]
    """
    check_choice("mode", mode, MODES)
    _check(a, b, h0)
    if not plain(a, b, h0) or len(a) == 0:
        return _recorded(a, b, h0, mode)
    if mode == "triton":
        if reason := why_not_scan(a):
            raise ValueError(f'mode: expected "sequential" or "scan" here, got "triton": {reason}')
        from gru_course.nn.kernels.scan import LinearScan

        return LinearScan.apply(a, b, h0)
    time_first = a.transpose(0, 1), b.transpose(0, 1)
    return _LinearScan.apply(*time_first, h0, mode, False).transpose(0, 1)


def log_space_scan(log_a: Tensor, log_b: Tensor, log_h0: Tensor) -> Tensor:
    """The states of a linear recurrence of positive numbers, from and by their logarithms.

        log h_t = A_t + log( exp(log_h0) + sum_{k <= t} exp(log_b_k - A_k) ),
        A_t = sum_{k <= t} log_a_k

    Parameters
    ----------
    log_a, log_b : (N, T, H) logarithms of factors and inputs
    log_h0 : (N, H) logarithm of the state before the first step; -inf for zeros

    Returns
    -------
    hs : (N, T, H) states, not their logarithms

    Raises
    ------
    ValueError : if a shape, dtype or device does not fit

    Notes
    -----
    The form of Feng et al. (2024), arXiv:2410.01201, appendix B, here to be measured.

    >>> log_a, log_b = torch.full((1, 3, 1), 0.5).log(), torch.zeros(1, 3, 1)
    >>> hs = log_space_scan(log_a, log_b, torch.full((1, 1), -torch.inf))
    >>> [round(h, 4) for h in hs.flatten().tolist()]
    [1.0, 1.5, 1.75]
    """
    _check(log_a, log_b, log_h0, names=("log_a", "log_b", "log_h0"))
    A = log_a.cumsum(dim=1)
    terms = torch.cat([log_h0[:, None], log_b - A], dim=1)
    return torch.exp(A + terms.logcumsumexp(dim=1)[:, 1:])


class _LinearScan(torch.autograd.Function):
    """Time first; the gradient of a linear recurrence is one too, from the other end.

    So `backward` calls this Function again, and is differentiable itself, to any order.
    """

    @staticmethod
    def forward(ctx, a, b, h0, mode, reverse):
        hs = states(a, b, h0, mode, reverse)
        ctx.save_for_backward(a, h0, hs)
        ctx.how = mode, reverse
        return hs

    @staticmethod
    def backward(ctx, dhs):
        a, h0, hs = ctx.saved_tensors
        mode, reverse = ctx.how
        # dh_t = dhs_t + a_{t+1} dh_{t+1}; after the last step there is nothing.
        nothing = torch.zeros_like(a[:1])
        if reverse:
            first, a_next, h_prevs = -1, [nothing, a[:-1]], [hs[1:], h0[None]]
        else:
            first, a_next, h_prevs = 0, [a[1:], nothing], [h0[None], hs[:-1]]
        scan = _LinearScan.apply if plain(dhs) else _by_operations  # for gradients in batches
        dh = scan(torch.cat(a_next), dhs, torch.zeros_like(h0), mode, not reverse)
        return dh * torch.cat(h_prevs), dh, dh[first] * a[first], None, None


def states(a: Tensor, b: Tensor, h0: Tensor, mode: str, reverse: bool = False) -> Tensor:
    """The recurrence on time-first tensors, without gradients; `reverse` starts at the end."""
    if mode == "scan":
        if reverse:
            return states(a.flip(0), b.flip(0), h0, mode).flip(0)
        return _tree(a, _started(a, b, h0), _weave)
    hs = torch.empty_like(b, memory_format=torch.contiguous_format)
    steps = list(zip(a, b, hs, strict=True))
    h = h0
    for a_t, b_t, out in reversed(steps) if reverse else steps:
        h = torch.addcmul(b_t, a_t, h, out=out)
    return hs


def _started(a, b, h0):
    """The inputs with the state before the first step in the first of them."""
    return torch.cat([torch.addcmul(b[:1], a[:1], h0), b[1:]])


def _recorded(a, b, h0, mode):
    """The states (N, T, H) in operations that torch can record, transform and differentiate.

    Like the kernel, it carries the state in float32 where the numbers are shorter.
    """
    wide = torch.promote_types(a.dtype, torch.float32)
    time_first = a.to(wide).transpose(0, 1), b.to(wide).transpose(0, 1)
    scan = _traced if torch._C._is_tracing() else _by_operations
    return scan(*time_first, h0.to(wide), mode, False).transpose(0, 1).to(a.dtype)


def _by_operations(a, b, h0, mode, reverse):
    """As `states`, in operations that write into no tensor."""
    if reverse:
        return _by_operations(a.flip(0), b.flip(0), h0, mode, False).flip(0)
    if mode != "sequential":
        return _tree(a, _started(a, b, h0), _weave_by_operations)
    hs = []
    for a_t, b_t in zip(a.unbind(), b.unbind(), strict=True):
        h0 = torch.addcmul(b_t, a_t, h0)
        hs.append(h0)
    return torch.stack(hs)


@torch.jit.script_if_tracing
def _traced(a: Tensor, b: Tensor, h0: Tensor, mode: str, reverse: bool) -> Tensor:
    """As `_by_operations`, compiled, since a trace of a loop would fix the number of steps."""
    hs = []
    for t in range(len(a)):
        h0 = torch.addcmul(b[t], a[t], h0)
        hs.append(h0)
    return torch.stack(hs)


def _tree(a, b, weave):
    """Combine the steps in pairs, solve for every second state, fill in those between.

    The first state is b[0]: a[0] is not read.
    """
    if len(b) == 1:
        return b
    odd = _tree(a[1::2] * a[:-1:2], torch.addcmul(b[1::2], a[1::2], b[:-1:2]), weave)
    return weave(b, a[2::2], odd)


def _weave(b, between, odd):
    """The first state, and by turns a state of `odd` and the one that follows it."""
    hs = torch.empty_like(b)
    hs[0], hs[1::2] = b[0], odd
    torch.addcmul(b[2::2], between, odd[: len(between)], out=hs[2::2])
    return hs


def _weave_by_operations(b, between, odd):
    """As `_weave`, slower, in operations that write into no tensor."""
    even = torch.cat([b[:1], torch.addcmul(b[2::2], between, odd[: len(between)])])
    hs = torch.stack([even[: len(odd)], odd], dim=1).reshape(2 * len(odd), *b.shape[1:])
    return torch.cat([hs, even[len(odd) :]])


def _check(a, b, h0, names=("a", "b", "h0")):
    check_tensor(names[0], a, ("N", "T", "H"), nonempty="at least one step and unit")
    if not a.is_floating_point():
        raise TensorError(f"{names[0]}: expected a floating dtype, got {a.dtype}")
    N, T, H = a.shape
    check_tensor(names[1], b, (N, T, H), a, of=names[0])
    check_tensor(names[2], h0, (N, H), a, of=names[0])
