"""Checkers of the chapter "The GRU on a GPU"."""

import itertools
from collections.abc import Iterator
from functools import partial
from typing import Any

import numpy as np

from gru_course.exercises._core import Wrong, call, compare, exercise, numbers
from gru_course.exercises._table import Table, refuse

KIB = 1024


def _bound(N, H, width, rate, bandwidth, *, operations=6, blocks=3, vectors=5, loads=1, join=max):
    """Seconds of a step, or with one of the likely miscounts.

    A multiplication and an addition are two `operations`, for each of three blocks; `vectors` are
    the numbers that move for each sequence and unit, `loads` how often the weights are read.
    """
    moved = loads * blocks * H * H + vectors * N * H
    return join((operations * N * H * H / rate, moved * width / bandwidth))


Table(
    "gpu.bound",
    hints=(
        "Two things go on at the same time: the tensor cores multiply, and numbers come and go. "
        "Which of the two does a step wait for?",
        "Each of the 3 H^2 weights is read once for all sequences. For each sequence H numbers of "
        "the old state and 3 H of the inputs' part are read, and H are written.",
    ),
    cases=[
        (64, 512, 2, 989e12, 4.8e12),
        (256, 1024, 4, 67e12, 4.8e12),
        (4, 256, 4, 67e12, 4.8e12),
        (64, 256, 4, 67e12, 4.8e12),
        (4096, 128, 2, 989e12, 4.8e12),
    ],
    what="nanoseconds for N = {N}, H = {H}, width = {width}",
    wanted=_bound,
    mistakes={
        "You add the two: they go on at the same time, and a step waits for the longer.": (
            partial(_bound, join=sum)
        ),
        "You took the shorter of the two.": partial(_bound, join=min),
        "That is equation (1): the states and the inputs' part move, too.": (
            partial(_bound, vectors=0)
        ),
        "The old state is read, and the new one is written: you count one of the two.": (
            partial(_bound, vectors=4)
        ),
        "The inputs' part has three numbers for each unit, one for each block.": (
            partial(_bound, vectors=3)
        ),
        "That counts one of the three blocks of weights.": (
            partial(_bound, operations=2, blocks=1)
        ),
        "A multiplication and an addition are two operations: you count one.": (
            partial(_bound, operations=3)
        ),
        "The weights are read once for all sequences of the batch, not once for each.": (
            lambda N, *others: _bound(N, *others, loads=N)
        ),
        "Each number takes `width` bytes, not one.": (
            lambda N, H, width, rate, bandwidth: _bound(N, H, 1, rate, bandwidth)
        ),
        "The answer is asked for in seconds, not in microseconds.": (
            lambda *case: 1e6 * _bound(*case)
        ),
    },
    read=lambda got, *case: 1e9 * numbers("seconds", got),
    praise="Right: the roofline of one step. Do its two terms meet at the same N for every H?",
)


def _units(N, H, width, memory, blocks=3, state=True, most=None):
    """The largest power of two from 16 to H, or `most`, that fits, else 0."""
    sizes = [16 << k for k in range(20) if 16 << k <= (most or H)]
    fit = [HS for HS in sizes if (blocks * HS * H + state * N * H) * width <= memory]
    return max(fit, default=0)


def _free(N, H, width, memory):
    """Units that fit, if any number would do."""
    return (memory / (width * H) - N) / 3


def _halves(N, H, width, memory):
    """The largest H, H / 2, H / 4 ... from 16 that fits, else 0."""
    halves = [H >> k for k in range(20) if 16 <= H >> k <= _free(N, H, width, memory)]
    return max(halves, default=0)


Table(
    "gpu.units",
    hints=(
        "A unit needs its rows of all three blocks, and each row has H weights. What has to be "
        "there besides the weights before a product can begin?",
        "(3 units H + N H) width bytes, at most `memory`. Solve for the units, then go down to a "
        "power of two; below 16 the answer is 0.",
    ),
    cases=[
        (64, 512, 2, 227 * KIB),
        (64, 512, 4, 227 * KIB),
        (16, 512, 2, 227 * KIB),
        (64, 128, 2, 227 * KIB),
        (64, 768, 2, 227 * KIB),
        (16, 1024, 4, 227 * KIB),
        (16, 128, 4, 227 * KIB),
        (128, 2048, 2, 227 * KIB),
        (32, 512, 4, 164 * KIB),
    ],
    what="units for N = {N}, H = {H}, width = {width}, memory = {memory}",
    wanted=_units,
    mistakes={
        "Only one block of weights: r, z and n need a row each.": partial(_units, blocks=1),
        "The state of the N sequences has to lie there too, all H units of it.": (
            partial(_units, state=False)
        ),
        "A power of two is asked for: go down to the next one.": lambda *case: _free(*case) // 1,
        "Halves of H are powers of two only where H is one.": _halves,
        "A program cannot own more units than there are.": partial(_units, most=1 << 20),
        "Below 16 units the answer is 0: `tl.dot` wants no smaller block.": (
            lambda N, H, *rest: min(H, 2.0 ** np.floor(np.log2(max(_free(N, H, *rest), 1))))
        ),
    },
    praise="Right. H / units programs share a tile, and all of them must run at the same time.",
)


class _Memory:
    """What the programs of one batch tile share: two places for a state, and a counter."""

    def __init__(self, programs, steps):
        self.programs, self.steps, self.arrived = programs, steps, 0
        self._places = [[0] * programs, [None] * programs]  # the step of each program's part
        self._steps, self._has_read = [0] * programs, [False] * programs
        self._wrong = ""

    def _exists(self, p, place):
        if place in (0, 1):
            return True
        self._wrong = f"Program {p} asks for place {place}. There are two, 0 and 1."
        return False

    def read(self, p, place):
        """Program p reads the whole state."""
        if not self._exists(p, place):
            return
        step = self._steps[p]
        for q, found in enumerate(self._places[place]):
            if found != step and not self._wrong:
                why = f"program {q} has not written it yet"
                if found is not None and found > step:
                    why = f"program {q} has written over it already"
                self._wrong = (
                    f"With {self.programs} programs, program {p} reads the state after {step} "
                    f"steps, and the part of program {q} is not there: {why}."
                )
        self._has_read[p] = True

    def write(self, p, place):
        """Program p writes its own units of the next state."""
        if not self._exists(p, place):
            return
        if not self._has_read[p] and not self._wrong:
            self._wrong = f"Program {p} writes a state without having read the one before."
        self._steps[p] += 1
        self._places[place][p] = self._steps[p]
        self._has_read[p] = False


def _orders(programs):
    """Endless orders in which the programs get their turns."""
    rng = np.random.default_rng(0)
    yield itertools.cycle(range(programs))
    yield itertools.cycle(reversed(range(programs)))
    yield itertools.cycle([0] * 5 + list(range(programs)))  # the first one is fast
    yield (int(p) for _ in itertools.count() for p in rng.integers(programs, size=64))


def _turns(program, memory, order):
    """Let the programs run in turn, each until it waits; what went wrong, or nothing."""
    running = {p: program(p, memory) for p in range(memory.programs)}
    waited = 0
    for p in order:
        if p not in running:
            continue
        before = (*memory._steps, memory.arrived)
        if next(running[p], "ended") == "ended":
            del running[p]
        waited = waited + 1 if before == (*memory._steps, memory.arrived) else 0
        if memory._wrong:
            return memory._wrong
        if not running:
            break
        if waited > 50 * memory.programs:
            return (
                f"With {memory.programs} programs, {len(running)} wait for ever: the counter is "
                f"at {memory.arrived}, and nobody raises it."
            )
    for p, steps in enumerate(memory._steps):
        if steps != memory.steps:
            return f"Program {p} ends after {steps} steps of {memory.steps}."
    return ""


@exercise(
    "gpu.barrier",
    hints=(
        "Let program 0 make its step, and then program 1. Which state does program 1 read?",
        "Either nobody writes before all have read, which takes a second wait, or what is written "
        "goes to another place than what is read. There are two places.",
    ),
)
def barrier(answer: Any) -> str:
    if not isinstance(call(answer, 0, _Memory(1, 1)), Iterator):
        raise Wrong("Expected a function with `yield` in it: a program waits by yielding.")
    for programs, steps in ((2, 3), (4, 5), (3, 1), (1, 4)):
        for order in _orders(programs):

            def runs(programs=programs, steps=steps, order=order):
                return _turns(answer, _Memory(programs, steps), order)

            if sentence := call(runs):
                raise Wrong(sentence)
    return "Right: each reads a state that is whole, in whatever order the programs run."


def _keep(value, bits):
    """The nearest number with so many bits behind the leading one."""
    mantissa, exponent = np.frexp(value)  # mantissa in [0.5, 1)
    return np.ldexp(np.round(np.ldexp(mantissa, bits + 1)), exponent - bits - 1)


def _cut(value, bits):
    mantissa, exponent = np.frexp(value)
    return np.ldexp(np.floor(np.ldexp(mantissa, bits + 1)), exponent - bits - 1)


def _stall(z, bits, keep=_keep):
    h = 0.0
    while (new := keep(z * h + (1 - z), bits)) != h:
        h = new
    return h


Table(
    "gpu.stall",
    hints=(
        "A step adds (1 - z)(1 - h). What is the smallest change that the rounding lets through, "
        "and how does it depend on the size of h?",
        "From one power of two to the next, neighbours are that power times 2^-bits apart, and a "
        "change of less than half of that is rounded away. Look for the first stretch in which "
        "this happens, or let a loop find it.",
    ),
    # None of their steps ends near a tie, where the order of the roundings would decide. At the
    # first, cutting off and one bit too many give different states.
    cases=[(0.97, 4), (0.998, 7), (0.999, 7), (0.96, 7), (0.96, 10), (0.992, 10)],
    what="z = {z}, {bits} bits",
    wanted=_stall,
    mistakes={
        "Without rounding it would come to 1; with it, it stops before.": lambda z, bits: 1.0,
        "That is one bit too many: the leading one is not among the `bits`.": (
            lambda z, bits: _stall(z, bits - 1)
        ),
        "That is one bit too few: `bits` stand behind the leading one.": (
            lambda z, bits: _stall(z, bits + 1)
        ),
        "That is the state if what is too much were cut off; it is rounded to the nearest.": (
            partial(_stall, keep=_cut)
        ),
    },
    praise="Right: it stops where a step is less than half of the distance to the next number.",
)


class _Device:
    """A host with its own clock that hands kernels to a device, which is seldom done at once."""

    def __init__(self, kernel, launch, pending=0.0, first=0.0, wait=8e-6):
        self._kernel, self._launch, self._first, self._wait = kernel, launch, first, wait
        self._now, self._free, self._calls = 0.0, pending, 0  # free: when the device is done

    def clock(self):
        return self._now

    def synchronize(self):
        self._now = max(self._now, self._free) + self._wait

    def run(self):
        """What is timed: a call that starts a kernel; the first compiles it, and tries it out."""
        once = 0 if self._calls else self._first
        self._calls += 1
        self._now += self._launch + once
        self._free = max(self._now, self._free) + self._kernel + once


def _timer(
    device, run, calls, early=False, warm=True, before=True, after=True, each=False, divide=True
):
    """The right measurement, or one that leaves something out; `early`: the wait, not the call."""
    if early:
        device.synchronize()
    if warm:
        run()
    if before:
        device.synchronize()
    start = device.clock()
    for _ in range(calls):
        run()
        if each:
            device.synchronize()
    if after:
        device.synchronize()
    return (device.clock() - start) / (calls if divide else 1)


@exercise(
    "gpu.timer",
    hints=(
        "Which work is done between the two readings of the clock, and which of it belongs to the "
        "calls? What falls as one over the number of calls happens once.",
        "Two things happen once: what the first call does on both sides, and what stood in the "
        "queue before. Both have to be over when the clock is read first. In which order?",
    ),
)
def timer(answer: Any) -> str:
    for kernel, launch, calls in ((40e-6, 5e-6, 100), (2e-6, 5e-6, 200), (1e-3, 5e-6, 20)):

        def seconds(measure, kernel=kernel, launch=launch, calls=calls):
            device = _Device(kernel, launch, pending=5.0, first=2.0)
            return 1e6 * numbers("seconds", call(measure, device, device.run, calls))

        def leaves_out(**options):
            return seconds(lambda *args: _timer(*args, **options))

        got, wanted = seconds(answer), leaves_out()
        if np.shape(got) == () and abs(got / wanted - 1) < 0.05:
            continue
        mistakes = {
            "That is how long it takes to start the calls: nobody waits for the last of them.": (
                leaves_out(after=False)
            ),
            "That is how long it takes to start the calls, and the first one compiles.": (
                leaves_out(warm=False, before=False, after=False)
            ),
            "The first call compiles, and you count it: call once before.": leaves_out(warm=False),
            "What was in the queue before is counted too: wait before the clock is read first.": (
                leaves_out(before=False)
            ),
            "You wait before the first call, and what it puts into the queue is counted.": (
                leaves_out(early=True, before=False)
            ),
            "You wait after every call: each wait has a price, and the device runs dry "
            "meanwhile.": leaves_out(each=True),
            "These are the times of the function as it stands.": (
                leaves_out(warm=False, before=False)
            ),
            "That is all calls together: divide by their number.": leaves_out(divide=False),
        }
        refuse(got, mistakes.items())
        compare(f"microseconds a call, where a kernel takes {1e6 * kernel:g}", got, wanted)
    return "Right: one call to warm up, then a wait, and one at the end."
