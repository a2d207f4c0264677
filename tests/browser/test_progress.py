"""What the pages remember of the reader's answers."""

import json
from datetime import date

import live
import pytest
from progress_box import (
    EXERCISES,
    PAGE,
    QUESTIONS,
    asked,
    choose,
    counted,
    opened,
    question,
    said,
    store,
    stored,
)
from test_sliders import SOLVED

OTHER = "book/gating/lstm.html"
INDEX = "book/index.html"


def test_answers_by_mouse_and_by_keyboard_are_remembered(browser, url):
    with opened(browser, url) as page:
        assert counted(page) == (0, 0, 0)
        first, right, _ = question(page, 1)
        right[0].click()
        assert counted(page) == (1, 1, 0)
        second, right, wrong = question(page, 2)
        wrong[0].focus()
        page.keyboard.press("Enter")
        assert counted(page) == (1, 1, 0), "a wrong answer counted"
        right[0].focus()
        page.keyboard.press("Space")
        for _ in range(2):  # the second time as it is when the reader comes back
            assert counted(page) == (2, 1, 0)
            assert first.text_content().endswith("✓ right at the first try")
            assert second.text_content().endswith("✓ answered")
            page.reload()


def test_a_wrong_try_is_remembered_too(browser, site_url):
    with opened(browser, site_url + PAGE) as page:
        _, _, wrong = question(page, 3)
        wrong[0].click()
        page.reload()
        _, right, wrong = question(page, 3)
        right[0].click()
        assert counted(page) == (1, 0, 0)
        # Whoever then reads why another one is wrong, or the right one again, loses nothing.
        wrong[-1].click()
        assert counted(page) == (1, 0, 0)
        _, right, _ = question(page, 2)
        for _ in range(3):
            right[0].click()
            assert counted(page) == (2, 1, 0)


def test_a_search_or_a_script_that_opens_answers_answers_nothing(browser, site_url):
    with opened(browser, site_url + PAGE) as page:
        page.evaluate("""() => {
          const closed = [...document.querySelectorAll("details:not([open])")];
          return Promise.all(closed.map((answer) => new Promise((heard) => {
            answer.addEventListener("toggle", heard); // it comes later
            answer.open = true;
          })));
        }""")
        assert counted(page) == (0, 0, 0)
        assert stored(page) is None


def test_exercises_are_ticked_and_unticked(browser, site_url):
    with opened(browser, site_url + PAGE) as page:
        boxes = page.locator(".gru-tick").get_by_role("checkbox")
        assert boxes.count() == EXERCISES
        page.get_by_role("checkbox", name="Solved: exercise 2").click()
        page.get_by_role("checkbox", name="Solved: exercise 3").focus()
        page.keyboard.press("Space")
        assert counted(page) == (0, 0, 2)
        page.reload()
        assert counted(page) == (0, 0, 2)
        ticked = [i + 1 for i in range(EXERCISES) if boxes.nth(i).is_checked()]
        assert ticked == [2, 3]
        heading = page.locator("section:has(> .gru-tick :checked) > h3").first
        assert "Exercise 2 " in heading.text_content(), "the box stands in another exercise"
        page.get_by_role("checkbox", name="Solved: exercise 2").click()
        page.reload()
        assert counted(page) == (0, 0, 1)


def test_a_goal_that_is_reached_ticks_its_exercise(browser, site_url):
    move = """(widget, settings) => {
      for (const [key, value] of Object.entries(settings)) {
        const range = widget.querySelector(`[data-slider=${key}] input`);
        range.value = value;
        range.dispatchEvent(new Event("input", { bubbles: true }));
      }
    }"""
    reached = "new CustomEvent('gru-solved', {bubbles: true, detail: {exercise: 'rnn.else'}})"
    with opened(browser, site_url + PAGE) as page:
        elsewhere = page.locator("#feel-it-one-unit-that-holds .gru-cobweb")
        elsewhere.evaluate(f"node => node.dispatchEvent({reached})")
        assert counted(page) == (0, 0, 0), "this widget stands in no exercise"
        page.locator("#exercises .gru-cobweb").evaluate(move, SOLVED["rnn.tipping-point"][0])
        assert page.get_by_role("checkbox", name="Solved: exercise 6").is_checked()
        page.reload()
        assert counted(page) == (0, 0, 1)


def test_export_and_import_carry_progress_over(browser, url, tmp_path):
    with opened(browser, url) as page:
        question(page, 1)[1][0].click()
        _, right, wrong = question(page, 2)
        wrong[0].click()
        right[0].click()
        page.get_by_role("checkbox", name="Solved: exercise 2").click()
        with page.expect_download() as download:
            page.get_by_role("button", name="Export").click()
        assert download.value.suggested_filename.endswith(".json")
        download.value.save_as(tmp_path / "progress.json")
    text = (tmp_path / "progress.json").read_text("utf8")
    exported = json.loads(text)
    assert exported["course"] == "gru-course"
    assert exported["version"] == 1
    assert abs((date.fromisoformat(exported["date"]) - date.today()).days) <= 1  # it is UTC's
    here = "book/recurrence/plain-rnn#"
    assert exported["solved"] == {
        f"{here}check-yourself-1": "first",
        f"{here}check-yourself-2": "solved",
        f"{here}exercise-2-checked-the-step-from-memory": "solved",
    }
    with opened(browser, url) as page:  # another browser, in which other things were done
        _, right, wrong = question(page, 1)
        wrong[0].click()
        right[0].click()
        for number in (2, 3):
            question(page, number)[1][0].click()
        page.get_by_role("checkbox", name="Solved: exercise 1").click()
        assert counted(page) == (3, 2, 1)
        choose(page, "progress.json", text)
        assert "Imported" in said(page)
        assert counted(page) == (3, 3, 2), "the better of two records stays"
        page.reload()
        assert counted(page) == (3, 3, 2)
    with opened(browser, url.replace(PAGE, INDEX)) as page:  # a browser that has opened nothing yet
        choose(page, "progress.json", text)
        assert f"2 of {QUESTIONS} questions" in page.locator(".gru-progress li").text_content()


GOOD = {"course": "gru-course", "version": 1, "date": "2026-01-01", "pages": {}}
GOOD["solved"] = {"book/recurrence/plain-rnn#check-yourself-2": "first"}  # seen where it is taken
RUBBISH = {
    "no JSON": "solved: all of it",
    "empty": "",
    "null": "null",
    "a list": "[1, 2]",
    "another course": json.dumps(GOOD | {"course": "pottery"}),
    "no course": json.dumps({k: v for k, v in GOOD.items() if k != "course"}),
    "another version": json.dumps(GOOD | {"version": 2}),
    "no answers": json.dumps(GOOD | {"solved": []}),
    "no pages": json.dumps(GOOD | {"pages": []}),
    "unknown answers": json.dumps(GOOD | {"solved": {"a#b-1": "perfect"}}),
    "unknown pages": json.dumps(GOOD | {"pages": {"book/gating/gru": 9}}),
}


def test_import_refuses_anything_else(browser, site_url):
    with opened(browser, site_url + PAGE) as page:
        question(page, 1)[1][0].click()
        before = stored(page)
        for what, text in RUBBISH.items():
            choose(page, "file.json", text)
            assert "nothing was changed" in said(page), what
            assert stored(page) == before, what
            kept = page.locator(".gru-progress input").evaluate("node => node.value")
            assert kept == "", "the same file, fixed, could not be chosen again"
            page.locator(".gru-progress [role=status]").evaluate("node => node.textContent = ''")
        choose(page, "file.json", json.dumps(GOOD))
        assert counted(page) == (2, 2, 0), "the file that the others were made from"


def test_forget_asks_first(browser, site_url):
    with opened(browser, site_url + PAGE) as page:
        question(page, 1)[1][0].click()
        forget = page.get_by_role("button", name="Forget", exact=True)
        keep = page.get_by_role("button", name="Keep it")
        assert not keep.is_visible()
        forget.focus()
        page.keyboard.press("Enter")
        assert keep.evaluate("node => node === document.activeElement")
        group = page.get_by_role("group", name="Forget all chapters' progress?")
        assert group.is_visible(), "screen readers hear no question"
        page.keyboard.press("Enter")
        assert counted(page) == (1, 1, 0)
        assert not keep.is_visible()
        assert forget.evaluate("node => node === document.activeElement")
        page.keyboard.press("Enter")
        page.get_by_role("button", name="Forget it").click()
        assert said(page) == "Forgotten."
        assert counted(page) == (0, 0, 0)
        page.reload()
        assert counted(page) == (0, 0, 0)


REFUSALS = {
    "all": """Object.defineProperty(window, "localStorage", {get() { throw Error("denied"); }})""",
    "writing": """Storage.prototype.setItem = () => { throw Error("full"); }""",
}


@pytest.mark.parametrize("refusal", REFUSALS)
def test_without_a_store_the_page_works_and_says_so(browser, site_url, refusal):
    page = live.window(browser)
    page.add_init_script(REFUSALS[refusal])
    ours = []  # the theme's scripts complain too, which is not for this page to fix
    page.on("pageerror", lambda error: "progress.js" in error.stack and ours.append(error))
    page.goto(site_url + PAGE)
    page.get_by_role("checkbox", name="Solved: exercise 2").click()
    question(page, 1)[1][0].click()
    assert counted(page) == (1, 1, 1)
    box = page.locator(".gru-progress")
    assert "does not let the page store anything" in box.text_content()
    assert "Kept in this browser" not in box.text_content()
    with page.expect_download() as download:
        page.get_by_role("button", name="Export").click()
    assert len(json.loads(download.value.path().read_text("utf8"))["solved"]) == 2
    page.get_by_role("button", name="Forget", exact=True).click()
    page.get_by_role("button", name="Forget it").click()
    assert counted(page) == (0, 0, 0)
    assert not ours
    page.context.close()


def test_a_stored_value_that_is_broken_or_of_another_version_is_none(browser, site_url):
    with opened(browser, site_url + PAGE) as page:
        for what in ("no JSON", "another version", "unknown answers"):  # it is read as a file is
            store(page, RUBBISH[what])
            assert counted(page) == (0, 0, 0), what
            question(page, 1)[1][0].click()
            assert counted(page) == (1, 1, 0), what
            assert list(stored(page)["solved"].values()) == ["first"], what


def test_what_a_page_no_longer_asks_is_kept_and_not_counted(browser, site_url):
    gone = "book/recurrence/plain-rnn#check-yourself-99"
    here = "book/recurrence/plain-rnn#check-yourself-1"
    old = {"version": 1, "solved": {gone: "first", here: "first"}}
    old["pages"] = {"book/recurrence/plain-rnn": [gone, here]}
    with opened(browser, site_url + PAGE) as page:
        store(page, json.dumps(old))
        assert counted(page) == (1, 1, 0)
        page.goto(site_url + INDEX)
        assert f"1 of {QUESTIONS} questions" in page.locator(".gru-progress li").text_content()
        assert stored(page)["solved"][gone] == "first"


def test_two_tabs_agree(browser, url):
    with opened(browser, url) as page:
        other = page.context.new_page()
        other.goto(url)
        question(other, 1)[1][0].click()
        box = page.locator(".gru-progress")
        box.get_by_text(f"1 of {QUESTIONS} questions (1 at the first try), 0 of").wait_for()
        page.get_by_role("checkbox", name="Solved: exercise 2").click()
        for tab in (page, other):
            box = tab.locator(".gru-progress")
            box.get_by_text(f"1 of {QUESTIONS} questions (1 at the first try), 1 of").wait_for()
        assert other.get_by_role("checkbox", name="Solved: exercise 2").is_checked()
        assert question(page, 1)[0].text_content().endswith("✓ right at the first try")


@pytest.mark.parametrize("source", ["server", "disk"])  # it cuts the site's own address off links
def test_the_first_page_lists_the_chapters_begun(browser, site, site_url, source):
    url = (site_url if source == "server" else f"{site.as_uri()}/") + PAGE
    with opened(browser, url.replace(PAGE, INDEX)) as page:
        index = page.url
        assert page.locator(".gru-progress li").count() == 0
        assert "No chapter begun yet" in page.locator(".gru-progress").text_content()
        page.goto(url.replace(PAGE, OTHER))
        page.get_by_role("checkbox", name="Solved: exercise 1").click()
        page.goto(url)
        question(page, 1)[1][0].click()
        page.goto(index)
        lines = page.locator(".gru-progress li").all_text_contents()
        assert len(lines) == 2, "in the order of the course, not of the visits"
        first = f": 1 of {QUESTIONS} questions (1 at the first try), 0 of {EXERCISES} exercises."
        assert lines[0].endswith(first)
        assert f"1 of {asked(OTHER)[1]} exercises." in lines[1]
        page.locator(".gru-progress a").first.click()
        page.wait_for_url(url)
        page.goto(url.replace(PAGE, OTHER))
        page.get_by_role("checkbox", name="Solved: exercise 1").click()
        page.goto(index)
        assert page.locator(".gru-progress li").count() == 1, "nothing is ticked there any more"


def test_a_page_that_comes_back_from_the_browsers_memory_looks_again(browser, site_url):
    """Such a page is told of no storage event; here it is the value that goes behind its back."""
    with opened(browser, site_url + PAGE) as page:
        question(page, 1)[1][0].click()
        page.evaluate("localStorage.clear()")
        assert counted(page) == (1, 1, 0)
        page.evaluate("dispatchEvent(new PageTransitionEvent('pageshow', {persisted: true}))")
        assert counted(page) == (0, 0, 0)


def test_only_chapters_have_a_box(browser, site_url):
    with opened(browser, site_url + INDEX) as page:
        for name in ("notation", "bibliography", "solutions/plain-rnn"):
            page.goto(f"{site_url}book/{name}.html")
            assert page.locator(".gru-progress, .gru-tick").count() == 0, name  # as of its loading


def test_without_scripts_answers_open_and_nothing_else_shows(browser, site_url):
    page = live.window(browser, java_script_enabled=False)
    page.goto(site_url + PAGE)
    answer = page.locator(".gru-right").first
    answer.locator("summary").click()
    assert answer.locator("p").first.is_visible()
    assert page.locator(".gru-progress, .gru-tick, .gru-done").count() == 0
    page.context.close()
