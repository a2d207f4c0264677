"""Weights of GRUs that other programs wrote, with what those programs computed from them."""

import numpy as np

from gru_course.data._stored import stored

LAYERS = ("keras", "keras-before", "onnx", "onnx-after", "keras-model", "onnx-model")


def foreign_gru(layer: str) -> dict[str, np.ndarray | int]:
    """Return a GRU as Keras or ONNX lays it out, and one run of it there.

    All have 3 inputs and 8 units; the run is a batch of 2 sequences of 12 steps, of a single layer
    from an initial state that is not zero, of a model from zero. The weights are random, from
    U(-0.7, 0.7).

    Parameters
    ----------
    layer : "keras" for keras.layers.GRU as it is by default, "keras-before" for the same with
        reset_after=False, "onnx" for the operator GRU with its default attributes, "onnx-after"
        for the same with linear_before_reset=1, "keras-model" for two Bidirectional layers of
        keras.layers.GRU, "onnx-model" for the same weights as two nodes of ONNX

    Returns
    -------
    dict of float32 arrays, of Keras: kernel (I, 3H), recurrent_kernel (H, 3H), bias (2, 3H), or
    (3H,) with reset_after=False, inputs (N, T, I), initial_state (N, H) and outputs (N, T, H); of
    ONNX: W (1, 3H, I), R (1, 3H, H), B (1, 6H), linear_before_reset (an int), X (T, N, I),
    initial_h (1, N, H) and Y (T, 1, N, H); of the Keras model: weights_00 to weights_11 as
    get_weights() lists them, inputs and outputs (N, T, 2H); of the ONNX model: W_0 (2, 3H, I),
    R_0, B_0, W_1 (2, 3H, 2H), R_1, B_1, linear_before_reset, X (T, N, I) and Y (T, N, 2H)

    Raises
    ------
    ValueError : if there is no such layer

    Notes
    -----
    Written by tests/parity/make_foreign_gru.py with Keras 3.15 and ONNX Runtime 1.31; a test runs
    both again and compares. The chapter "Conventions" loads these layers into torch.

    >>> foreign_gru("keras")["kernel"].shape
    (3, 24)
    >>> foreign_gru("onnx-after")["linear_before_reset"]
    1
    """
    if layer not in LAYERS:
        raise ValueError(f"layer: expected one of {', '.join(LAYERS)}, got {layer!r}")
    arrays = stored("foreign_gru.npz", layer)
    return {name: int(a) if a.ndim == 0 else a for name, a in arrays.items()}
