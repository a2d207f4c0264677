"""Every widget on its page where no script runs: a picture or a table, and what it says."""

import json

import pytest
from bench_redraw import WIDGETS as PLACES
from live import window
from shown import WIDGETS

from gru_course import widgets
from gru_course.goals import digits

# What is drawn, and what is said of it, from the numbers of the widget that the page describes.
STILL = {
    "Cobweb": ("svg", lambda unit: unit.sentence()),
    "GateExplorer": (
        "svg",
        lambda unit: "r = {r}, z = {z}: the candidate n = {n} ".format(**written(unit)),
    ),
    "GradientFlow": (
        "svg",
        lambda flow: f"spectral radius {flow.radius:g} and gate bias {flow.gate_bias:g}.",
    ),
    "LSTMExplorer": ("svg", lambda unit: "i = {i}, f = {f}, o = {o}: the".format(**written(unit))),
    "LaunchTimeline": ("td", lambda _: "an example, not measurements of a device"),
    "ScanTree": ("td", lambda _: "17 pairs in 3 levels"),
    "SequencePlayer": ("svg", lambda state: "At step {step} it reads".format(**state)),
    "UnrollPlayer": ("td", lambda unit: f"= {written(unit)['dw_h']}."),
}


def written(unit):
    return {name: digits(value) for name, value in unit.values().items()}


@pytest.fixture(scope="module")
def page(browser):
    return window(browser, java_script_enabled=False)


@pytest.mark.parametrize("name", WIDGETS)
def test_without_javascript_a_still_picture(page, site_url, name):
    cls, (drawn, says) = getattr(widgets, name), STILL[name]
    page.goto(site_url + PLACES[name][0])
    place = page.locator(f".gru-widget[data-module={cls.module}]").first
    state = json.loads(place.locator("script").text_content())
    # Of a sequence player the page holds the record, from which none is made again.
    said = says(state if name == "SequencePlayer" else cls(**state))
    for width in (1280, 375):
        page.set_viewport_size({"width": width, "height": 800})
        assert place.locator(drawn).first.is_visible()
        assert place.locator("figcaption").is_visible()
        text = place.inner_text()
        assert said in text
        assert place.locator("script").text_content() not in text
        ends = [place.locator(part).first.bounding_box() for part in ("figure", "svg, table")]
        assert ends[1]["width"] <= ends[0]["width"] + 1
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_the_numbers_in_a_picture_without_javascript(page, site_url):
    page.goto(site_url + PLACES["GateExplorer"][0])
    place = page.locator(".gru-widget[data-module=gate_explorer]").first
    state = json.loads(place.locator("script").text_content())
    for name, number in written(widgets.GateExplorer(**state)).items():
        shown = place.locator(f"[data-number={name}]")
        assert shown.is_visible()
        assert shown.text_content() == number
