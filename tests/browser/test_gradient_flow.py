"""The gradient flow on built pages, without any Python behind it."""

import itertools
import re
from functools import partial

import live
import numpy as np
import pytest

from gru_course.widgets import GradientFlow

PAGE = "book/recurrence/vanishing-gradients.html"
opened = partial(live.opened, root=".gru-gradient-flow")
FLOW = ".gru-gradient-flow >> nth=0"
START = {"radius": 0.9, "gate_bias": 0.0, "length": 60, "activation": "tanh"}
GRIDS = {  # what each slider can be set to
    "radius": np.linspace(0.2, 1.6, 29).round(2),
    "gate_bias": np.linspace(-2, 6, 81).round(1),
    "length": np.arange(10, 61),
}
# Sets the controls as a hand would, one event each, and reads back what is then shown.
SET_AND_READ = """(settings) => {
  const flow = document.querySelector(".gru-gradient-flow");
  return settings.map(({activation, ...values}) => {
    const radio = flow.querySelector(`[data-choice=activation] input[value=${activation}]`);
    if (!radio.checked) radio.click();
    for (const [key, value] of Object.entries(values)) {
      const input = flow.querySelector(`[data-slider=${key}] input`);
      input.value = value;
      input.dispatchEvent(new Event("input", {bubbles: true}));
    }
    return Object.fromEntries([...flow.querySelectorAll("[data-out]")].map((node) =>
      [node.dataset.out, [node.dataset.norms.split(" ").map(Number), node.dataset.value,
        node.textContent]]));
  });
}"""
SHOWN_PICTURE = """() => {
  const pictures = [...document.querySelector(".gru-gradient-flow").querySelectorAll(".gru-chart")];
  const [picture, ...others] = pictures.filter((svg) => svg.getBoundingClientRect().width);
  const box = ({left, right, top, bottom}) => [left, right, top, bottom];
  return {
    others: others.length,
    lines: Object.fromEntries([...picture.querySelectorAll("[data-line]")].map((line) =>
      [line.dataset.line, line.getAttribute("d")])),
    width: picture.viewBox.baseVal.width,
    height: picture.viewBox.baseVal.height,
    frame: box(picture.getBoundingClientRect()),
    texts: [...picture.querySelectorAll("text")].map((node) =>
      [node.textContent, box(node.getBoundingClientRect())]),
  };
}"""


def hold_to_python(setting, shown):
    flow = GradientFlow(**setting)
    crossings = flow.crossings()
    for name, wanted in flow.norms().items():
        norms, crossing, text = shown[name]
        np.testing.assert_allclose(norms, wanted, rtol=1e-9, atol=0, err_msg=f"{setting} {name}")
        k, T = crossings[name], flow.length
        assert crossing == ("none" if k is None else str(k))
        if k is None:
            assert text.startswith(f"between 1 % and 100 up to lag {T}, ")
        else:
            kind = "below 1 %" if wanted[k] < 1 else "above 100"
            assert text.startswith(f"first {kind} at lag {k}, ")
        last = re.fullmatch(rf".*, (\d+\.\d+)(?: · 10(⁻?[⁰¹²³⁴⁵⁶⁷⁸⁹]+))? at lag {T}\.", text)
        assert last, text
        exponent = (last[2] or "⁰").translate(str.maketrans("⁻⁰¹²³⁴⁵⁶⁷⁸⁹", "-0123456789"))
        assert float(f"{last[1]}e{exponent}") == pytest.approx(wanted[T], rel=0.055), text


def test_lines_equal_the_reference(browser, url):
    rng = np.random.default_rng(0)
    wanted = [
        {**{key: rng.choice(grid).item() for key, grid in GRIDS.items()}, "activation": activation}
        for activation in ["tanh", "relu"] * 10
    ]
    corners = itertools.product((0.2, 1.6), (-2, 6), (10, 60), ("tanh", "relu"))
    wanted += [dict(zip(START, corner, strict=True)) for corner in corners]
    with opened(browser, url) as page:
        shown = page.evaluate(SET_AND_READ, wanted)
    for setting, out in zip(wanted, shown, strict=True):
        hold_to_python(setting, out)


def test_picture_draws_the_norms_and_names_the_lines(browser, url):
    changes = [
        {},
        {"radius": 0.2, "gate_bias": -2},  # all three run out at the bottom
        {"radius": 1.6, "gate_bias": 4, "activation": "relu"},
        {"radius": 1.4, "gate_bias": 4, "length": 25},  # all three end side by side
    ]
    with opened(browser, url) as page:
        for _ in live.at_widths(page):
            for change in changes:
                setting = {**START, **change}
                page.evaluate(SET_AND_READ, [setting])
                assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
                assert_draws(page.evaluate(SHOWN_PICTURE), setting)


def assert_draws(seen, setting):
    assert seen["others"] == 0
    lags = {720: 66, 340: 70}[seen["width"]]  # the names stand right of lag 60
    for name, norms in GradientFlow(**setting).norms().items():
        points = np.array([p.split(" ") for p in seen["lines"][name][1:].split("L")], dtype=float)
        xs = (points[:, 0] - 44) / (seen["width"] - 58) * lags
        decades = 10 - 30 * (points[:, 1] - 12) / (seen["height"] - 48)
        assert xs == pytest.approx(np.arange(len(norms)), abs=0.02)
        assert decades == pytest.approx(np.log10(norms), abs=0.01)
    left, right, top, bottom = seen["frame"]
    names = {text: box for text, box in seen["texts"] if text in ("RNN", "LSTM", "GRU")}
    assert len(names) == 3
    for a in names.values():
        assert left <= a[0] < a[1] <= right
        assert top <= a[2] < a[3] <= bottom
    for a, b in itertools.combinations(names.values(), 2):
        across = min(a[1], b[1]) - max(a[0], b[0])
        down = min(a[3], b[3]) - max(a[2], b[2])
        assert across <= 0 or down <= 2
