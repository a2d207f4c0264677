"""Keras on torch: outputs both ways through `convert`, and the gradients of its weights."""

import numpy as np
import pytest
import torch

from gru_course import convert

from .networks import KINDS, assert_close, draw, gradients, outputs, run

LAYERS = {
    "rnn-tanh": ("SimpleRNN", {}),
    "rnn-relu": ("SimpleRNN", {"activation": "relu"}),
    "lstm": ("LSTM", {}),
    "gru": ("GRU", {}),  # reset_after=True is what Keras does unasked
    "gru-reset-before": ("GRU", {"reset_after": False}),
}
# Keras' variables answer NumPy in a way that NumPy 2 asks libraries to give up.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
SHAPE = (3, 5, 2, 4)  # (N, T, I, H)


def attributes(net, *, bias):
    """What `from_keras` asks for, by Keras' names; a bias tells where a GRU's reset is."""
    if "nonlinearity" in net.kind.options:
        return {"activation": net.kind.options["nonlinearity"]}
    return {} if bias else net.kind.options


def keras_layer(keras, name, net, k, **options):
    """Layer k of the network in Keras, built."""
    _, _, I, H = *net.xs.shape, net.state0[0].shape[2]
    kind, extra = LAYERS[name]
    layer = getattr(keras.layers, kind)(
        H,
        return_sequences=True,
        return_state=True,
        go_backwards=net.direction == "reverse",
        dtype=net.xs.dtype.name,
        **extra,
        **options,
    )
    if net.direction == "bidirectional":
        layer = keras.layers.Bidirectional(layer, dtype=net.xs.dtype.name)
    layer.build((None, None, net.directions * H if k else I))
    return layer


def run_keras(layers, net):
    """The layers one after the other, under autograd."""
    D = net.directions
    xs = torch.tensor(net.xs, requires_grad=True)
    state0 = [torch.tensor(part, requires_grad=True) for part in net.state0]
    mask = None if net.lengths is None else torch.tensor(net.alive)
    alive = torch.tensor(net.alive)[..., None]
    hs, last = xs, []
    for k, layer in enumerate(layers):
        # Each direction has its parts together: h, c of the forward one, h, c of the other.
        start = [part[k * D + d] for d in range(D) for part in state0]
        hs, *states = layer(hs, mask=mask, initial_state=start if len(start) > 1 else start[0])
        if net.direction == "reverse":
            hs = hs.flip(1)  # Keras leaves them in the order in which they were read
        last += states
    hs = hs * alive  # at padding Keras repeats an earlier output
    parts = len(state0)
    last = [torch.stack(last[part::parts]) for part in range(parts)]
    loss = (hs * torch.tensor(net.dhs)).sum()
    loss = loss + sum(
        (part * torch.tensor(dpart)).sum() for part, dpart in zip(last, net.dlast, strict=True)
    )
    weights = [weight.value for layer in layers for weight in layer.weights]
    dxs, *rest = (g.numpy() for g in torch.autograd.grad(loss, [xs, *state0, *weights]))
    dstate0, dweights = rest[:parts], rest[parts:]
    each = len(layers[0].weights)
    grads = [
        convert.from_keras(dweights[start : start + each], **attributes(net, bias=False))[0]
        for start in range(0, len(dweights), each)
    ]
    hs, *last = (tensor.detach().numpy() for tensor in (hs, *last))
    return outputs(net, hs, last), gradients(net, dxs, dstate0, grads)


def compare(name, got, wanted, *, bias=True):
    """Where Keras has one bias it corresponds to our first; where it has none, to neither."""
    left_out = "dbias" if not bias else "dbias_hh" if name != "gru" else ()
    assert_close(got[0], wanted[0], 1e-10)
    ours, theirs = (
        {key: array for key, array in grads.items() if not key.startswith(left_out)}
        for grads in (got[1], wanted[1])
    )
    assert_close(ours, theirs, 1e-10)


@pytest.mark.parametrize("with_lengths", [False, True])
@pytest.mark.parametrize("direction", ["forward", "reverse", "bidirectional"])
@pytest.mark.parametrize("name", LAYERS)
def test_our_weights_in_keras(keras, name, direction, with_lengths):
    net = draw(KINDS[name], SHAPE, num_layers=2, direction=direction, with_lengths=with_lengths)
    layers = [keras_layer(keras, name, net, k) for k in range(2)]
    for layer, ours in zip(layers, net.layers, strict=True):
        layer.set_weights(convert.to_keras(ours, **net.kind.options))
    compare(name, run(net), run_keras(layers, net))


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("direction", ["forward", "bidirectional"])
@pytest.mark.parametrize("name", LAYERS)
def test_keras_weights_in_ours(keras, name, direction, bias):
    net = draw(KINDS[name], SHAPE, num_layers=2, direction=direction, with_lengths=True)
    layers = [keras_layer(keras, name, net, k, use_bias=bias) for k in range(2)]
    rng = np.random.default_rng(1)
    ours = []
    for layer in layers:
        # Keras starts with biases of zero, in which a wrong order would not show.
        layer.set_weights([rng.normal(size=w.shape) / 2 for w in layer.get_weights()])
        converted, options = convert.from_keras(layer.get_weights(), **attributes(net, bias=bias))
        assert options == net.kind.options
        ours.append(converted)
    compare(name, run(net, ours), run_keras(layers, net), bias=bias)


@pytest.mark.parametrize("name", LAYERS)
def test_float32_agrees_to_five_digits(keras, name):
    net = draw(
        KINDS[name],
        SHAPE,
        num_layers=2,
        direction="bidirectional",
        with_lengths=True,
        dtype=np.float32,
    )
    layers = [keras_layer(keras, name, net, k) for k in range(2)]
    for layer, ours in zip(layers, net.layers, strict=True):
        layer.set_weights(convert.to_keras(ours, **net.kind.options))
    assert_close(run(net)[0], run_keras(layers, net)[0], 1e-5, relative=True)


@pytest.mark.parametrize("name", LAYERS)
def test_masking_layer(keras, name):
    """As models are written: a layer that masks, the mask handed on by Keras itself."""
    net = draw(KINDS[name], SHAPE, num_layers=2, direction="bidirectional", with_lengths=True)
    net.xs[~net.alive] = 0
    net = net._replace(state0=[np.zeros_like(part) for part in net.state0])
    layers = [keras_layer(keras, name, net, k) for k in range(2)]
    hs = keras.layers.Masking(dtype="float64")(net.xs)
    for layer, ours in zip(layers, net.layers, strict=True):
        layer.set_weights(convert.to_keras(ours, **net.kind.options))
        hs, *_ = layer(hs)
    got = run(net)[0]["hs"]
    wanted = hs.detach().numpy() * net.alive[..., None]
    np.testing.assert_allclose(got, wanted, rtol=0, atol=1e-10)


@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("at_the_start", [False, True])
def test_what_stands_at_masked_steps(keras, bidirectional, at_the_start):
    """The chapter "Conventions" says so: a GRU repeats its state after the end, else zeros."""
    rng = np.random.default_rng(0)
    xs = torch.tensor(rng.normal(size=(2, 6, 3)).astype(np.float32))
    mask = torch.ones(2, 6, dtype=bool)
    mask[:, slice(2) if at_the_start else slice(4, None)] = False
    layer = keras.layers.GRU(4, return_sequences=True)
    layer = keras.layers.Bidirectional(layer) if bidirectional else layer
    hs = layer(xs, mask=mask).detach().numpy()
    masked = hs[:, ~mask[0].numpy()]
    if bidirectional or at_the_start:
        assert not masked.any()
    else:
        np.testing.assert_array_equal(masked, np.repeat(hs[:, 3:4], 2, axis=1))
    if at_the_start:
        alone = layer(xs[:, 2:]).detach().numpy()
        np.testing.assert_allclose(hs[:, 2:], alone, rtol=0, atol=1e-6)


def test_a_hard_sigmoid_has_the_slope_of_one_sixth(keras):
    a = np.linspace(-4, 4, 33, dtype=np.float32)
    got = keras.activations.hard_sigmoid(torch.tensor(a)).numpy()
    np.testing.assert_allclose(got, np.clip(a / 6 + 0.5, 0, 1), rtol=0, atol=1e-6)
