"""Every control of every widget on the built page, and each kind of control by every hand.

After each move the widget shows the setting that was asked for, and every number with it equals
what Python makes of all the settings that are then shown.
"""

import numpy as np
import pytest
from live import GO_ON, HOLD_TIME, opened
from shown import OUTPUTS, SHOWN, assert_outputs, drawn_by_lot, given, place

from gru_course import widgets

PHONE = {"has_touch": True, "is_mobile": True, "viewport": {"width": 375, "height": 800}}
KINDS = {
    "slider": "[data-slider] input",
    "switch": "[data-switch] input",
    "choice": "[data-choice] input",
    "preset": ".gru-presets button",
    "player": ".gru-player :is(input, button)",
    "share": ".gru-share button",
}
# All widgets' controls are made in `controls.mjs`, so a mouse and a finger try each kind once.
BY_HAND = {
    "GateExplorer": {"slider", "switch", "preset", "player", "share"},
    "UnrollPlayer": {"slider", "choice", "player", "share"},
}
HANDS = [*((name, "keyboard") for name in OUTPUTS)]
HANDS += [(name, hand) for name in BY_HAND for hand in ("mouse", "touch")]
UNKNOWN = """(root, kinds) => [...root.querySelectorAll("input, button, select")]
  .filter((node) => !kinds.some((kind) => node.matches(kind))).map((node) => node.outerHTML)"""
# What a finger would miss: of a control, the label around it counts as well.
SMALL = """(root) => [...root.querySelectorAll("input, button")].filter((node) => {
  const held = node.closest("label:not(.gru-slider)") ?? node;
  const { width, height } = held.getBoundingClientRect();
  return width && height < 44;
}).map((node) => node.outerHTML)"""
CONTROLS = """(root) => [...root.querySelectorAll(
  "[data-slider], [data-switch], [data-choice]")].map(({ dataset }) =>
    dataset.slider ?? dataset.switch ?? dataset.choice)"""
MIDDLE = 0.06  # of a slider's way: how exactly a hand meets its middle, beside half a stop


class Keyboard:
    def __init__(self, page):
        self.page = page

    def slide(self, control, low, high):
        """Move a slider; after each move yield what it must show, and how exactly."""
        step = float(control.get_attribute("step"))
        for key, wanted in (("End", high), ("Home", low), ("ArrowRight", low + step)):
            control.press(key)
            yield wanted, 1e-9

    def push(self, control):
        control.press("Enter" if control.get_attribute("type") == "button" else "Space")


class Mouse:
    def __init__(self, page):
        self.page = page

    def down(self, x, y):
        self.page.mouse.move(x, y)
        self.page.mouse.down()

    def move(self, x, y):
        self.page.mouse.move(x, y, steps=3)

    def up(self):
        self.page.mouse.up()

    def slide(self, control, low, high):
        control.hover(trial=True)  # waits until it is in sight and stands still
        box = control.bounding_box()
        # Away from where it stands: a press on the thumb itself only takes hold of it.
        beside = 0.3 if float(control.input_value()) > (low + high) / 2 else 0.7
        near = MIDDLE * (high - low) + float(control.get_attribute("step")) / 2
        go = self.down
        for share, exactly in ((beside, near), (1.0, 1e-9), (0.5, near)):
            go(box["x"] + share * box["width"], box["y"] + box["height"] / 2)
            yield low + share * (high - low), exactly
            go = self.move
        self.up()

    def push(self, control):
        held = control.locator("xpath=ancestor-or-self::*[self::label or self::button]")
        held.hover(trial=True)
        box = held.bounding_box()
        self.down(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
        self.up()


class Touch(Mouse):
    def __init__(self, page):
        self.session = page.context.new_cdp_session(page)

    def send(self, kind, *points):
        self.session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

    def down(self, x, y):
        self.send("touchStart", {"x": x, "y": y})

    def move(self, x, y):
        self.send("touchMove", {"x": x, "y": y})

    def up(self):
        self.send("touchEnd")


@pytest.mark.parametrize(("name", "hand"), HANDS)
def test_every_control(browser, site, site_url, name, hand):
    path, selector = place(site, name)
    cls = getattr(widgets, name)
    presets = cls.constants.get("PRESETS", {})
    state = given(site / path, cls.module)
    context = PHONE if hand == "touch" else {}
    with opened(browser, site_url + path, selector, **context) as page:
        widget = page.locator(selector).first
        by = {"keyboard": Keyboard, "mouse": Mouse, "touch": Touch}[hand](page)
        assert widget.evaluate(UNKNOWN, list(KINDS.values())) == []
        assert widget.evaluate(SMALL) == []
        kinds = {kind for kind, selected in KINDS.items() if widget.locator(selected).count()}
        assert kinds == BY_HAND.get(name, kinds)

        def look():
            """What is now shown, after it has been held to Python."""
            shown = widget.evaluate(SHOWN)
            state.update(shown["settings"])
            assert_outputs(name, state, shown)
            return shown

        assert look()["settings"].items() <= given(site / path, cls.module).items()
        moved = set()
        for switch in [None, *widget.locator("[data-switch] input").all()]:
            if switch:
                before = look()["outputs"]
                by.push(switch)
                assert switch.is_checked()
                assert look()["outputs"] == before, "the gates must not jump"
            for row in widget.locator("[data-slider]:not([hidden])").all():
                key = row.get_attribute("data-slider")
                if key in moved:
                    continue
                moved.add(key)
                slider, trait = row.locator("input"), getattr(cls, key)
                low, high = (float(slider.get_attribute(end)) for end in ("min", "max"))
                assert (low, high) == (trait.low, min(high, trait.high))
                for wanted, exactly in by.slide(slider, low, high):
                    assert look()["settings"][key] == pytest.approx(wanted, rel=0, abs=exactly)
                spoken = slider.get_attribute("aria-valuetext")
                assert spoken == row.locator(".gru-reading, .gru-step").inner_text()
        assert len(moved) == widget.locator("[data-slider]").count()

        radios = widget.locator("[data-choice] input").all()
        for radio in [*reversed(radios), *radios[-1:]]:  # the last, so that the link must hold it
            by.push(radio)
            assert radio.input_value() in look()["settings"].values()

        buttons = widget.locator(".gru-presets button").all()
        assert [button.inner_text() for button in buttons] == list(presets)
        for button, settings in zip(buttons, presets.values(), strict=True):
            by.push(button)
            assert settings.items() <= look()["settings"].items()

        position = widget.locator(".gru-player input")
        if position.count():
            play = widget.locator(".gru-player button")
            last = int(position.get_attribute("max"))
            for wanted, exactly in by.slide(position, 0, last):
                assert look()["step"] == pytest.approx(wanted, rel=0, abs=exactly)
            position.press("Home")
            page.evaluate(HOLD_TIME)
            by.push(play)
            at = position.element_handle()
            page.wait_for_function("(at) => (now += 100, at.value >= 2)", arg=at)
            by.push(play)
            assert play.inner_text() == "▶ Play"
            page.evaluate(GO_ON, 5000)
            assert 2 <= look()["step"] < last, "time goes on, and the player does not"

        share = widget.locator(".gru-share button")
        by.push(share)
        page.wait_for_url("**#gru-widget=*")
        link, settings = page.url, look()["settings"]
    if hand != "keyboard":
        return  # the address is the same, whoever asks for it
    with opened(browser, link, selector, **context) as page:
        shown = page.locator(selector).first.evaluate(SHOWN)
        assert shown["settings"] == settings
        assert_outputs(name, state, shown)


# Sets the controls as a hand would, one event each: switches first, as they hand gates over.
SET = """(root, settings) => {
  const find = (key) => root.querySelector(`:is([data-slider=${key}], [data-switch=${key}],
    [data-choice=${key}]) input`);
  for (const [key, value] of Object.entries(settings)) {
    const input = find(key);
    if (typeof value === "boolean" && input.checked !== value) input.click();
  }
  for (const [key, value] of Object.entries(settings)) {
    const input = find(key);
    if (typeof value === "string") {
      root.querySelector(`[data-choice=${key}] [value=${value}]`).click();
    } else if (typeof value === "number") {
      input.value = value;
      input.dispatchEvent(new Event("input", { bubbles: true }));
    }
  }
}"""
SET_AND_READ = f"""(root, all) => all.map(([settings, step]) => {{
  ({SET})(root, settings);
  const position = root.querySelector(".gru-player:not([data-slider]) input");
  if (position) {{
    position.value = step * position.max;
    position.dispatchEvent(new Event("input", {{ bubbles: true }}));
  }}
  return ({SHOWN})(root);
}})"""


@pytest.mark.parametrize("name", [n for n in OUTPUTS if n != "SequencePlayer"])
def test_many_settings(browser, site, site_url, name):
    """But for the player, whose tests have pages of their own."""
    path, selector = place(site, name)
    cls, rng = getattr(widgets, name), np.random.default_rng(0)
    start = given(site / path, cls.module)
    with opened(browser, site_url + path, selector) as page:
        widget = page.locator(selector).first
        controls = widget.evaluate(CONTROLS)
        wanted = [
            {key: value for key, value in drawn_by_lot(cls, rng).items() if key in controls}
            for _ in range(100)
        ]
        shown = widget.evaluate(SET_AND_READ, [[each, rng.random()] for each in wanted])
    for settings, out in zip(wanted, shown, strict=True):
        state = start | settings
        assert out["settings"] == {key: pytest.approx(state[key]) for key in out["settings"]}
        assert_outputs(name, state, out)


@pytest.mark.parametrize("name", OUTPUTS)
def test_a_page_opened_from_disk(browser, site, name):
    """Its modules come another way than from a server."""
    path, selector = place(site, name)
    state = given(site / path, getattr(widgets, name).module)
    with opened(browser, (site / path).as_uri(), selector) as page:
        widget = page.locator(selector).first
        row = widget.locator("[data-slider]:not([hidden])").first
        key, slider = row.get_attribute("data-slider"), row.locator("input")
        for press, end in (("End", "max"), ("Home", "min")):
            slider.press(press)
            shown = widget.evaluate(SHOWN)
            assert shown["settings"][key] == float(slider.get_attribute(end))
            state.update(shown["settings"])
            assert_outputs(name, state, shown)


def test_every_widget_and_every_kind_of_control_is_tried():
    assert sorted(OUTPUTS) == sorted(widgets.__all__)
    assert set.union(*BY_HAND.values()) == set(KINDS)
