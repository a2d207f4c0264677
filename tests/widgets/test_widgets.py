"""What Python says and writes for a widget; its life in a browser is tested in tests/browser."""

import json
import math
import re
import subprocess
import sys
from xml.etree import ElementTree

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sources import given as stub
from test_sliders import SOLVED, player

from gru_course import palette, widgets
from gru_course.exercises import check
from gru_course.goals import GOALS
from gru_course.widgets import GateExplorer
from gru_course.widgets._base import STATIC
from gru_course.widgets._gate_diagram import filled
from gru_course.widgets.sphinx_host import script_text

HTML = "text/html"
gate = st.floats(0, 1)


def bundle(widget):
    return widget._repr_mimebundle_()[0]


def still(widget):
    """The still picture as XML, which also holds it to be well-formed."""
    html = bundle(widget)[HTML]
    return ElementTree.fromstring(html[html.index("<figure") : -len("</div>")])


def by_hand(w, r, z):
    n = math.tanh(w.w_x * w.x + w.b_x + r * (w.w_h * w.h_prev + w.b_h))
    return {"r": r, "z": z, "n": n, "h": (1 - z) * n + z * w.h_prev}


@settings(max_examples=60, deadline=None)
@given(x=st.floats(-2, 2), h_prev=st.floats(-1, 1), r=gate, z=gate, w=st.floats(-3, 3))
def test_values_with_driven_gates(x, h_prev, r, z, w):
    widget = GateExplorer(x=x, h_prev=h_prev, drive=True, r=r, z=z, w_x=0.7, b_x=-w, w_h=w, b_h=0.3)
    assert widget.values() == pytest.approx(by_hand(widget, r, z), rel=0, abs=1e-12)


@settings(max_examples=60, deadline=None)
@given(x=st.floats(-2, 2), a_r=st.floats(-8, 8), a_z=st.floats(-8, 8))
def test_values_with_pre_activations(x, a_r, a_z):
    widget = GateExplorer(x=x, a_r=a_r, a_z=a_z)
    r, z = (1 / (1 + math.exp(-a)) for a in (a_r, a_z))
    assert widget.values() == pytest.approx(by_hand(widget, r, z), rel=0, abs=1e-12)


def test_output_is_the_same_in_another_process():
    code = "from gru_course.widgets import GateExplorer; print(GateExplorer(x=0.3).html())"
    other = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert other.stdout.strip() == GateExplorer(x=0.3).html()


def test_html_holds_the_state_in_order():
    html = GateExplorer(x=0.3, drive=True).html()
    assert html.startswith('<div class="gru-widget" data-module="gate_explorer"><script')
    state = json.loads(re.search(r"json\">(.*?)</script>", html)[1])
    assert list(state) == sorted(state)
    assert (state["x"], state["drive"], state["a_z"]) == (0.3, True, 2.2)


@pytest.mark.parametrize("drive", [False, True])
def test_still_picture_shows_the_numbers_of_the_reference(drive):
    widget = GateExplorer(x=-1.3, h_prev=0.4, drive=drive, r=0.125, z=0.625)
    figure = still(widget)
    shown = {
        node.get("data-number"): node.text for node in figure.iter() if node.get("data-number")
    }
    sentence = "".join(figure.find("figcaption").itertext())
    for name, value in widget.values().items():
        text = f"{value:.3f}".replace("-", "−")
        assert shown[name] == text
        assert f" = {text}" in sentence
    assert shown["x"] == "−1.30"
    assert shown["h_prev"] == "0.400"
    hidden = [node for node in figure.iter() if node.get("data-hand") is not None]
    assert hidden
    assert all((node.get("visibility") == "hidden") is drive for node in hidden)


def test_still_picture_has_no_ids_to_clash():
    assert not [node for node in still(GateExplorer()).iter() if node.get("id")]


def test_wire_width_follows_the_value():
    def widths(**settings):
        wires = (n for n in still(GateExplorer(**settings)).iter() if n.get("data-wire"))
        return {wire.get("data-wire"): float(wire.get("stroke-width")) for wire in wires}

    low, high = widths(drive=True, z=0.1, h_prev=1.0), widths(drive=True, z=0.9, h_prev=1.0)
    assert high["z"] - low["z"] == pytest.approx(4 * 0.8)
    assert high["keep"] - low["keep"] == pytest.approx(4 * 0.8)
    assert low["rest"] - high["rest"] == pytest.approx(4 * 0.8)
    assert low["x"] == high["x"]


def test_level_fills_the_right_part_of_a_circle():
    assert filled(0, 0, 10, 0.0, False).startswith("M0.00 10.00A")  # empty: at the bottom
    assert filled(0, 0, 10, 0.5, False) == "M-10.00 0.00A10 10 0 0 0 10.00 0.00Z"
    start, end = re.fullmatch(
        r"M(\S+) .*A10 10 0 1 0 (\S+) \S+Z", filled(0, 0, 10, 1.0, False)
    ).groups()
    assert float(start) < -0.1 < 0.1 < float(end), "an arc back to its start is not drawn"
    assert filled(0, 0, 10, 1.0, True) == "M-10 0A10 10 0 0 1 0.00 -10.00H0.00A10 10 0 0 1 10 0Z"
    assert filled(0, 0, 10, -1.0, True) == "M-10 0A10 10 0 0 0 0.00 10.00H0.00A10 10 0 0 0 10 0Z"


@pytest.mark.parametrize("name", widgets.__all__)
def test_module_is_self_contained(name):
    text = re.sub(r"/\*\*.*?\*/", "", getattr(widgets, name)._esm, flags=re.S)
    assert not re.search(
        r"^\s*import\b|\bimport\s*\(|\bfrom\s+[\"']|https?://(?!www\.w3\.org)", text, re.M
    )
    assert len(re.findall(r"^export ", text, re.M)) == 1
    assert "export default { render };" in text
    for color in palette.BY_SYMBOL.values():
        assert color in text


def test_modules_name_no_colour_of_their_own():
    for path in STATIC.glob("*.mjs"):
        colors = re.findall(r"#[0-9A-Fa-f]{6}\b|#[0-9A-Fa-f]{3}\b", path.read_text("utf-8"))
        assert colors == [], path.name


def test_page_script_holds_every_module_and_what_they_share_once():
    script = script_text()
    constant = {
        name: json.loads(re.search(rf"^const {name} = (.*);$", script, re.M)[1])
        for name in ("PARTS", "MODULES")
    }
    classes = [getattr(widgets, name) for name in widgets.__all__]
    assert list(constant["MODULES"]) == [cls.module for cls in classes]
    for cls in classes:
        assert constant["PARTS"] + constant["MODULES"][cls.module] == cls._esm
    assert script.startswith("(() => {")
    assert len(script.encode()) < 200_000


@pytest.mark.parametrize("name", GOALS)
def test_a_right_setting_counts_wherever_it_is_written(name):
    """In the constructor too, as on the page; where it is the stub's, nobody has tried yet."""
    cls = getattr(widgets, GOALS[name].widget)
    for solution in SOLVED[name]:
        told = stub(name)[1] | solution
        widget = player(**told) if "record" in told else cls(**told)
        assert widget.untouched()
        assert check(name, widget).message.startswith("Right: ")
