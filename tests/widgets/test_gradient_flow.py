"""What Python says and writes for the gradient flow; its life in a browser is in tests/browser."""

import math
import re
from xml.etree import ElementTree

import numpy as np
import pytest
import torch

from gru_course.widgets import GradientFlow
from gru_course.widgets.gradient_flow import WEIGHTS, XS

SETTINGS = [
    {},
    {"radius": 0.2, "gate_bias": -2.0, "length": 10},
    {"radius": 1.6, "gate_bias": 6.0, "activation": "relu"},
    {"radius": 1.35, "gate_bias": 2.7, "length": 31},
    {"radius": 0.55, "gate_bias": 1.1, "length": 47, "activation": "relu"},
]
BLOCK = {"RNN": 0, "LSTM": 2, "GRU": 2}  # the candidate's, in PyTorch's order of gates


class LSTMCell(torch.nn.LSTMCell):
    """As the equations of the notation page, with ReLU for both tanh."""

    def forward(self, x, state):
        h, c = state
        a = torch.nn.functional.linear(x, self.weight_ih, self.bias_ih)
        a = a + torch.nn.functional.linear(h, self.weight_hh, self.bias_hh)
        i, f, g, o = a.chunk(4, dim=1)
        c = f.sigmoid() * c + i.sigmoid() * g.relu()
        return o.sigmoid() * c.relu(), c


class GRUCell(torch.nn.GRUCell):
    def forward(self, x, h):
        x_r, x_z, x_n = torch.nn.functional.linear(x, self.weight_ih, self.bias_ih).chunk(3, 1)
        h_r, h_z, h_n = torch.nn.functional.linear(h, self.weight_hh, self.bias_hh).chunk(3, 1)
        z = (x_z + h_z).sigmoid()
        return (1 - z) * (x_n + (x_r + h_r).sigmoid() * h_n).relu() + z * h


GATED = {  # torch has no gated cell with ReLU
    "tanh": {"LSTM": torch.nn.LSTMCell, "GRU": torch.nn.GRUCell},
    "relu": {"LSTM": LSTMCell, "GRU": GRUCell},
}


def by_autograd(widget):
    """The same norms from torch: the weights changed here, the steps and derivatives torch's."""
    v = np.random.default_rng(1).normal(size=12)
    v = torch.tensor(v / np.linalg.norm(v))
    xs = torch.tensor(XS[0, 60 - widget.length :])
    found = {}
    for name, base in WEIGHTS.items():
        W_ih, W_hh, b_ih, b_hh = (torch.tensor(array) for array in base)
        block = W_hh[12 * BLOCK[name] :][:12]
        block *= widget.radius / torch.linalg.eigvals(block).abs().max()
        if name == "RNN":
            cell = torch.nn.RNNCell(4, 12, nonlinearity=widget.activation)
        else:
            cell = GATED[widget.activation][name](4, 12)
            b_ih[12:24] += widget.gate_bias
        cell = cell.double()
        cell.load_state_dict(
            {"weight_ih": W_ih, "weight_hh": W_hh, "bias_ih": b_ih, "bias_hh": b_hh}
        )
        parts = 2 if name == "LSTM" else 1
        state, states = (torch.zeros(1, 12).double().requires_grad_(),) * parts, []
        for x in (*xs, None):
            # A copy that only what follows reads: its gradient is that of the pair (h, c).
            state = tuple(part.clone() for part in state)
            for part in state:
                part.retain_grad()
            states.append(state)
            if x is not None:
                made = cell(x[None], state if name == "LSTM" else state[0])
                state = made if name == "LSTM" else (made,)
        (states[-1][0][0] @ v).backward()
        found[name] = [
            math.sqrt(sum(float((p.grad**2).sum()) for p in state if p.grad is not None))
            for state in reversed(states)
        ]
    return found


def test_activation_reaches_all_three_cells():
    tanh, relu = (GradientFlow(activation=name).norms() for name in ("tanh", "relu"))
    for name in tanh:
        assert not np.allclose(tanh[name][1:], relu[name][1:], rtol=1e-2)


@pytest.mark.parametrize("setting", SETTINGS)
def test_norms_are_those_of_autograd(setting):
    widget = GradientFlow(**setting)
    wanted = by_autograd(widget)
    norms = widget.norms()
    assert list(norms) == list(wanted) == ["RNN", "LSTM", "GRU"]
    for name, values in norms.items():
        assert values.shape == (widget.length + 1,)
        np.testing.assert_allclose(values, wanted[name], rtol=1e-9, atol=0)


def test_settings_change_their_own_rows_only():
    base, moved = GradientFlow().params(), GradientFlow(radius=1.3, gate_bias=2.0).params()
    for name, params in moved.items():
        radius = np.abs(np.linalg.eigvals(params.weight_hh[12 * BLOCK[name] :][:12])).max()
        assert radius == pytest.approx(1.3, rel=1e-12)
        changed = np.flatnonzero((params.weight_hh != base[name].weight_hh).any(axis=1))
        assert changed.tolist() == list(range(12 * BLOCK[name], 12 * BLOCK[name] + 12))
        bias = params.bias_ih - base[name].bias_ih
        assert np.flatnonzero(bias).tolist() == ([] if name == "RNN" else list(range(12, 24)))
        assert bias[12:24] == pytest.approx(0 if name == "RNN" else 2.0)
        assert (params.weight_ih == base[name].weight_ih).all()
        assert (params.bias_hh == base[name].bias_hh).all()


@pytest.mark.parametrize("setting", SETTINGS)
def test_crossings_are_the_first_lags_outside(setting):
    widget = GradientFlow(**setting)
    for name, crossing in widget.crossings().items():
        outside = [k for k, n in enumerate(widget.norms()[name]) if not 0.01 <= n <= 100]
        assert crossing == (outside[0] if outside else None)


def test_settings_in_html_and_text():
    widget = GradientFlow(radius=1.2, activation="relu")
    state = '{"activation": "relu", "gate_bias": 0.0, "length": 60, "radius": 1.2}'
    assert f'data-module="gradient_flow"><script type="application/json">{state}<' in widget.html()
    text = "GradientFlow(activation='relu', gate_bias=0.0, length=60, radius=1.2)"
    assert repr(widget) == text
    assert widget.html() == GradientFlow(radius=1.2, activation="relu").html()


@pytest.mark.parametrize("setting", SETTINGS)
def test_still_picture_shows_the_norms(setting):
    widget = GradientFlow(**setting)
    html = widget.html()
    figure = ElementTree.fromstring(html[html.index("<figure") : -len("</div>")])
    for line in figure.iter("polyline"):
        norms = widget.norms()[line.get("data-line")]
        points = np.array([[*map(float, p.split(","))] for p in line.get("points").split()])
        lags, values = (points[:, 0] - 44) / 246 * 60, 10 ** ((190 - points[:, 1]) / 6 - 20)
        assert lags == pytest.approx(np.arange(len(points)), abs=0.05 / 4.1 + 1e-9)
        np.testing.assert_allclose(values, norms[: len(points)], rtol=10 ** (0.051 / 6) - 1)
        left = norms[len(points) :]
        assert not left.size or not 1e-20 <= left[0] <= 1e10
    sentence = "".join(figure.find("figcaption").itertext())
    T = widget.length
    for name, k in widget.crossings().items():
        last = widget.norms()[name][T]
        if k is None:
            assert f"{name}: between 1 % and 100 up to lag {T}, {last:.3g} at" in sentence
        else:
            kind = "below 1 %" if widget.norms()[name][k] < 1 else "above 100"
            assert f"{name}: first {kind} at lag {k}, " in sentence


def test_names_in_the_still_picture_stand_apart():
    for setting in SETTINGS:
        places = re.findall(
            r'<text x="(\S+)" y="(\S+)">(?:RNN|LSTM|GRU)', GradientFlow(**setting).still()
        )
        ys = sorted(float(y) for _, y in places)
        assert len(ys) == 3
        assert min(np.diff(ys)) >= 12.9
