"""Executing a notebook stores one form, whatever wrote it before."""

import base64
import io

import nbformat
from execute import execute, main
from nbformat.v4 import new_code_cell, new_notebook
from PIL import Image

DRAW = """\
import sys
import matplotlib.pyplot as plt
print("one", flush=True)
print("err", file=sys.stderr, flush=True)
print("two")
plt.plot([1, 2])
plt.show()"""


def write(path, *sources, **metadata):
    notebook = new_notebook(cells=[new_code_cell(source) for source in sources])
    for number, cell in enumerate(notebook.cells):
        cell.id = f"cell-{number}"
        cell.metadata.update(metadata)
    notebook.metadata["widgets"] = {"application/vnd.jupyter.widget-state+json": {}}
    nbformat.write(notebook, path)
    return path


def test_stores_outputs_once_and_for_all(tmp_path):
    path = write(tmp_path / "a.ipynb", DRAW, "1 + 1", tags=["kept"], ExecuteTime={"start": "now"})
    execute(path)
    first = path.read_text("utf8")
    execute(path)
    assert path.read_text("utf8") == first
    assert first.endswith("}\n")

    notebook = nbformat.reads(first, as_version=4)
    assert set(notebook.metadata) == {"kernelspec", "language_info"}
    assert notebook.metadata.language_info == {"name": "python"}
    drawn, summed = notebook.cells
    assert [drawn.id, summed.id] == ["cell-0", "cell-1"]
    assert [drawn.execution_count, summed.execution_count] == [1, 2]
    assert drawn.metadata == summed.metadata == {"tags": ["kept"]}
    streams = {o.name: o.text for o in drawn.outputs if o.output_type == "stream"}
    assert streams == {"stdout": "one\ntwo\n", "stderr": "err\n"}
    assert summed.outputs[0].data["text/plain"] == "2"


def test_pictures_keep_their_pixels_and_lose_their_metadata(tmp_path):
    path = write(tmp_path / "a.ipynb", DRAW + "\nimport base64, io\nb = io.BytesIO()")
    execute(path)
    outputs = nbformat.read(path, as_version=4).cells[0].outputs
    png = next(o.data["image/png"] for o in outputs if "data" in o)
    image = Image.open(io.BytesIO(base64.b64decode(png)))
    assert image.width > 300
    assert image.info == {}


def test_stores_no_widget_view(tmp_path):
    path = write(tmp_path / "a.ipynb", "import ipywidgets\nipywidgets.IntSlider()")
    execute(path)
    (output,) = nbformat.read(path, as_version=4).cells[0].outputs
    assert set(output.data) == {"text/plain"}


def test_a_failing_cell_leaves_the_file_alone(tmp_path, capsys):
    path = write(tmp_path / "a.ipynb", "1 + 1", "1 / 0")
    before = path.read_bytes()
    assert main([str(path)]) == 1
    assert path.read_bytes() == before
    assert "ZeroDivisionError" in capsys.readouterr().err


def test_runs_in_the_folder_of_the_notebook(tmp_path):
    execute(path := write(tmp_path / "a.ipynb", "import os\nos.getcwd()"))
    (output,) = nbformat.read(path, as_version=4).cells[0].outputs
    assert output.data["text/plain"] == repr(str(tmp_path))
