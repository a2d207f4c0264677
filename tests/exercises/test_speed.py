"""Each checker of the chapter on speed passes the solution and knows the likely mistakes."""

import numpy as np
import pytest

from gru_course.exercises import check
from gru_course.reference import gru, lstm
from gru_course.reference.activations import sigmoid


def refusal(name, wrong):
    result = check(name, wrong)
    assert not result.passed
    return result.message


def flops(N, T, I, H):
    return 2 * T * N * 3 * H * (I + H)


FLOPS = [
    (lambda N, T, I, H: 3 * T * N * H * (I + H), "you count one"),
    (lambda N, T, I, H: 8 * T * N * H * (I + H), "That is an LSTM"),
    (lambda N, T, I, H: 6 * T * N * H * H, "the recurrent product only"),
    (lambda N, T, I, H: 6 * N * H * (I + H), "one time step"),
    (lambda N, T, I, H: 6 * T * H * (I + H), "one sequence"),
    (lambda N, T, I, H: 18 * T * N * H * (I + H), "forward and backward"),
    (lambda N, T, I, H: H, "wanted 5670, got 7"),
    (lambda N, T, I, H: [1, 2], "expected shape"),
]


def fold(params, blocks=(0.5, 0.5, 1.0), fields=(0, 1, 2, 3), dtype=None):
    H = params.weight_hh.shape[1]
    half = np.repeat(np.array(blocks, dtype or params.weight_hh.dtype), H)
    return gru.Params(*((half * a.T).T if k in fields else a for k, a in enumerate(params)))


FOLDED = [
    (lambda p: p, "Nothing has changed"),
    (lambda p: fold(p, (0.5, 0.5, 0.5)), "candidate's rows are halved too"),
    (lambda p: fold(p, (0.5, 1.0, 1.0)), "Only the reset gate"),
    (lambda p: fold(p, fields=(0, 1)), "biases are not halved"),
    (lambda p: fold(p, fields=(0, 2)), "recurrent part is not halved"),
    (lambda p: fold(p, (2.0, 2.0, 1.0)), "doubled"),
    (lambda p: fold(p, (1.0, 0.5, 1.0)), "weight_ih[0, 0]: wanted"),
    (lambda p: fold(p, dtype=np.float64), "float64 goes out"),
    (lambda p: tuple(fold(p)), "Expected a gru.Params"),
    (lambda p: lstm.Params(*fold(p)), "Expected a gru.Params"),
    (lambda p: gru.Params(*(a[:1] for a in p)), "weight_ih: expected shape (12, 3)"),
]


def weight_grad(das, h_prevs):
    return das.reshape(-1, das.shape[2]).T @ h_prevs.reshape(-1, h_prevs.shape[2])


WEIGHT_GRADS = [
    (lambda das, h_prevs: weight_grad(das, h_prevs).T, "transpose"),
    (lambda das, h_prevs: weight_grad(das, h_prevs) / das[..., 0].size, "That is the mean"),
    (lambda das, h_prevs: das[-1].T @ h_prevs[-1], "the last step's part"),
    (lambda das, h_prevs: weight_grad(das[1:], h_prevs[:-1]), "one step late"),
    (lambda das, h_prevs: 2 * weight_grad(das, h_prevs), "the gradient of weight_hh[0, 0]: wanted"),
    (
        lambda das, h_prevs: sum(da.T @ h for da, h in zip(das, h_prevs, strict=True)),
        "costs 2 more calls",
    ),
    (
        lambda das, h_prevs: sum(
            np.outer(d, h)
            for da, h_prev in zip(das, h_prevs, strict=True)
            for d, h in zip(da, h_prev, strict=True)
        ),
        "more calls",
    ),
    (lambda das, h_prevs: weight_grad(das, h_prevs).astype(np.float64), "float64 goes out"),
]


def make_forward(**change):
    """The fused loop with some lines replaced; lines are strings of Python."""
    lines = {
        "a_is": "(xs.transpose(1, 0, 2).reshape(T * N, -1) @ W_ih.T + b_ih).reshape(T, N, 3 * H)",
        "a_h": "h @ W_hh.T + b_hh",
        "rz": "sigmoid(a_i[:, : 2 * H] + a_h[:, : 2 * H])",
        "n": "np.tanh(a_i[:, 2 * H :] + rz[:, :H] * a_h[:, 2 * H :])",
        "new": "(1 - rz[:, H:]) * n + rz[:, H:] * h",
        "store": "new",
        "hs": "np.stack(states, axis=1)",
    } | change

    def forward(xs, h0, p):
        names = {"np": np, "sigmoid": sigmoid, "xs": xs, "h": h0, "h0": h0, "states": []}
        names |= dict(zip(("W_ih", "W_hh", "b_ih", "b_hh"), p, strict=True))
        (names["N"], names["T"], _), names["H"] = xs.shape, h0.shape[1]
        names["buffer"] = h0.copy()
        names["a_is"] = eval(lines["a_is"], names)
        for a_i in names["a_is"]:
            names["a_i"] = a_i
            for line in ("a_h", "rz", "n", "new"):
                names[line] = eval(lines[line], names)
            names["states"].append(eval(lines["store"], names))
            names["h"] = names["new"]
        return eval(lines["hs"], names)

    return forward


def formula(xs, h0, p):
    hs = []
    for x in xs.transpose(1, 0, 2):
        h0, _ = gru.step(np.ascontiguousarray(x), h0, p)
        hs.append(h0)
    return np.stack(hs, axis=1)


STATES = [
    ({"store": "np.copyto(buffer, new) or buffer"}, "the same buffer T times"),
    ({"hs": "np.stack(states)"}, "Your states are time first"),
    ({"hs": "np.stack([h0, *states[:-1]], axis=1)"}, "Your states begin with h0"),
    (
        {
            "a_h": "h @ W_hh.T",
            "a_is": "(xs.transpose(1, 0, 2).reshape(T * N, -1) @ W_ih.T + b_ih + b_hh)"
            ".reshape(T, N, 3 * H)",
        },
        "b_hn stands outside",
    ),
    ({"rz": "sigmoid(0.5 * (a_i[:, : 2 * H] + a_h[:, : 2 * H]))"}, "half of their pre-activation"),
    ({"n": "np.tanh(a_i[:, 2 * H :] + a_h[:, 2 * H :])"}, "the states[0, 0, 0]: wanted"),
    ({"new": "rz[:, H:] * n + (1 - rz[:, H:]) * h"}, "the states[0, 0, 0]: wanted"),
    ({"hs": "np.stack(states, axis=1).astype(float)"}, "float64 goes out"),
    ({"hs": "(np.stack(states, axis=1), h)"}, "got a tuple of 2"),
]
PRODUCTS = [
    ({"a_h": "np.concatenate([h @ W.T for W in np.split(W_hh, 3)], axis=1) + b_hh"}, "makes 3"),
    (
        {
            "a_is": "xs.transpose(1, 0, 2)",
            "a_h": "np.dot(h, W_hh.T) + b_hh",
            "rz": "sigmoid(a_i @ W_ih[: 2 * H].T + b_ih[: 2 * H] + a_h[:, : 2 * H])",
            "n": "np.tanh(a_i @ W_ih[2 * H :].T + b_ih[2 * H :] + rz[:, :H] * a_h[:, 2 * H :])",
        },
        "makes 3",
    ),
]


@pytest.mark.parametrize(
    ("name", "wrong", "sentence"),
    [("speed.flops", *case) for case in FLOPS]
    + [("speed.fold", *case) for case in FOLDED]
    + [("speed.weight-grad", *case) for case in WEIGHT_GRADS]
    + [("speed.forward", make_forward(**change), said) for change, said in STATES + PRODUCTS]
    + [("speed.find-the-bug", make_forward(**change), said) for change, said in STATES],
)
def test_a_known_mistake_is_named(name, wrong, sentence):
    assert sentence in refusal(name, wrong)


def test_a_loop_with_more_products_is_no_bug():
    """The exercise on the bug asks for right states, not for speed."""
    assert check("speed.find-the-bug", make_forward(**PRODUCTS[0][0])).passed
    assert check("speed.find-the-bug", formula).passed


def test_the_reference_is_fast_enough():
    assert check("speed.forward", lambda *arrays: gru.forward(*arrays)[0]).passed


def test_weight_grad_may_be_any_single_product():
    for one in (
        lambda das, h_prevs: np.einsum("tnk,tnh->kh", das, h_prevs),
        lambda das, h_prevs: np.tensordot(das, h_prevs, axes=([0, 1], [0, 1])),
    ):
        assert check("speed.weight-grad", one).passed


# For the tests that all exercises share: the right answers, and wrong ones.
RIGHT = {
    "speed.flops": flops,
    "speed.fold": fold,
    "speed.weight-grad": weight_grad,
    "speed.forward": make_forward(),
    "speed.find-the-bug": make_forward(),
}
WRONG = {
    "speed.flops": [wrong for wrong, _ in FLOPS],
    "speed.fold": [wrong for wrong, _ in FOLDED],
    "speed.weight-grad": [wrong for wrong, _ in WEIGHT_GRADS],
    "speed.forward": [make_forward(**change) for change, _ in STATES + PRODUCTS],
    "speed.find-the-bug": [make_forward(**change) for change, _ in STATES],
}
