"""What `claims` times: functions that make a function without arguments, or two of them.

Sizes are (N, T, I, H): sequences, steps, inputs, units. The steps are those that the chapter "How
fast can a GRU go?" writes; their numbers are ones, since no time depends on them.
"""

import atexit
import os
from functools import partial

import numpy as np
import torch

from gru_course.bench import contenders
from gru_course.bench.process import Contender
from gru_course.reference import gru, gru_fast, rnn

TORCH, OURS, NUMPY = contenders.torch_gru, contenders.our_gru, contenders.reference_gru


def ones(*shape):
    return np.ones(shape, np.float32)


def forward(make, size):
    return make(*size)[0]


def training(make, size):
    """Forward and backward pass."""
    return make(*size)[1]


def formula(N, I, H):
    """A step as the formula says: six products and 23 other calls."""
    x, h, U, W, b = ones(N, I), ones(N, H), ones(H, I), ones(H, H), ones(H)

    def sigmoid(a):
        return 0.5 * (1 + np.tanh(0.5 * a))

    def step():
        r = sigmoid(x @ U.T + b + h @ W.T + b)
        z = sigmoid(x @ U.T + b + h @ W.T + b)
        n = np.tanh(x @ U.T + b + r * (h @ W.T + b))
        return (1 - z) * n + z * h

    return step


def fused_gru(N, I, H):
    """The chapter's fused step and, since the formula has it too, one step's part of the inputs."""
    x, h, U, W, b_hn, half = (
        ones(N, I),
        ones(N, H),
        ones(3 * H, I).T,
        ones(3 * H, H).T,
        ones(H),
        0.5,
    )
    a_i, a_h, rz, n, new = *ones(2, N, 3 * H), ones(N, 2 * H), ones(N, H), ones(N, H)

    def step():
        np.dot(x, U, a_i)
        np.dot(h, W, a_h)
        np.add(a_i[:, : 2 * H], a_h[:, : 2 * H], rz)
        np.tanh(rz, rz)
        np.multiply(rz, half, rz)
        np.add(rz, half, rz)
        np.add(a_h[:, 2 * H :], b_hn, n)
        np.multiply(rz[:, :H], n, n)
        np.add(n, a_i[:, 2 * H :], n)
        np.tanh(n, n)
        np.subtract(h, n, new)
        np.multiply(rz[:, H:], new, new)
        np.add(n, new, new)

    return step


def fused_lstm(N, I, H):
    x, h, U, W, half = ones(N, I), ones(N, H), ones(4 * H, I).T, ones(4 * H, H).T, 0.5
    a_i, a, c, tanh_c, new = *ones(2, N, 4 * H), ones(N, H), ones(N, H), ones(N, H)
    i, f, g, o = np.split(a, 4, axis=1)

    def step():
        np.dot(x, U, a_i)
        np.dot(h, W, a)
        np.add(a, a_i, a)
        np.tanh(a, a)
        for gates in (a[:, : 2 * H], o):
            np.multiply(gates, half, gates)
            np.add(gates, half, gates)
        np.multiply(f, c, c)
        np.multiply(i, g, g)
        np.add(c, g, c)
        np.tanh(c, tanh_c)
        np.multiply(o, tanh_c, new)

    return step


def torch_lstm(size, backward, onednn=True):
    N, T, I, H = size
    layer, xs = torch.nn.LSTM(I, H, batch_first=True), torch.ones(N, T, I)
    xs.requires_grad_(backward)

    def run():
        (before, *_) = torch.backends.mkldnn.set_flags(onednn)
        with torch.set_grad_enabled(backward):
            hs = layer(xs)[0]
            if backward:
                hs.sum().backward()
        torch.backends.mkldnn.set_flags(before)

    return run


def in_float(dtype, N, T, I, H):
    xs, _, params = contenders.numbers(N, T, I, H)
    xs, h0 = xs.astype(dtype), np.zeros((N, H), dtype)
    return partial(gru_fast.forward, xs, h0, gru.Params(*(a.astype(dtype) for a in params)))


def plain_rnn(N, T, I, H):
    """Backward pass and forward pass."""
    params = rnn.init(np.random.default_rng(0), I, H)
    xs, h0, dhs = np.ones((N, T, I)), np.zeros((N, H)), np.ones((N, T, H))
    _, cache = rnn.forward(xs, h0, params)
    return lambda: rnn.backward(dhs, cache), lambda: rnn.forward(xs, h0, params)


def elementwise(function, n):
    return partial(function, ones(n), ones(n))


def square(H=512):
    """A large product, of 2 H**3 operations."""
    return partial(np.dot, ones(H, H), ones(H, H))


def rows(N, H=256):
    """The recurrent product of N sequences, of 6 N H**2 operations."""
    return partial(np.dot, ones(N, H), ones(3 * H, H).T, ones(N, 3 * H))


def packed(N, H):
    """The recurrent product by oneDNN, which lays the matrix out before, and by NumPy."""
    onednn, h, W = torch.ops.mkldnn, torch.ones(N, H), torch.ones(3 * H, H)
    laid_out = onednn._reorder_linear_weight(W, N)
    return (
        partial(onednn._linear_pointwise, h, laid_out, None, "none", [], ""),
        partial(np.dot, h.numpy(), W.T.contiguous().numpy(), ones(N, 3 * H)),
    )


def weight_gradients(N, T, H):
    """A product a step, added up, and one product of all steps."""
    das, h_prevs = ones(T, N, 3 * H), ones(T, N, H)
    return (
        lambda: sum(da.T @ h for da, h in zip(das, h_prevs, strict=True)),
        lambda: das.reshape(T * N, 3 * H).T @ h_prevs.reshape(T * N, H),
    )


def stack(N, T, I, H):
    """The inputs' product as a stack of T products, and as one."""
    xs, weight = ones(T, N, I), ones(3 * H, I).T
    return lambda: xs @ weight, lambda: xs.reshape(T * N, I) @ weight


def halves():
    """A row times a Python number, columns times an array, and the row times the array."""
    row, columns, half = ones(4, 32), ones(4, 96)[:, :32], np.array(0.5, np.float32)
    places = (row, 0.5), (columns, half), (row, half)
    return [partial(np.multiply, array, factor, array) for array, factor in places]


def blas_of_2004(size):
    """The same products by the kernels for Prescott, and by those that OpenBLAS chooses here."""
    processes = []
    for core in ("Prescott", None):
        os.environ.pop("OPENBLAS_CORETYPE", None)
        os.environ |= {"OPENBLAS_CORETYPE": core} if core else {}
        processes.append(Contender(f"BLAS for {core}", contenders.numpy_products, threads=1))
    for process in processes:
        atexit.register(process.close)
        process.ask("build", *size)
    return [partial(process.ask, "time", False, 20) for process in processes]


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


def up_and_down(a, b):
    hs = b.copy()
    if len(b) > 1:
        hs[1::2] = up_and_down(a[1::2] * a[:-1:2], a[1::2] * b[:-1:2] + b[1::2])
        hs[2::2] = a[2::2] * hs[1:-1:2] + b[2::2]
    return hs


def states(method, width, T=1024):
    """Of a linear recurrence with `width` numbers a step."""
    return partial(method, np.full((T, width), 0.75), np.ones((T, width)))
