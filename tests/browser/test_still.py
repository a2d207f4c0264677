"""Every widget on its page where no script runs: a picture or a table, and what it says."""

import json

import pytest
from bs4 import BeautifulSoup
from live import window
from shown import place
from test_sliders import player

from gru_course import widgets
from gru_course.goals import digits


@pytest.fixture(scope="module")
def page(browser):
    return window(browser, java_script_enabled=False)


def opened(page, site, site_url, name):
    """The first such widget of a page, and Python's own in the state that it holds."""
    cls = getattr(widgets, name)
    page.goto(site_url + place(site, name)[0])
    still = page.locator(f".gru-widget[data-module={cls.module}]").first
    state = json.loads(still.locator("script").text_content())
    return still, player(**state) if "record" in state else cls(**state)


@pytest.mark.parametrize("name", widgets.__all__)
def test_without_javascript_a_still_picture(page, site, site_url, name):
    still, widget = opened(page, site, site_url, name)
    wanted = BeautifulSoup(widget.html(), "html.parser").select_one("figcaption").get_text()
    for width in (1280, 375):
        page.set_viewport_size({"width": width, "height": 800})
        picture, caption = still.locator("svg, table").first, still.locator("figcaption")
        assert picture.is_visible()
        assert caption.is_visible()
        assert caption.text_content() == wanted
        assert still.locator("script").text_content() not in still.inner_text()
        ends = [each.bounding_box()["width"] for each in (still.locator("figure"), picture)]
        assert ends[1] <= ends[0] + 1
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_the_numbers_in_a_picture_without_javascript(page, site, site_url):
    still, widget = opened(page, site, site_url, "GateExplorer")
    for name, value in widget.values().items():
        shown = still.locator(f"[data-number={name}]")
        assert shown.is_visible()
        assert shown.text_content() == digits(value)
