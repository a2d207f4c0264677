"""The gate explorer in JupyterLab, with a live kernel behind it."""

import os
import re
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import nbformat
import pytest
from playwright.sync_api import expect

ROOT = Path(__file__).parents[2]
CELLS = [
    "from gru_course.widgets import GateExplorer\nexplorer = GateExplorer(x=1.0)\nexplorer",
    "print(f\"Python sees x = {explorer.x:.2f}, h = {explorer.values()['h']:.12f}\")",
    "explorer.h_prev = 0.123456789\nexplorer.drive = True\nexplorer.z = 0.25\n"
    "explorer.values()['h']",
]


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    """The address of a JupyterLab that knows one notebook and no settings of this computer."""
    home = tmp_path_factory.mktemp("lab")
    notebook = nbformat.v4.new_notebook(
        cells=[nbformat.v4.new_code_cell(source) for source in CELLS],
        metadata={"kernelspec": {"name": "python3", "display_name": "Python 3"}},
    )
    nbformat.write(notebook, home / "explorer.ipynb")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    command = [sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root"]
    command += [f"--port={port}", "--ip=127.0.0.1", "--ServerApp.port_retries=0"]
    command += [
        "--IdentityProvider.token=",
        "--ServerApp.password=",
        f"--ServerApp.root_dir={home}",
    ]
    command += ["--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate"]
    own = ("JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR", "IPYTHONDIR", "HOME")
    environment = {
        **os.environ,
        **{name: str(home / name.lower()) for name in own},
        "PYTHONPATH": str(ROOT),
    }
    log = home / "lab.log"
    with log.open("w") as out:
        server = subprocess.Popen(command, env=environment, stdout=out, stderr=subprocess.STDOUT)
        try:
            wait_for(f"{url}/api", server, log)
            yield url
        finally:
            server.terminate()
            server.wait(30)


def wait_for(url, server, log):
    for _ in range(240):
        try:
            with urllib.request.urlopen(url, timeout=5):
                return
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            assert server.poll() is None, f"JupyterLab ended:\n{log.read_text()[-4000:]}"
            time.sleep(0.25)
    pytest.fail(f"JupyterLab did not answer within a minute:\n{log.read_text()[-4000:]}")


def number(node):
    return float(node.get_attribute("data-value"))


def test_python_and_the_sliders_share_their_numbers(browser, lab):
    with browser.new_context(viewport={"width": 1280, "height": 1400}) as context:
        page = context.new_page()
        page.set_default_timeout(90_000)
        page.goto(f"{lab}/doc/tree/explorer.ipynb")
        cells = page.locator(".jp-CodeCell")
        cells.nth(2).wait_for()
        page.locator(".jp-Notebook-ExecutionIndicator[data-status=idle]").wait_for()

        def run(index):
            prompt = cells.nth(index).locator(".jp-InputPrompt")
            deadline = time.monotonic() + 90
            while prompt.text_content() == "[ ]:":
                assert time.monotonic() < deadline, f"cell {index} does not start"
                # On the element, not at a place on the screen: what is above may still be growing.
                # Again if nothing came of it: while JupyterLab starts, keys can go unheard.
                cells.nth(index).locator(".cm-content").press("Shift+Enter")
                page.wait_for_timeout(2000)
            expect(prompt).to_have_text(re.compile(r"^\[\d+\]:$"), timeout=90_000)
            return cells.nth(index).locator(".jp-OutputArea-output")

        run(0)
        explorer = page.locator(".gru-explorer")
        explorer.wait_for()
        assert page.locator(".gru-still").count() == 0, "the live widget wins over its HTML"

        slider = explorer.locator("[data-slider=x] input")
        for _ in range(3):
            slider.press("ArrowLeft")
        shown = number(explorer.locator("[data-reading=x]"))
        assert shown == pytest.approx(0.85)
        h = number(explorer.locator("[data-out=h]"))
        output = run(1).inner_text()
        seen = re.search(r"x = (\S+), h = (\S+)", output)
        assert seen, output
        assert float(seen[1]) == pytest.approx(shown)
        assert float(seen[2]) == pytest.approx(h, abs=1e-9)

        answer = float(run(2).inner_text())
        page.wait_for_function(
            "document.querySelector('.gru-explorer [data-out=z]').dataset.value === '0.25'"
        )
        assert number(explorer.locator("[data-reading=h_prev]")) == 0.123456789
        assert number(explorer.locator("[data-out=h]")) == pytest.approx(answer, abs=1e-9)
        assert explorer.get_by_role("switch").is_checked()
