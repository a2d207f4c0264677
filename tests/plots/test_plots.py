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
