"""The box that says what a reader has done, and the questions of a page, for the tests of both."""

import re
from functools import partial

import live
from sources import BOOK, cells

PAGE = "book/recurrence/plain-rnn.html"
KEY = "gru-course-progress"
opened = partial(live.opened, root=".gru-progress")


def asked(page):
    """How many questions and exercises the chapter of a page has, by its notebook."""
    path = BOOK / page.removeprefix("book/").replace(".html", ".ipynb")
    text = "\n".join(cell["source"] for cell in cells(path, "markdown"))
    return text.count('<details class="gru-answer gru-right">'), text.count("\n### Exercise ")


QUESTIONS, EXERCISES = asked(PAGE)


def counted(page):
    """The numbers in the box: questions right, at the first try, exercises solved."""
    text = page.locator(".gru-progress > div").first.text_content()
    pattern = rf"(\d+) of {QUESTIONS} questions(?: \((\d+) at the first try\))?, "
    pattern += rf"(\d+) of {EXERCISES} exercises\."
    found = re.fullmatch(pattern, text)
    assert found, text
    return tuple(int(number or 0) for number in found.groups())


def question(page, number):
    """The paragraph of a question at the chapter's end, and the summaries of its answers."""
    asks = page.locator("#check-yourself > p", has_text=re.compile(rf"^{number}\. "))
    first, kinds = asks.evaluate("""(p) => {
      const all = [...p.parentNode.querySelectorAll(".gru-answer")], kinds = [];
      const first = all.indexOf(p.nextElementSibling);
      while ((p = p.nextElementSibling)?.matches(".gru-answer")) {
        kinds.push(p.matches(".gru-right"));
      }
      return [first, kinds];
    }""")
    answers = page.locator("#check-yourself > details")
    these = [answers.nth(first + i).locator("summary") for i in range(len(kinds))]
    right, wrong = (
        [a for a, is_right in zip(these, kinds, strict=True) if is_right == wanted]
        for wanted in (True, False)
    )
    return asks, right, wrong


def stored(page):
    return page.evaluate(f"JSON.parse(localStorage.getItem('{KEY}'))")


def store(page, text):
    """What the browser holds when the page is opened again."""
    page.evaluate("([key, text]) => localStorage.setItem(key, text)", [KEY, text])
    page.reload()
    page.locator(".gru-progress").wait_for()


def choose(page, name, text):
    """Hand a file to Import, as a reader would."""
    with page.expect_file_chooser() as chooser:
        page.get_by_role("button", name="Import").click()
    chooser.value.set_files({"name": name, "mimeType": "text/plain", "buffer": text.encode()})
    page.locator(".gru-progress [role=status]", has_text=re.compile(".")).wait_for()


def said(page):
    return page.locator(".gru-progress [role=status]").text_content()
