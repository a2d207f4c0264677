"""What every notebook of the book keeps to, beside running without error."""

import ast
import json
import re

import pytest
from IPython.core.inputtransformer2 import TransformerManager
from sources import BOOK, CONFIG, REPOSITORY, cells, draws, is_solution, name, notebooks, tags

from gru_course.exercises import check

NOTEBOOKS = notebooks()
CHAPTERS = [path for path in NOTEBOOKS if not is_solution(path)]
every_notebook = pytest.mark.parametrize("path", NOTEBOOKS, ids=name)
every_chapter = pytest.mark.parametrize("path", CHAPTERS, ids=name)

COLAB_CELL = f"""\
import sys

if "google.colab" in sys.modules:
    !pip install --quiet "gru-course @ git+{REPOSITORY}\""""

# Words that other texts use for what book/notation.md names otherwise.
BANNED = ["cell gate", "hidden vector", "memory gate", "output gate of the GRU"]


def exercise_names() -> set[str]:
    """The registered checkers, as check itself lists them."""
    with pytest.raises(ValueError, match="expected one of") as info:
        check("no such exercise", None)
    return set(re.findall(r"[\w.-]+\.[\w.-]+", str(info.value)))


@every_notebook
def test_cells_were_run_once_from_the_top(path):
    counts = [cell["execution_count"] for cell in cells(path, "code")]
    assert counts == list(range(1, len(counts) + 1)), f"run make execute NB={path}"


@every_notebook
def test_stored_form(path):
    """As tests/book/execute.py writes it: nothing that an editor or a run left behind."""
    text = path.read_text("utf8")
    notebook = json.loads(text)
    assert text.endswith("}\n")
    assert notebook["metadata"] == {
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
    }, "no widget state and no editor's keys"
    for cell in notebook["cells"]:
        assert cell["cell_type"] in ("code", "markdown"), f"{cell['id']}: no page shows it"
        assert set(cell["metadata"]) <= {"mystnb", "tags"}, cell["id"]
    identifiers = [cell["id"] for cell in notebook["cells"]]
    assert len(set(identifiers)) == len(identifiers)


@every_notebook
def test_no_output_is_an_error_or_a_widget_without_model(path):
    for cell in cells(path, "code"):
        for output in cell["outputs"]:
            assert output["output_type"] != "error", cell["id"]
            text = json.dumps(output)
            assert "Traceback (most recent call last)" not in text, cell["id"]
            assert "application/vnd.jupyter.widget-view+json" not in text, cell["id"]


@every_notebook
def test_pictures_have_alternative_texts(path):
    for cell in filter(draws, cells(path, "code")):
        image = cell["metadata"].get("mystnb", {}).get("image", {})
        assert len(image.get("alt", "")) >= 20, f"cell {cell['id']}: mystnb.image.alt"


@every_notebook
def test_figures_are_captioned_and_numbered_in_order(path):
    """The paragraph after a cell that draws begins with *Figure k.*"""
    caption = re.compile(r"\*Figure (\d+)\.")
    found = cells(path)
    for cell, following in zip(found, [*found[1:], None], strict=True):
        if cell["cell_type"] == "code" and draws(cell):
            assert following, f"cell {cell['id']}: no caption"
            assert caption.match(following["source"]), f"cell {cell['id']}: no caption"
    numbers = [int(match[1]) for cell in found if (match := caption.match(cell["source"]))]
    assert numbers == list(range(1, len(numbers) + 1))


@every_notebook
def test_equations_are_numbered_in_order(path):
    numbers = tags("\n".join(cell["source"] for cell in cells(path, "markdown")))
    assert numbers == list(range(1, len(numbers) + 1))


@every_notebook
def test_first_code_cell_installs_in_colab_only(path):
    first = cells(path, "code")[0]
    assert first["source"] == COLAB_CELL
    assert first["metadata"].get("tags") == ["remove-cell"]


@every_notebook
def test_colours_come_from_the_palette(path):
    for cell in cells(path):
        assert not re.search(r"""["'#(:\s]#[0-9a-fA-F]{6}\b""", cell["source"]), cell["id"]


@every_notebook
def test_words_are_those_of_the_notation(path):
    text = "\n".join(cell["source"] for cell in cells(path, "markdown")).lower()
    assert not [word for word in BANNED if word.lower() in text]


@every_notebook
def test_checked_exercises_exist(path):
    known = exercise_names()
    for cell in cells(path, "code"):
        code = TransformerManager().transform_cell(cell["source"])  # "!pip" as Python
        for node in ast.walk(ast.parse(code)):
            if isinstance(node, ast.Call) and getattr(node.func, "id", None) == "check":
                asked = ast.literal_eval(node.args[0])
                assert asked in known, f"cell {cell['id']}: no checker {asked!r}"


@every_chapter
def test_chapter_links_to_its_solutions(path):
    solutions = BOOK / "solutions" / path.name
    assert solutions.exists()
    text = "\n".join(cell["source"] for cell in cells(path, "markdown"))
    assert f"(../solutions/{path.name}" in text


@every_chapter
def test_chapter_asks_for_a_checked_answer(path):
    assert any('check("' in cell["source"] for cell in cells(path, "code"))


def test_nothing_is_executed_by_the_build():
    """Pages show what was tested, since only the tests and `make execute` run cells."""
    assert CONFIG["execute"]["execute_notebooks"] == "off"
