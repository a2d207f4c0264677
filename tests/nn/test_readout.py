"""What a readout reads, over every kind of layer that returns its states."""

import pytest
import torch
from torch.nn.utils.rnn import pack_sequence

from gru_course.nn import GRU, GRUCell, MinGRU, Readout, Recurrent

XS = torch.randn(4, 5, 2, generator=torch.Generator().manual_seed(0))
LAYERS = {
    "Recurrent": lambda: Recurrent(GRUCell(2, 3)),
    "MinGRU": lambda: MinGRU(2, 3),
    "GRU": lambda: GRU(2, 3, batch_first=True),
    "torch": lambda: torch.nn.GRU(2, 3, batch_first=True),
    "projected": lambda: torch.nn.LSTM(2, 6, batch_first=True, proj_size=3),
}


@pytest.mark.parametrize("name", LAYERS)
@pytest.mark.parametrize("last", [True, False])
def test_no_sequence_of_a_batch_reaches_another(name, last):
    model = Readout(LAYERS[name](), 1, last=last)
    changed = XS.clone()
    changed[0] += 1
    before, after = model(XS), model(changed)
    assert not torch.equal(before[0], after[0])
    torch.testing.assert_close(before[1:], after[1:], rtol=0, atol=1e-6)
    states, _ = model.recurrent(XS)
    wanted = model.linear(states[:, -1] if last else states)
    torch.testing.assert_close(before, wanted, rtol=0, atol=1e-6)


@pytest.mark.parametrize("layer", [GRU, torch.nn.GRU, torch.nn.LSTM, torch.nn.RNN])
def test_time_first_is_refused(layer):
    message = rf"recurrent: expected .* got {layer.__name__} with time first, .* batch_first=True"
    with pytest.raises(ValueError, match=message):
        Readout(layer(2, 3), 1)


def test_two_directions_are_read_at_every_step_and_not_at_the_last():
    layer = torch.nn.GRU(2, 3, batch_first=True, bidirectional=True)
    model = Readout(layer, 1, last=False)
    states, h_last = layer(XS)
    torch.testing.assert_close(model(XS), states @ model.linear.weight.T + model.linear.bias)
    assert not torch.allclose(states[:, -1, 3:], h_last[1])  # why last=True is refused
    with pytest.raises(ValueError, match=r"one direction with last=True, got a bidirectional GRU"):
        Readout(layer, 1)


@pytest.mark.parametrize(
    ("xs", "message"),
    [
        (
            pack_sequence([XS[0], XS[1, :3]]),
            r"xs: expected a tensor \(N, T, I\), got PackedS.*h_last",
        ),
        (XS[0], r"xs: expected a batch \(N, T, I\), .* got states with 2 axes: take xs\[None\]"),
    ],
)
@pytest.mark.parametrize("layer", [GRU, torch.nn.GRU])
def test_what_is_no_batch_is_named(layer, xs, message):
    with pytest.raises(ValueError, match=message):
        Readout(layer(2, 3, batch_first=True), 1)(xs)


@pytest.mark.parametrize("last", ["no", None, 2])
def test_last_is_true_or_false(last):
    with pytest.raises(ValueError, match="last: expected True or False"):
        Readout(Recurrent(GRUCell(2, 3)), 1, last=last)
    with pytest.raises(TypeError, match="positional"):
        Readout(Recurrent(GRUCell(2, 3)), 1, last)


def test_scripting_and_symbolic_tracing_compute_the_same():
    model = Readout(torch.nn.GRU(2, 3, batch_first=True), 1)
    for other in (torch.jit.script(model), torch.fx.symbolic_trace(model)):
        torch.testing.assert_close(other(XS), model(XS))
