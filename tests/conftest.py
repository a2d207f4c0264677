"""What the tests of the book and of its pages share: the built site, a server and a browser."""

import os
import re
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from filelock import FileLock
from live import TIMEOUT, serving
from playwright.sync_api import sync_playwright

ROOT = Path(__file__).parents[1]

# Without a GPU, Triton's interpreter runs the kernels. It is chosen when Triton is imported.
if not Path("/dev/nvidiactl").exists():
    os.environ["TRITON_INTERPRET"] = "1"

# The first has no windows to draw, nor the rest of a desktop browser.
BROWSERS = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")
NO_BROWSER = (
    "No page was tried in a browser, since the PATH has none of "
    f"{', '.join(BROWSERS)}; `make browser` installs one."
)
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
    """Begin with what takes long: the pages, then the notebooks, then the kernels.

    At the end of a run a long module would keep one worker busy alone.
    """

    def turn(item):
        name, folder = item.path.stem, item.path.parent.name
        first = FIRST.index(name) if folder == "browser" and name in FIRST else len(FIRST)
        return first, folder != "browser", item.path.suffix != ".ipynb", folder != "kernels"

    items.sort(key=turn)
    for item in items:
        # nbval's five seconds from a cell's end to its last output are short on a busy machine.
        if hasattr(item.parent, "output_timeout"):
            item.parent.output_timeout = 600


def pytest_terminal_summary(terminalreporter):
    """Say which files took longest, and once what a missing browser left out."""
    reports = [each for kind in terminalreporter.stats.values() for each in kind]
    seconds = Counter()
    for report in reports:
        if isinstance(report, pytest.TestReport):
            seconds[report.nodeid.partition("::")[0]] += report.duration
    if len(seconds) > 1:
        terminalreporter.section("25 slowest files, seconds of a worker")
        for name, spent in seconds.most_common(25):
            terminalreporter.line(f"{spent:7.1f}  {name}")
    if any(NO_BROWSER in str(getattr(report, "longrepr", "")) for report in reports):
        terminalreporter.section("no browser")
        terminalreporter.line(NO_BROWSER)


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
        if os.environ.get("CI"):
            pytest.fail(NO_BROWSER)
        pytest.skip(NO_BROWSER)
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(
            executable_path=path, args=BROWSER_ARGS, timeout=TIMEOUT
        )
        yield chromium
        chromium.close()
