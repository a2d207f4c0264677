"""Run notebooks in their folders and store their outputs, in the one form that git sees.

    python tests/book/execute.py book/gating/gru.ipynb ...

A second run changes nothing where the outputs are deterministic: what varies from run to run
without meaning (times, widget identifiers, the metadata of images) is not stored.
"""

import base64
import io
import sys
import time
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError
from PIL import Image

METADATA = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}
CELL_METADATA = ("mystnb", "tags")  # editors add their own keys; these two mean something here
# A stored view without its model shows as "model not found"; the widget's HTML shows instead.
WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"
CELL_TIMEOUT = 600  # seconds, the limit under which the tests run the same cells


def plain_png(data: str) -> str:
    """The same picture without text chunks, which name the version of matplotlib."""
    buffer = io.BytesIO()
    Image.open(io.BytesIO(base64.b64decode(data))).save(buffer, "PNG", optimize=True)
    return base64.b64encode(buffer.getvalue()).decode()


def normalise(notebook: nbformat.NotebookNode) -> None:
    """Keep what readers, the book and the tests use, and drop the rest, in place."""
    notebook.metadata = nbformat.from_dict(METADATA)
    for cell in notebook.cells:
        cell.metadata = nbformat.from_dict(
            {key: cell.metadata[key] for key in CELL_METADATA if key in cell.metadata}
        )
        for output in cell.get("outputs", []):
            data = output.get("data", {})
            data.pop(WIDGET_VIEW, None)
            if "image/png" in data:
                data["image/png"] = plain_png(data["image/png"])


def execute(path: Path) -> None:
    """Run one notebook; its file is written only when every cell has run."""
    notebook = nbformat.read(path, as_version=4)
    NotebookClient(
        notebook,
        kernel_name="python3",
        timeout=CELL_TIMEOUT,
        resources={"metadata": {"path": str(path.parent)}},
        store_widget_state=False,
        record_timing=False,
        coalesce_streams=True,
    ).execute()
    normalise(notebook)
    nbformat.write(notebook, path)


def main(paths: list[str]) -> int:
    failed = 0
    for path in map(Path, paths):
        start = time.perf_counter()
        try:
            execute(path)
        except CellExecutionError as error:
            failed += 1
            print(f"{path}: not written, a cell failed\n{error}", file=sys.stderr)
        else:
            print(f"{path}: {time.perf_counter() - start:.1f} s")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
