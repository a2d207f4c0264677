"""The stored layers against the formulas of their makers' documentation, written out here."""

import numpy as np
import pytest

from gru_course.data import foreign_gru


def sigmoid(a):
    return 1 / (1 + np.exp(-a))


def run(xs, h, W, R, b_i, b_h, after):
    """z | r | h as Keras and ONNX stack them; W (I, 3H) and R (H, 3H) multiply from the right."""
    hs = []
    (W_z, W_r, W_h), (R_z, R_r, R_h) = np.split(W, 3, axis=1), np.split(R, 3, axis=1)
    (i_z, i_r, i_h), (h_z, h_r, h_h) = np.split(b_i, 3), np.split(b_h, 3)
    for x in xs:
        z = sigmoid(x @ W_z + i_z + h @ R_z + h_z)
        r = sigmoid(x @ W_r + i_r + h @ R_r + h_r)
        past = r * (h @ R_h + h_h) if after else (r * h) @ R_h + h_h
        h = z * h + (1 - z) * np.tanh(x @ W_h + i_h + past)
        hs.append(h)
    return np.stack(hs)  # (T, N, H)


@pytest.mark.parametrize(("layer", "after"), [("keras", True), ("keras-before", False)])
def test_keras(layer, after):
    found = foreign_gru(layer)
    bias = found["bias"] if after else np.stack([found["bias"], 0 * found["bias"]])
    hs = run(
        found["inputs"].transpose(1, 0, 2),
        found["initial_state"],
        found["kernel"],
        found["recurrent_kernel"],
        *bias,
        after=after,
    )
    np.testing.assert_allclose(hs.transpose(1, 0, 2), found["outputs"], rtol=0, atol=1e-6)


@pytest.mark.parametrize(("layer", "after"), [("onnx-after", True), ("onnx", False)])
def test_onnx(layer, after):
    found = foreign_gru(layer)
    assert found["linear_before_reset"] == after
    W, R = found["W"][0].T, found["R"][0].T
    hs = run(found["X"], found["initial_h"][0], W, R, *np.split(found["B"][0], 2), after=after)
    np.testing.assert_allclose(hs, found["Y"][:, 0], rtol=0, atol=1e-6)


def test_an_unknown_layer_is_refused_with_the_names():
    with pytest.raises(ValueError, match=r"layer: expected one of keras, .*, got 'caffe'"):
        foreign_gru("caffe")


def test_the_arrays_are_the_callers_own():
    foreign_gru("keras")["kernel"][:] = 0
    assert foreign_gru("keras")["kernel"].any()
