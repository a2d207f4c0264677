"""The sequence player on a model that somebody else holds and changes, as in Jupyter."""

import json

import live
from players import (
    SET_AND_READ,
    opened,
    point,
    settings,
    shown_unit,
    text_player,
)

from gru_course import goals
from gru_course.goals import Goal, Rule
from gru_course.widgets import SequencePlayer
from gru_course.widgets._base import SHARED

# Mounts the module on a model as Jupyter's: somebody else holds it, sets it and hears of changes.
MOUNT = """async ([text, state]) => {
  const url = URL.createObjectURL(new Blob([text], {type: "text/javascript"}));
  const {render} = (await import(url)).default;
  const handlers = {};
  window.model = {
    saved: 0,
    get: (key) => state[key],
    set(key, value) {
      if (state[key] === value) return;
      state[key] = value;
      for (const handler of handlers[`change:${key}`] ?? []) handler();
    },
    on: (event, handler) => (handlers[event] ??= new Set()).add(handler),
    off: (event, handler) => handlers[event].delete(handler),
    save_changes() { this.saved++; },
  };
  const el = document.createElement("div");
  document.querySelector("main").replaceChildren(el);
  window.leave = render({model, el});
}"""


def test_python_sets_and_follows(browser, served):
    player = text_player(step=8, unit=2)
    with opened(browser, f"{served}text.html") as page:
        page.evaluate(MOUNT, [player._esm, player.state()])
        page.evaluate(live.AT_REST)
        assert settings(page) == (8, 2, "index")
        page.evaluate(live.HOLD_TIME)
        page.locator(".gru-player button").click()
        page.evaluate(live.GO_ON, 0)  # what is then drawn starts the clock
        page.evaluate("model.set('step', 50), model.set('unit', 7), model.set('sort', 'half_life')")
        page.evaluate(live.GO_ON, 300)
        assert settings(page) == (50, 7, "half_life"), "playing ends where Python sets the step"
        assert page.locator(".gru-player button").text_content() == "▶ Play"
        saved = page.evaluate("model.saved")
        page.get_by_role("slider", name="step", exact=True).press("ArrowRight")
        page.get_by_role("slider", name="unit", exact=True).press("ArrowLeft")
        page.get_by_text("number", exact=True).click()
        keys = ("step", "unit", "sort")
        heard = page.evaluate("(keys) => keys.map((key) => model.get(key))", keys)
        assert heard == [51, 6, "index"]
        assert page.evaluate("model.saved") == saved + 3
        page.evaluate("leave()")
        page.evaluate("model.set('unit', 0)")
        assert settings(page)[1] == 6, "a closed view hears nothing"


def test_a_goal_is_marked_by_the_rules_of_python(browser, served, monkeypatch):
    rules = (
        Rule("half_life", 2, None, "Half is left after {half_life} steps."),
        Rule("z", None, 0.9, "At step {step} unit {unit} keeps {z}, on average {mean_z}."),
        Rule("h", 0.9, 1, "The state {h} is below 0.9, as r = {r} and n = {n} have it."),
    )
    goal = Goal("SequencePlayer", rules, "It writes {n} at step {step}.", ("", ""))
    monkeypatch.setitem(goals.GOALS, "test.goal", goal)
    text = SHARED + SequencePlayer.own_text()
    player = text_player(goal="test.goal")
    said = set()
    with opened(browser, f"{served}text.html") as page:
        page.evaluate(MOUNT, [text, player.state()])
        page.evaluate(live.AT_REST)
        line = page.locator(".gru-goal")
        for step in range(0, player.T, 7):
            for unit in range(player.H):
                page.evaluate(SET_AND_READ, [{"step": step, "unit": unit, "sort": "index"}])
                player.step, player.unit = step, unit
                readings = player.readings()
                passed, sentence = goals.judge(goal, readings)
                assert json.loads(line.get_attribute("data-readings")) == readings
                assert line.text_content() == (
                    f"{'✓ Solved.' if passed else '→ Not yet.'} {sentence}"
                )
                said.add(sentence.split()[0])
        assert said == {"Half", "At", "The", "It"}
        unit = int(player.unit)
        page.mouse.move(*point(page, "[data-map=h]", 0, player.T, 0, player.H))
        assert shown_unit(page) == 0 != unit
        assert json.loads(line.get_attribute("data-readings"))["unit"] == unit, "not the hovered"
