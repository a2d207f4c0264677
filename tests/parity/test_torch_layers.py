"""Networks of layers and directions against torch's own, outputs and all gradients."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from gru_course import convert

from .networks import KINDS, assert_close, draw, gradients, outputs, run

LAYERS = {
    "rnn-tanh": torch.nn.RNN,
    "rnn-relu": lambda *args, **kwargs: torch.nn.RNN(*args, nonlinearity="relu", **kwargs),
    "lstm": torch.nn.LSTM,
    "gru": torch.nn.GRU,
}
sizes = st.integers(1, 4)


def torch_layer(name, net, *, bias=True, seed=0):
    torch.manual_seed(seed)
    return LAYERS[name](
        net.xs.shape[2],
        net.state0[0].shape[2],
        num_layers=len(net.layers),
        bidirectional=net.directions == 2,
        batch_first=True,
        bias=bias,
        dtype=torch.float64,
    )


def arrays(tensors):
    return {name: tensor.detach().numpy() for name, tensor in tensors.items()}


def run_torch(module, net):
    """Torch under autograd, on a packed batch where there are lengths."""
    xs = torch.tensor(net.xs, requires_grad=True)
    state0 = [torch.tensor(part, requires_grad=True) for part in net.state0]
    start = tuple(state0) if len(state0) == 2 else state0[0]
    if net.lengths is None:
        hs, last = module(xs, start)
    else:
        packed = pack_padded_sequence(
            xs, torch.tensor(net.lengths), batch_first=True, enforce_sorted=False
        )
        hs, last = module(packed, start)
        hs, _ = pad_packed_sequence(hs, batch_first=True, total_length=xs.shape[1])
    last = last if len(state0) == 2 else (last,)
    loss = (hs * torch.tensor(net.dhs)).sum()
    for part, dpart in zip(last, net.dlast, strict=True):
        loss = loss + (part * torch.tensor(dpart)).sum()

    weights = dict(module.named_parameters())
    dxs, *rest = (g.numpy() for g in torch.autograd.grad(loss, [xs, *state0, *weights.values()]))
    dstate0, dweights = rest[: len(state0)], rest[len(state0) :]
    grads, _ = convert.from_torch(dict(zip(weights, dweights, strict=True)), **asked(net))
    hs, *last = (tensor.detach().numpy() for tensor in (hs, *last))
    return outputs(net, hs, last), gradients(net, dxs, dstate0, grads)


def asked(net):
    """What `from_torch` asks for: the reset of a GRU in torch has its place."""
    return {k: v for k, v in net.kind.options.items() if k == "nonlinearity"}


def compare(got, wanted):
    for ours, theirs in zip(got, wanted, strict=True):
        assert_close(ours, theirs, 1e-10)


network = {
    "shape": st.tuples(sizes, st.integers(1, 7), sizes, sizes),
    "num_layers": st.integers(1, 3),
    "direction": st.sampled_from(["forward", "bidirectional"]),
    "with_lengths": st.booleans(),
    "seed": st.integers(0, 2**32 - 1),
}


@pytest.mark.parametrize("name", LAYERS)
@settings(max_examples=60, deadline=None, database=None)
@given(**network)
def test_our_weights_in_torch(name, **chosen):
    net = draw(KINDS[name], **chosen)
    module = torch_layer(name, net)
    state_dict = convert.to_torch(net.layers, **net.kind.options)
    module.load_state_dict({name: torch.tensor(array) for name, array in state_dict.items()})
    compare(run(net), run_torch(module, net))


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("name", LAYERS)
@settings(max_examples=30, deadline=None, database=None)
@given(**network)
def test_torch_weights_in_ours(name, bias, **chosen):
    net = draw(KINDS[name], **chosen)
    module = torch_layer(name, net, bias=bias, seed=chosen["seed"])
    layers, options = convert.from_torch(arrays(module.state_dict()), **asked(net))
    assert options == net.kind.options
    got, wanted = run(net, layers), run_torch(module, net)
    if not bias:  # a bias that is not there has no gradient
        for grads in (got[1], wanted[1]):
            for key in [key for key in grads if key.startswith("dbias")]:
                del grads[key]
    compare(got, wanted)


@pytest.mark.parametrize("name", LAYERS)
@pytest.mark.parametrize("with_lengths", [False, True])
def test_three_layers_both_ways_over_fifty_steps(name, with_lengths):
    net = draw(
        KINDS[name],
        (5, 50, 4, 8),
        num_layers=3,
        direction="bidirectional",
        with_lengths=with_lengths,
    )
    module = torch_layer(name, net)
    layers, _ = convert.from_torch(arrays(module.state_dict()), **asked(net))
    assert [len(layer) for layer in layers] == [2, 2, 2]
    compare(run(net, layers), run_torch(module, net))


def test_float32_equals_torch_to_five_digits():
    net = draw(KINDS["gru"], (4, 12, 3, 16), num_layers=2, dtype=np.float32)
    module = torch_layer("gru", net).float()
    layers, _ = convert.from_torch(arrays(module.state_dict()), **asked(net))
    for ours, theirs in zip(run(net, layers), run_torch(module, net), strict=True):
        assert_close(ours, theirs, 1e-5, relative=True)
