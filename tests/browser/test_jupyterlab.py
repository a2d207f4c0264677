"""Every widget in JupyterLab, with a live kernel: what one side sets, the other shows."""

import json
import os
import re
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import nbformat
import numpy as np
import pytest
from live import TIMEOUT, window
from playwright.sync_api import expect
from shown import OUTPUTS, SHOWN, assert_outputs, drawn_by_lot
from sources import given

from gru_course import widgets
from gru_course.widgets._settings import Choice, Switch

ROOT = Path(__file__).parents[2]
GOAL = "lstm.readable-count"
# The first cell shows all widgets, the second says what Python sees of them; then comes one cell a
# widget, in which Python moves it, and one that checks an exercise.
MADE = {name: f"{name}()" for name in OUTPUTS}
MADE["SequencePlayer"] = (
    "SequencePlayer('to be or not', "
    "{name: np.random.default_rng(0).random((12, 3)) for name in 'rzn'}, step=5)"
)
MADE["exercise"] = f"LSTMExplorer(**{given(GOAL)[1]})"


def from_python(name):
    """What Python sets, other than at the start; most of it lies between two stops of a slider."""
    if name == "SequencePlayer":
        return {"step": 9, "unit": 2, "sort": "half_life"}
    cls = getattr(widgets, name)
    settings = drawn_by_lot(cls, np.random.default_rng(0), on_stops=False)
    for key, setting in cls.declared().items():
        if isinstance(setting, Choice):
            settings[key] = list(setting.options)[-1]
        elif isinstance(setting, Switch):
            settings[key] = True
    # What has a control comes last, so that all has arrived once its last one shows it.
    return dict(sorted(settings.items(), key=lambda item: bool(cls.declared()[item[0]].label)))


MOVED = {name: from_python(name) for name in OUTPUTS}
CELLS = [
    "import json\nimport numpy as np\n"
    "from gru_course.exercises import check\nfrom gru_course.widgets import *\n"
    f"made = dict({', '.join(f'{name}={code}' for name, code in MADE.items())})\n"
    "for widget in made.values():\n    display(widget)",
    "print(json.dumps({name: widget.state() for name, widget in made.items()}))",
    *(
        f"for setting in {settings}.items():\n    setattr(made['{name}'], *setting)"
        for name, settings in MOVED.items()
    ),
    f"check({GOAL!r}, made['exercise'])",
]
STATES, CHECK = 1, len(CELLS) - 1


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    """The address of a JupyterLab that knows one notebook and no settings of this computer."""
    home = tmp_path_factory.mktemp("lab")
    notebook = nbformat.v4.new_notebook(
        cells=[nbformat.v4.new_code_cell(source) for source in CELLS],
        metadata={"kernelspec": {"name": "python3", "display_name": "Python 3"}},
    )
    nbformat.write(notebook, home / "widgets.ipynb")
    # Keep the cells that are out of sight.
    settings = home / "settings/@jupyterlab/notebook-extension/tracker.jupyterlab-settings"
    settings.parent.mkdir(parents=True)
    settings.write_text(json.dumps({"windowingMode": "none"}))
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root"]
    command += [f"--port={port}", "--ip=127.0.0.1"]
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
        "JUPYTERLAB_SETTINGS_DIR": str(home / "settings"),
    }
    log = home / "lab.log"
    with log.open("w") as out:
        server = subprocess.Popen(command, env=environment, stdout=out, stderr=subprocess.STDOUT)
        try:
            # It takes another port where this one has been taken meanwhile, and writes down which.
            info = home / "jupyter_runtime_dir" / f"jpserver-{server.pid}.json"
            known = wait_for(lambda: json.loads(info.read_text("utf8")), server, log)
            url = known["url"].rstrip("/")
            wait_for(lambda: urllib.request.urlopen(f"{url}/api", timeout=30).close(), server, log)
            yield url
        finally:
            server.terminate()
            server.wait(120)


def wait_for(answer, server, log):
    """Return once `answer` no longer raises, as it does while the server starts."""
    deadline = time.monotonic() + TIMEOUT / 1000
    while True:
        try:
            return answer()
        except (OSError, ValueError):  # no file, half a file, no connection
            said = log.read_text()[-4000:]
            assert server.poll() is None, f"JupyterLab ended:\n{said}"
            assert time.monotonic() < deadline, f"JupyterLab did not answer:\n{said}"
            time.sleep(0.25)


class Notebook:
    """The one notebook, open in a browser."""

    def __init__(self, page):
        self.page = page
        self.cells = page.locator(".jp-CodeCell")

    def run(self, index):
        """Run a cell; its output, once it has ended."""
        cell = self.cells.nth(index)
        prompt = cell.locator(".jp-InputPrompt")
        before = prompt.text_content()
        deadline = time.monotonic() + TIMEOUT / 1000
        while prompt.text_content() == before:
            assert time.monotonic() < deadline, f"cell {index} does not start"
            # On the element, not at a place on the screen: what is above may still be growing.
            # Again if nothing came of it: while JupyterLab starts, keys can go unheard.
            cell.locator(".cm-content").press("Shift+Enter")
            try:
                expect(prompt).not_to_have_text(before, timeout=30_000)
            except AssertionError:
                continue
        expect(prompt).to_have_text(re.compile(r"^\[\d+\]:$"), timeout=TIMEOUT)
        return cell.locator(".jp-OutputArea-output")

    def run_until(self, index, holds):
        """Run a cell, again while its output does not hold: moves may be on their way there."""
        deadline = time.monotonic() + TIMEOUT / 1000
        while not holds(text := self.run(index).inner_text()):
            assert time.monotonic() < deadline, f"cell {index} still answers {text}"
        return text

    def state(self, name, settings):
        """What Python's widget holds, once the settings have arrived there."""
        states = self.run_until(STATES, lambda t: settings.items() <= json.loads(t)[name].items())
        return json.loads(states)[name]


@pytest.fixture(scope="module")
def notebook(browser, lab):
    page = window(browser, viewport={"width": 1280, "height": 1400})
    page.goto(f"{lab}/doc/tree/widgets.ipynb")
    made = Notebook(page)
    made.cells.nth(CHECK).wait_for()
    page.locator(".jp-Notebook-ExecutionIndicator[data-status=idle]").wait_for()
    made.run(0)
    expect(page.locator(".gru-live")).to_have_count(len(MADE), timeout=TIMEOUT)
    assert page.locator(".gru-still").count() == 0, "live widgets win over their HTML"
    yield made
    page.context.close()


@pytest.mark.parametrize("name", OUTPUTS)
def test_python_and_the_controls_share_their_numbers(notebook, name):
    widget = notebook.page.locator(".gru-live").nth(list(MADE).index(name))
    key = widget.locator("[data-slider]:not([hidden])").first.get_attribute("data-slider")
    before = widget.evaluate(SHOWN)["settings"]
    slider = widget.locator(f"[data-slider={key}] input")
    for _ in range(3):
        slider.press("ArrowLeft")
    shown = widget.evaluate(SHOWN)
    step = float(slider.get_attribute("step"))
    assert shown["settings"][key] == pytest.approx(before[key] - 3 * step)
    state = notebook.state(name, shown["settings"])
    assert_outputs(name, state, shown)

    settings = MOVED[name]
    notebook.run(2 + list(MOVED).index(name))
    key, value = list(settings.items())[-1]  # the last one that Python sets
    notebook.page.wait_for_function(
        f"([root, key, value]) => ({SHOWN})(root).settings[key] === value",
        arg=[widget.element_handle(), key, value],
    )
    shown = widget.evaluate(SHOWN)
    for key, value in shown["settings"].items():
        assert value == {**state, **settings}[key]
    assert_outputs(name, {**state, **settings}, shown)
    assert notebook.state(name, settings) == {**state, **settings}


def test_an_exercise_is_solved_by_its_slider(notebook):
    goal = notebook.page.locator(f".gru-goal[data-goal='{GOAL}']")
    explorer = notebook.page.locator(".gru-lstm-explorer", has=goal)
    assert "Not attempted yet" in notebook.run(CHECK).inner_text()
    slider = explorer.locator("[data-slider=i] input")
    slider.press("Home")
    assert goal.inner_text().startswith("→ Not yet.")
    notebook.run_until(CHECK, lambda text: "the last step puts 0.000 into the cell" in text)
    slider.press("ArrowRight")
    slider.press("ArrowRight")
    assert goal.inner_text().startswith("✓ Solved.")
    notebook.run_until(CHECK, lambda text: text.startswith("✓ Right: "))
