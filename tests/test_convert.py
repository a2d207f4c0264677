"""Conversions without their libraries: layouts against formulas, round trips, refusals."""

import re
import subprocess
import sys

import numpy as np
import pytest

from gru_course import convert
from gru_course.reference import gru, lstm, recurrent, rnn

I, H = 2, 3
KINDS = {
    "rnn": (rnn, {}, {"nonlinearity": "tanh"}),
    "rnn-relu": (rnn, {}, {"nonlinearity": "relu"}),
    "lstm": (lstm, {}, {}),
    "lstm-peepholes": (lstm, {"peepholes": True}, {}),
    "gru": (gru, {}, {"reset_after": True}),
    "gru-reset-before": (gru, {}, {"reset_after": False}),
}
IN_TORCH = ["rnn", "rnn-relu", "lstm", "gru"]
IN_KERAS = ["rnn", "rnn-relu", "lstm", "gru", "gru-reset-before"]


def draw(name, *, directions=1, num_layers=1, dtype=np.float64):
    cell, extra, options = KINDS[name]
    rng = np.random.default_rng(0)
    layers = [
        tuple(
            cell.init(rng, directions * H if k else I, H, dtype, **extra) for _ in range(directions)
        )
        for k in range(num_layers)
    ]
    return layers, options


def assert_same(got, wanted):
    """Bit for bit."""
    assert len(got) == len(wanted)
    for ours, theirs in zip(got, wanted, strict=True):
        assert type(ours) is type(theirs)
        for field, array in theirs._asdict().items():
            assert getattr(ours, field).dtype == array.dtype
            assert np.array_equal(getattr(ours, field), array), field


def all_arrays(value):
    """The arrays in any nesting of what the conversions take and return."""
    if isinstance(value, np.ndarray):
        return [value]
    if isinstance(value, dict):
        value = value.values()
    elif not isinstance(value, (list, tuple)):
        return []
    return [array for part in value for array in all_arrays(part)]


# A conversion there and back, on one layer; torch's takes and returns lists of them.
def torch_there(layer, options):
    return convert.to_torch([layer], **options)


def torch_back(state_dict, options):
    layers, options = convert.from_torch(state_dict, **asked(options))
    return layers[0], options


def asked(options, name="nonlinearity"):
    """What a plain RNN's arrays do not tell, by the library's name."""
    return {name: options["nonlinearity"]} if "nonlinearity" in options else {}


def keras_there(layer, options):
    return convert.to_keras(layer, **options)


def keras_back(weights, options):
    return convert.from_keras(weights, **asked(options, "activation"))


def onnx_there(layer, options):
    return convert.to_onnx(layer, **options)


def onnx_back(node, options):
    return convert.from_onnx(**node)


TORCH, KERAS, ONNX = (
    (torch_there, torch_back),
    (keras_there, keras_back),
    (onnx_there, onnx_back),
)
ROUND_TRIPS = [
    *((f"torch-{name}", name, *TORCH) for name in IN_TORCH),
    *((f"keras-{name}", name, *KERAS) for name in IN_KERAS),
    *((f"onnx-{name}", name, *ONNX) for name in KINDS),
]
round_trips = pytest.mark.parametrize(
    ("name", "there", "back"), [case[1:] for case in ROUND_TRIPS], ids=[c[0] for c in ROUND_TRIPS]
)


@round_trips
@pytest.mark.parametrize("directions", [1, 2])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_round_trip(name, there, back, directions, dtype):
    (layer,), options = draw(name, directions=directions, dtype=dtype)
    written = there(layer, options)
    assert {a.dtype for a in all_arrays(written)} == {np.dtype(dtype)}
    again, read = back(written, options)
    assert read == options
    if there is keras_there and name != "gru":  # one bias there, in place of two
        layer = tuple(
            p._replace(bias_ih=p.bias_ih + p.bias_hh, bias_hh=np.zeros_like(p.bias_hh))
            for p in layer
        )
    assert_same(again, layer)


@round_trips
def test_copies_are_returned(name, there, back):
    (layer,), options = draw(name, directions=2)
    (fresh,), _ = draw(name, directions=2)
    written = there(layer, options)
    again, _ = back(written, options)
    for array in all_arrays(again):
        array[...] = 7
    assert not any((array == 7).any() for array in all_arrays(written))
    for array in all_arrays(written):
        array[...] = 8
    assert_same(layer, fresh)


@pytest.mark.parametrize("name", IN_TORCH)
@pytest.mark.parametrize("directions", [1, 2])
def test_round_trip_through_torch_of_three_layers(name, directions):
    layers, options = draw(name, directions=directions, num_layers=3)
    state_dict = convert.to_torch(layers, **options)
    again, read = convert.from_torch(state_dict, **asked(options))
    assert read == options
    assert len(again) == 3
    for got, wanted in zip(again, layers, strict=True):
        assert_same(got, wanted)
    suffixes = ["", "_reverse"][:directions]
    assert list(state_dict) == [
        f"{name}_l{k}{suffix}"
        for k in range(3)
        for suffix in suffixes
        for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
    ]


def test_the_order_of_the_names_does_not_matter():
    layers, options = draw("gru", directions=2, num_layers=2)
    state_dict = convert.to_torch(layers, **options)
    again, _ = convert.from_torch(dict(reversed(state_dict.items())))
    for got, wanted in zip(again, layers, strict=True):
        assert_same(got, wanted)


def test_from_keras_to_torch():
    (layer,), options = draw("gru", directions=2)
    read, of_keras = convert.from_keras(convert.to_keras(layer, **options))
    (again,), of_torch = convert.from_torch(convert.to_torch([read], **of_keras))
    assert of_keras == of_torch == options
    assert_same(again, layer)


# Blocks numbered by gate, so that each library's order can be read off.
def numbered(kind, *gates):
    """Params whose block of gate k is filled with k, plus 10 for each field."""
    k = len(gates)
    column = np.repeat(np.arange(1.0, k + 1), H)
    fields = [
        column[:, None] * np.ones(I),
        column[:, None] * np.ones(H) + 10,
        column + 20,
        column + 30,
    ]
    if kind is lstm.PeepholeParams:
        fields.append(np.repeat([1.0, 2.0, 4.0], H) + 40)  # i, f, o, and no g
    return kind(*fields)


@pytest.mark.parametrize(
    ("params", "keras", "onnx"),
    [
        (numbered(rnn.Params, "h"), [1], [1]),
        (numbered(gru.Params, "r", "z", "n"), [2, 1, 3], [2, 1, 3]),  # z, r, h
        (numbered(lstm.PeepholeParams, "i", "f", "g", "o"), [1, 2, 3, 4], [1, 4, 2, 3]),
    ],
)
def test_order_of_the_gates(params, keras, onnx):
    node = convert.to_onnx((params,), reset_after=True, nonlinearity="tanh")
    assert node["W"].shape == (1, len(onnx) * H, I)
    assert node["R"].shape == (1, len(onnx) * H, H)
    assert node["W"][0, ::H, 0].tolist() == onnx
    assert node["R"][0, ::H, 0].tolist() == [10 + g for g in onnx]
    assert node["B"][0, ::H].tolist() == [20 + g for g in onnx] + [30 + g for g in onnx]
    if "P" in node:
        assert node["P"].shape == (1, 3 * H)
        assert node["P"][0, ::H].tolist() == [41, 44, 42]  # i, o, f
        params = lstm.Params(*params[:4])
    kernel, recurrent_kernel, bias = convert.to_keras(
        (params,), reset_after=True, nonlinearity="tanh"
    )
    assert kernel.shape == (I, len(keras) * H)
    assert recurrent_kernel.shape == (H, len(keras) * H)
    assert kernel[0, ::H].tolist() == keras
    assert recurrent_kernel[0, ::H].tolist() == [10 + g for g in keras]
    rows = np.atleast_2d(bias)[:, ::H].tolist()
    if len(keras) == 3:
        assert rows == [[20 + g for g in keras], [30 + g for g in keras]]
        (one,) = convert.to_keras((params,), reset_after=False)[2:]
        assert one[::H].tolist() == [50 + 2 * g for g in keras]
    else:
        assert rows == [[50 + 2 * g for g in keras]]


@pytest.mark.parametrize("reset_after", [True, False])
def test_flipping_the_update_gate_equals_a_formula_in_which_z_writes(reset_after):
    rng = np.random.default_rng(1)
    params = gru.init(rng, I, H)
    xs, h = rng.normal(size=(4, 6, I)), rng.normal(size=(4, H))
    flipped, _ = gru.forward(xs, h, convert.flip_update_gate(params), reset_after=reset_after)

    def sigmoid(a):
        return 1 / (1 + np.exp(-a))

    (W_r, W_z, W_n), (R_r, R_z, R_n), (b_r, b_z, b_n), (c_r, c_z, c_n) = (
        np.split(array, 3) for array in params
    )
    for t in range(6):
        x = xs[:, t]
        r = sigmoid(x @ W_r.T + b_r + h @ R_r.T + c_r)
        z = sigmoid(x @ W_z.T + b_z + h @ R_z.T + c_z)
        product = r * (h @ R_n.T + c_n) if reset_after else (r * h) @ R_n.T + c_n
        n = np.tanh(x @ W_n.T + b_n + product)
        h = z * n + (1 - z) * h  # Chung et al. (2014): z writes
        np.testing.assert_allclose(flipped[:, t], h, rtol=0, atol=1e-14)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_flipping_twice_is_nothing_and_leaves_the_argument_alone(dtype):
    ((params,),), _ = draw("gru", dtype=dtype)
    ((fresh,),), _ = draw("gru", dtype=dtype)
    once = convert.flip_update_gate(params)
    assert_same([convert.flip_update_gate(once)], [params])
    assert not np.array_equal(once.bias_ih, params.bias_ih)
    for array in once:
        array[...] = 7
    assert_same([params], [fresh])


@pytest.mark.parametrize(
    ("count", "asked", "keys"),
    [
        (1, {"activation": "relu"}, {"nonlinearity": "relu"}),
        (3, {"reset_after": False}, {"reset_after": False}),
    ],
)
def test_no_bias_is_zero(count, asked, keys):
    kernel, recurrent_kernel = np.ones((I, count * H)), np.ones((H, count * H))
    (params,), options = convert.from_keras([kernel, recurrent_kernel], **asked)
    assert options == keys
    assert not params.bias_ih.any()
    assert not params.bias_hh.any()
    (params,), _ = convert.from_onnx(kernel.T[None], recurrent_kernel.T[None])
    assert not params.bias_ih.any()
    state_dict = {"weight_ih_l0": kernel.T, "weight_hh_l0": recurrent_kernel.T}
    layers, _ = convert.from_torch(state_dict, nonlinearity="tanh")
    assert layers[0][0].bias_hh.shape == (count * H,)
    assert not layers[0][0].bias_hh.any()


def test_biases_of_zero_are_two_arrays():
    state_dict = {"weight_ih_l0": np.ones((H, I)), "weight_hh_l0": np.eye(H)}
    layers, _ = convert.from_torch(state_dict, nonlinearity="tanh")
    ((params,),) = layers
    params.bias_ih[...] = 1
    assert not params.bias_hh.any()


def torch_dict(name="gru", **kwargs):
    layers, options = draw(name, **kwargs)
    return convert.to_torch(layers, **options)


def without(mapping, *names):
    return {key: value for key, value in mapping.items() if key not in names}


def layer_of(name, **kwargs):
    return draw(name, **kwargs)[0][0]


def ones(*shape, dtype=np.float64):
    return np.ones(shape, dtype)


def keras_gru(input_size=I):
    return [ones(input_size, 9), ones(3, 9), ones(2, 9)]


def from_onnx(k, directions=1, **attributes):
    arrays = ones(directions, 3 * k, I), ones(directions, 3 * k, 3)
    return convert.from_onnx(*arrays, **attributes)


def hard_sigmoid(a):
    return a


# What the libraries have in the places of arrays.
class Layer:
    def get_weights(self):
        return keras_gru()


class Tensor:
    def numpy(self):
        return ones(9, I)


class TensorProto:
    raw_data = b""


class AttributeProto:
    i = 0


REFUSALS = {
    "reset before the product, to torch": (
        lambda: convert.to_torch(draw("gru")[0], reset_after=False),
        "reset_after: torch.nn.GRU applies the reset gate after the product",
    ),
    "peepholes to torch": (
        lambda: convert.to_torch(draw("lstm-peepholes")[0]),
        "layer: torch.nn.LSTM has no peepholes, and no other weights replace them",
    ),
    "peepholes to keras": (
        lambda: convert.to_keras(layer_of("lstm-peepholes")),
        "layer: keras.layers.LSTM has no peepholes",
    ),
    "to torch without reset_after": (
        lambda: convert.to_torch(draw("gru")[0]),
        "reset_after: expected True or False for a GRU, whose arrays look the same",
    ),
    "to keras without reset_after": (
        lambda: convert.to_keras(layer_of("gru")),
        "reset_after: expected True or False for a GRU",
    ),
    "to onnx without reset_after": (
        lambda: convert.to_onnx(layer_of("gru")),
        "both conventions and compute different numbers, got None",
    ),
    "reset_after is no truth value": (
        lambda: convert.to_onnx(layer_of("gru"), reset_after="False"),
        "reset_after: expected True or False, got 'False'",
    ),
    "keras without a bias and without reset_after": (
        lambda: convert.from_keras([ones(I, 9), ones(3, 9)]),
        "reset_after: expected True or False for a GRU",
    ),
    "keras: reset_after=False with two biases": (
        lambda: convert.from_keras([ones(I, 9), ones(3, 9), ones(2, 9)], reset_after=False),
        "reset_after: expected True, since the bias has shape (2, 9), got False",
    ),
    "keras: reset_after=True with one bias": (
        lambda: convert.from_keras([ones(I, 9), ones(3, 9), ones(9)], reset_after=True),
        "reset_after: expected False, since the bias has shape (9,), got True",
    ),
    "keras: the directions contradict each other": (
        lambda: convert.from_keras(
            [ones(I, 9), ones(3, 9), ones(2, 9), ones(I, 9), ones(3, 9), ones(9)]
        ),
        "reset_after: expected False, since the bias has shape (9,), got True",
    ),
    "keras: the layer itself": (
        lambda: convert.from_keras(Layer()),
        "weights: expected a list of arrays, got Layer: of a layer take layer.get_weights()",
    ),
    "keras: a SimpleRNN without its activation": (
        lambda: convert.from_keras([ones(I, 3), ones(3, 3)]),
        'activation: expected "tanh" or "relu" for a SimpleRNN, whose arrays look the same',
    ),
    "keras: a linear SimpleRNN": (
        lambda: convert.from_keras([ones(I, 3), ones(3, 3)], activation="linear"),
        'activation: expected "tanh" or "relu", got \'linear\', which this cell does not have',
    ),
    "keras: a GRU of ReLUs": (
        lambda: convert.from_keras(keras_gru(), activation="relu"),
        "activation: expected \"tanh\", got 'relu', which this cell does not have",
    ),
    "keras: a gate that is cut off": (
        lambda: convert.from_keras(keras_gru(), recurrent_activation="hard_sigmoid"),
        "recurrent_activation: expected \"sigmoid\", got 'hard_sigmoid', which no gate here has",
    ),
    "keras: a gate given as a function": (
        lambda: convert.from_keras(keras_gru(), recurrent_activation=hard_sigmoid),
        "recurrent_activation: expected \"sigmoid\", got 'hard_sigmoid', which no gate here has",
    ),
    "keras: backwards": (
        lambda: convert.from_keras(keras_gru(), go_backwards=True),
        "go_backwards: expected False, since the weights do not hold the direction",
    ),
    "keras: two layers that could be two directions": (
        lambda: convert.from_keras(keras_gru(3) * 2),
        "bidirectional: expected True or False for 6 arrays with I = H, which may be those of "
        "Bidirectional or of two layers, got None; convert two layers one by one",
    ),
    "keras: two layers": (
        lambda: convert.from_keras([*keras_gru(), *keras_gru(3)]),
        "weights: expected those of one layer, got 6 arrays, of two: convert each of them",
    ),
    "keras: two layers, said to be": (
        lambda: convert.from_keras(keras_gru(3) * 2, bidirectional=False),
        "weights: expected those of one layer, got 6 arrays, of two",
    ),
    "keras: one direction, said to be two": (
        lambda: convert.from_keras(keras_gru(), bidirectional=True),
        "weights: expected 6 for Bidirectional, got 3 arrays",
    ),
    "keras: CuDNNGRU": (
        lambda: convert.from_keras([ones(I, 9), ones(3, 9), ones(18)]),
        "bias: expected that of a Keras GRU or LSTM, got (18,): CuDNNGRU and CuDNNLSTM of Keras 2 "
        "store bias_ih and bias_hh one after the other, their kernels in another order too.",
    ),
    "keras: CuDNNLSTM": (
        lambda: convert.from_keras([ones(I, 12), ones(3, 12), ones(24)]),
        "bias: expected that of a Keras GRU or LSTM, got (24,): CuDNNGRU",
    ),
    "torch: the module itself": (
        lambda: convert.from_torch(Layer()),
        "state_dict: expected a dict, name -> array, got Layer: of a module take {name: w.numpy() "
        "for name, w in module.state_dict().items()}",
    ),
    "torch: tensors": (
        lambda: convert.from_torch({"weight_ih_l0": Tensor()}),
        "weight_ih_l0: expected a NumPy array, got Tensor: take .numpy() of it",
    ),
    "torch: an RNN without its nonlinearity": (
        lambda: convert.from_torch(torch_dict("rnn")),
        'nonlinearity: expected "tanh" or "relu" for a plain RNN, whose arrays look the same',
    ),
    "torch: an RNN with another nonlinearity": (
        lambda: convert.to_torch(draw("rnn")[0], nonlinearity="sigmoid"),
        "nonlinearity: expected one of 'tanh', 'relu', got 'sigmoid'",
    ),
    "to keras without the nonlinearity": (
        lambda: convert.to_keras(layer_of("rnn")),
        'nonlinearity: expected "tanh" or "relu" for a plain RNN',
    ),
    "to onnx without the nonlinearity": (
        lambda: convert.to_onnx(layer_of("rnn")),
        'nonlinearity: expected "tanh" or "relu" for a plain RNN',
    ),
    "onnx: tensors of a file": (
        lambda: convert.from_onnx(ones(1, 9, I), ones(1, 9, 3), TensorProto()),
        "B: expected a NumPy array, got TensorProto: take onnx.numpy_helper.to_array of it",
    ),
    "onnx: other activations of a GRU": (
        lambda: from_onnx(3, activations=[b"HardSigmoid", b"Tanh"]),
        "activations: expected ['Sigmoid', 'Tanh'], got ['HardSigmoid', 'Tanh']: no cell here has",
    ),
    "onnx: other activations of an LSTM, backwards": (
        lambda: from_onnx(4, 2, activations=["Sigmoid", "Tanh", "Tanh", "Sigmoid", "Relu", "Tanh"]),
        "activations: expected ['Sigmoid', 'Tanh', 'Tanh', 'Sigmoid', 'Tanh', 'Tanh'], got",
    ),
    "onnx: an RNN of two nonlinearities": (
        lambda: from_onnx(1, 2, activations=["Tanh", "Relu"]),
        "activations: expected ['Tanh', 'Tanh'] or ['Relu', 'Relu'], got ['Tanh', 'Relu']",
    ),
    "onnx: activations of one direction": (
        lambda: from_onnx(3, 2, activations=["Sigmoid", "Tanh"]),
        "activations: expected ['Sigmoid', 'Tanh', 'Sigmoid', 'Tanh'], got ['Sigmoid', 'Tanh']",
    ),
    "onnx: clipped": (
        lambda: from_onnx(3, clip=0.5),
        "clip: expected None, got 0.5: no cell here clips what it activates",
    ),
    "onnx: tied gates": (
        lambda: from_onnx(4, input_forget=1),
        "input_forget: expected 0, got 1, which ties the two gates",
    ),
    "onnx: backwards": (
        lambda: from_onnx(3, direction=b"reverse"),
        "direction: expected 'forward' or 'bidirectional', got 'reverse', which the weights do not",
    ),
    "onnx: one direction, said to be two": (
        lambda: from_onnx(3, direction="bidirectional"),
        "direction: expected 'forward' for D = 1, got 'bidirectional'",
    ),
    **{
        f"onnx: {name} is {value if value in ('0', 2, None) else type(value).__name__}": (
            lambda name=name, value=value: from_onnx(3, **{name: value}),
            f"{name}: expected True or False, got ",
        )
        for name in ("linear_before_reset", "input_forget")
        for value in ("0", 2, None, AttributeProto())
    },
    "keras: five arrays": (
        lambda: convert.from_keras([ones(2, 9)] * 5),
        "weights: expected kernel, recurrent_kernel and perhaps bias, or twice that for "
        "Bidirectional, got 5 arrays",
    ),
    "keras: a kernel of another width": (
        lambda: convert.from_keras([ones(I, 6), ones(3, 9), ones(2, 9)]),
        "kernel: expected shape (I, 3H) with 3H = 9, got (2, 6) (axis 1)",
    ),
    "keras: no array": (
        lambda: convert.from_keras([[1.0], ones(3, 9), ones(2, 9)]),
        "kernel: expected a NumPy array of shape (I, 3H), got list",
    ),
    "keras: three biases": (
        lambda: convert.from_keras([ones(I, 9), ones(3, 9), ones(3, 9)]),
        "bias: expected shape (B, 3H) with B = 2, got (3, 9) (axis 0)",
    ),
    "keras: two biases of an LSTM": (
        lambda: convert.from_keras([ones(I, 12), ones(3, 12), ones(2, 12)]),
        "bias: expected shape (4H,), got (2, 12)",
    ),
    "keras: a short bias": (
        lambda: convert.from_keras([ones(I, 3), ones(3, 3), ones(2)]),
        "bias: expected shape (H,) with H = 3, got (2,) (axis 0)",
    ),
    "keras: two blocks": (
        lambda: convert.from_keras([ones(I, 6), ones(3, 6), ones(6)]),
        "recurrent_kernel: expected shape (H, kH) with k = 1 for a plain RNN, 3 for a GRU or 4 "
        "for an LSTM, got (3, 6)",
    ),
    "keras: directions of different cells": (
        lambda: convert.from_keras([ones(I, 12), ones(3, 12), ones(I, 3), ones(3, 3)]),
        "layer: expected one kind of cell in both directions",
    ),
    "keras: mixed dtypes": (
        lambda: convert.from_keras([ones(I, 3, dtype=np.float32), ones(3, 3), ones(3)]),
        "kernel: expected dtype float64 like the other arrays, got float32",
    ),
    "torch: nothing": (lambda: convert.from_torch({}), "found no weight_ih_l0; got "),
    "torch: other names": (
        lambda: convert.from_torch({"gru.weight_ih_l0": ones(9, 2)}),
        "state_dict: expected the names of torch.nn.RNN, LSTM or GRU, found no weight_ih_l0; "
        "got gru.weight_ih_l0",
    ),
    "torch: an unknown name": (
        lambda: convert.from_torch(torch_dict() | {"weight_hr_l0": ones(2, 3)}),
        "found no weight_ih_l1; got weight_ih_l0, weight_hh_l0, bias_ih_l0, bias_hh_l0, weight_hr",
    ),
    "torch: a layer is missing": (
        lambda: convert.from_torch(
            without(
                torch_dict(num_layers=3),
                "weight_ih_l1",
                "weight_hh_l1",
                "bias_ih_l1",
                "bias_hh_l1",
            )
        ),
        "found no weight_ih_l1",
    ),
    "torch: a direction is missing": (
        lambda: convert.from_torch(without(torch_dict(directions=2), "weight_ih_l0_reverse")),
        "found no weight_ih_l1",
    ),
    "torch: one bias is missing": (
        lambda: convert.from_torch(without(torch_dict(), "bias_hh_l0")),
        "found no bias_hh_l0",
    ),
    "torch: a bias of another length": (
        lambda: convert.from_torch(torch_dict(num_layers=2) | {"bias_ih_l1": ones(8)}),
        "bias_ih_l1: expected shape (3H,) with axis 0 a multiple of 3, got (8,)",
    ),
    "torch: a second layer of another width": (
        lambda: convert.from_torch(torch_dict(num_layers=2) | {"weight_ih_l1": ones(9, 4)}),
        "layers[1]: expected I = D * H = 3, got 4",
    ),
    "torch: two blocks": (
        lambda: convert.from_torch(torch_dict() | {"weight_hh_l0": ones(6, 3)}),
        "weight_hh_l0: expected shape (kH, H) with k = 1 for a plain RNN",
    ),
    "torch: a vector": (
        lambda: convert.from_torch(torch_dict() | {"weight_hh_l0": ones(9)}),
        "weight_hh_l0: expected shape (kH, H) with k = 1 for a plain RNN, 3 for a GRU or 4 for "
        "an LSTM, got (9,)",
    ),
    "torch: not a number": (
        lambda: convert.from_torch(torch_dict() | {"bias_hh_l0": np.full(9, np.nan)}),
        "bias_hh_l0: expected finite numbers, got nan at index (0,)",
    ),
    "torch: whole numbers": (
        lambda: convert.from_torch(torch_dict() | {"weight_hh_l0": np.ones((9, 3), int)}),
        "weight_hh_l0: expected dtype float64 or float32, got int64",
    ),
    "torch: layers of different cells": (
        lambda: convert.to_torch([layer_of("lstm"), layer_of("rnn")]),
        "layers[1]: expected the directions, the kind of cell and the hidden size of layers[0], "
        "(D, k, H) = (1, 4, 3), got (1, 1, 3)",
    ),
    "torch: layers of different directions": (
        lambda: convert.to_torch([layer_of("lstm"), layer_of("lstm", directions=2)]),
        "(D, k, H) = (1, 4, 3), got (2, 4, 3)",
    ),
    "torch: no layers": (
        lambda: convert.to_torch([]),
        "layers: expected a list of layers, got []",
    ),
    "torch: a layer alone": (
        lambda: convert.to_torch(layer_of("lstm")),
        "layers: expected a list of layers, got (",
    ),
    "Params without the tuple": (
        lambda: convert.to_keras(layer_of("lstm")[0]),
        "layer: expected a tuple of 1 or 2 Params, got Params",
    ),
    "three directions": (
        lambda: convert.to_onnx(layer_of("lstm") * 3),
        "layer: expected a tuple of 1 or 2 Params, got 3",
    ),
    "directions of different cells": (
        lambda: convert.to_onnx((*layer_of("lstm"), *layer_of("gru")), reset_after=True),
        "layer: expected one kind of cell in both directions",
    ),
    "peepholes in one direction": (
        lambda: convert.to_onnx((*layer_of("lstm"), *layer_of("lstm-peepholes"))),
        "layer: expected one kind of cell in both directions",
    ),
    "no Params": (
        lambda: convert.to_keras((None,)),
        "params: expected a Params tuple with weight_ih, weight_hh, bias_ih, bias_hh, got NoneType",
    ),
    "onnx: three directions": (
        lambda: convert.from_onnx(ones(3, 3, I), ones(3, 3, 3)),
        "layer: expected a tuple of 1 or 2 Params, got 3",
    ),
    "onnx: no array": (
        lambda: convert.from_onnx(None, ones(1, 9, 3)),
        "W: expected a NumPy array of shape (D, K, I), got NoneType",
    ),
    "onnx: one direction of R": (
        lambda: convert.from_onnx(ones(2, 9, I), ones(1, 9, 3)),
        "R: expected shape (D, K, H) with D = 2, got (1, 9, 3) (axis 0)",
    ),
    "onnx: one bias": (
        lambda: convert.from_onnx(ones(1, 9, I), ones(1, 9, 3), ones(1, 9)),
        "B: expected shape (D, 2K) with axis 1 a multiple of 2, got (1, 9)",
    ),
    "onnx: two blocks": (
        lambda: convert.from_onnx(ones(1, 6, I), ones(1, 6, 3)),
        "R[0]: expected shape (kH, H) with k = 1 for a plain RNN",
    ),
    "onnx: peepholes of a GRU": (
        lambda: convert.from_onnx(ones(1, 9, I), ones(1, 9, 3), P=ones(1, 9)),
        "P: expected peepholes for an LSTM only, got R with 3 blocks",
    ),
    "onnx: peepholes of another size": (
        lambda: convert.from_onnx(ones(1, 12, I), ones(1, 12, 3), P=ones(1, 12)),
        "P: expected shape (D, 3H) with 3H = 9, got (1, 12) (axis 1)",
    ),
    "flip: an LSTM": (
        lambda: convert.flip_update_gate(layer_of("lstm")[0]),
        "params.weight_hh: expected shape (3H, H) with H = 4, got (12, 3) (axis 1)",
    ),
    "flip: a layer": (
        lambda: convert.flip_update_gate(layer_of("gru")),
        "params: expected a Params tuple with weight_ih, weight_hh, bias_ih, bias_hh, got tuple",
    ),
}


@pytest.mark.parametrize(("call", "message"), REFUSALS.values(), ids=REFUSALS)
def test_refusals(call, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        call()


def test_attributes_that_are_the_defaults_change_nothing():
    for k, activations in {
        1: [b"Tanh"],
        3: [b"Sigmoid", b"Tanh"],
        4: [b"Sigmoid", b"Tanh", b"Tanh"],
    }.items():
        layer, options = from_onnx(k, 2)
        again, same = from_onnx(
            k, 2, activations=activations * 2, clip=None, input_forget=0, direction=b"bidirectional"
        )
        assert options == same
        for got, wanted in zip(again, layer, strict=True):
            assert_same([got], [wanted])
    assert from_onnx(1, activations=["Relu"])[1] == {"nonlinearity": "relu"}
    assert from_onnx(3, linear_before_reset=np.int64(1), direction="forward")[1] == {
        "reset_after": True
    }
    defaults = {"activation": "tanh", "recurrent_activation": "sigmoid", "go_backwards": False}
    assert convert.from_keras(keras_gru(), **defaults)[1] == {"reset_after": True}
    assert len(convert.from_keras(keras_gru(3) * 2, bidirectional=True)[0]) == 2
    assert len(convert.from_keras(keras_gru() * 2)[0]) == 2  # I = 2 and H = 3 leave no doubt


def test_a_relu_is_not_lost_on_the_way():
    (layer,), _ = draw("rnn")
    xs = 3 * np.ones((1, 1, I))
    state_dict = convert.to_torch([layer], nonlinearity="relu")
    layers, options = convert.from_torch(state_dict, nonlinearity="relu")
    node = convert.to_onnx(layers[0], **options)
    again, options = convert.from_onnx(**node)
    wanted = np.maximum(xs[:, 0] @ layer[0].weight_ih.T + layer[0].bias_ih + layer[0].bias_hh, 0)
    got, _, _ = recurrent.forward(rnn, xs, [again], **options)
    np.testing.assert_allclose(got[:, 0], wanted, rtol=0, atol=1e-14)


def test_the_refused_conversion_would_have_been_wrong():
    """Why reset-before weights are refused: the same arrays compute other numbers."""
    layers, _ = draw("gru")
    xs = np.random.default_rng(1).normal(size=(4, 6, I))
    before, _, _ = recurrent.forward(gru, xs, layers, reset_after=False)
    after, _, _ = recurrent.forward(gru, xs, layers, reset_after=True)
    assert np.abs(before - after).max() > 0.01


def test_import_needs_no_framework():
    code = (
        "import sys, gru_course.convert; "
        "sys.exit(str({'torch', 'keras', 'onnx', 'onnxruntime'} & {*sys.modules}))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stderr.strip() == "set()"
