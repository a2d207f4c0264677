"""What a widget's declarations make: its constructor, its docstring, what it refuses and shares."""

import inspect
import json
import math
import re

import numpy as np
import pytest

from gru_course import widgets
from gru_course.widgets import GateExplorer, GradientFlow
from gru_course.widgets._settings import Choice, Number, Switch, Whole

HTML = "text/html"
every_widget = pytest.mark.parametrize("name", widgets.__all__)


def made(name, **settings):
    """A widget with these settings; the player reads four letters with three units."""
    told = ["abcd", {gate: np.full((4, 3), 0.5) for gate in "rzn"}]
    return getattr(widgets, name)(*(told if name == "SequencePlayer" else []), **settings)


def declared(name):
    """Its settings but for the goal, by name."""
    settings = getattr(widgets, name).declared()
    return {key: setting for key, setting in settings.items() if key != "goal"}


def bad(setting):
    """Values that a setting must refuse."""
    if isinstance(setting, Number):
        outside = [setting.low - 1e-9, setting.high + 1e-9] if math.isfinite(setting.high) else [9]
        broken = [setting.low + 0.5] if isinstance(setting, Whole) else []
        return [*outside, *broken, math.nan, math.inf, -math.inf, "0", None, True]
    return [0, 1, None, "True"] if isinstance(setting, Switch) else ["nothing", None]


def good(setting):
    """The ends of a setting's range, or all its values."""
    if isinstance(setting, Number):
        return [setting.low, setting.high] if math.isfinite(setting.high) else [setting.low]
    return list(setting.options) if isinstance(setting, Choice) else [True, False]


@every_widget
def test_a_setting_is_declared_once(name):
    """Signature, docstring and the module's SETTINGS say what the declaration says."""
    cls = getattr(widgets, name)
    settings = cls.declared()
    told = inspect.signature(cls).parameters
    given = {key: told[key] for key in told if key in settings}
    assert list(given) == list(settings) == list(told)[-len(settings) :]
    assert all(each.kind is each.KEYWORD_ONLY for each in given.values())
    parameters = re.sub(r"\n {8}", " ", cls.__doc__.split("    Parameters\n")[1])
    page = json.loads(re.search(r"^const SETTINGS = (.*);$", cls._esm, re.M)[1])
    assert list(page) == list(declared(name))
    for key, setting in settings.items():
        assert given[key].default == getattr(made(name), key)
        assert f"    {key} : {setting.help}, {setting.expected}\n" in parameters
        if setting.label:
            assert page[key] == setting.declaration()
    assert not re.search(r"\{\w+\}\n", cls.__doc__)


@every_widget
def test_every_bad_setting_is_refused_and_changes_nothing(name):
    for key, setting in getattr(widgets, name).declared().items():
        widget = made(name)
        before = widget.state()
        for value in bad(setting):
            message = re.escape(f"{key}: expected ") + ".*" + re.escape(f", got {value!r}")
            with pytest.raises(ValueError, match=message):
                made(name, **{key: value})
            with pytest.raises(ValueError, match=message):
                widget.set_trait(key, value)
        assert widget.state() == before


@every_widget
def test_every_setting_reaches_its_ends(name):
    for key, setting in declared(name).items():
        for value in good(setting):
            state = made(name, **{key: value}).state()
            assert state[key] == value
            assert type(state[key]) is type(setting.default_value)


@pytest.mark.parametrize(
    ("cls", "setting", "message"),
    [
        (GateExplorer, {"x": math.nan}, "x: expected a number from -2 to 2, got nan"),
        (GateExplorer, {"h_prev": 1.01}, "h_prev: expected a number from -1 to 1, got 1.01"),
        (GateExplorer, {"a_r": "3"}, "a_r: expected a number from -8 to 8, got '3'"),
        (GateExplorer, {"drive": 1}, "drive: expected True or False, got 1"),
        (GradientFlow, {"radius": 0.1}, "radius: expected a number from 0.2 to 1.6, got 0.1"),
        (GradientFlow, {"length": 9.5}, "length: expected a whole number from 10 to 60, got 9.5"),
        (GradientFlow, {"activation": "elu"}, "activation: expected one of tanh, relu, got 'elu'"),
    ],
)
def test_what_is_said_of_a_bad_setting(cls, setting, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        cls(**setting)


def test_unknown_settings_are_refused():
    known = "x, h_prev, a_r, a_z, drive, r, z, w_x, b_x, w_h, b_h, goal"
    message = f"expected settings among {known}, got 'gain'"
    with pytest.raises(TypeError, match=re.escape(message)):
        GateExplorer(gain=1.0)
    with pytest.raises(TypeError, match="positional"):
        GateExplorer(1.0)


def test_numpy_numbers_become_those_of_python():
    assert type(GradientFlow(length=np.int64(30)).length) is int
    assert type(GradientFlow(length=30.0).length) is int
    assert type(GradientFlow(radius=np.float32(0.5)).radius) is float


@every_widget
def test_output_is_the_same_every_time(name):
    first, second = (made(name)._repr_mimebundle_()[0] for _ in range(2))
    assert first[HTML] == second[HTML] == made(name).html()
    assert first["text/plain"] == second["text/plain"] == repr(made(name))
    assert "0x" not in first["text/plain"]
    assert "application/vnd.jupyter.widget-view+json" in first
    for key, setting in declared(name).items():
        others = [value for value in good(setting) if value != setting.default_value]
        if others:
            assert made(name, **{key: others[0]}).html() != first[HTML]
