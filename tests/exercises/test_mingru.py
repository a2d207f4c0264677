"""Answers to the exercises of the chapter on the minGRU, right and wrong."""

import numpy as np
import pytest

from gru_course.exercises import check


def combine(earlier, later):
    (a1, b1), (a2, b2) = earlier, later
    return a2 * a1, a2 * b1 + b2


def loop(a, b):
    hs, h = np.empty_like(b), np.zeros_like(b[0])
    for t in range(len(a)):
        h = hs[t] = a[t] * h + b[t]
    return hs


def doubling(a, b):
    a, b, stride = a.copy(), b.copy(), 1
    while stride < len(a):
        b[stride:] = a[stride:] * b[:-stride] + b[stride:]
        a[stride:] = a[stride:] * a[:-stride]
        stride *= 2
    return b


def pairs(a, b, between=True):
    if len(b) == 1:
        return b.copy()
    hs = b.copy()
    hs[1::2] = pairs(a[1::2] * a[:-1:2], a[1::2] * b[:-1:2] + b[1::2], between)
    if between:
        hs[2::2] = a[2::2] * hs[1:-1:2] + b[2::2]
    return hs


def strides(a, b):
    a, hs, s = a.copy(), b.copy(), 1
    while 2 * s <= len(b):
        hs[2 * s - 1 :: 2 * s] += a[2 * s - 1 :: 2 * s] * hs[s - 1 : -s : 2 * s]
        a[2 * s - 1 :: 2 * s] *= a[s - 1 : -s : 2 * s]
        s *= 2
    while s > 1:
        s //= 2
        hs[3 * s - 1 :: 2 * s] += a[3 * s - 1 :: 2 * s] * hs[2 * s - 1 : -s : 2 * s]
    return hs


@pytest.mark.parametrize("answer", [pairs, strides])
def test_pairs_counts_the_operations(answer):
    assert "1024 steps, and 5.0 results a number" in check("mingru.pairs", answer).message


def backward(dhs, a, hs, h0, shift=1, own=False, start=True, after=False):
    dh, later = np.empty_like(dhs), np.zeros_like(h0)
    for t in reversed(range(len(a))):
        factor = a[min(t + shift, len(a) - 1)]
        later = dh[t] = dhs[t] + (0 if own else factor * later)
    h_prevs = hs if after else np.concatenate([h0[None], hs[:-1]])
    return dh * h_prevs, dh, dh[0] * (a[0] if start else 1)


def in_chunks(a, b, size, carry="all", last="whole"):
    hs, h = np.empty_like(b), np.zeros_like(b[0])
    for start in range(0, len(a), size):
        chunk = slice(start, start + size)
        local = loop(a[chunk], b[chunk])
        factors = {
            "all": np.cumprod(a[chunk], axis=0),
            "none": np.zeros_like(local),
            "full": np.ones_like(local),
            "one": a[chunk],
        }[carry]
        hs[chunk] = local + factors * h
        h = hs[chunk][-1] if last == "whole" else local[-1]
    return hs


RIGHT = {
    "mingru.combine": combine,
    "mingru.pairs": strides,
    "mingru.backward": backward,
    "mingru.find-the-bug": in_chunks,
}
MISTAKES = {
    "mingru.combine": [
        (lambda p, q: combine(q, p), "The two steps are exchanged"),
        (lambda p, q: (p[0] * q[0], p[1] + q[1]), "The b of the earlier step is not multiplied"),
        (lambda p, q: (p[0] * q[0], p[0] * q[0] * p[1] + q[1]), "only the later a meets it"),
        (lambda p, q: (p[0] + q[0], q[0] * p[1] + q[1]), "Factors of successive steps multiply"),
        (lambda p, q: (p[0] * q[0], q[0] * p[1]), "b[0, 0]: wanted"),
        (lambda p, q: q[0] * p[1] + q[1], "Expected a pair (a, b), got ndarray"),
        (lambda p, q: (p[0], q[0] * p[1] + q[1]), "a[0, 0]: wanted"),
    ],
    "mingru.pairs": [
        (loop, "but they took 2048 array operations for 1024 steps"),
        (doubling, "but each number was computed"),
        (lambda a, b: pairs(a, b, between=False), "The states h_1, h_2, h_4 and h_8 are right"),
        (lambda a, b: b.copy(), "no step reaches the next one"),
        (lambda a, b: np.cumsum(b, axis=0), "T = 2: hs[1, 0]: wanted"),
        (lambda a, b: pairs(a, b)[1:], "expected shape (1, 3), got (0, 3)"),
        (
            lambda a, b: pairs(a, b) if len(a) & (len(a) - 1) == 0 else 0 * b,
            "T = 13: hs[0, 0]: wanted",
        ),
    ],
    "mingru.backward": [
        (lambda *args: backward(*args, shift=0), "you multiply by a_t"),
        (lambda *args: backward(*args, own=True), "h_t acts on all later states"),
        (lambda *args: backward(*args, after=True), "the state before the step, h_{t-1}, not h_t"),
        (lambda *args: backward(*args, start=False), "The start is one step further back"),
        (lambda *args: backward(*args)[1], "Expected three arrays (da, db, dh0), got ndarray"),
        (lambda *args: backward(*args)[::-1], "da"),
    ],
    "mingru.find-the-bug": [
        (lambda *args: in_chunks(*args, carry="full"), "is added in full at every step"),
        (lambda *args: in_chunks(*args, carry="none"), "Each chunk begins from zero"),
        (lambda *args: in_chunks(*args, carry="one"), "meets one factor only"),
        (lambda *args: in_chunks(*args, last="local"), "The third chunk does not know the first"),
        (lambda *args: in_chunks(*args)[::-1], "hs[0, 0]: wanted"),
        (lambda a, b, size: in_chunks(a, b, size)[:8], "expected shape (11, 3), got (8, 3)"),
        (lambda a, b, size: in_chunks(a, b, size) if size < 11 else 0 * b, "hs in one chunk[0, 0]"),
    ],
}
