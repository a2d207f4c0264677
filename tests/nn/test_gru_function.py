"""What a caller may do with a layer's outputs, which the backward pass reads, too."""

import pytest
import torch

from gru_course.nn import GRU

CHANGES = {
    "relu_": lambda hs: hs.relu_(),
    "masked_fill_": lambda hs: hs.masked_fill_(hs > 0.1, 2),
    "assignment": lambda hs: hs.__setitem__((1, 0), 3) or hs,
    "dropout": lambda hs: torch.nn.functional.dropout(hs, 0.5, inplace=True),
}


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("batch_first", [True, False])
@pytest.mark.parametrize("bidirectional", [True, False])
def test_outputs_can_be_changed_in_place(change, batch_first, bidirectional):
    torch.manual_seed(0)
    chosen = {"batch_first": batch_first, "bidirectional": bidirectional, "dtype": torch.float64}
    torchs, ours = torch.nn.GRU(2, 3, **chosen), GRU(2, 3, **chosen)
    ours.load_state_dict(torchs.state_dict())
    xs = torch.randn(5, 4, 2, dtype=torch.float64, requires_grad=True)
    found = []
    for layer in (ours, torchs):
        torch.manual_seed(1)
        hs, h_last = layer(xs)
        hs = CHANGES[change](hs)
        h_last.mul_(3)
        loss = (hs**2).sum() + h_last.sum()
        found.append([hs, *torch.autograd.grad(loss, [xs, *layer.parameters()])])
    for a, b in zip(*found, strict=True):
        torch.testing.assert_close(a, b, rtol=0, atol=1e-10)


def test_last_states_do_not_keep_all_states():
    hs, h_last = GRU(2, 3)(torch.randn(500, 1, 2))
    assert h_last.untyped_storage().nbytes() == 3 * 4
    assert hs.untyped_storage().data_ptr() != h_last.untyped_storage().data_ptr()
