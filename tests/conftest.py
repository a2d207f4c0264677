"""What the tests of the book and of its pages share: the built site, a server and a browser."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from filelock import FileLock
from live import serving
from playwright.sync_api import sync_playwright

ROOT = Path(__file__).parents[1]

# Without a GPU, Triton's interpreter runs the kernels. It is chosen when Triton is imported.
if not Path("/dev/nvidiactl").exists():
    os.environ["TRITON_INTERPRET"] = "1"

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
# No sandbox: the pages are our own, and containers do not offer the namespaces that it needs.
# The rest keeps the browser itself off the network, so that every request seen is the page's.
BROWSER_ARGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]

# The longest modules. The second needs no book, so that it does not wait for the first to build it.
FIRST = ("test_pages", "test_sequence_player", "test_controls", "test_jupyterlab", "test_progress")


def pytest_collection_modifyitems(items):
    """Begin with what takes long: the pages, then the notebooks.

    At the end of a run a long module would keep one worker busy alone.
    """

    def turn(item):
        name, paged = item.path.stem, item.path.parent.name == "browser"
        first = FIRST.index(name) if paged and name in FIRST else len(FIRST)
        return first, not paged, item.path.suffix != ".ipynb"

    items.sort(key=turn)
    for item in items:
        # nbval's five seconds from a cell's end to its last output are short on a busy machine.
        if hasattr(item.parent, "output_timeout"):
            item.parent.output_timeout = 120


def build_book(output: Path) -> Path:
    """Build the book from scratch into a folder; any warning is an error."""
    command = [Path(sys.executable).with_name("jupyter-book"), "build", ROOT]
    command += ["--path-output", output, "-W", "-n", "--keep-going"]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    log = run.stdout + run.stderr
    complaints = re.findall(r".*\b(?:WARNING|ERROR)\b.*", log)
    assert run.returncode == 0, f"jupyter-book exited with {run.returncode}:\n{log[-8000:]}"
    assert not complaints, "\n".join(complaints)
    return output / "_build" / "html"


@pytest.fixture(scope="session")
def site(tmp_path_factory, worker_id) -> Path:
    """The folder of the built book, built once for all workers."""
    base = tmp_path_factory.getbasetemp()
    shared = base if worker_id == "master" else base.parent
    done = shared / "book-is-built"
    with FileLock(shared / "book.lock"):
        if not done.exists():
            shutil.rmtree(shared / "book", ignore_errors=True)
            build_book(shared / "book")
            done.touch()
    return shared / "book" / "_build" / "html"


@pytest.fixture(scope="session")
def site_url(site):
    """The site's address under a sub-path, as project pages are published."""
    with serving(site.parent) as url:
        yield f"{url}{site.name}/"


# Per module: Playwright keeps an event loop in this thread, which would be in the way of the
# notebooks' kernels that the same worker runs afterwards.
@pytest.fixture(scope="module")
def browser():
    """Headless Chromium; where CI is set, a missing one is a failure."""
    path = next(filter(None, map(shutil.which, BROWSERS)), None)
    if path is None:
        missing = f"None of {', '.join(BROWSERS)} is on the PATH: pages were not looked at."
        if os.environ.get("CI"):
            pytest.fail(missing)
        pytest.skip(missing)
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=path, args=BROWSER_ARGS)
        yield chromium
        chromium.close()
