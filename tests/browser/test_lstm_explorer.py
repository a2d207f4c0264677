"""The LSTM explorer on built pages: its pictures, which the tests of all widgets leave out."""

from contextlib import contextmanager

import live
import numpy as np
import pytest
from shown import assert_legible

from gru_course.reference import lstm

ROOT = ".gru-lstm-explorer"
PAGE = "book/gating/lstm.html"
GATES = ("i", "f", "o")
PRE_ACTIVATIONS = ("a_i", "a_f", "a_o")
SHOWN = """() => Object.fromEntries(
  [...document.querySelector(".gru-lstm-explorer").querySelectorAll("[data-out]")].map(
    (node) => [node.dataset.out, [Number(node.dataset.value), node.textContent]]))"""
# Sets sliders as a hand would, one event each, and reads back what is then shown.
SET_AND_READ = f"""(settings) => {{
  const explorer = document.querySelector(".gru-lstm-explorer");
  const box = explorer.querySelector("[role=switch]");
  return settings.map(({{drive, ...values}}) => {{
    if (box.checked !== drive) box.click();
    for (const [key, value] of Object.entries(values)) {{
      const input = explorer.querySelector(`[data-slider=${{key}}] input`);
      input.value = value;
      input.dispatchEvent(new Event("input", {{bubbles: true}}));
    }}
    return ({SHOWN})();
  }});
}}"""


@contextmanager
def opened(browser, url, **context):
    """The first explorer of the page."""
    with live.opened(browser, url, ROOT, **context) as page:
        yield page.locator(ROOT).first


def reference(setting, steps):
    """Gates, candidates and states of one unit with g = tanh(x + h), (steps,) each."""
    if setting["drive"]:
        # A driven gate may be 0 or 1.
        clipped = np.clip([setting[gate] for gate in GATES], 1e-17, 1 - 1e-16)
        a_i, a_f, a_o = np.log(clipped / (1 - clipped))
    else:
        a_i, a_f, a_o = (setting[a] for a in PRE_ACTIVATIONS)
    column = np.array([[0.0], [0.0], [1.0], [0.0]])
    params = lstm.Params(column, column, np.array([a_i, a_f, 0.0, a_o]), np.zeros(4))
    before = lstm.State(*(np.array([[float(setting[key])]]) for key in ("h_prev", "c_prev")))
    states, cache = lstm.forward(np.full((1, steps, 1), float(setting["x"])), before, params)
    gates = dict(zip("ifgo", cache.gates[:, 0].T, strict=True))
    return {**gates, "c": states.c[0, :, 0], "h": states.h[0, :, 0]}


def test_strip_draws_what_it_says(browser, site_url):
    """The played lines end at the values of the last step, whatever the axis of the cell is."""
    by_cell = [
        ({"x": 0, "h_prev": 0, "c_prev": 0.8, "f": 1, "i": 0, "o": 0.5}, 1),
        ({"x": 2, "h_prev": 0, "c_prev": 0, "f": 0.9, "i": 1, "o": 1}, 10),
        ({"x": -2, "h_prev": 0, "c_prev": -5, "f": 1, "i": 1, "o": 1}, 60),
    ]
    with opened(browser, site_url + PAGE) as explorer:
        for setting, limit in by_cell:
            setting = {"drive": True, **setting}
            explorer.page.evaluate(SET_AND_READ, [setting])
            steps = reference(setting, 50)
            charts = explorer.locator(".gru-chart:visible")
            assert charts.count() == 2
            for chart, name, top in ((charts.nth(0), "c", limit), (charts.nth(1), "h", 1)):
                ticks = chart.locator("g > text").all_text_contents()
                assert ticks == [f"−{top}", "0", f"{top}"]
                ys = chart.evaluate(
                    """(svg) => [...svg.querySelectorAll("g > path")].map(
                         (path) => Number(path.getAttribute("d").match(/ ([\\d.]+)H/)[1]))"""
                )
                end = float(chart.locator("circle[r='6']").get_attribute("cy"))
                share = (ys[1] - end) / (ys[1] - ys[2])
                assert share == pytest.approx(steps[name][-1] / top, abs=1e-9)


def test_picture_is_legible(browser, url):
    longest = {"x": -1.95, "h_prev": -0.99, "c_prev": -4.95}
    with opened(browser, url) as explorer:
        for _ in live.at_widths(explorer.page):
            for drive, keys, value in ((False, PRE_ACTIVATIONS, -7.9), (True, GATES, 0.99)):
                setting = {"drive": drive, **longest, **dict.fromkeys(keys, value)}
                explorer.page.evaluate(SET_AND_READ, [setting])
                assert explorer.page.evaluate("document.documentElement.scrollWidth <= innerWidth")
                assert_legible(explorer.locator(".gru-picture:visible"))
