"""The node tests that ONNX publishes for RNN, GRU and LSTM: inputs and expected outputs.

Most of them have weights that are all equal, in which the order of the gates cannot be seen; the
tests with ONNX Runtime see it.
"""

import warnings

import numpy as np
import onnx
import pytest
from onnx.backend.test.case.node import collect_testcases

from gru_course import convert
from gru_course.reference import gru, lstm, recurrent, rnn

from .networks import assert_close

CELLS = {"RNN": rnn, "GRU": gru, "LSTM": lstm}
NAMES = [
    "test_gru_batchwise",
    "test_gru_bidirectional",
    "test_gru_defaults",
    "test_gru_reverse",
    "test_gru_seq_length",
    "test_gru_with_initial_bias",
    "test_lstm_batchwise",
    "test_lstm_bidirectional",
    "test_lstm_defaults",
    "test_lstm_reverse",
    "test_lstm_with_initial_bias",
    "test_lstm_with_peepholes",
    "test_rnn_seq_length",
    "test_simple_rnn_batchwise",
    "test_simple_rnn_bidirectional",
    "test_simple_rnn_defaults",
    "test_simple_rnn_reverse",
    "test_simple_rnn_with_initial_bias",
]


@pytest.fixture(scope="module")
def cases():
    """All node tests of one node that is a recurrent layer, by name."""
    with warnings.catch_warnings():
        # Building the 1,900 tests of the other operators casts numbers out of range on purpose.
        warnings.simplefilter("ignore")
        found = collect_testcases(None)
    return {
        case.name: case
        for case in found
        if any(node.op_type in CELLS for node in case.model.graph.node)
    }


def run_node(node, inputs):
    """The reference in place of an ONNX node: the node's outputs by their names."""
    attributes = {a.name: onnx.helper.get_attribute_value(a) for a in node.attribute}
    hidden_size = attributes.pop("hidden_size")
    direction = attributes.pop("direction", b"forward").decode()
    batch_first = attributes.pop("layout", 0) == 1

    named = dict(zip([name for name in node.input if name], inputs, strict=True))
    layer, options = convert.from_onnx(*(named.pop(name, None) for name in "WRBP"), **attributes)
    assert len(layer) == (2 if direction == "bidirectional" else 1)
    assert layer[0].weight_hh.shape[1] == hidden_size

    # Layout 0 puts time first in X and Y, and the direction before the batch in Y and the states.
    xs, lengths = named.pop("X"), named.pop("sequence_lens", None)
    start = [named.pop(name) for name in ("initial_h", "initial_c") if name in named]
    assert not named, f"unknown inputs: {named.keys()}"
    if batch_first:
        start = [part.transpose(1, 0, 2) for part in start]
    else:
        xs = xs.transpose(1, 0, 2)
    state0 = (lstm.State(*start) if node.op_type == "LSTM" else start[0]) if start else None
    hs, last, _ = recurrent.forward(
        CELLS[node.op_type],
        xs,
        [layer],
        state0=state0,
        lengths=lengths,
        reverse=direction == "reverse",
        **options,
    )
    N, T = hs.shape[:2]
    Y = hs.reshape(N, T, len(layer), hidden_size)
    results = [Y, *(last if node.op_type == "LSTM" else [last])]
    if batch_first:
        results[1:] = [part.transpose(1, 0, 2) for part in results[1:]]
    else:
        results[0] = Y.transpose(1, 2, 0, 3)
    return {k: v for k, v in zip(node.output, results, strict=False) if k}


def test_there_are_eighteen(cases):
    assert sorted(cases) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_node(cases, name):
    case = cases[name]
    (node,) = case.model.graph.node
    for inputs, wanted in case.data_sets:
        got = run_node(node, inputs)
        assert len(got) == len(wanted) > 0
        for array, (output, ours) in zip(wanted, got.items(), strict=True):
            assert array.dtype == np.float32
            assert_close({output: ours}, {output: array}, 1e-6, relative=True)
