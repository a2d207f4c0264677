"""Make gru_course/data/foreign_gru.npz: GRUs as Keras and ONNX Runtime run them.

    python tests/parity/make_foreign_gru.py

The weights are drawn at random; the outputs are what the two programs compute from them, in
float32. test_foreign_gru.py makes the arrays again and compares.
"""

import os
from pathlib import Path

import numpy as np

from gru_course import convert

FILE = Path(__file__).parents[2] / "gru_course" / "data" / "foreign_gru.npz"
N, T, I, H = 2, 12, 3, 8


def draw(rng, *shape):
    """Weights large enough that a wrong convention shows in the first digit."""
    return rng.uniform(-0.7, 0.7, size=shape).astype(np.float32)


def keras_layer(rng, reset_after):
    """One keras.layers.GRU, its three arrays as get_weights() lists them, and a run of it."""
    os.environ.setdefault("KERAS_BACKEND", "torch")
    import keras

    weights = {
        "kernel": draw(rng, I, 3 * H),
        "recurrent_kernel": draw(rng, H, 3 * H),
        "bias": draw(rng, 2, 3 * H) if reset_after else draw(rng, 3 * H),
    }
    inputs = rng.normal(size=(N, T, I)).astype(np.float32)
    state = rng.uniform(-1, 1, size=(N, H)).astype(np.float32)
    layer = keras.layers.GRU(H, return_sequences=True, reset_after=reset_after)
    layer.build(inputs.shape)
    layer.set_weights(list(weights.values()))
    outputs = keras.ops.convert_to_numpy(layer(inputs, initial_state=state))
    return weights | {"inputs": inputs, "initial_state": state, "outputs": outputs}


def onnx_node(rng, linear_before_reset):
    """One GRU node of ONNX, its inputs by their names in the standard, and a run of it."""
    import onnxruntime
    from onnx import TensorProto, helper

    feeds = {
        "X": rng.normal(size=(T, N, I)).astype(np.float32),
        "W": draw(rng, 1, 3 * H, I),
        "R": draw(rng, 1, 3 * H, H),
        "B": draw(rng, 1, 6 * H),
        "initial_h": rng.uniform(-1, 1, size=(1, N, H)).astype(np.float32),
    }
    node = helper.make_node(
        "GRU",
        inputs=["X", "W", "R", "B", "", "initial_h"],  # "" leaves out sequence_lens
        outputs=["Y"],
        hidden_size=H,
        linear_before_reset=linear_before_reset,
    )
    values = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, array.shape)
        for name, array in feeds.items()
    ]
    output = helper.make_tensor_value_info("Y", TensorProto.FLOAT, (T, 1, N, H))
    model = helper.make_model(
        helper.make_graph([node], "gru", values, [output]),
        opset_imports=[helper.make_opsetid("", 14)],
        ir_version=8,
    )
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    (y,) = session.run(None, feeds)
    return feeds | {"linear_before_reset": np.array(linear_before_reset), "Y": y}


def keras_model(rng):
    """Two layers Bidirectional(GRU), their arrays as get_weights() lists them, and a run."""
    import keras

    model = keras.Sequential(
        [keras.layers.Bidirectional(keras.layers.GRU(H, return_sequences=True)) for _ in range(2)]
    )
    model.build((N, T, I))
    weights = [draw(rng, *w.shape) for w in model.get_weights()]
    model.set_weights(weights)
    inputs = rng.normal(size=(N, T, I)).astype(np.float32)
    outputs = keras.ops.convert_to_numpy(model(inputs))
    named = {f"weights_{i:02}": w for i, w in enumerate(weights)}
    return named | {"inputs": inputs, "outputs": outputs}


def onnx_model(model):
    """The same as two nodes of ONNX; W, R and B are the initializers of each, Y is a run of both.

    The axis of directions is merged between the nodes and after them, as torch and Keras do it.
    """
    import onnxruntime
    from onnx import TensorProto, helper, numpy_helper

    weights = [array for name, array in model.items() if name.startswith("weights")]
    stored, nodes = {}, []
    for number in range(2):
        layer, options = convert.from_keras(weights[6 * number : 6 * number + 6])
        node = convert.to_onnx(layer, **options)
        flag = node.pop("linear_before_reset")
        stored |= {f"{name}_{number}": array for name, array in node.items()}
        nodes += [
            helper.make_node(
                "GRU",
                ["X" if number == 0 else "h_0", *(f"{name}_{number}" for name in "WRB")],
                [f"y_{number}"],
                hidden_size=H,
                direction="bidirectional",
                linear_before_reset=flag,
            ),
            helper.make_node("Transpose", [f"y_{number}"], [f"t_{number}"], perm=[0, 2, 1, 3]),
            helper.make_node("Reshape", [f"t_{number}", "shape"], [f"h_{number}"]),
        ]
    feed = model["inputs"].transpose(1, 0, 2)
    constants = stored | {"shape": np.array([T, N, 2 * H])}
    graph = helper.make_graph(
        nodes,
        "two layers",
        [helper.make_tensor_value_info("X", TensorProto.FLOAT, feed.shape)],
        [helper.make_tensor_value_info("h_1", TensorProto.FLOAT, (T, N, 2 * H))],
        [numpy_helper.from_array(array, name) for name, array in constants.items()],
    )
    found = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 14)], ir_version=8)
    session = onnxruntime.InferenceSession(
        found.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    (y,) = session.run(None, {"X": feed})
    return stored | {"X": feed, "linear_before_reset": np.array(flag), "Y": y}


def arrays():
    """Every array of the file, under "layer/array"."""
    rng = np.random.default_rng(0)
    layers = {
        "keras": keras_layer(rng, reset_after=True),
        "keras-before": keras_layer(rng, reset_after=False),
        "onnx": onnx_node(rng, linear_before_reset=0),
        "onnx-after": onnx_node(rng, linear_before_reset=1),
    }
    layers["keras-model"] = keras_model(rng)
    layers["onnx-model"] = onnx_model(layers["keras-model"])
    return {f"{layer}/{name}": a for layer, found in layers.items() for name, a in found.items()}


if __name__ == "__main__":
    np.savez_compressed(FILE, **arrays())
    print(f"{FILE}: {FILE.stat().st_size} bytes")
