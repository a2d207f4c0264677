"""Answers to the exercises of the backward pass's chapter, right and wrong."""

import numpy as np

from gru_course.reference import gru
from gru_course.reference.gradcheck import gradcheck


def make(lines, arguments, results, **change):
    """A function of which some lines are replaced; lines are strings of Python."""
    lines = lines | change

    def function(*args):
        names = dict(zip(arguments, args, strict=True)) | {"np": np}
        for name, line in lines.items():
            names[name] = eval(line, {}, names)
        return tuple(names[name] for name in results)

    return function


def make_deltas(**change):
    lines = {
        "da_n": "dh * (1 - z) * (1 - n**2)",
        "da_z": "dh * (h_prev - n) * z * (1 - z)",
        "da_hn": "da_n * r",
        "da_r": "da_n * a_hn * r * (1 - r)",
    }
    arguments = ("dh", "h_prev", "r", "z", "n", "a_hn")
    return make(lines, arguments, ("da_r", "da_z", "da_n", "da_hn"), **change)


def make_one_gate(**change):
    lines = {
        "W_hf": "weight_hh[: len(weight_hh) // 2]",
        "W_hn": "weight_hh[len(weight_hh) // 2 :]",
        "da_n": "dh * f * (1 - n**2)",
        "du": "da_n @ W_hn",
        "da_f": "(dh * (n - h_prev) + du * h_prev) * f * (1 - f)",
        "dh_prev": "dh * (1 - f) + du * f + da_f @ W_hf",
    }
    arguments = ("dh", "h_prev", "f", "n", "weight_hh")
    return make(lines, arguments, ("da_f", "da_n", "dh_prev"), **change)


def make_step_backward(**change):
    lines = {
        "h_prev": "cache[0]",
        "r": "cache[1]",
        "z": "cache[2]",
        "n": "cache[3]",
        "a_hn": "cache[4]",
        "W": "np.split(params.weight_hh, 3)",
        "da_z": "dh * (h_prev - n) * z * (1 - z)",
        "da_n": "dh * (1 - z) * (1 - n**2)",
        "da_hn": "da_n * r",
        "da_r": "da_n * a_hn * r * (1 - r)",
        "dh_prev": "dh * z + da_r @ W[0] + da_z @ W[1] + da_hn @ W[2]",
        "da_i": "np.concatenate([da_r, da_z, da_n], axis=1)",
        "da_h": "np.concatenate([da_r, da_z, da_hn], axis=1)",
        "grads": "(da_i.T @ x, da_h.T @ h_prev, da_i.sum(0), da_h.sum(0))",
        "dx": "da_i @ params.weight_ih",
    }
    return make(lines, ("dh", "x", "cache", "params"), ("dx", "dh_prev", "grads"), **change)


def test_the_solution_of_the_unit_with_one_gate_is_its_gradient():
    """The checker's own formula against central differences of the forward pass."""
    rng = np.random.default_rng(3)
    a_f, a_n, h_prev = rng.normal(size=(3, 2, 4))
    weight_hh, dh = rng.normal(size=(8, 4)), rng.normal(size=(2, 4))
    W_hf, W_hn = np.split(weight_hh, 2)

    def step(h_prev, a_f, a_n):
        f = 1 / (1 + np.exp(-(a_f + h_prev @ W_hf.T)))
        n = np.tanh(a_n + (f * h_prev) @ W_hn.T)
        return (1 - f) * h_prev + f * n, f, n

    _, f, n = step(h_prev, a_f, a_n)
    da_f, da_n, dh_prev = make_one_gate()(dh, h_prev, f, n, weight_hh)
    gradcheck(
        lambda **arguments: np.sum(dh * step(**arguments)[0]),
        {"h_prev": h_prev, "a_f": a_f, "a_n": a_n},
        {"h_prev": dh_prev, "a_f": da_f, "a_n": da_n},
    )


def test_the_stated_gradient_lacks_the_update_gates_path():
    """The numbers that the chapter states, from the reference and central differences."""
    params = gru.init(np.random.default_rng(8), input_size=2, hidden_size=3)
    x, h_prev = np.array([[1.0, -0.5]]), np.array([[0.6, -0.2, 0.4]])
    _, c = gru.step(x, h_prev, params)
    whole = gru.step_backward(np.array([[0.0, 1.0, 0.0]]), c)[1]

    def through_z(h):  # only the update gate sees the state that is nudged
        z = gru.step(x, h, params)[1].z
        return ((1 - z) * c.n + z * h_prev)[0, 1]

    eps = 1e-6
    part = [
        (through_z(h_prev + eps * e) - through_z(h_prev - eps * e)) / (2 * eps) for e in np.eye(3)
    ]
    np.testing.assert_allclose(whole[0] - part, [-0.097948, 0.490256, 0.108720], atol=1e-6)


RIGHT = {
    "gru_backward.deltas": make_deltas(),
    "gru_backward.missing-path": " Update gate ",
    "gru_backward.find-the-bug": make_step_backward(),
    "gru_backward.one-gate": make_one_gate(),
}
MISTAKES = {
    "gru_backward.deltas": [
        (make_deltas(da_n="dh * (1 - z)"), "da_n: the slope of tanh is missing"),
        (make_deltas(da_n="dh * (1 - z) * (1 - n)"), "not 1 - n."),
        (make_deltas(da_n="dh * (1 - z) * n * (1 - n)"), "the sigmoid's slope; tanh's is"),
        (make_deltas(da_n="dh * z * (1 - n**2)"), "n enters h with the factor 1 - z"),
        (make_deltas(da_n="dh * (1 - z) * (1 - n**2) * r"), "da_n: no r here"),
        (make_deltas(da_z="dh * (n - h_prev) * z * (1 - z)"), "da_z: the sign is turned"),
        (make_deltas(da_z="dh * (h_prev - n)"), "da_z: the slope of the sigmoid is missing"),
        (make_deltas(da_z="dh * h_prev * z * (1 - z)"), "z occurs in h twice"),
        (make_deltas(da_z="dh * (h_prev - n) * (1 - z**2)"), "1 - z^2 is tanh's slope"),
        (make_deltas(da_hn="da_n"), "da_hn: you return da_n"),
        (make_deltas(da_r="da_n * a_hn"), "da_r: the slope of the sigmoid is missing"),
        (make_deltas(da_r="da_hn * a_hn * r * (1 - r)"), "r is in it once too often"),
        (make_deltas(da_r="da_n * h_prev * r * (1 - r)"), "r multiplies a_hn"),
        (make_deltas(da_n="2 * dh"), "da_n[0, 0]: wanted"),
        (make_deltas(da_r="dh"), "da_r[0, 0]: wanted"),
        (make_deltas(da_z="dh[:, :0]"), "da_z: expected shape (2, 4), got (2, 0)"),
        (lambda *a: make_deltas()(*a)[:3], "Expected 4 results, da_r, da_z, da_n, da_hn; got"),
        (lambda *a: a[0], "got ndarray"),
        (lambda dh, h: dh, "cannot be called with 6 arguments"),
        (lambda *a: [make_deltas()(*a)[k] for k in (1, 0, 2, 3)], "are exchanged"),
    ],
    "gru_backward.missing-path": [
        ("copy ", "The copy touches one entry only"),
        ("copy", "The copy touches one entry only"),
        ("candidate", "Without the candidate the difference would be another"),
        ("reset gate", "Without the reset gate the difference would be another"),
        ("z", "Expected one of copy, candidate, update gate, reset gate, got 'z'"),
        (2, "Expected the name of a path, got int"),
    ],
    "gru_backward.find-the-bug": [
        (make_step_backward(da_r="da_hn * a_hn * r * (1 - r)"), "The bug is still there"),
        (make_step_backward(da_h="da_i"), "You changed da_h"),
        (
            make_step_backward(dh_prev="da_r @ W[0] + da_z @ W[1] + da_hn @ W[2]"),
            "dh_prev[0, 0]: wanted",
        ),
        (
            make_step_backward(dh_prev="da_r @ W[0] + da_z @ W[1] + da_hn @ W[2]"),
            "path of the copy is missing",
        ),
        (
            make_step_backward(dh_prev="dh * z + da_r @ W[0] + da_z @ W[1]"),
            "path of the candidate is missing",
        ),
        (
            make_step_backward(dh_prev="dh * z + da_r @ W[0] + da_hn @ W[2]"),
            "path of the update gate is missing",
        ),
        (
            make_step_backward(dh_prev="dh * z + da_z @ W[1] + da_hn @ W[2]"),
            "path of the reset gate is missing",
        ),
        (
            make_step_backward(grads="(da_i.T @ x, da_h.T @ h_prev, da_i.mean(0), da_h.mean(0))"),
            "gradient of bias_ih: it is averaged over the batch",
        ),
        (make_step_backward(da_z="-dh * (h_prev - n) * z * (1 - z)"), "dx[0, 0]: wanted"),
        (
            make_step_backward(grads="(da_i.T @ x, da_i.T @ h_prev, da_i.sum(0), da_h.sum(0))"),
            "gradient of weight_hh[8, 0]: wanted",
        ),
        (
            make_step_backward(grads="(da_i.T @ x, da_h.T @ h_prev)"),
            "Expected 4 results, weight_ih",
        ),
    ],
    "gru_backward.one-gate": [
        (make_one_gate(da_n="dh * (1 - f) * (1 - n**2)"), "here f = 1 takes the new value"),
        (make_one_gate(da_n="dh"), "da_n[0, 0]: wanted"),
        (make_one_gate(da_f="dh * (n - h_prev) * f * (1 - f)"), "the gate's second use is missing"),
        (make_one_gate(da_f="du * h_prev * f * (1 - f)"), "the gate's use in h itself is missing"),
        (
            make_one_gate(da_f="(dh * (h_prev - n) + du * h_prev) * f * (1 - f)"),
            "the sign of the first use is turned",
        ),
        (
            make_one_gate(da_f="(dh * (n - h_prev) + da_n * (h_prev @ W_hn.T)) * f * (1 - f)"),
            "the reset acts before the product",
        ),
        (make_one_gate(da_f="dh * (n - h_prev) + du * h_prev"), "da_f: the slope of the sigmoid"),
        (make_one_gate(da_f="dh"), "da_f[0, 0]: wanted"),
        (make_one_gate(dh_prev="du * f + da_f @ W_hf"), "dh_prev: the copy is missing"),
        (
            make_one_gate(dh_prev="dh * (1 - f) + da_f @ W_hf"),
            "the path through the candidate is missing",
        ),
        (make_one_gate(dh_prev="dh * (1 - f) + du * f"), "the path through the gate is missing"),
        (
            make_one_gate(dh_prev="dh * (1 - f) + (da_n * f) @ W_hn + da_f @ W_hf"),
            "f belongs behind the matrix",
        ),
        (make_one_gate(dh_prev="dh * f + du * f + da_f @ W_hf"), "so the copy keeps 1 - f"),
        (make_one_gate(dh_prev="dh"), "dh_prev[0, 0]: wanted"),
    ],
}
