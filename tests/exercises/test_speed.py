"""Answers to the exercises of the chapter on speed, right and wrong."""

import numpy as np

from gru_course.exercises import check
from gru_course.reference import gru, lstm
from gru_course.reference.activations import sigmoid


def flops(N, T, I, H):
    """Each product (rows, inner, columns) of one direction and step, twice."""
    products = [(N, I, 3 * H), (N, H, 3 * H)]  # forward
    products += [(3 * H, N, I), (3 * H, N, H), (N, 3 * H, H)]  # two weights' and the state's
    return 2 * T * sum(2 * rows * inner * columns for rows, inner, columns in products)


def fold(params, blocks=(-1, 1, 1), fields=(0, 1, 2, 3), dtype=None):
    H = params.weight_hh.shape[1]
    sign = np.repeat(np.array(blocks, dtype or params.weight_hh.dtype), H)
    return gru.Params(*((sign * a.T).T if k in fields else a for k, a in enumerate(params)))


def test_the_folded_weights_give_the_states_of_the_other_convention():
    rng = np.random.default_rng(1)
    params, x, h = gru.init(rng, 3, 4), rng.normal(size=(2, 3)), rng.normal(size=(2, 4))
    _, given = gru.step(x, h, params)
    wanted = given.z * given.n + (1 - given.z) * h  # z takes the new state
    W_ih, W_hh, b_ih, b_hh = fold(params)
    a_i, a_h = np.split(x @ W_ih.T + b_ih, 3, axis=1), np.split(h @ W_hh.T + b_hh, 3, axis=1)
    r, keep = (1 / (1 + np.exp(i + h)) for i, h in zip(a_i[:2], a_h[:2], strict=True))
    n = np.tanh(a_i[2] + r * a_h[2])
    np.testing.assert_allclose((1 - keep) * n + keep * h, wanted, rtol=1e-12)


def input_grads(das, rs, xs):
    (T, N, H), I = rs.shape, xs.shape[2]
    weight = das.reshape(T * N, 3 * H).T @ xs.transpose(1, 0, 2).reshape(T * N, I)
    recurrent = das.copy()
    recurrent[:, :, 2 * H :] *= rs
    return weight, das.sum((0, 1)), recurrent.sum((0, 1))


def changed(weight=None, bias_ih=None, bias_hh=None):
    """The right gradients with some of them replaced by a function of all three and the inputs."""

    def wrong(das, rs, xs):
        right = input_grads(das, rs, xs)
        functions = (weight, bias_ih, bias_hh)
        return tuple(
            f(right, das, rs, xs) if f else g for f, g in zip(functions, right, strict=True)
        )

    return wrong


def step_by_step(das, rs, xs):
    parts = [
        input_grads(da[None], r[None], x[:, None])
        for da, r, x in zip(das, rs, xs.transpose(1, 0, 2), strict=True)
    ]
    return tuple(sum(part) for part in zip(*parts, strict=True))


def test_the_three_gradients_are_those_of_a_step():
    rng = np.random.default_rng(1)
    params, x, h = gru.init(rng, 3, 4), rng.normal(size=(2, 3)), rng.normal(size=(2, 4))
    dh, (_, cache) = rng.normal(size=(2, 4)), gru.step(x, h, params)
    _, _, wanted = gru.step_backward(dh, cache)
    r, z, n = cache.r, cache.z, cache.n
    da_n = dh * (1 - z) * (1 - n * n)
    da_r, da_z = da_n * cache.a_hn * r * (1 - r), dh * (h - n) * z * (1 - z)
    das = np.concatenate([da_r, da_z, da_n], axis=1)[None]  # (1, N, 3H)
    found = input_grads(das, r[None], x[:, None])
    for got, right in zip(found, (wanted.weight_ih, wanted.bias_ih, wanted.bias_hh), strict=True):
        np.testing.assert_allclose(got, right, rtol=1e-12)


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
BEFORE = {  # the lines of the form with the reset gate before the product
    "a_h": "h @ W_hh[: 2 * H].T + b_hh[: 2 * H]",
    "rz": "sigmoid(a_i[:, : 2 * H] + a_h)",
    "n": "np.tanh(a_i[:, 2 * H :] + (rz[:, :H] * h) @ W_hh[2 * H :].T + b_hh[2 * H :])",
}
BEFORE_STATES = [
    (BEFORE | change, said) for change, said in STATES if not change.keys() & BEFORE.keys()
] + [
    ({}, "the reset gate after the product"),
    (BEFORE | {"rz": "sigmoid(0.5 * (a_i[:, : 2 * H] + a_h))"}, "half of their pre-activation"),
    (
        BEFORE | {"n": "np.tanh(a_i[:, 2 * H :] + h @ W_hh[2 * H :].T + b_hh[2 * H :])"},
        "the states[0, 0, 0]: wanted",
    ),
]
PRODUCTS = [
    (
        BEFORE
        | {"a_h": "np.concatenate([h @ W.T for W in np.split(W_hh, 3)[:2]], 1) + b_hh[: 2 * H]"},
        "makes 3",
    ),
    (
        BEFORE
        | {
            "a_is": "xs.transpose(1, 0, 2)",
            "rz": "sigmoid(a_i @ W_ih[: 2 * H].T + b_ih[: 2 * H] + a_h)",
            "n": "np.tanh(a_i @ W_ih[2 * H :].T + b_ih[2 * H :]"
            " + (rz[:, :H] * h) @ W_hh[2 * H :].T + b_hh[2 * H :])",
        },
        "makes 4",
    ),
]


def test_a_loop_with_more_products_is_no_bug():
    """The exercise on the bug asks for right states, not for speed."""
    assert check("speed.find-the-bug", formula).passed


def test_the_reference_is_fast_enough():
    def reference(xs, h0, params):
        return gru.forward(xs, h0, params, reset_after=False)[0]

    assert check("speed.forward", reference).passed


def test_input_grads_may_be_any_calls_for_all_steps():
    def with_ones(das, rs, xs):
        H = rs.shape[2]
        rows = np.concatenate([xs, np.ones_like(xs[:, :, :1])], axis=2)
        both = np.tensordot(das, rows, axes=([0, 1], [1, 0]))
        db_hn = np.einsum("tnh,tnh->h", das[:, :, 2 * H :], rs)
        return both[:, :-1], both[:, -1], np.concatenate([both[: 2 * H, -1], db_hn])

    assert check("speed.input-grads", with_ones).passed


RIGHT = {
    "speed.flops": flops,
    "speed.fold": fold,
    "speed.input-grads": input_grads,
    "speed.forward": make_forward(**BEFORE),
    "speed.find-the-bug": make_forward(),
}
MISTAKES = {
    "speed.flops": [
        (lambda N, T, I, H: H, "wanted 31500, got 7"),
        (lambda N, T, I, H: [1, 2], "expected shape"),
    ],
    "speed.fold": [
        (lambda p: p, "Nothing has changed"),
        (lambda p: fold(p, (-1, -1, 1)), "Both gates are negated"),
        (lambda p: fold(p, (1, -1, 1)), "Only z is negated"),
        (lambda p: fold(p, (-1, 1, -1)), "candidate's rows are negated too"),
        (lambda p: fold(p, fields=(0, 1)), "biases are not folded"),
        (lambda p: fold(p, fields=(0, 2)), "recurrent part is not folded"),
        (lambda p: fold(p, (0.5, 0.5, 1)), "the fold for tanh"),
        (lambda p: fold(p, (2, 1, 1)), "weight_ih[0, 0]: wanted"),
        (lambda p: fold(p, dtype=np.float64), "float64 goes out"),
        (lambda p: tuple(fold(p)), "Expected a gru.Params"),
        (lambda p: lstm.Params(*fold(p)), "Expected a gru.Params"),
        (lambda p: gru.Params(*(a[:1] for a in p)), "weight_ih: expected shape (12, 3)"),
    ],
    "speed.input-grads": [
        (changed(weight=lambda right, *_: right[0].T), "transpose"),
        (
            changed(
                weight=lambda right, das, rs, xs: (
                    das.reshape(-1, das.shape[2]).T @ xs.reshape(-1, xs.shape[2])
                )
            ),
            "do not belong together",
        ),
        (
            changed(weight=lambda right, das, rs, xs: right[0] / das[..., 0].size),
            "That is the mean",
        ),
        (changed(bias_hh=lambda right, *_: right[1]), "its gradient holds r"),
        (
            changed(bias_hh=lambda right, das, rs, xs: (das * np.tile(rs, 3)).sum((0, 1))),
            "r multiplies b_hn only",
        ),
        (changed(bias_ih=lambda right, *_: right[2]), "b_in stands outside"),
        (changed(weight=lambda right, *_: 2 * right[0]), "the gradient of weight_ih[0, 0]: wanted"),
        (changed(bias_ih=lambda right, *_: 2 * right[1]), "the gradient of bias_ih[0]: wanted"),
        (lambda das, rs, xs: input_grads(das, rs, xs)[0], "Expected three arrays"),
        (step_by_step, "more call"),
        (
            lambda das, rs, xs: tuple(g.astype(np.float64) for g in input_grads(das, rs, xs)),
            "float64 goes out",
        ),
    ],
    "speed.forward": [(make_forward(**change), said) for change, said in BEFORE_STATES + PRODUCTS],
    "speed.find-the-bug": [
        *((make_forward(**change), said) for change, said in STATES),
        (make_forward(**BEFORE), "the reset gate before the product"),
    ],
}
