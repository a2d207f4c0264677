"""The built site, a server and a browser."""

import functools
import http.server
import os
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from filelock import FileLock
from playwright.sync_api import sync_playwright

ROOT = Path(__file__).parents[2]
BROWSER_ARGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@pytest.fixture(scope="session")
def site(tmp_path_factory) -> Path:
    """The folder of the built book: the one in the working tree, or a fresh one."""
    built = ROOT / "_build" / "html"
    if built.is_dir():
        return built
    shared = tmp_path_factory.getbasetemp().parent
    html = shared / "book" / "_build" / "html"
    with FileLock(shared / "book.lock"):
        if not html.is_dir():
            command = [Path(sys.executable).with_name("jupyter-book"), "build", ROOT]
            subprocess.run([*command, "--path-output", shared / "book", "-W", "-n"], check=True)
    return html


class _QuietHandler(http.server.SimpleHTTPRequestHandler):
    def log_message(self, format, *args):
        pass


@pytest.fixture(scope="session")
def site_url(site):
    """The site's address under a sub-path, as project pages are published."""
    handler = functools.partial(_QuietHandler, directory=str(site.parent))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/{site.name}/"
        server.shutdown()


@pytest.fixture(scope="module")
def browser():
    path = next(filter(None, map(shutil.which, ("chromium", "google-chrome"))), None)
    if path is None:
        missing = "Chromium is not on the PATH: pages were not looked at."
        if os.environ.get("CI"):
            pytest.fail(missing)
        pytest.skip(missing)
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=path, args=BROWSER_ARGS)
        yield chromium
        chromium.close()
