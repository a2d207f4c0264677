"""The recurrence of a GRU as one kernel for all time steps, in Triton.

Here is what waits for the state before: h_{t-1} W_hh^T, the gates and h_t; and on the way back dh
and da W_hh. Whatever does not wait is a product of all steps at once, in `gru_function.py`.

The kernels are persistent: a program reads its part of W_hh once and keeps it on the chip for all
steps, and the state stays in its registers, in float32. A program owns BB sequences and HS units.
Up to ALONE units it owns all of them and needs nobody. Above, the units of a batch tile are split
over programs that run at the same time: each writes its units' part of h_t to memory (in truth to
the L2 cache), waits at a barrier until the others have, and reads the whole of h_t.

Shapes: N sequences, H hidden size, and S rows: the steps of all sequences, time first, without
padding. `states` has N rows more, the first ones, for h0. Gates are stacked r | z | n.
"""

# Triton's functions are compiled from their source: their parameters have no types to check.
# pyright: reportArgumentType=false, reportCallIssue=false, reportAttributeAccessIssue=false
# pyright: reportGeneralTypeIssues=false, reportIndexIssue=false, reportOperatorIssue=false
# pyright: reportReturnType=false

from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
import triton
import triton.language as tl
from torch import Tensor

from gru_course.nn.kernels import interpreted

ALONE = 128  # units up to which a program owns all of them
LARGEST = {torch.bfloat16: 1024, torch.float32: 512}  # units whose weights fit on the chip
WARPS = 8
SCRATCH = 2**15  # bytes of shared memory that a program needs beside its weights, at most
INTERPRETED = interpreted()


@triton.jit
def _add_product(total, x, w, KS: tl.constexpr, PRECISION: tl.constexpr, INTERPRETED: tl.constexpr):
    """total + x (BB, K) @ w (K, HS) in float32, in KS pieces; `total` may be None.

    A warp's instruction multiplies matrices of 16 by 16 by 8, and there are few of those along BB
    and HS. So K is cut into KS pieces, one for each warp.
    """
    if INTERPRETED:  # the interpreter has no products of bfloat16; float32 holds each exactly
        x, w = x.to(tl.float32), w.to(tl.float32)
    if KS > 1:
        x = tl.permute(tl.reshape(x, (x.shape[0], KS, x.shape[1] // KS)), (1, 0, 2))
        w = tl.reshape(w, (KS, w.shape[0] // KS, w.shape[1]))
    return tl.dot(x, w, total, input_precision=PRECISION)


@triton.jit
def _sum(pieces, KS: tl.constexpr):
    if KS > 1:
        pieces = tl.sum(pieces, axis=0)
    return pieces


@triton.jit
def _product(x, w, KS: tl.constexpr, PRECISION: tl.constexpr, INTERPRETED: tl.constexpr):
    return _sum(_add_product(None, x, w, KS, PRECISION, INTERPRETED), KS)


@triton.jit
def _arrive(arrived):
    """Count this program in.

    Who sees the count sees all that the program has written before.
    """
    tl.debug_barrier()  # all of its threads have
    tl.atomic_add(arrived, 1, sem="release")


@triton.jit
def _wait(arrived, wanted):
    """Wait for `wanted` arrivals, and see what was written before them."""
    while tl.atomic_add(arrived, 0, sem="acquire") < wanted:
        pass
    tl.debug_barrier()


@triton.jit
def _load_rzn(place, stride, mask, dtype: tl.constexpr):
    """The blocks of r, z and n, each `stride` behind the one before."""
    r = tl.load(place, mask, 0.0).to(dtype)
    z = tl.load(place + stride, mask, 0.0).to(dtype)
    n = tl.load(place + 2 * stride, mask, 0.0).to(dtype)
    return r, z, n


@triton.jit
def _tanh(x):
    return 2 * tl.sigmoid(2 * x) - 1


@triton.jit(do_not_specialize=["tile0", "t_begin", "t_end", "N"])
def forward_kernel(
    states,  # (N + S, H) h0, then room for all states
    gates,  # (S, 4H) room | W_ih x + biases of r, z and n; becomes W_hn h_prev + b_hn | r | z | n
    b_hn,  # (H,)
    carry,  # (N, H) float32, the states that the steps start from; becomes the last ones
    W_hh,  # (3H, H)
    starts,  # (T + 3,) first row in `states` of h0 and of each step, then N + S twice
    arrived,  # (tiles,) zeros, the barrier's counters
    tile0,
    t_begin,
    t_end,
    N,
    H,
    KEEP: tl.constexpr,
    ALONE: tl.constexpr,
    PRECISION: tl.constexpr,
    INTERPRETED: tl.constexpr,
    BB: tl.constexpr,
    HS: tl.constexpr,
    K: tl.constexpr,
    KS: tl.constexpr,
):
    dtype = states.dtype.element_ty
    tile = tile0 + tl.program_id(1)
    i = tile * BB + tl.arange(0, BB)[:, None]  # sequences
    j = tl.program_id(0) * HS + tl.arange(0, HS)[None, :]  # own units
    k = tl.arange(0, K)  # all units

    # What stays on the chip: the columns of W_hh^T that give the own units' gates.
    w, w_mask = W_hh + j * H + k[:, None], (k[:, None] < H) & (j < H)
    w_r, w_z, w_n = _load_rzn(w, H * H, w_mask, dtype)
    b = tl.load(b_hn + j, j < H, 0.0).to(tl.float32)
    h = tl.load(carry + i * H + j, (i < N) & (j < H), 0.0)

    before = tl.load(starts + t_begin).to(tl.int64)
    here = tl.load(starts + t_begin + 1).to(tl.int64)
    after = tl.load(starts + t_begin + 2).to(tl.int64)
    own = (i < after - here) & (j < H)
    g = gates + (here - N + i) * 4 * H + j
    a_r, a_z, a_n = _load_rzn(g + H, H, own, tl.float32)
    for t in range(t_begin, t_end):
        if ALONE:
            h_all = h.to(dtype)
        else:  # past L1: no row is read twice
            going_on = (i < after - here) & (k[None, :] < H)
            rows = states + (before + i) * H + k[None, :]
            h_all = tl.load(rows, going_on, 0.0, cache_modifier=".cg")
        r = tl.sigmoid(a_r + _product(h_all, w_r, KS, PRECISION, INTERPRETED))
        z = tl.sigmoid(a_z + _product(h_all, w_z, KS, PRECISION, INTERPRETED))
        a_hn = _product(h_all, w_n, KS, PRECISION, INTERPRETED) + b
        n = _tanh(a_n + r * a_hn)
        h = tl.where(own, n + z * (h - n), h)  # a sequence that has ended keeps its state
        tl.store(states + (here + i) * H + j, h.to(dtype), own)
        # From here to the wait stands what no other program waits for, the next step's loads too.
        if t + 1 < t_end and not ALONE:
            _arrive(arrived + tile)
        if KEEP:
            tl.store(g, a_hn.to(dtype), own)
            tl.store(g + H, r.to(dtype), own)
            tl.store(g + 2 * H, z.to(dtype), own)
            tl.store(g + 3 * H, n.to(dtype), own)

        before, here, after = here, after, tl.load(starts + t + 3).to(tl.int64)
        own = (i < after - here) & (j < H)
        g = gates + (here - N + i) * 4 * H + j
        a_r, a_z, a_n = _load_rzn(g + H, H, own, tl.float32)
        if t + 1 < t_end and not ALONE:
            _wait(arrived + tile, (t + 1 - t_begin) * tl.num_programs(0))
    tl.store(carry + i * H + j, h, (i < N) & (j < H))


@triton.jit(do_not_specialize=["tile0", "t_begin", "t_end", "N"])
def backward_kernel(
    states,  # (N + S, H) h0 and all states
    gates,  # (S, 4H) W_hn h_prev + b_hn | r | z | n
    above,  # (S, H) gradients of the states, from the layer above
    da,  # (S, 4H) room for the gradients of W_hn h_prev + b_hn | a_r | a_z | a_n
    carry,  # (N, H) float32, gradients of the last states; becomes what reaches h0 through z only
    W_hh,  # (3H, H)
    starts,  # (T + 3,) as in `forward_kernel`
    arrived,  # (tiles,) zeros, the barrier's counters
    tile0,
    t_begin,
    t_end,
    N,
    H,
    ALONE: tl.constexpr,
    PRECISION: tl.constexpr,
    INTERPRETED: tl.constexpr,
    BB: tl.constexpr,
    HS: tl.constexpr,
    K: tl.constexpr,
    KS: tl.constexpr,
):
    dtype = states.dtype.element_ty
    tile = tile0 + tl.program_id(1)
    i = tile * BB + tl.arange(0, BB)[:, None]
    j = tl.program_id(0) * HS + tl.arange(0, HS)[None, :]
    k = tl.arange(0, K)

    # What stays on the chip: the columns of W_hh, through which dh_prev gets to the own units.
    w, w_mask = W_hh + k[:, None] * H + j, (k[:, None] < H) & (j < H)
    w_r, w_z, w_n = _load_rzn(w, H * H, w_mask, dtype)
    dh = tl.load(carry + i * H + j, (i < N) & (j < H), 0.0)

    before = tl.load(starts + t_end - 1).to(tl.int64)
    here = tl.load(starts + t_end).to(tl.int64)
    after = tl.load(starts + t_end + 1).to(tl.int64)
    end = tl.load(starts + t_end + 2).to(tl.int64)
    own = (i < after - here) & (j < H)
    g = gates + (here - N + i) * 4 * H + j
    a_hn = tl.load(g, own, 0.0).to(tl.float32)
    r, z, n = _load_rzn(g + H, H, own, tl.float32)
    h_prev = tl.load(states + (before + i) * H + j, own, 0.0).to(tl.float32)
    dh_above = tl.load(above + (here - N + i) * H + j, own, 0.0).to(tl.float32)
    if ALONE:
        da_hn = tl.zeros((BB, HS), dtype)
        da_r = tl.zeros((BB, HS), dtype)
        da_z = tl.zeros((BB, HS), dtype)
    for back in range(0, t_end - t_begin):
        t = t_end - 1 - back
        # What came to h_t through the gates of step t + 1; a sequence that ended has none there.
        if not ALONE:
            going_on = (i < end - after) & (k[None, :] < H)
            rows = da + (after - N + i) * 4 * H + k[None, :]
            da_hn = tl.load(rows, going_on, 0.0, cache_modifier=".cg")
            da_r = tl.load(rows + H, going_on, 0.0, cache_modifier=".cg")
            da_z = tl.load(rows + 2 * H, going_on, 0.0, cache_modifier=".cg")
        gated = _add_product(None, da_hn, w_n, KS, PRECISION, INTERPRETED)
        gated = _add_product(gated, da_r, w_r, KS, PRECISION, INTERPRETED)
        gated = _add_product(gated, da_z, w_z, KS, PRECISION, INTERPRETED)
        dh += _sum(gated, KS) + dh_above
        d_n = dh * (1 - z) * (1 - n * n)
        d_hn = d_n * r
        d_r = d_hn * a_hn * (1 - r)
        d_z = dh * (h_prev - n) * z * (1 - z)
        dh = tl.where(own, dh * z, dh)
        row = da + (here - N + i) * 4 * H + j
        tl.store(row, d_hn.to(dtype), own)
        tl.store(row + H, d_r.to(dtype), own)
        tl.store(row + 2 * H, d_z.to(dtype), own)
        if t > t_begin and not ALONE:
            _arrive(arrived + tile)
        tl.store(row + 3 * H, d_n.to(dtype), own)
        if ALONE:
            da_hn, da_r, da_z = d_hn.to(dtype), d_r.to(dtype), d_z.to(dtype)

        end, after, here = after, here, before
        before = tl.load(starts + tl.maximum(t - 1, 0)).to(tl.int64)
        own = (i < after - here) & (j < H) & (t > 0)
        g = gates + (here - N + i) * 4 * H + j
        a_hn = tl.load(g, own, 0.0).to(tl.float32)
        r, z, n = _load_rzn(g + H, H, own, tl.float32)
        h_prev = tl.load(states + (before + i) * H + j, own, 0.0).to(tl.float32)
        dh_above = tl.load(above + (here - N + i) * H + j, own, 0.0).to(tl.float32)
        if t > t_begin and not ALONE:
            _wait(arrived + tile, (back + 1) * tl.num_programs(0))
    tl.store(carry + i * H + j, dh, (i < N) & (j < H))


class Plan(NamedTuple):
    """How a layer's recurrence is cut into programs."""

    BB: int  # sequences that a program owns
    HS: int  # units that a program owns
    K: int  # all units, rounded up to a power of two
    KS: int  # pieces that products are cut into
    programs: int  # that share the units of a batch tile
    tiles: int  # batch tiles that run at once


def plan(N: int, H: int, precision: str, processors: int) -> Plan:
    """The `Plan` for N sequences and H units on a device with so many multiprocessors."""
    K = max(16, triton.next_power_of_2(H))
    alone = H <= ALONE
    # Products in IEEE arithmetic have no matrix unit to fill; in pieces they take fewer registers.
    whole = alone and (precision != "ieee" or K < ALONE)
    programs = 1 if alone else triton.cdiv(H, 16)
    tiles = processors // programs
    BB = 16 if triton.cdiv(N, 16) <= tiles else 32  # rather larger tiles than a second launch
    return Plan(BB, K if alone else 16, K, 1 if whole else WARPS, programs, tiles)


def why_not(weight_hh: Tensor) -> str | None:
    """Why the kernels cannot run with these weights on their device; None if they can."""
    H, dtype, device = weight_hh.shape[1], weight_hh.dtype, weight_hh.device
    if dtype not in LARGEST:
        return f"the kernels compute in bfloat16 or float32, not in {dtype}"
    largest = LARGEST[dtype]
    if largest < H:
        return f"the weights of {H} units do not fit on the chip, those of {largest} in {dtype} do"
    if device.type == "cuda":
        p = plan(1, H, "tf32", multiprocessors(device))
        if not p.tiles:
            return f"{H} units need {p.programs} multiprocessors at once, more than {device} has"
        needed = 3 * p.K * p.HS * weight_hh.itemsize + SCRATCH
        there = torch.cuda.get_device_properties(device).shared_memory_per_block_optin
        if needed > there:
            return f"{H} units need {needed} bytes of shared memory, {device} has {there}"
    return None


def launch(kernel: Any, T: int, tensors: Sequence[Tensor], precision: str, **options: bool) -> None:
    """Run a kernel over T steps of all batch tiles, as many tiles at once as have room."""
    states, (N, H) = tensors[0], tensors[-3].shape
    p = plan(N, H, precision, multiprocessors(states.device))
    tiles = triton.cdiv(N, p.BB)
    arrived = torch.zeros(tiles, dtype=torch.int32, device=states.device)
    for tile0 in range(0, tiles, p.tiles):
        grid = p.programs, min(p.tiles, tiles - tile0)
        for t_begin, t_end in spans(T, p.programs, reverse=kernel is backward_kernel):
            with torch.cuda.device_of(states):
                kernel[grid](
                    *tensors,
                    arrived,
                    tile0,
                    t_begin,
                    t_end,
                    N,
                    H,
                    ALONE=p.programs == 1,
                    PRECISION=precision,
                    INTERPRETED=INTERPRETED,
                    BB=p.BB,
                    HS=p.HS,
                    K=p.K,
                    KS=p.KS,
                    num_warps=WARPS,
                    # Programs that wait for one another have to run all at once, or not at all.
                    launch_cooperative_grid=p.programs > 1,
                    **options,
                )


def spans(T: int, programs: int, reverse: bool) -> list[tuple[int, int]]:
    """The steps of each launch, from and to: all T of them, on a GPU.

    The interpreter runs one program after the other, and none may wait for the next one. There a
    launch takes one step, and the barrier has nothing to do.
    """
    if not INTERPRETED or programs == 1:
        return [(0, T)]
    steps = [(t, t + 1) for t in range(T)]
    return steps[::-1] if reverse else steps


def multiprocessors(device: torch.device) -> int:
    """How many programs run at once; the interpreter can have any number."""
    if device.type != "cuda":
        return 132
    return torch.cuda.get_device_properties(device).multi_processor_count
