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


def both_ways(xs, forward, backward):
    """(T, N, 2H) of two sets of W, R, b_i, b_h; the second reads from the end."""
    zero = np.zeros((xs.shape[1], 8))
    there = run(xs, zero, *forward, after=True)
    back = run(xs[::-1], zero, *backward, after=True)[::-1]
    return np.concatenate([there, back], axis=-1)


def test_keras_model():
    found = foreign_gru("keras-model")
    xs = found["inputs"].transpose(1, 0, 2)
    arrays = [found[f"weights_{i:02}"] for i in range(12)]
    for layer in (arrays[:6], arrays[6:]):
        xs = both_ways(xs, *((W, R, *b) for W, R, b in (layer[:3], layer[3:])))
    np.testing.assert_allclose(xs.transpose(1, 0, 2), found["outputs"], rtol=0, atol=1e-6)


def test_onnx_model():
    found = foreign_gru("onnx-model")
    assert found["linear_before_reset"] == 1
    hs = found["X"]
    for layer in range(2):
        parts = zip(*(found[f"{name}_{layer}"] for name in "WRB"), strict=True)
        hs = both_ways(hs, *((W.T, R.T, *np.split(B, 2)) for W, R, B in parts))
    np.testing.assert_allclose(hs, found["Y"], rtol=0, atol=1e-6)
    keras = foreign_gru("keras-model")
    np.testing.assert_allclose(hs.transpose(1, 0, 2), keras["outputs"], rtol=0, atol=1e-6)


def test_an_unknown_layer_is_refused_with_the_names():
    with pytest.raises(ValueError, match=r"layer: expected one of keras, .*, got 'caffe'"):
        foreign_gru("caffe")


def test_the_arrays_are_the_callers_own():
    foreign_gru("keras")["kernel"][:] = 0
    assert foreign_gru("keras")["kernel"].any()
