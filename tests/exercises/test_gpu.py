"""Answers to the exercises of the chapter on the GPU, right and wrong."""

import math
from fractions import Fraction

import numpy as np
import pytest
import torch

from gru_course.exercises import check
from gru_course.exercises._table import TABLES


def bound(N, H, width, rate, bandwidth):
    operations = 2 * N * H * (3 * H)  # of (N, H) by (H, 3 H)
    read_or_written = H * (3 * H) + N * (3 + 2) * H
    return max(operations / rate, read_or_written * width / bandwidth)


def units(N, H, width, memory):
    HS = 2 ** int(np.log2(H))
    while HS >= 16:
        weights, state = 3 * HS * H * width, N * H * width
        if weights + state <= memory:
            return HS
        HS //= 2
    return 0


def two_places(p, memory):
    for t in range(memory.steps):
        memory.read(p, t % 2)
        memory.write(p, (t + 1) % 2)
        memory.arrived += 1
        while memory.arrived < memory.programs * (t + 1):
            yield


def two_waits(p, memory):
    waits = 0
    for _ in range(memory.steps):
        for act in (memory.read, memory.write):
            act(p, 0)
            memory.arrived += 1
            waits += 1
            while memory.arrived < memory.programs * waits:
                yield


def one_place(p, memory):
    for t in range(memory.steps):
        memory.read(p, 0)
        memory.write(p, 0)
        memory.arrived += 1
        while memory.arrived < memory.programs * (t + 1):
            yield


def no_wait(p, memory):
    for t in range(memory.steps):
        memory.read(p, t % 2)
        memory.write(p, (t + 1) % 2)
        yield


def reset(p, memory):
    for t in range(memory.steps):
        memory.read(p, t % 2)
        memory.write(p, (t + 1) % 2)
        memory.arrived += 1
        while memory.arrived < memory.programs:
            yield
        memory.arrived = 0


def too_early(p, memory):
    for t in range(memory.steps):
        memory.read(p, t % 2)
        memory.write(p, (t + 1) % 2)
        memory.arrived += 1
        while memory.arrived < memory.programs * t + 1:
            yield


def blind(p, memory):
    for t in range(memory.steps):
        memory.write(p, (t + 1) % 2)
        yield


def too_short(p, memory):
    for t in range(memory.steps - 1):
        memory.read(p, t % 2)
        memory.write(p, (t + 1) % 2)
        memory.arrived += 1
        while memory.arrived < memory.programs * (t + 1):
            yield


def no_yield(p, memory):
    return memory.steps


def third_place(p, memory):
    memory.read(p, 2)
    yield


def written_elsewhere(p, memory):
    memory.read(p, 0)
    memory.write(p, -1)
    yield


def nearest(value, bits):
    """Of all numbers with so many bits near the value, the nearest, by looking at them."""
    step = 2.0 ** (np.floor(np.log2(value)) - bits)
    near = step * (np.floor(value / step) + np.arange(-1, 3))
    return near[np.argmin(abs(near - value))]


def stall(z, bits):
    h, before = nearest(1 - z, bits), 0.0
    while h != before:
        h, before = nearest(z * h + (1 - z), bits), h
    return h


def test_a_carry_of_pytorchs_bfloat16_stops_there_too():
    h = torch.zeros((), dtype=torch.bfloat16)
    for _ in range(5000):
        h = (0.999 * h.float() + 0.001).bfloat16()
    assert h.item() == stall(0.999, 7) == 0.25


@pytest.mark.parametrize(("z", "bits"), TABLES["gpu.stall"].cases)
def test_no_case_of_the_carry_comes_near_a_tie(z, bits):
    """In exact fractions: binary64 is far finer than the distance to the nearest tie."""
    z, h, before = Fraction(str(z)), Fraction(0), None
    while h != before:
        value = z * h + 1 - z
        step = Fraction(2) ** (math.floor(math.log2(value)) - bits)
        assert abs(value / step % 1 - Fraction(1, 2)) > Fraction(1, 1000)
        h, before = step * round(value / step), h
    assert float(h) == stall(float(z), bits)


def make_timer(early=False, warm=True, before=True, after=True, each=False, divide=True):
    def seconds_per_call(device, run, calls):
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

    return seconds_per_call


def test_warming_up_twice_and_timing_fewer_calls_are_right_too():
    def patient(device, run, calls):
        run()
        run()
        return make_timer()(device, run, max(calls, 1000))

    assert check("gpu.timer", patient).passed


def test_two_waits_fix_the_barrier_too():
    assert check("gpu.barrier", two_waits).passed


RIGHT = {
    "gpu.bound": bound,
    "gpu.units": units,
    "gpu.barrier": two_places,
    "gpu.stall": stall,
    "gpu.timer": make_timer(),
}
MISTAKES = {
    "gpu.bound": [
        (lambda *args: 7 * bound(*args), "nanoseconds for N = 64"),
        (lambda *args: "fast", "expected numbers"),
        (lambda *args: [1, 2], "expected shape"),
    ],
    "gpu.units": [
        (lambda *args: 3 * units(*args), "units for N = 64"),
        (lambda *args: "many", "expected numbers"),
    ],
    "gpu.barrier": [
        (one_place, "has written over it already"),
        (no_wait, "has not written it yet"),
        (reset, "wait for ever"),
        (too_early, "has not written it yet"),
        (blind, "without having read"),
        (too_short, "ends after 2 steps of 3"),
        (no_yield, "with `yield` in it"),
        (third_place, "There are two, 0 and 1"),
        (written_elsewhere, "asks for place -1"),
    ],
    "gpu.stall": [
        (lambda z, bits: 3 * stall(z, bits), "z = 0.97, 4 bits: wanted 0.5, got 1.5"),
        (lambda z, bits: z, "z = 0.97, 4 bits: wanted 0.5, got 0.97"),
    ],
    "gpu.timer": [
        (make_timer(after=False), "nobody waits for the last"),
        (make_timer(warm=False, before=False, after=False), "start the calls, and the first one"),
        (make_timer(warm=False), "first call compiles, and you count it"),
        (make_timer(before=False), "in the queue before"),
        (make_timer(early=True, before=False), "You wait before the first call"),
        (make_timer(each=True), "wait after every call"),
        (make_timer(warm=False, before=False), "as it stands"),
        (make_timer(divide=False), "all calls together"),
        (lambda device, run, calls: 1.0, "microseconds a call"),
        (lambda device, run, calls: "1 ms", "expected numbers"),
    ],
}
