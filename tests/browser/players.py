"""Sequence players on pages made for the purpose, and what the tests of them share.

A page of the book shows one network; here each test can have its own.
"""

from functools import partial

import live
import numpy as np
import pytest

from gru_course.analysis import gates
from gru_course.reference import gru
from gru_course.widgets import SequencePlayer
from gru_course.widgets.sphinx_host import script_text

TEXT = "def f(a):\n\tif a[0] < (b + c) * 2:\n\t\treturn [d(a), (b, 1)]\n\n" * 2
SHOWN = ("r", "z", "n", "h", "mean_z", "half_life")
# Every colour of a theme that a widget takes from its page.
STYLE = """:root { color-scheme: light dark; } body { margin: 16px; font-family: sans-serif;
  color: #222832; background: #fff; }
@media (prefers-color-scheme: dark) { body { color: #ced6dd; background: #14181e; } }"""


def network(T, H):
    """The gates, candidates and states of an untrained network that keeps and lets go."""
    rng = np.random.default_rng(0)
    params = gru.init(rng, 3, H)
    params = params._replace(bias_ih=params.bias_ih + np.tile(np.linspace(-3, 5, H), 3))
    xs = 2 * rng.normal(size=(1, T, 3))
    hs, _ = gru.forward(xs, np.zeros((1, H)), params)
    return {**gates(gru, params, xs), "h": hs}


def text_player(**settings):
    T = len(TEXT)
    depth = np.cumsum([(c in "([") - (c in ")]") for c in TEXT])
    lines = {"depth": depth, "output": depth + np.sin(np.arange(T))}
    return SequencePlayer(TEXT, network(T, 9), lines=lines, **settings)


def series_player(**settings):
    return SequencePlayer(1000 * np.sin(np.arange(60) / 4), network(60, 20), **settings)


def large_player():
    return SequencePlayer("0123456789" * 20, network(200, 32), step=3)


opened = partial(live.opened, root=".gru-sequence")
PLAYERS = {"text": text_player, "series": series_player, "large": large_player}


def write_pages(folder):
    """A page for each of the players."""
    (folder / "widgets.js").write_text(script_text(), encoding="utf-8")
    for name, make in PLAYERS.items():
        (folder / f"{name}.html").write_text(
            '<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><title>A player</title>'
            '<meta name="viewport" content="width=device-width">'
            f'<link rel="icon" href="data:,"><style>{STYLE}</style></head>'
            f"<body><main><h1>A player</h1>{make().html()}</main>"
            '<script src="widgets.js"></script></body></html>',
            encoding="utf-8",
        )


# Sets the controls as a hand would, one event each, and reads what is then shown.
SET_AND_READ = """(settings) => {
  const player = document.querySelector(".gru-sequence");
  const number = (node) => Number(node.dataset.value);
  return settings.map(({sort, ...values}) => {
    const radio = player.querySelector(`[data-choice=sort] input[value=${sort}]`);
    if (!radio.checked) radio.click();
    for (const [key, value] of Object.entries(values)) {
      const input = player.querySelector(`[data-slider=${key}] input`);
      input.value = value;
      input.dispatchEvent(new Event("input", {bubbles: true}));
    }
    const top = (node) => node.getBoundingClientRect().top;
    return {
      outs: Object.fromEntries([...player.querySelectorAll("[data-out]")].map((node) =>
        [node.dataset.out, number(node)])),
      step: number(player.querySelector(".gru-step")),
      unit: number(player.querySelector("[data-reading=unit]")),
      rows: [...player.querySelectorAll(".gru-row")].map((row) =>
        (top(row) - top(row.parentNode)) / row.getBoundingClientRect().height),
      cursors: [...player.querySelectorAll(".gru-cursor")].map((node) => {
        const [mine, box] = [node, node.parentNode].map((n) => n.getBoundingClientRect());
        return (mine.left + mine.width / 2 - box.left) / box.width;
      }),
      now: [...player.querySelectorAll(".gru-now")].map((node) => Number(node.dataset.step)),
    };
  });
}"""


def hold_to_python(shown, player, lines):
    wanted = player.readings()
    assert (shown["step"], shown["unit"]) == (wanted["step"], wanted["unit"])
    for name in SHOWN:
        assert shown["outs"][name] == pytest.approx(wanted[name], rel=0, abs=1e-9), name
    assert shown["outs"]["keeps"] == pytest.approx(wanted["z"], rel=0, abs=1e-9)
    assert shown["outs"]["writes"] == pytest.approx(1 - wanted["z"], rel=0, abs=1e-9)
    for i, values in enumerate(lines):
        assert shown["outs"][f"line_{i}"] == pytest.approx(values[player.step], rel=5e-5)
    assert shown["rows"] == pytest.approx([player.order().index(player.unit)] * 4, abs=0.01)
    assert shown["cursors"] == pytest.approx([(player.step + 0.5) / player.T] * 6, abs=0.002)


def settings(page):
    player = page.locator(".gru-sequence")
    value = lambda css: int(player.locator(css).get_attribute("data-value"))
    sort = player.locator("[data-choice=sort] input:checked").input_value()
    return value(".gru-step"), value("[data-reading=unit]"), sort


def shown_unit(page):
    return int(page.locator(".gru-strip .gru-title").text_content().split()[1])


def point(page, css, step, of_steps, row=0, of_rows=1):
    """The place on the screen of a step, and of a row, of a box."""
    box = page.locator(css)
    box.scroll_into_view_if_needed()
    seen = box.bounding_box()
    return (
        seen["x"] + seen["width"] * (step + 0.5) / of_steps,
        seen["y"] + seen["height"] * (row + 0.5) / of_rows,
    )
