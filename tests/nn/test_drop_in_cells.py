"""The cells, and layers of them, under autocast, in functional transforms and on empty batches."""

import pytest
import torch
from torch.func import functional_call

from gru_course.nn import (
    GRUCell,
    LSTMCell,
    MinimalGatedUnit,
    Recurrent,
    ResetOnlyCell,
    RNNCell,
    UpdateOnlyCell,
)

X, OTHER = torch.randn(2, 4, 3, 2, generator=torch.Generator().manual_seed(0))

CELLS = {
    "rnn": (RNNCell, torch.nn.RNNCell),
    "lstm": (LSTMCell, torch.nn.LSTMCell),
    "gru": (GRUCell, torch.nn.GRUCell),
}
OWN = {
    **{kind: cell for kind, (cell, _) in CELLS.items()},
    "gru-before": lambda I, H: GRUCell(I, H, reset_after=False),
    "update-only": UpdateOnlyCell,
    "reset-only": ResetOnlyCell,
    "minimal": MinimalGatedUnit,
}


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("kind", CELLS)
def test_cells_under_autocast(kind, dtype):
    ours, theirs = CELLS[kind]
    torch.manual_seed(0)
    ours, theirs = ours(2, 3), theirs(2, 3)
    ours.load_state_dict(theirs.state_dict())
    found, wanted = None, None
    with torch.autocast("cpu"):
        for x in X.to(dtype):
            found, wanted = ours(x, found), theirs(x, wanted)
            torch.testing.assert_close(found, wanted, rtol=0, atol=0.02)  # with the same dtypes


@pytest.mark.parametrize("kind", OWN)
def test_layers_of_cells_under_autocast(kind):
    torch.manual_seed(0)
    layer = Recurrent(OWN[kind](2, 3))
    with torch.autocast("cpu"):
        hs, _ = layer(X)
    assert not torch.equal(hs, layer(X)[0])  # products were in bfloat16
    torch.testing.assert_close(hs.float(), layer(X)[0], rtol=0, atol=0.02)


@pytest.mark.parametrize("kind", OWN)
def test_layers_of_cells_in_functional_transforms(kind):
    torch.manual_seed(0)
    layer = Recurrent(OWN[kind](2, 3)).double()
    x, direction = X.double(), OTHER.double()
    parameters = {name: weight.detach() for name, weight in layer.named_parameters()}

    def loss(given, x):
        return functional_call(layer, given, (x,))[0].pow(2).sum()

    each = torch.func.vmap(torch.func.grad(loss), (None, 0))(parameters, x[:, None])
    whole = torch.autograd.grad(layer(x)[0].pow(2).sum(), list(layer.parameters()))
    for (name, gradients), wanted in zip(each.items(), whole, strict=True):
        torch.testing.assert_close(gradients.sum(0), wanted, msg=name)
    jacobian = torch.autograd.functional.jacobian(lambda x: layer(x)[0], x)
    _, tangent = torch.func.jvp(lambda x: layer(x)[0], (x,), (direction,))
    torch.testing.assert_close(tangent, torch.tensordot(jacobian, direction, dims=3))
    batched = torch.autograd.functional.jacobian(lambda x: layer(x)[0], x, vectorize=True)
    torch.testing.assert_close(batched, jacobian)


@pytest.mark.parametrize("kind", OWN)
def test_layers_of_cells_on_an_empty_batch(kind):
    hs, _ = Recurrent(OWN[kind](2, 3))(torch.empty(0, 4, 2))
    assert hs.shape == (0, 4, 3)
