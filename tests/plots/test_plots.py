"""Figures: the numbers that are drawn, and diagrams that keep to the palette."""

import re
from importlib.resources import files
from xml.etree import ElementTree

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
import pytest

from gru_course import palette, plots

DIAGRAMS = sorted(
    path.name.removesuffix(".svg") for path in (files("gru_course.plots") / "diagrams").iterdir()
)


def test_band_draws_the_median_and_the_quartiles():
    samples = np.random.default_rng(0).normal(size=(9, 4))
    _, ax = plt.subplots()
    median = plots.band(ax, np.arange(4), samples, palette.STATE, label="here")
    np.testing.assert_array_equal(median, np.median(samples, axis=0))
    np.testing.assert_array_equal(ax.lines[0].get_ydata(), median)
    drawn = ax.collections[0].get_paths()[0].vertices[:, 1]
    assert {drawn.min(), drawn.max()} == {
        np.percentile(samples, 25, axis=0).min(),
        np.percentile(samples, 75, axis=0).max(),
    }
    assert ax.texts[0].get_text() == "here"
    plt.close("all")


def test_band_refuses_samples_of_another_length():
    with pytest.raises(ValueError, match=r"samples: expected shape \(S, 3\), got \(5, 4\)"):
        plots.band(None, np.arange(3), np.zeros((5, 4)), palette.STATE)


def test_step_times_leaves_gaps_and_keeps_names_apart():
    names = ["torch.nn.GRU", "nn.GRU (Triton)", "GRUCell in a loop", "GRUCell compiled"]
    races = [
        {"size": (2, 10, 6, 6), "precision": "bf16", "pass": "forward", "times": times}
        for times in (
            dict(zip(names, ([1e-4, 3e-4, 2e-4], [1e-3], [1.01e-3], [1.02e-3]), strict=True)),
            {names[0]: [4e-4], names[2]: [5e-4]},
        )
    ]
    _, ax = plt.subplots()
    drawn = plots.step_times(ax, {"races": races})
    np.testing.assert_allclose(drawn["torch.nn.GRU"], [20, 40])
    np.testing.assert_allclose(drawn["nn.GRU (Triton)"], [100, np.nan])
    assert "GRUCell in a CUDA graph" not in drawn
    assert [label.get_text() for label in ax.get_xticklabels()] == ["bf16\nB 2\nT 10\nH 6"] * 2
    heights = {text.get_text(): ax.transData.transform(text.xy)[1] for text in ax.texts}
    assert sorted(heights, key=heights.get) == [names[0], names[2], names[1], names[3]]
    apart = np.diff(sorted(heights.values())) / ax.bbox.height
    assert apart.min() > 0.06
    # Quartiles of 100, 200 and 300 us in ten steps: bars from 15 to 25.
    bars = next(c for c in ax.containers if c.lines[0].get_ydata()[0] == pytest.approx(20))
    np.testing.assert_allclose(bars.lines[2][0].get_segments()[0][:, 1], [15, 25])
    plt.close("all")


@pytest.mark.parametrize("name", DIAGRAMS)
def test_a_diagram_keeps_to_the_palette_and_says_what_it_shows(name):
    source = (files("gru_course.plots") / "diagrams" / f"{name}.svg").read_text(encoding="utf-8")
    assert not re.search(r"#[0-9a-fA-F]{3,8}\b(?!\))", re.sub(r"url\(#[^)]*\)", "", source))
    svg = ElementTree.fromstring(plots.diagram(name).svg)
    described = svg.get("aria-labelledby", "").split()
    parts = {element.get("id"): element.text for element in svg.iter() if element.get("id")}
    assert len(described) == 2
    assert all(len(parts[part]) > 20 for part in described)
    assert repr(plots.diagram(name)) == f"Diagram: {parts[described[0]]}"
    assert all(part.startswith(name) for part in parts), "ids must not clash on one page"


def test_an_unknown_diagram_is_refused_with_the_names():
    with pytest.raises(ValueError, match=r"name: expected one of .*gru-cell.*, got 'gru'"):
        plots.diagram("gru")


def contrast(colour, page):
    """WCAG 2 contrast ratio of two sRGB colours."""

    def luminance(rgb):
        linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in rgb]
        return float(np.dot(linear, [0.2126, 0.7152, 0.0722]))

    a, b = sorted(luminance(matplotlib.colors.to_rgb(c)) for c in (colour, page))
    return (b + 0.05) / (a + 0.05)


@pytest.mark.parametrize("page", ["white", "#14181e"])
def test_the_text_of_figures_can_be_read_on_both_pages(page):
    # 3 is what WCAG asks of large text and of graphics; it must hold on white and on near-black.
    assert contrast(palette.NEUTRAL, page) > 3.9
    assert contrast(palette.STATE, page) > 3
    assert contrast(palette.CELL, page) > 3
