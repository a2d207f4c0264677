"""Slider exercises mark themselves on their page, with the sentences that Python has for them."""

import json
from collections import defaultdict

import pytest
from live import opened
from sources import given
from test_sliders import MISSED, SOLVED, moved

from gru_course.goals import GOALS, judge

# Moves a widget's controls as a hand would, one event each, and reads what it then says.
SET_AND_READ = """(node, settings) => {
  const widget = node.closest(".gru-live");
  const control = (kind, key) => widget.querySelector(`[data-${kind}=${key}]`);
  const solved = [];
  widget.addEventListener("gru-solved", ({ detail }) => solved.push(detail.exercise));
  for (const [key, value] of Object.entries(settings)) { // first, since it sets sliders
    const box = control("switch", key)?.querySelector("input");
    if (box && box.checked !== value) box.click();
  }
  for (const [key, value] of Object.entries(settings)) {
    control("choice", key)?.querySelector(`[value=${value}]`).click();
    const range = control("slider", key)?.querySelector("input");
    if (!range) continue;
    range.value = value;
    range.dispatchEvent(new Event("input", { bubbles: true }));
  }
  return { text: node.textContent, status: node.querySelector("[role=status]").textContent,
    marked: node.classList.contains("gru-solved"), readings: JSON.parse(node.dataset.readings),
    solved };
}"""


PAGES = defaultdict(list)
for name in GOALS:
    PAGES[given(name)[0]].append(name)


@pytest.mark.parametrize("page_of", PAGES)
def test_the_page_says_what_check_says(browser, site_url, page_of):
    with opened(browser, f"{site_url}{page_of}.html", ".gru-goal") as page:
        for name in PAGES[page_of]:
            line = page.locator(f".gru-goal[data-goal='{name}']")
            status = line.locator("[role=status]")
            assert status.text_content() == "→ Not yet.", (
                "nothing is solved before the reader moves"
            )
            for settings in [*SOLVED[name], *(settings for settings, _ in MISSED[name])]:
                answer = line.evaluate(SET_AND_READ, {**given(name)[1], **settings})
                assert_judged(name, answer, moved(name, **settings).readings())


def assert_judged(name, answer, readings):
    passed, sentence = judge(GOALS[name], readings)
    assert answer["text"] == f"{'✓ Solved.' if passed else '→ Not yet.'} {sentence}"
    assert answer["status"] in answer["text"]
    # JSON has neither NaN nor infinity.
    shown = {key: float("nan") if v is None else v for key, v in answer["readings"].items()}
    wanted = json.loads(json.dumps(readings).replace("Infinity", "NaN"))
    assert {key: shown[key] for key in wanted} == pytest.approx(
        wanted, rel=0, abs=1e-9, nan_ok=True
    )
    assert answer["marked"] == passed
    assert not passed or answer["solved"][-1] == name
