"""Answers to the exercises of the chapter on conventions, right and wrong."""

from itertools import product

import numpy as np
import pytest

from gru_course.exercises.conventions import mystery
from gru_course.reference import gru


def blocks(array, order):
    return np.concatenate([np.split(array, 3)["zrh".index(letter)] for letter in order])


def from_keras(kernel, recurrent_kernel, bias, order="rzh"):
    return gru.Params(*(blocks(a, order) for a in (kernel.T, recurrent_kernel.T, bias[0], bias[1])))


def reshaped(kernel, recurrent_kernel, bias):
    right = from_keras(kernel, recurrent_kernel, bias)
    return right._replace(
        weight_hh=blocks(recurrent_kernel.reshape(-1, len(recurrent_kernel)), "rzh")
    )


def merged(kernel, recurrent_kernel, bias):
    right = from_keras(kernel, recurrent_kernel, bias)
    return right._replace(bias_ih=right.bias_ih + right.bias_hh, bias_hh=0 * right.bias_hh)


def biases_exchanged(kernel, recurrent_kernel, bias):
    return from_keras(kernel, recurrent_kernel, bias[::-1])


def read(params, x, h_prev, reset, z, order):
    """What a network of this convention computes, by way of the reference."""
    if order == "zrn":
        params = gru.Params(*(blocks(a, "rzh") for a in params))
    if z == "writes":
        signs = np.repeat([1.0, -1.0, 1.0], h_prev.shape[1])
        params = gru.Params(*((signs * a.T).T for a in params))
    return gru.step(x, h_prev, params, reset_after=reset == "after")[0]


EIGHT = list(product(("after", "before"), ("keeps", "writes"), ("rzn", "zrn")))


def nearest(params, x, h_prev, h):
    return min(EIGHT, key=lambda eight: np.abs(read(params, x, h_prev, *eight) - h).max())


def first_within(tolerance):
    def find(params, x, h_prev, h):
        close = (e for e in EIGHT if np.abs(read(params, x, h_prev, *e) - h).max() < tolerance)
        return next(close, EIGHT[0])

    return find


@pytest.mark.parametrize("convention", EIGHT)
def test_a_mystery_is_what_its_convention_says(convention):
    params, x, h_prev, h = mystery(np.random.default_rng(1), 2, 3, convention)
    np.testing.assert_allclose(read(params, x, h_prev, *convention), h, rtol=0, atol=1e-12)


def from_onnx(W, R, B, split=lambda b: np.split(b, 2), order="rzh"):
    return gru.Params(*(blocks(a, order) for a in (W[0], R[0], *split(B[0]))))


RIGHT = {
    "conventions.products": lambda T, after: 1 + T if after else 1 + 2 * T,
    "conventions.from-keras": from_keras,
    "conventions.find-convention": nearest,
    "conventions.find-the-bug": from_onnx,
}
MISTAKES = {
    "conventions.products": [
        (lambda T, after: 3 + T, "T = 50, reset_after=True: wanted 51, got 53"),
        (lambda T, after: "many", "expected numbers"),
    ],
    "conventions.from-keras": [
        (lambda *a: from_keras(*a, order="zrh"), "weight_ih: the blocks still stand in Keras's"),
        (lambda *a: from_keras(*a, order="rhz"), "weight_ih: the blocks are r, h, z"),
        (lambda *a: from_keras(*a, order="hzr"), "weight_ih: the blocks are h, z, r"),
        (reshaped, "weight_hh: you reshaped"),
        (merged, "bias_ih: the two biases are added up"),
        (biases_exchanged, "bias_ih: that is the recurrent bias"),
        (lambda k, rk, b: gru.Params(k, rk, *b), "weight_ih: expected shape (15, 3), got (3, 15)"),
        (lambda *a: tuple(from_keras(*a)), "Expected a gru.Params"),
        (lambda *a: from_keras(*a)._replace(bias_hh=a[2][1] * 0), "bias_hh[0]: wanted"),
    ],
    "conventions.find-convention": [
        (lambda *a: ("after", *nearest(*a)[1:]), "reset wanted before, got after"),
        (lambda *a: (nearest(*a)[0], "keeps", nearest(*a)[2]), "z wanted writes, got keeps"),
        (lambda *a: (*nearest(*a)[:2], "rzn"), "order wanted zrn, got rzn"),
        (first_within(1e-2), "not the first within a tolerance"),
        (lambda *a: nearest(*a)[::-1], "reset: expected one of after, before, got 'rzn'"),
        (lambda *a: 3, "Expected a tuple (reset, z, order)"),
    ],
    "conventions.find-the-bug": [
        (
            lambda *a: from_onnx(*a, split=lambda b: b.reshape(-1, 2).T),
            "bias_ih: still every other number of B",
        ),
        (
            lambda *a: from_onnx(*a, split=lambda b: np.split(b, 2)[::-1]),
            "bias_ih: these are the biases of R",
        ),
        (
            lambda W, R, B: from_onnx(W, R, B)._replace(bias_ih=B[0, : B.size // 2]),
            "bias_ih: the blocks still stand in ONNX's order",
        ),
        (lambda *a: from_onnx(*a, order="zrh"), "weight_ih[0, 0]: wanted"),
        (lambda W, R, B: from_onnx(W[0], R[0], B), "raised"),
        (lambda W, R, B: (W, R, B), "Expected a gru.Params"),
    ],
}
