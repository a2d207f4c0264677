"""The form of the quick questions and of the hints, which course.css and progress.js rely on."""

import re
from collections.abc import Iterator

import pytest
from sources import cells, is_solution, name, notebooks

CHAPTERS = [path for path in notebooks() if not is_solution(path)]
every_chapter = pytest.mark.parametrize("path", CHAPTERS, ids=name)

START, END = "## Before you start", "## Check yourself"
LINE = "Open the answer that you think is right; each says why."
LINES = {START: LINE, END: f"{LINE} Nothing is sent anywhere."}
ANSWER = re.compile(
    r'<details class="gru-answer( gru-right)?"><summary>([^\n]+)</summary>\n\n'
    r"((?:(?!</?details).)+)\n\n</details>",
    re.S,
)
QUESTION = re.compile(
    rf"\*\*\d+\.\*\* [^\n]+(?:\n[^\n]+)*\n\n{ANSWER.pattern}(?:\n{ANSWER.pattern})*", re.S
)
HINT = r"<details>\n?<summary>{} hint</summary>\n\n((?:(?!</?details).)+)\n\n</details>"
HINTS = re.compile(rf"{HINT.format('First')}\n+{HINT.format('Second')}", re.S)


def about_questions(sources: list[str], heading: str) -> Iterator[str]:
    """What is wrong with the questions under one heading of a chapter's Markdown cells."""
    found = [source for source in sources if source.startswith(heading)]
    if len(found) != 1:
        yield f"{len(found)} cells begin with {heading!r}"
        return
    opening = f"{heading}\n\n{LINES[heading]}\n\n"
    if not found[0].startswith(opening):
        yield f"{heading}: the line below it is not {LINES[heading]!r}"
        return
    blocks = re.split(r"\n\n(?=\*\*\d+\.\*\* )", found[0].removeprefix(opening).rstrip())
    if not 3 <= len(blocks) <= 5:
        yield f"{heading}: {len(blocks)} questions, expected 3 to 5"
    places = []
    for number, block in enumerate(blocks, start=1):
        where = f"{heading}, question {number}"
        if not block.startswith(f"**{number}.** "):
            yield f"{where}: does not begin with **{number}.**"
        if not QUESTION.fullmatch(block):
            yield f"{where}: not of the form that CONTRIBUTING.md gives"
            continue
        answers = ANSWER.findall(block)
        if not 3 <= len(answers) <= 4:
            yield f"{where}: {len(answers)} answers, expected three or four"
        right = [place for place, (mark, _, _) in enumerate(answers) if mark]
        if len(right) != 1:
            yield f"{where}: {len(right)} answers are right"
        places += right
        if len({summary for _, summary, _ in answers}) < len(answers):
            yield f"{where}: two answers are the same"
        for mark, summary, text in answers:
            if re.search(r"[$`*]", summary):  # shown as it stands: a summary is HTML
                yield f"{where}: {summary!r} holds Markdown or mathematics"
            if not re.match(r"Yes: \S" if mark else r"No: \S", text) or len(text) < 25:
                yield f"{where}: {summary!r} must say why, beginning with Yes: or No:"
    if len(places) > 1 and len(set(places)) == 1:
        yield f"{heading}: the right answer always stands at the same place"


def about_places(sources: list[str]) -> Iterator[str]:
    """Questions stand before the first section and before the summary."""
    headings = re.findall(r"^## .+$", "\n\n".join(sources), re.M)
    if headings[:1] != [START]:
        yield f"{START!r} is not the first section"
    if END not in headings or headings[headings.index(END) + 1 :][:1] != ["## Summary"]:
        yield f"{END!r} does not stand just before '## Summary'"


def about_hints(sources: list[str]) -> Iterator[str]:
    """Each exercise offers a first and a second hint, one after the other."""
    _, _, exercises = "\n\n".join(sources).partition("\n## Exercises\n")
    exercises = re.split(r"^## ", exercises, flags=re.M)[0]
    found = re.split(r"^### Exercise ", exercises, flags=re.M)[1:]
    if not found:
        yield "there is no exercise"
    for number, text in enumerate(found, start=1):
        where = f"exercise {number}"
        if not re.match(rf"{number}\b", text):
            yield f"{where}: is not called so"
        hints = HINTS.search(text)
        if not hints or len(re.findall(r"<summary>[^<]*\bhint", text, re.I)) != 2:
            yield f"{where}: expected a first hint, then a second one"
        elif hints[1] == hints[2]:
            yield f"{where}: both hints are the same"


def complaints(sources: list[str]) -> list[str]:
    rules = (about_questions(sources, START), about_questions(sources, END))
    return [what for rule in (*rules, about_places(sources), about_hints(sources)) for what in rule]


def markdown(path) -> list[str]:
    return [cell["source"] for cell in cells(path, "markdown")]


@every_chapter
@pytest.mark.parametrize("heading", [START, END])
def test_quick_questions_keep_to_their_form(path, heading):
    assert list(about_questions(markdown(path), heading)) == []


@every_chapter
def test_quick_questions_stand_at_the_start_and_at_the_end(path):
    assert list(about_places(markdown(path))) == []


@every_chapter
def test_exercises_have_hints_in_two_steps(path):
    assert list(about_hints(markdown(path))) == []


# --- each rule can fail ---------------------------------------------------------------------------


def answer(right: bool, summary: str) -> str:
    mark, word = (" gru-right", "Yes") if right else ("", "No")
    return (
        f'<details class="gru-answer{mark}"><summary>{summary}</summary>\n\n'
        f"{word}: this is said about the answer {summary}.\n\n</details>"
    )


def made_up() -> list[str]:
    """The Markdown cells of a chapter that keeps to the form."""

    def questions(heading):
        asked = [
            f"**{n}.** What about $z$?\n\n"
            + "\n".join(answer(place == n % 3, word) for place, word in enumerate("abc"))
            for n in (1, 2, 3)
        ]
        return "\n\n".join([heading, LINES[heading], *asked])

    hints = "\n\n".join(
        f"<details>\n<summary>{which} hint</summary>\n\nThe {which.lower()} one.\n\n</details>"
        for which in ("First", "Second")
    )
    return [
        "# A chapter",
        questions(START),
        "## A section",
        f"## Exercises\n\n### Exercise 1 (recall)\n\n{hints}",
        f"### Exercise 2\n\n{hints}",
        questions(END),
        "## Summary",
    ]


BREAKS = {  # cell, what stands there, what is put in its place, the complaint
    "no start": (1, START, "## Before", "0 cells begin with '## Before you start'"),
    "no end": (5, END, "## Check", "0 cells begin with '## Check yourself'"),
    "line": (5, " Nothing is sent anywhere.", "", "the line below it is not"),
    "two questions": (1, "**3.** What", "3. What", "2 questions, expected 3 to 5"),
    "numbering": (1, "**2.**", "**5.**", "does not begin with **2.**"),
    "blank line": (1, "</details>\n<details", "</details>\n\n<details", "not of the form"),
    "no line": (1, "</summary>\n\nNo", "</summary>\nNo", "not of the form"),
    "text between": (5, "\n\n**2.**", "\n\nSo much for that.\n\n**2.**", "not of the form"),
    "two answers": (1, answer(False, "a") + "\n", "", "2 answers, expected three or four"),
    "five answers": (1, "**1.** What about $z$?\n\n", None, "5 answers, expected three or four"),
    "none right": (1, answer(True, "b"), answer(False, "b"), "0 answers are right"),
    "two right": (1, answer(False, "a"), answer(True, "a"), "2 answers are right"),
    "the same twice": (1, "<summary>a<", "<summary>b<", "two answers are the same"),
    "mathematics": (1, "<summary>a<", "<summary>$a$<", "holds Markdown or mathematics"),
    "yes for no": (1, "No: this is", "Yes: this is", "beginning with Yes: or No:"),
    "no for yes": (5, "Yes: this is", "No: this is", "beginning with Yes: or No:"),
    "no reason": (1, "No: this is said about the answer a.", "No: never.", "must say why"),
    "start too late": (0, "# A chapter", "# A\n\n## B", "is not the first section"),
    "end too early": (6, "## Summary", "## More\n\n## Summary", "does not stand just before"),
    "no exercise": (3, "## Exercises", "## Problems", "there is no exercise"),
    "exercise number": (4, "Exercise 2", "Exercise 3", "exercise 2: is not called so"),
    "one hint": (3, "Second hint", "Solution", "exercise 1: expected a first hint, then"),
    "an old hint": (4, "First hint", "Hint", "exercise 2: expected a first hint, then"),
    "three hints": (4, "</details>", "</details>\n\n<summary>Third hint", "exercise 2: expected"),
    "hints apart": (3, "</details>", "</details>\n\nThink.", "exercise 1: expected a first hint"),
    "hints swapped": (3, "First hint", "Second hint", "exercise 1: expected a first hint, then"),
    "same hints": (3, "The second one.", "The first one.", "both hints are the same"),
}


def test_the_form_itself_is_accepted():
    assert complaints(made_up()) == []


@pytest.mark.parametrize("what", BREAKS)
def test_a_break_of_the_form_is_found(what):
    cell, old, new, wanted = BREAKS[what]
    sources = made_up()
    assert old in sources[cell], "the test itself is out of date"
    if new is None:
        new = f"{old}{answer(False, 'd')}\n{answer(False, 'e')}\n"
    sources[cell] = sources[cell].replace(old, new, 1)
    assert any(wanted in complaint for complaint in complaints(sources)), complaints(sources)


def test_a_right_answer_always_at_one_place_is_found():
    sources = made_up()
    one, other, third = (answer(place == 1, word) for place, word in enumerate("abc"))
    asked = [f"**{n}.** What?\n\n{one}\n{other}\n{third}" for n in (1, 2, 3)]
    sources[1] = "\n\n".join([START, LINE, *asked])
    assert complaints(sources) == [f"{START}: the right answer always stands at the same place"]
