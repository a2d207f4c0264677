"""Side by side with `torch.nn.GRU`, each test with both layers: the same result, or the same error.

What is asked is what PyTorch's own tests ask of its layer: shapes, options, errors.
"""

import copy
import pickle

import pytest
import torch
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence, pack_sequence
from torch.utils._pytree import tree_leaves

from gru_course.nn import GRU


def both(I=2, H=3, *args, **options):
    """Torch's layer and ours with the same weights."""
    torch.manual_seed(0)
    torchs = torch.nn.GRU(I, H, *args, **options)
    ours = GRU(I, H, *args, **options)
    ours.load_state_dict(torchs.state_dict())
    return torchs, ours


def numbers(*shape, seed=0, dtype=torch.float32):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)


def assert_same(run, layers, **tolerance):
    """All tensors of `run(layer)`, in values and dtypes."""
    wanted, found = [], []
    for results, layer in zip((wanted, found), layers, strict=True):
        torch.manual_seed(1)
        results += tree_leaves(run(layer))
    assert wanted
    torch.testing.assert_close(found, wanted, **(tolerance or {"rtol": 0, "atol": 1e-5}))


def everything(layer, input, hx=None):
    """hs, h_last and all gradients."""
    data = input.data if isinstance(input, PackedSequence) else input
    leaves = [data, *layer.parameters()] + ([] if hx is None else [hx])
    for leaf in leaves:
        leaf.requires_grad_()
    hs, h_last = layer(input) if hx is None else layer(input, hx)
    rows = hs.data if isinstance(hs, PackedSequence) else hs
    loss = (rows * numbers(*rows.shape, seed=2)).sum() + (h_last * h_last).sum()
    return hs, h_last, torch.autograd.grad(loss, leaves)


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("bidirectional", [True, False])
@pytest.mark.parametrize("num_layers", [1, 2])
@pytest.mark.parametrize("batch_first", [True, False])
@pytest.mark.parametrize("N", [None, 0, 1, 4])
def test_shapes_and_options(N, batch_first, num_layers, bidirectional, bias):
    layers = both(2, 3, num_layers, bias, batch_first, bidirectional=bidirectional)
    states = num_layers * (1 + bidirectional)
    shape = [5] if N is None else [N, 5] if batch_first else [5, N]
    hx = numbers(states, *([] if N is None else [N]), 3)
    for given in (None, hx):
        assert_same(lambda layer, hx=given: everything(layer, numbers(*shape, 2), hx), layers)


@pytest.mark.parametrize("bidirectional", [True, False])
@pytest.mark.parametrize("enforce_sorted", [True, False])
def test_packed_sequences(bidirectional, enforce_sorted):
    layers = both(num_layers=2, bidirectional=bidirectional)
    lengths = [4, 3, 3, 1] if enforce_sorted else [3, 1, 4, 3]
    sequences = [numbers(length, 2, seed=i) for i, length in enumerate(lengths)]
    hx = numbers(4 if bidirectional else 2, 4, 3)
    for given in (None, hx):

        def run(layer, hx=given):
            return everything(layer, pack_sequence(sequences, enforce_sorted), hx)

        assert_same(run, layers)


@pytest.mark.parametrize("probability", [0, 0.3, 1])
@pytest.mark.parametrize("training", [True, False])
def test_dropout_also_where_it_is_set_later(probability, training):
    for layers in (both(num_layers=3, dropout=probability), both(num_layers=3)):
        for layer in layers:
            layer.dropout = probability
            layer.train(training)
        assert_same(lambda layer: everything(layer, numbers(5, 4, 2)), layers)


def test_a_copy_a_pickle_and_the_other_class_are_the_same_layer():
    layers = both(num_layers=2)
    x = numbers(5, 4, 2)
    assert_same(lambda layer: copy.deepcopy(layer)(x), layers)
    assert_same(lambda layer: pickle.loads(pickle.dumps(layer))(x), layers)
    for layer, kind in zip(layers, (GRU, torch.nn.GRU), strict=True):
        layer.__class__ = kind
    assert_same(lambda layer: everything(layer, x), layers)


def test_a_graph_that_is_used_twice():
    def run(layer):
        hs, _ = layer(numbers(5, 4, 2))
        for _ in range(2):
            hs.sum().backward(retain_graph=True)
        return [weight.grad for weight in layer.parameters()]

    assert_same(run, both(num_layers=2))


def test_weights_that_are_computed():
    def run(layer):
        torch.nn.utils.parametrizations.weight_norm(layer, "weight_hh_l0")
        return everything(layer, numbers(5, 4, 2))

    assert_same(run, both())


X = torch.zeros(5, 4, 2)
MAKING = {
    "proj_size": lambda Layer: Layer(2, 3, proj_size=2),
    "unknown option": lambda Layer: Layer(2, 3, colour="red"),
    "no size": lambda Layer: Layer(),
    **{
        f"{name}={value!r}": lambda Layer, name=name, value=value: Layer(
            **{"input_size": 2, "hidden_size": 3, name: value}
        )
        for name, values in {
            "input_size": [0, -1, 2.0, "2", None],
            "hidden_size": [0, -1, 3.0, "3", None],
            "num_layers": [0, -1, 2.0],
            "bias": [1, None],
            "batch_first": [1, None],
            "dropout": [-0.1, 1.1, "a", True],
            "dtype": [torch.int32],
        }.items()
        for value in values
    },
}
CALLING = {
    "input of one axis": (torch.zeros(2),),
    "input of four axes": (torch.zeros(5, 4, 2, 1),),
    "input of another size": (torch.zeros(5, 4, 7),),
    "input of no size": (torch.zeros(5, 4, 0),),
    "input of another dtype": (X.double(),),
    "input of integers": (X.long(),),
    "input elsewhere": (X.to("meta"),),
    "no step": (X[:0],),
    "no step of one sequence": (X[:0, 0],),
    "no step of no sequence": (X[:0, :0],),
    "hx of another batch": (X, torch.zeros(1, 3, 3)),
    "hx of another size": (X, torch.zeros(1, 4, 2)),
    "hx of more layers": (X, torch.zeros(2, 4, 3)),
    "hx of one sequence": (X, torch.zeros(1, 3)),
    "hx of a batch": (X[:, 0], torch.zeros(1, 1, 3)),
    "hx of another dtype": (X, torch.zeros(1, 4, 3).double()),
    "hx of an empty batch": (X[:, :0], torch.zeros(1, 4, 3)),
    "packed of another size": (pack_padded_sequence(torch.zeros(5, 4, 7), [5, 4, 4, 1]),),
    "packed of another dtype": (pack_padded_sequence(X.double(), [5, 4, 4, 1]),),
    "hx of packed": (pack_padded_sequence(X, [5, 4, 4, 1]), torch.zeros(1, 3, 3)),
}


def refusal(function, *arguments):
    """The class of the error that a call raises."""
    try:
        function(*arguments)
    except Exception as error:
        return type(error)
    return pytest.fail("was not refused")


@pytest.mark.parametrize("bad", MAKING)
def test_what_torch_refuses_to_make_is_the_same_kind_of_error(bad):
    assert issubclass(refusal(MAKING[bad], GRU), refusal(MAKING[bad], torch.nn.GRU))


@pytest.mark.parametrize("bad", CALLING)
def test_what_torch_refuses_to_read_is_the_same_kind_of_error(bad):
    torchs, ours = both()
    assert issubclass(refusal(ours, *CALLING[bad]), refusal(torchs, *CALLING[bad]))


IN_PLACE = {
    "relu": lambda states: states.relu_(),
    "masked_fill": lambda states: states.masked_fill_(states > 0.3, 0.5),
    "assignment": lambda states: states.__setitem__(0, 1),
    "dropout": lambda states: torch.nn.functional.dropout(states, 0.5, inplace=True),
}


@pytest.mark.parametrize("change", IN_PLACE)
@pytest.mark.parametrize("part", [0, 1], ids=["hs", "h_last"])
@pytest.mark.parametrize("bidirectional", [True, False])
@pytest.mark.parametrize("shape", [(5, 2), (5, 4, 2)], ids=["one sequence", "a batch"])
def test_outputs_changed_in_place(shape, bidirectional, part, change):
    def run(layer):
        outputs = layer(numbers(*shape))
        IN_PLACE[change](outputs[part])
        loss = (outputs[0] ** 2).sum() + outputs[1].sum()
        return outputs, torch.autograd.grad(loss, list(layer.parameters()))

    assert_same(run, both(batch_first=True, bidirectional=bidirectional))


@pytest.mark.parametrize("bidirectional", [True, False])
def test_packed_outputs_changed_in_place(bidirectional):
    def run(layer):
        hs, h_last = layer(pack_padded_sequence(numbers(5, 4, 2), [5, 4, 4, 1]))
        hs.data.relu_()
        return hs, torch.autograd.grad(hs.data.sum() + h_last.sum(), list(layer.parameters()))

    assert_same(run, both(bidirectional=bidirectional))
