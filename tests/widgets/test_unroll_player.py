"""What Python says and writes for the unroll player; its life in a browser is in tests/browser."""

import re
from xml.etree import ElementTree

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from gru_course.reference import rnn
from gru_course.widgets import UnrollPlayer

RANGES = {
    **dict.fromkeys(("w_h", "w_x", "b", "x1", "x2", "x3"), 2.0),
    **dict.fromkeys(("h0", "y1", "y2", "y3"), 1.0),
}
players = st.builds(
    UnrollPlayer,
    losses=st.sampled_from(["every", "last"]),
    **{key: st.floats(-end, end) for key, end in RANGES.items()},
)


def autograd(player):
    """The same numbers from torch, which gives each step weights of its own."""

    def leaf(value):
        return torch.tensor(value, dtype=torch.float64, requires_grad=True)

    uses = {name: [leaf(getattr(player, name)) for _ in range(3)] for name in ("w_h", "w_x", "b")}
    h0 = h = leaf(player.h0)
    kept, loss = {}, 0.0
    for t in (1, 2, 3):
        w_h, w_x, b = (uses[name][t - 1] for name in ("w_h", "w_x", "b"))
        a = w_x * getattr(player, f"x{t}") + w_h * h + b
        h = torch.tanh(a)
        a.retain_grad()
        h.retain_grad()
        step_loss = (h - getattr(player, f"y{t}")) ** 2 / 2
        loss = loss + step_loss * (player.losses == "every" or t == 3)
        kept[t] = a, h
    loss.backward()
    wanted = {"h_0": player.h0, "L": loss.item(), "dh_0": h0.grad.item()}
    for t, (a, h) in kept.items():
        wanted |= {f"a_{t}": a.item(), f"h_{t}": h.item()}
        wanted |= {f"delta_{t}": a.grad.item(), f"dh_{t}": h.grad.item()}
        for name in ("w_h", "w_x", "b"):
            wanted[f"d{name}_{t}"] = uses[name][t - 1].grad.item()
    for name in ("w_h", "w_x", "b"):
        wanted[f"d{name}"] = sum(use.grad.item() for use in uses[name])
    return wanted


@settings(max_examples=60, deadline=None)
@given(player=players)
def test_values_equal_autograd(player):
    values = player.values()
    wanted = autograd(player)
    assert {key: values[key] for key in wanted} == pytest.approx(wanted, rel=0, abs=1e-12)
    # What autograd has no name for: the two parts of dh, the slopes and the losses.
    for t in (1, 2, 3):
        assert values[f"e_{t}"] + values[f"future_{t}"] == pytest.approx(values[f"dh_{t}"])
        assert values[f"s_{t}"] * values[f"dh_{t}"] == pytest.approx(values[f"delta_{t}"], abs=1e-9)
        seen = player.losses == "every" or t == 3
        error = values[f"h_{t}"] - getattr(player, f"y{t}") if seen else 0
        assert values[f"e_{t}"] == error
        assert values[f"L_{t}"] == pytest.approx(error**2 / 2, rel=1e-12, abs=1e-300)
    assert set(values) - set(wanted) == {
        f"{name}_{t}" for name in ("e", "L", "future", "s") for t in (1, 2, 3)
    }


def test_the_sums_equal_the_whole_backward_pass():
    rng = np.random.default_rng(0)
    for _ in range(20):
        setting = {key: rng.uniform(-end, end) for key, end in RANGES.items()}
        player = UnrollPlayer(**setting)
        xs = np.array([[[player.x1], [player.x2], [player.x3]]])
        hs, cache = rnn.forward(xs, np.array([[player.h0]]), player.params())
        dhs = hs - np.array([[[player.y1], [player.y2], [player.y3]]])
        _, dh0, grads = rnn.backward(dhs, cache)
        values = player.values()
        got = [values[name] for name in ("dh_0", "dw_h", "dw_x", "db")]
        wanted = [a.item() for a in (dh0, grads.weight_hh, grads.weight_ih, grads.bias_ih)]
        assert got == pytest.approx(wanted, rel=0, abs=1e-12)


def test_the_still_table():
    player = UnrollPlayer(w_h=-0.7, losses="last")
    html = player.html()
    figure = ElementTree.fromstring(html[html.index("<figure") : -len("</div>")])
    rows = [[cell.text for cell in row.iter("td")] for row in figure.find("table/tbody")]
    values = player.values()
    for t, row in enumerate(rows, start=1):
        shown = [float(text.replace("−", "-")) for text in row]
        keys = [f"{name}_{t}" for name in ("h", "e", "dh", "delta", "dw_h")]
        assert shown == pytest.approx([values[key] for key in keys], abs=0.0051)
    caption = "".join(figure.find("figcaption").itertext())
    assert "wh = −0.700" in caption
    total = float(re.search(r"dL/dwh = (−?[\d.]+)\.", caption)[1].replace("−", "-"))
    assert total == pytest.approx(values["dw_h"], abs=0.0006)
