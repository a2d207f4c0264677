"""What `python -m gru_course.bench gpu` times: GRUs, and scans of linear recurrences.

All run in one process, since here no libraries' thread pools disturb one another. Contenders get
the same inputs and weights and compute the same numbers, which a test holds. Time comes first in
the GRUs' arrays, as cuDNN wants it, so that nobody pays for turning them.

Shapes: B batch, T time steps, D input size, H hidden size.
"""

from collections.abc import Callable
from functools import partial
from importlib import import_module
from itertools import cycle
from typing import Any, NamedTuple

import torch

from gru_course.bench import contenders
from gru_course.nn import GRU, GRUCell, Recurrent
from gru_course.nn.scan import linear_scan, log_space_scan

ARRAYS = ("hs", "dxs", "dweight_ih", "dweight_hh", "dbias_ih", "dbias_hh")
BASELINE, OURS, EAGER = "torch.nn.GRU", "nn.GRU (Triton)", "GRUCell in a loop"


class Numbers(NamedTuple):
    """Inputs (T, B, D), gradients from above (T, B, H) and a cell's weights."""

    xs: torch.Tensor
    dhs: torch.Tensor
    params: list

    def to(self, *args):
        xs, dhs, *params = (t.detach().to(*args) for t in (self.xs, self.dhs, *self.params))
        return Numbers(xs.requires_grad_(), dhs, params)


def numbers(size):
    """The same at each call, in float32 on the CPU."""
    xs, dhs, params = contenders.numbers(*size)
    xs, dhs = (torch.from_numpy(x).transpose(0, 1).contiguous() for x in (xs, dhs))
    return Numbers(xs, dhs, [torch.from_numpy(array) for array in params])


def copies(tensors, cache):
    """So many that between two uses of one the others, together larger than the cache, go by."""
    count = 2 + cache // sum(tensor.nbytes for tensor in tensors)
    return [
        tuple(t.detach().clone().requires_grad_(t.requires_grad) for t in tensors)
        for _ in range(count)
    ]


def rotating(function, inputs):
    """Call `function` with the next inputs each time."""
    following = cycle(inputs)
    return lambda: function(*next(following))


def captured(function, *inputs):
    """`function` as one CUDA graph: the GPU gets all its kernels at once, from the second call on.

    A graph reads and writes where it did when it was captured, so inputs are copied there first,
    and results last until the next call.
    """
    static = [x.detach().clone().requires_grad_(x.requires_grad) for x in inputs]
    side, here = torch.cuda.Stream(), torch.cuda.current_stream()
    side.wait_stream(here)
    with torch.cuda.stream(side):  # what libraries set up at first use must not be captured
        for _ in range(3):
            function(*static)
    here.wait_stream(side)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        results = function(*static)

    def replay(*inputs):
        with torch.no_grad():
            for own, x in zip(static, inputs, strict=True):
                own.copy_(x)
        graph.replay()
        return results

    return replay


def torch_gru(D, H):
    layer = torch.nn.GRU(D, H)
    return layer, lambda xs: layer(xs)[0]


def our_gru(D, H):
    layer = GRU(D, H, backend="triton")
    return layer, lambda xs: layer(xs)[0]


def cell_loop(D, H, compiled=False):
    cell: Any = GRUCell(D, H)
    if compiled:
        torch.compiler.reset()  # earlier sizes' cells count against the limit of recompilations
        cell = torch.compile(cell, dynamic=False)
    layer = Recurrent(cell)
    return layer, lambda xs: layer(xs.transpose(0, 1))[0].transpose(0, 1)


COMPILED, GRAPH = "GRUCell compiled", "GRUCell in a CUDA graph"

# Each maps (D, H) to a layer and the function from xs to hs.
MAKERS = {
    BASELINE: torch_gru,
    OURS: our_gru,
    EAGER: cell_loop,
    COMPILED: partial(cell_loop, compiled=True),
    GRAPH: cell_loop,
}
NEED_CUDA = (COMPILED, GRAPH)  # elsewhere there are no graphs, and perhaps no compiler


def gru(name, numbers, backward) -> Callable[..., list]:
    """One pass of a contender: a function of xs, with `backward` of xs and dhs.

    It returns hs, and with `backward` all of `ARRAYS`. A layer is in training where its gradients
    are wanted: without, cuDNN stores nothing for them.
    """
    xs, dhs, params = numbers
    layer, states = MAKERS[name](xs.shape[2], dhs.shape[2])
    layer.to(xs.device, xs.dtype).train(backward)
    weights = list(layer.parameters())
    with torch.no_grad():
        for weight, values in zip(weights, params, strict=True):
            weight.copy_(values)

    def forward(xs):
        with torch.no_grad():
            return [states(xs)]

    def both(xs, dhs):
        hs = states(xs)
        return [hs.detach(), *torch.autograd.grad(hs, [xs, *weights], dhs)]

    function = both if backward else forward
    if name == GRAPH:
        return captured(function, *((xs, dhs) if backward else (xs,)))
    return function


def gru_flop(size, backward):
    """Of the products alone: three a weight and step with the gradients, one without."""
    B, T, D, H = size
    return (3 if backward else 1) * 2 * B * T * 3 * H * (D + H)


def gru_bytes(size, backward, itemsize):
    """What has to be read or written once: xs, hs, weights; with `backward` their gradients too."""
    B, T, D, H = size
    once = B * T * (D + H) + 3 * H * (D + H + 2)
    return (2 if backward else 1) * once * itemsize


class Scan(NamedTuple):
    """A scan in its own form: from what it reads, made from (a, b), to its states, and back."""

    prepare: Any  # (a, b), both (B, T, H), to the arguments of `scan`, a's and b's first
    scan: Any
    back: Any = lambda hs: hs  # its states to (B, T, H), and the reverse


def our_scan(mode):
    """`linear_scan`, from a state of zeros."""
    prepare = lambda a, b: (a, b, torch.zeros_like(a[:, 0]))
    return Scan(prepare, partial(linear_scan, mode=mode))


def heinsen():
    """In log space, with logarithms for inputs: taking them costs it no time here."""
    prepare = lambda a, b: (a.log(), b.log(), torch.full_like(a[:, 0], -torch.inf))
    return Scan(prepare, log_space_scan)


def accelerated():
    """The `scalar` form of accelerated-scan, if it is installed: (B, H, T), from zeros."""
    scan = import_module("accelerated_scan.scalar").scan
    turn = lambda array: array.transpose(1, 2).contiguous()
    return Scan(lambda a, b: (turn(a), turn(b)), scan, turn)


OUR_SCAN, HEINSEN, ACCELERATED = "linear_scan (Triton)", "Heinsen's scan", "accelerated-scan"
SCANS = {
    OUR_SCAN: partial(our_scan, "triton"),
    "linear_scan (scan)": partial(our_scan, "scan"),
    HEINSEN: heinsen,
    ACCELERATED: accelerated,
}


def scan_numbers(size, device):
    """Factors from 0.9 to 1, inputs from 0 to 1 and gradients from above, each (B, T, H)."""
    generator = torch.Generator().manual_seed(0)
    a, b, dhs = torch.rand(3, *size, generator=generator).to(device)
    return 0.9 + 0.1 * a, b, dhs


def scan_results(scan, a, b, dhs):
    """hs and the gradients of a and b, all (B, T, H)."""
    a, b = a.detach().requires_grad_(), b.detach().requires_grad_()
    hs = scan.back(scan.scan(*scan.prepare(a, b)))
    return [hs.detach(), *torch.autograd.grad(hs, [a, b], dhs)]


def timed_scan(name, a, b, dhs, backward, cache):
    """One pass, with inputs in the form that the scan takes; the backward pass by itself."""
    scan = SCANS[name]()
    first, second, *rest = scan.prepare(a, b)
    if not backward:
        return rotating(torch.no_grad()(scan.scan), copies((first, second, *rest), cache))
    leaves = (array.detach().requires_grad_() for array in (first, second))
    inputs = [
        (scan.scan(*own), own[:2], dhs)
        for *own, dhs in copies((*leaves, *rest, scan.back(dhs)), cache)
    ]
    return rotating(partial(torch.autograd.grad, retain_graph=True), inputs)


def scan_bytes(size, backward):
    """Read a and b, write hs; back, read a, hs and dhs, write the gradients of a and b."""
    B, T, H = size
    return (5 if backward else 3) * B * T * H * torch.float32.itemsize
