"""The book's sources as the tests read them."""

import functools
import json
import re
import subprocess
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[2]
BOOK = ROOT / "book"
CONFIG = yaml.safe_load((ROOT / "_config.yml").read_text("utf8"))
REPOSITORY = CONFIG["repository"]["url"]
BRANCH = CONFIG["repository"]["branch"]


def _files(entry) -> list[str]:
    """Every `file` and `root` of a table of contents, in order, without suffixes."""
    if isinstance(entry, list):
        return [name for part in entry for name in _files(part)]
    if isinstance(entry, dict):
        here = [entry[key] for key in ("root", "file") if key in entry]
        return here + [
            name for key, part in entry.items() if isinstance(part, list) for name in _files(part)
        ]
    return []


TOC = _files(yaml.safe_load((ROOT / "_toc.yml").read_text("utf8")))


def tracked() -> set[str]:
    """The paths that git tracks, relative to the root."""
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, check=True)
    return set(listed.stdout.decode().splitlines())


def notebooks() -> list[Path]:
    """Every notebook of the book."""
    found = sorted(BOOK.rglob("*.ipynb"))
    return [path for path in found if ".ipynb_checkpoints" not in path.parts]


def is_solution(path: Path) -> bool:
    return path.parent.name == "solutions"


def cells(path: Path, kind: str | None = None) -> list[dict]:
    """The cells of a notebook, or those of one kind, with their source as one string."""
    found = json.loads(path.read_text("utf8"))["cells"]
    for cell in found:
        cell["source"] = "".join(cell["source"])
    return [cell for cell in found if kind in (None, cell["cell_type"])]


@functools.cache
def given(goal: str) -> tuple[str, dict]:
    """The page that sets a slider exercise, without its suffix, and what it gives to the widget."""
    for path in notebooks():
        for cell in [] if is_solution(path) else cells(path, "code"):
            if f'goal="{goal}"' in cell["source"]:
                html = "".join(cell["outputs"][-1]["data"]["text/html"])
                state = re.search(r'<script type="application/json">(.*?)</script>', html)
                assert state, f"{goal}: the cell shows no widget"
                return f"book/{name(path)}", json.loads(state[1])
    raise AssertionError(f"no chapter has a widget with goal={goal!r}")


def draws(cell: dict) -> bool:
    return any("image/png" in output.get("data", {}) for output in cell["outputs"])


def name(path: Path) -> str:
    """How pytest is to name a notebook."""
    return path.relative_to(BOOK).with_suffix("").as_posix()


def tags(markdown: str) -> list[int]:
    r"""The numbers of \tag{k} in a text, in order."""
    return [int(number) for number in re.findall(r"\\tag\{(\d+)\}", markdown)]
