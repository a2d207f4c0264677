"""ONNX Runtime and ONNX's own evaluator run nodes whose weights `convert.to_onnx` wrote."""

import numpy as np
import onnx
import onnxruntime
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from onnx.reference import ReferenceEvaluator

from gru_course import convert
from gru_course.reference import gru, lstm, rnn

from .networks import KINDS, assert_close, draw, outputs, run

OPERATORS = {rnn: "RNN", lstm: "LSTM", gru: "GRU"}
sizes = st.integers(1, 5)


def model_of(net):
    """A chain of nodes, one a layer, and what to feed it."""
    N, T, _, H = *net.xs.shape, net.state0[0].shape[2]
    D, parts = net.directions, net.parts
    attributes = {}
    feeds = {"X": net.xs.transpose(1, 0, 2)}
    if net.lengths is not None:
        feeds["sequence_lens"] = net.lengths.astype(np.int32)
    initializers = {"shape": np.array([T, N, D * H])}
    nodes, results, below = [], [], "X"
    for k, layer in enumerate(net.layers):
        inputs = convert.to_onnx(layer, **net.kind.options)
        for name in ("linear_before_reset", "activations"):
            if name in inputs:
                attributes[name] = inputs.pop(name)
        initializers |= {f"{key}{k}": array for key, array in inputs.items()}
        for part, array in zip(parts, net.state0, strict=True):
            feeds[f"initial_{part}{k}"] = array[k * D : (k + 1) * D]
        names = [below, f"W{k}", f"R{k}", f"B{k}", "" if net.lengths is None else "sequence_lens"]
        names += [f"initial_{part}{k}" for part in parts] + ([f"P{k}"] if "P" in inputs else [])
        states = [f"Y_{part}{k}" for part in parts]
        nodes.append(
            onnx.helper.make_node(
                OPERATORS[net.kind.cell],
                names,
                [f"Y{k}", *states],
                direction=net.direction,
                hidden_size=H,
                **attributes,
            )
        )
        results += states
        below = f"layer{k}"  # (T, D, N, H) -> (T, N, D, H) -> (T, N, D * H)
        nodes.append(
            onnx.helper.make_node("Transpose", [f"Y{k}"], [f"turned{k}"], perm=[0, 2, 1, 3])
        )
        nodes.append(onnx.helper.make_node("Reshape", [f"turned{k}", "shape"], [below]))
    kind = onnx.helper.np_dtype_to_tensor_dtype(net.xs.dtype)
    graph = onnx.helper.make_graph(
        nodes,
        "layers",
        [
            onnx.helper.make_tensor_value_info(
                key, onnx.helper.np_dtype_to_tensor_dtype(array.dtype), array.shape
            )
            for key, array in feeds.items()
        ],
        [
            onnx.helper.make_tensor_value_info(below, kind, (T, N, D * H)),
            *(onnx.helper.make_tensor_value_info(key, kind, (D, N, H)) for key in results),
        ],
        [onnx.numpy_helper.from_array(array, key) for key, array in initializers.items()],
    )
    opset = onnx.helper.make_opsetid("", 14)
    model = onnx.helper.make_model(graph, opset_imports=[opset], ir_version=8)
    onnx.checker.check_model(model)
    return model, feeds


def as_ours(net, hs, *states):
    """The graph's outputs in the reference's shapes."""
    parts = len(net.parts)
    last = [np.concatenate(states[part::parts]) for part in range(parts)]
    return outputs(net, hs.transpose(1, 0, 2), last)


def run_onnxruntime(net):
    model, feeds = model_of(net)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    return as_ours(net, *session.run(None, feeds))


def run_evaluator(net):
    model, feeds = model_of(net)
    return as_ours(net, *ReferenceEvaluator(model).run(None, feeds))


def assert_round_trip(net):
    """What to_onnx wrote, from_onnx reads, bit for bit."""
    for layer in net.layers:
        again, options = convert.from_onnx(**convert.to_onnx(layer, **net.kind.options))
        assert options == net.kind.options
        for params, back in zip(layer, again, strict=True):
            assert type(back) is type(params)
            for ours, theirs in zip(params, back, strict=True):
                assert np.array_equal(ours, theirs)


network = {
    "shape": st.tuples(sizes, st.integers(1, 8), sizes, sizes),
    "num_layers": st.integers(1, 3),
    "direction": st.sampled_from(["forward", "reverse", "bidirectional"]),
    "seed": st.integers(0, 2**32 - 1),
}
large = {"num_layers": 2, "direction": "bidirectional", "seed": 0}


@pytest.mark.parametrize("name", KINDS)
@settings(max_examples=60, deadline=None, database=None)
@given(with_lengths=st.booleans(), **network)
@example(shape=(16, 60, 24, 32), with_lengths=True, **large)
def test_onnxruntime(name, with_lengths, **chosen):
    net = draw(KINDS[name], with_lengths=with_lengths, dtype=np.float32, **chosen)
    assert_round_trip(net)
    assert_close(run(net)[0], run_onnxruntime(net), 1e-5, relative=True)


@pytest.mark.parametrize("name", [name for name in KINDS if name != "rnn-relu"])
@settings(max_examples=40, deadline=None, database=None)
@given(**network)
@example(shape=(16, 60, 24, 32), **large)
def test_evaluator_in_float64(name, **chosen):
    """Without lengths, which it ignores, and without ReLU, which it does not know."""
    net = draw(KINDS[name], **chosen)
    assert_round_trip(net)
    assert_close(run(net)[0], run_evaluator(net), 1e-10)
