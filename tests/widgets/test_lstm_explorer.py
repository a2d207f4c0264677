"""The LSTM explorer's Python side; its life in a browser is tested in tests/browser."""

import math
from xml.etree import ElementTree

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gru_course.widgets import LSTMExplorer

gate = st.floats(0, 1)
pre_activation = st.floats(-8, 8)


def by_hand(w, i, f, o):
    g = math.tanh(w.w_x * w.x + w.w_h * w.h_prev + w.b)
    c = f * w.c_prev + i * g
    return {"i": i, "f": f, "g": g, "o": o, "c": c, "h": o * math.tanh(c)}


def still(widget):
    """The still picture as XML, which also holds it to be well-formed."""
    html = widget.html()
    return ElementTree.fromstring(html[html.index("<figure") : -len("</div>")])


@settings(max_examples=60, deadline=None)
@given(x=st.floats(-2, 2), h_prev=st.floats(-1, 1), c_prev=st.floats(-5, 5), i=gate, f=gate, o=gate)
def test_values_with_driven_gates(x, h_prev, c_prev, i, f, o):
    widget = LSTMExplorer(
        x=x, h_prev=h_prev, c_prev=c_prev, drive=True, i=i, f=f, o=o, w_x=0.7, w_h=-1.3, b=0.2
    )
    assert widget.values() == pytest.approx(by_hand(widget, i, f, o), rel=0, abs=1e-12)


@pytest.mark.parametrize("end", [0.0, 1.0])
def test_a_gate_driven_to_an_end_is_there_exactly(end):
    values = LSTMExplorer(drive=True, i=end, f=end, o=end).values()
    assert (values["i"], values["f"], values["o"]) == (end, end, end)


@settings(max_examples=60, deadline=None)
@given(c_prev=st.floats(-5, 5), a_i=pre_activation, a_f=pre_activation, a_o=pre_activation)
def test_values_with_pre_activations(c_prev, a_i, a_f, a_o):
    widget = LSTMExplorer(c_prev=c_prev, a_i=a_i, a_f=a_f, a_o=a_o)
    i, f, o = (1 / (1 + math.exp(-a)) for a in (a_i, a_f, a_o))
    assert widget.values() == pytest.approx(by_hand(widget, i, f, o), rel=0, abs=1e-12)


@pytest.mark.parametrize("drive", [False, True])
def test_still_picture_shows_the_numbers_of_the_reference(drive):
    widget = LSTMExplorer(x=-1.3, c_prev=-4.5, drive=drive, i=0.125, f=0.625, o=0.375)
    values = widget.values()
    figure = still(widget)
    sentence = "".join(figure.find("figcaption").itertext())
    for name, value in values.items():
        text = f"{value:.3f}" if abs(value) < 1 else f"{value:.2f}"
        subscript = "t" if name in "ch" else ""
        assert f"{name}{subscript} = {text}".replace("-", "−") in sentence
    old, kept, written, new = [node.text for node in figure.iter("text")][::2]
    assert old == "−4.50"
    assert kept == f"× {values['f']:.3f}"
    assert written == f"+ {values['i'] * values['g']:.3f}".replace("-", "−")
    assert new == f"{values['c']:.2f}".replace("-", "−")


def test_still_picture_has_no_ids_to_clash():
    assert not [node for node in still(LSTMExplorer()).iter() if node.get("id")]
