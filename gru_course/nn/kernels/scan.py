"""Linear recurrences and their gradients, each as one kernel that visits memory once.

    h_t = a_t h_{t-1} + b_t                                     t = 1 ... T
    db_t = dhs_t + a_{t+1} db_{t+1},   da_t = db_t h_{t-1}      t = T ... 1,  db_{T+1} = 0
    dh_0 = a_1 db_1

A step is one multiplication and one addition a unit: what takes time is moving a, b and h. A
program is one warp, which takes 32 neighbouring units of one sequence through all of time, a unit
a thread, with the state in a register. Were it to ask for one step at a time, the memory would
idle while the warp waits. So it takes time in chunks, and asks for a chunk before it works through
the one at hand. With N = 16 and H = 1024 there are 512 programs, 4 on each multiprocessor of an
H200, and they wait for some 30 kB at a time.

A chunk is a tensor (BLOCK_T, UNITS). Triton would have a thread load 4 or 8 neighbouring units at
once, and spread the steps over threads. `multiple_of(units, 1)` makes it forget that units begin at
a multiple of 32, so that it loads one at a time, and gives each thread one unit at all steps. The
scan over time is then a plain loop in registers: no exchange between threads, and the roundings
are those of step by step.

Shapes: N batch, T time steps, H hidden size. Strides of N and T are free, units are neighbours.
"""

# Triton's functions are compiled from their source: their parameters have no types to check.
# pyright: reportArgumentType=false, reportGeneralTypeIssues=false

import torch
import triton
import triton.language as tl
from torch import Tensor

from gru_course.nn.kernels import interpreted

DTYPES = torch.float32, torch.bfloat16, torch.float64
INTERPRETED = interpreted()
UNITS = 4 if INTERPRETED else 32  # of a program; the interpreter takes its time over each number


@triton.jit
def _place(T, H, UNITS: tl.constexpr):
    """A program's sequence, its units, and the steps to take: -1 for units that there are not."""
    blocks = tl.cdiv(H, UNITS)
    units = tl.program_id(0) % blocks * UNITS + tl.arange(0, UNITS)
    left = tl.where(units < H, T, -1)
    return (tl.program_id(0) // blocks).to(tl.int64), tl.multiple_of(units, 1), left


@triton.jit
def _join(a_1, b_1, a_2, b_2):
    """Two steps as one."""
    return a_2 * a_1, a_2 * b_1 + b_2


@triton.jit
def _states(a, b, h, steps):
    """The states of a chunk from the one before it, and the last of them."""
    _, hs = tl.associative_scan((a, tl.where(steps == 0, a * h + b, b)), 0, _join)
    return hs, tl.sum(tl.where(steps == hs.shape[0] - 1, hs, 0.0), 0)


@triton.jit
def forward_kernel(
    a,  # (N, T, H)
    b,  # (N, T, H)
    h0,  # (N, H)
    hs,  # (N, T, H) to be written
    T,
    H,
    a_n,  # strides
    a_t,
    b_n,
    b_t,
    h_n,
    h_t,
    UNITS: tl.constexpr,
    BLOCK_T: tl.constexpr,
):
    n, units, left = _place(T, H, UNITS)
    steps = tl.arange(0, BLOCK_T)[:, None].to(tl.int64)
    chunk = tl.full((), BLOCK_T, tl.int64)
    wide = tl.float64 if hs.dtype.element_ty == tl.float64 else tl.float32

    h = tl.load(h0 + n * H + units, left >= 0, 0.0).to(wide)
    a += n * a_n
    b += n * b_n
    hs += n * h_n
    a_next = tl.load(a + steps * a_t + units, steps < left, 0.0)
    b_next = tl.load(b + steps * b_t + units, steps < left, 0.0)
    for _ in range(0, T, BLOCK_T):
        a_now, b_now = a_next.to(wide), b_next.to(wide)
        a += chunk * a_t
        b += chunk * b_t
        a_next = tl.load(a + steps * a_t + units, steps + BLOCK_T < left, 0.0)
        b_next = tl.load(b + steps * b_t + units, steps + BLOCK_T < left, 0.0)
        states, h = _states(a_now, b_now, h, steps)
        tl.store(hs + steps * h_t + units, states, steps < left)
        hs += chunk * h_t
        left -= BLOCK_T


@triton.jit
def backward_kernel(
    a,  # (N, T, H)
    h0,  # (N, H)
    hs,  # (N, T, H)
    dhs,  # (N, T, H)
    da,  # (N, T, H) to be written, as the next two
    db,  # (N, T, H)
    dh0,  # (N, H)
    T,
    H,
    a_n,  # strides
    a_t,
    h_n,
    h_t,
    g_n,  # of dhs
    g_t,
    d_n,  # of da and db
    d_t,
    UNITS: tl.constexpr,
    BLOCK_T: tl.constexpr,
):
    n, units, left = _place(T, H, UNITS)
    steps = tl.arange(0, BLOCK_T)[:, None].to(tl.int64)  # counted from the end
    chunk = tl.full((), BLOCK_T, tl.int64)
    wide = tl.float64 if hs.dtype.element_ty == tl.float64 else tl.float32

    # Step s from the end is t = T - s, which needs a_{t+1} and h_{t-1}. One step more, s = T, has
    # no dhs and gives dh_0; those after it multiply by 1, so that dh_0 stays to the chunk's end.
    last = tl.full((), T, tl.int64) - 1
    inside = left >= 0
    h_first = tl.load(h0 + n * H + units, inside, 0.0)[None, :]
    dh = tl.zeros((UNITS,), wide)
    a += n * a_n + (last + 1) * a_t
    hs += n * h_n + (last - 1) * h_t
    dhs += n * g_n + last * g_t
    da += n * d_n + last * d_t
    db += n * d_n + last * d_t
    a_next = tl.load(a - steps * a_t + units, (steps > 0) & (steps <= left), 1.0)
    h_next = tl.load(hs - steps * h_t + units, steps + 1 < left, h_first)
    g_next = tl.load(dhs - steps * g_t + units, steps < left, 0.0)
    for _ in range(0, T + 1, BLOCK_T):
        a_now, h_now, g_now = a_next.to(wide), h_next.to(wide), g_next.to(wide)
        a -= chunk * a_t
        hs -= chunk * h_t
        dhs -= chunk * g_t
        a_next = tl.load(a - steps * a_t + units, steps + BLOCK_T <= left, 1.0)
        h_next = tl.load(hs - steps * h_t + units, steps + BLOCK_T + 1 < left, h_first)
        g_next = tl.load(dhs - steps * g_t + units, steps + BLOCK_T < left, 0.0)
        states, dh = _states(a_now, g_now, dh, steps)
        tl.store(db - steps * d_t + units, states, steps < left)
        tl.store(da - steps * d_t + units, states * h_now, steps < left)
        da -= chunk * d_t
        db -= chunk * d_t
        left -= BLOCK_T
    tl.store(dh0 + n * H + units, dh, inside)


def why_not(a: Tensor) -> str | None:
    """Why the kernels cannot run with tensors like this one, as a sentence; None if they can."""
    if a.dtype in DTYPES:
        return None
    return f"the scan's kernels take float32, bfloat16 and float64, not {a.dtype}"


def chunk(dtype: torch.dtype, arrays: int) -> int:
    """The steps of a chunk, so that two chunks of so many arrays fit into 255 registers."""
    if INTERPRETED:
        return 8
    return 16 if arrays == 3 and dtype != torch.bfloat16 else 32


def _rows(x):
    """The tensor with neighbouring units side by side in memory."""
    return x if x.stride(2) == 1 else x.contiguous()


def _launch(kernel, tensors, strided, steps):
    N, T, H = strided[0].shape
    strides = [stride for x in strided for stride in x.stride()[:2]]
    programs = N * triton.cdiv(H, UNITS)
    with torch.cuda.device_of(tensors[0]):
        kernel[programs,](*tensors, T, H, *strides, UNITS, steps, num_warps=1)


class LinearScan(torch.autograd.Function):
    """hs (N, T, H) of a, b (N, T, H) and h0 (N, H)."""

    @staticmethod
    def forward(ctx, a, b, h0):
        a, b, h0 = _rows(a), _rows(b), h0.contiguous()
        hs = a.new_empty(a.shape)
        _launch(forward_kernel, (a, b, h0, hs), (a, b, hs), chunk(a.dtype, arrays=2))
        ctx.save_for_backward(a, h0, hs)
        return hs

    @staticmethod
    def backward(ctx, dhs):
        a, h0, hs = ctx.saved_tensors
        if torch.is_grad_enabled():  # by create_graph=True: the gradient's gradient is wanted
            return _differentiable(a, h0, hs, dhs)
        dhs = _rows(dhs)
        da, db, dh0 = (torch.empty_like(x) for x in (hs, hs, h0))
        tensors = a, h0, hs, dhs, da, db, dh0
        _launch(backward_kernel, tensors, (a, hs, dhs, db), chunk(a.dtype, arrays=3))
        return da, db, dh0


def _differentiable(a, h0, hs, dhs):
    """The gradients by the forward kernel, from the end, in operations that autograd records."""
    a_next = torch.cat([a[:, 1:], torch.zeros_like(a[:, :1])], dim=1)
    db = LinearScan.apply(a_next.flip(1), dhs.flip(1), torch.zeros_like(h0)).flip(1)
    h_prevs = torch.cat([h0[:, None], hs[:, :-1]], dim=1)
    return db * h_prevs, db, db[:, 0] * a[:, 0]
