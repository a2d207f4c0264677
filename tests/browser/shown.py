"""What each widget has to show for its settings, from Python; on pages and in JupyterLab."""

import functools
import itertools
import json
import math

import numpy as np

from gru_course import widgets
from gru_course.goals import digits, fixed
from gru_course.reference import gru, lstm
from gru_course.widgets import (
    Cobweb,
    GateExplorer,
    GradientFlow,
    LaunchTimeline,
    LSTMExplorer,
    ScanTree,
    UnrollPlayer,
)
from gru_course.widgets._settings import Choice, Number, Switch, Whole
from gru_course.widgets.launch_timeline import BOUNDS

STEPS = 50  # of the explorers' strips

# What a widget shows: the settings of its visible controls, every visible output with all that it
# carries, and where its player stands.
SHOWN = """(root) => {
  const all = (selector) => [...root.querySelectorAll(selector)];
  const number = (node) => Number(node.dataset.value);
  const position = root.querySelector(".gru-player input");
  return {
    settings: Object.fromEntries([
      ...all("[data-slider]:not([hidden])").map((node) =>
        [node.dataset.slider, number(node.querySelector(".gru-reading, .gru-step"))]),
      ...all("[data-switch]").map((node) =>
        [node.dataset.switch, node.querySelector("input").checked]),
      ...all("[data-choice]").map((node) =>
        [node.dataset.choice, node.querySelector(":checked").value])]),
    outputs: Object.fromEntries(all("[data-out], .gru-step[data-value]")
      .filter((node) => node.checkVisibility({ visibilityProperty: true }))
      .map((node) => [node.dataset.out ?? "step", { ...node.dataset, text: node.textContent }])),
    step: position && Number(position.value),
  };
}"""


def _half_life(gate):
    return math.inf if gate == 1 else math.log(0.5) / math.log(gate) if gate else 0.0


def _step(k, h):
    return {"value": h, "text": f"step {k}: h = {digits(h)}"}


def _gate_explorer(state, step):
    widget = GateExplorer(**state)
    values = widget.values()
    xs = np.full((1, STEPS, 1), widget.x)
    hs, _ = gru.forward(xs, np.array([[widget.h_prev]]), widget.params())
    h = [widget.h_prev, *hs[0, :, 0]][step]
    return {**values, "half_life": _half_life(values["z"]), "step": _step(step, h)}


def _lstm_explorer(state, step):
    widget = LSTMExplorer(**state)
    values = widget.values()
    start = lstm.State(h=np.array([[widget.h_prev]]), c=np.array([[widget.c_prev]]))
    states, _ = lstm.forward(np.full((1, STEPS, 1), widget.x), start, widget.params())
    c = [widget.c_prev, *states.c[0, :, 0]][step]
    strip = {"strip_c": c, "strip_h": states.h[0, step - 1, 0]} if step else {"strip_c": c}
    return {**values, "half_life": _half_life(values["f"]), **strip}


def _gradient_flow(state, _):
    widget = GradientFlow(**state)
    crossings = widget.crossings()
    return {
        name: {"norms": norms, "value": "none" if crossings[name] is None else crossings[name]}
        for name, norms in widget.norms().items()
    }


def _cobweb(state, step):
    widget = Cobweb(**state)
    points = {}
    for i, point in enumerate(widget.fixed_points()):
        kind = "at the edge" if point.kind == "edge" else point.kind
        points |= {f"point_{i}": point.h, f"slope_{i}": point.slope, f"kind_{i}": {"text": kind}}
    said = {"text": widget.sentence(), "value": widget.cycle()}
    return {**points, "sentence": said, "step": _step(step, widget.states()[step])}


def _launch_timeline(state, step):
    widget = LaunchTimeline(**state)
    share, bound = widget.share(), widget.bound()
    return {
        "timeline": widget.timeline()._asdict(),
        "time": widget.time(),
        "arithmetic": widget.readings()["arithmetic"],
        "share": {"value": share, "text": f"{fixed(100 * share, 1)}\u00a0%"},
        "bound": {"value": bound, "text": BOUNDS[bound]},
    }


def _scan_tree(state, step):
    widget = ScanTree(**state)
    pair = widget.pairs()[widget.at - 1]
    steps = "Step" if pair.first == pair.last else "Steps"
    totals = {"chain": (7, 7), "doubling": (3, 17), "tree": (5, 11)}
    counted = {
        f"{count}_{method}": {"value": value, "text": f"{value} of {total}"}
        for method, (depth, work) in totals.items()
        for (count, value), total in zip(
            widget.counts(method).items(), (depth, work, 8), strict=True
        )
    }
    return {
        **counted,
        "span": {"text": f"{steps} {pair.span}"},
        "a": pair.a,
        "b": pair.b,
        "step": {"value": step, "text": f"after level {step}"},
    }


def _sequence_player(state, step):
    """Of the record that Python sent: thousandths, step by step."""
    record, unit = state["record"], state["unit"]
    units = len(record["mean_z"])
    values = {name: int(record[name].split()[step * units + unit]) / 1000 for name in "rznh"}
    half_life = record["half_life"][unit]
    lines = {f"line_{i}": line[step] for i, line in enumerate(record["lines"].values())}
    return {
        **values,
        **lines,
        "keeps": values["z"],
        "writes": 1 - values["z"],
        "mean_z": record["mean_z"][unit],
        "half_life": math.inf if half_life is None else half_life,
        "step": state["step"],
    }


def _unroll_player(state, step):
    lines = [()]
    for t in (1, 2, 3):
        lines += [(f"a_{t}", f"h_{t}"), (f"e_{t}", f"L_{t}")]
    lines[-1] += ("L",)
    for t in (3, 2, 1):
        lines += [(f"dh_{t}",), (f"s_{t}", f"delta_{t}"), (f"dw_h_{t}", f"dw_x_{t}")]
    lines.append(("dh_0", "dw_h"))
    values = UnrollPlayer(**state).values()
    return {"sentence": {}, **{name: values[name] for name in lines[step]}}


OUTPUTS = {  # (a widget's state, the step of its player) -> what every output carries
    "Cobweb": _cobweb,
    "GateExplorer": _gate_explorer,
    "GradientFlow": _gradient_flow,
    "LSTMExplorer": _lstm_explorer,
    "LaunchTimeline": _launch_timeline,
    "ScanTree": _scan_tree,
    "SequencePlayer": _sequence_player,
    "UnrollPlayer": _unroll_player,
}


def given(page, module):
    """The state that the first widget of a kind starts from on a page; {} if there is none."""
    start = f'data-module="{module}"><script type="application/json">'
    _, found, rest = page.read_text("utf-8").partition(start)
    return json.loads(rest.partition("<")[0]) if found else {}


@functools.cache
def place(site, name):
    """The page with such a widget, nearest to how its class makes it, and what selects it there."""
    cls = getattr(widgets, name)
    starts = {page: given(page, cls.module) for page in sorted(site.glob("book/**/*.html"))}
    usual = {key: setting.default_value for key, setting in cls.declared().items()}

    def moved(page):
        return sum(starts[page].get(key, "") != value for key, value in usual.items())

    page = min(filter(starts.get, starts), key=moved)
    return page.relative_to(site).as_posix(), f"[data-module={cls.module}] .gru-live"


def drawn_by_lot(cls, rng, on_stops=True):
    """Settings of a widget's controls, from its declarations: anywhere, or where sliders stop."""
    settings = {}
    for key, setting in cls.declared().items():
        if isinstance(setting, Switch):
            settings[key] = bool(rng.integers(2))
        elif isinstance(setting, Choice):
            settings[key] = str(rng.choice(list(setting.options)))
        elif isinstance(setting, Number) and setting.high < np.inf:
            if on_stops or isinstance(setting, Whole):
                stops = round((setting.high - setting.low) / setting.step)
                value = setting.low + setting.step * int(rng.integers(stops + 1))
                settings[key] = round(value, 9)
            else:
                settings[key] = rng.uniform(setting.low, setting.high)
    return settings


def _numbers(text):
    return [float(part) for part in text.strip("[]").replace(",", " ").split()]


def assert_outputs(name, state, shown):
    """Every output that a widget shows is what Python makes of its state, to 1e-9."""
    wanted = OUTPUTS[name](state, shown["step"])
    assert shown["outputs"].keys() == wanted.keys()
    for output, parts in wanted.items():
        for part, value in (parts if isinstance(parts, dict) else {"value": parts}).items():
            got = shown["outputs"][output][part]
            if isinstance(value, str):
                assert got == value, (name, state, output)
            else:
                message = f"{name} {state} {output}"
                np.testing.assert_allclose(
                    _numbers(got), np.atleast_1d(value), 1e-9, 1e-9, err_msg=message
                )


# The sizes of a picture's numbers in pixels of the screen, its lines of text, and its own edges.
WRITTEN = """(picture) => {
  const box = (node) => {
    const { left, right, top, bottom } = node.getBoundingClientRect();
    return [left, right, top, bottom];
  };
  const scale = picture.getBoundingClientRect().width / picture.viewBox.baseVal.width;
  return {
    sizes: [...picture.querySelectorAll("[data-number]")].map((node) =>
      parseFloat(getComputedStyle(node).fontSize) * scale),
    texts: [...picture.querySelectorAll("text")].filter((node) =>
      getComputedStyle(node).visibility === "visible").map(box),
    frame: box(picture),
  };
}"""


def assert_legible(picture):
    """The one picture that is shown has numbers of 11 pixels or more, and no text on another."""
    assert picture.count() == 1
    seen = picture.evaluate(WRITTEN)
    assert min(seen["sizes"]) >= 11
    for left, right, top, bottom in seen["texts"]:
        assert seen["frame"][0] <= left < right <= seen["frame"][1]
        assert seen["frame"][2] <= top < bottom <= seen["frame"][3]
    # Lines of text keep a little air inside their boxes, so boxes may touch but not cross by more.
    for a, b in itertools.combinations(seen["texts"], 2):
        across = min(a[1], b[1]) - max(a[0], b[0])
        down = min(a[3], b[3]) - max(a[2], b[2])
        assert across <= 0 or down <= 5, (a, b)
