"""What each widget has to show for its settings, from Python; on pages and in JupyterLab."""

import itertools
import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

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


class Widget(NamedTuple):
    """How the tests know one widget."""

    outputs: Callable  # (its state, step of its player) -> what every output carries
    presets: dict  # what each of its buttons sets
    code: str  # makes one in a notebook
    settings: dict  # what Python then sets there; some lie between two stops of a slider


def _driven(**gates):
    return {"drive": True, **gates}


WIDGETS = {
    "Cobweb": Widget(
        _cobweb,
        {
            "forgets": {"w": 0.5, "b": 0},
            "remembers": {"w": 2, "b": 0},
            "alternates": {"w": -2, "b": 0},
            "at the edge": {"w": 1, "b": 0},
        },
        "Cobweb(w=1.5)",
        {"w": -1.23456789, "h0": 0.5},
    ),
    "GateExplorer": Widget(
        _gate_explorer,
        {
            "copy": _driven(r=1, z=1),
            "overwrite": _driven(r=0, z=0),
            "plain RNN": _driven(r=1, z=0),
            "leaky average": _driven(r=0, z=0.9),
        },
        "GateExplorer(x=1.0)",
        {"h_prev": 0.123456789, "drive": True, "z": 0.25},
    ),
    "GradientFlow": Widget(
        _gradient_flow,
        {},
        "GradientFlow(gate_bias=1.0)",
        {"radius": 0.987654321, "length": 37, "activation": "relu"},
    ),
    "LSTMExplorer": Widget(
        _lstm_explorer,
        {
            "conveyor": _driven(f=1, i=0, o=1),
            "overwrite": _driven(f=0, i=1, o=1),
            "count": _driven(f=1, i=1, o=1),
            "hidden": _driven(f=1, i=1, o=0),
        },
        "LSTMExplorer(x=0.5)",
        {"c_prev": -3.123456789, "drive": True, "f": 0.75},
    ),
    "LaunchTimeline": Widget(
        _launch_timeline,
        {},
        "LaunchTimeline(work=2.5)",
        {"kernels": 7, "launch": 1.23456789, "work": 0.3, "gap": 0.77, "way": "persistent"},
    ),
    "ScanTree": Widget(
        _scan_tree,
        {},
        "ScanTree(z=0.5)",
        {"z": 0.123456789, "level": 2, "at": 6, "overwrite": 4, "pulse": 5, "method": "tree"},
    ),
    "SequencePlayer": Widget(
        _sequence_player,
        {},
        "SequencePlayer('to be or not', "
        "{name: np.random.default_rng(0).random((12, 3)) for name in 'rzn'}, step=5)",
        {"step": 9, "unit": 2, "sort": "half_life"},
    ),
    "UnrollPlayer": Widget(
        _unroll_player,
        {},
        "UnrollPlayer(w_h=0.5)",
        {"x2": 1.5, "w_x": 1.123456789, "losses": "last"},
    ),
}


def _numbers(text):
    return [float(part) for part in text.strip("[]").replace(",", " ").split()]


def assert_outputs(name, state, shown):
    """Every output that a widget shows is what Python makes of its state, to 1e-9."""
    wanted = WIDGETS[name].outputs(state, shown["step"])
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
