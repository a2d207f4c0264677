"""What every widget shares: its module's text, its HTML for the page, its checked traits.

A widget is shown by one of two hosts. In Jupyter, Colab and Binder anywidget mounts it on a model
that Python shares. On the published page there is no Python: `CourseWidget` adds an HTML form of
itself to the notebook's output, which ``static/host.mjs`` finds and mounts with the same module.
"""

import json
import math
import numbers
import re
from pathlib import Path

import anywidget
import traitlets

from gru_course.goals import GOALS
from gru_course.palette import BY_SYMBOL

STATIC = Path(__file__).parent / "static"
SHARED = ("parts", "chart", "cell")

# Past this the sigmoid is 0 or 1 in float64, so it stands in for a gate driven to either end.
SATURATED = 40.0


def logit(gate):
    """The pre-activation of a gate, at which the reference's step computes this very gate."""
    if gate in (0.0, 1.0):
        return math.copysign(SATURATED, gate - 0.5)
    return math.log(gate / (1 - gate))


def _module_of(widget):
    """The module's name of a widget's class: gate_explorer of GateExplorer."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", widget).lower()


def module_text(name, **constants):
    """Join the shared parts, constants and ``static/NAME.mjs`` into one ES module.

    anywidget takes one text without relative imports, and so does a page opened from disk.

    Parameters
    ----------
    name : the widget's module, ``static/NAME.mjs``, which ends in ``export default { render }``
    constants : what Python knows and the module needs, JSON-able; the module sees each by its name

    Returns
    -------
    str

    Raises
    ------
    ValueError : if there is no such module
    """
    path = STATIC / f"{name}.mjs"
    if not path.is_file():
        known = sorted({p.stem for p in STATIC.glob("*.mjs")} - {"host", *SHARED})
        raise ValueError(f"name: expected one of {', '.join(known)}, got {name!r}")
    # The palette is Python's, so that figures and widgets cannot disagree about a colour.
    goals = {
        key: {"rules": goal.rules, "praise": goal.praise}
        for key, goal in GOALS.items()
        if _module_of(goal.widget) == name
    }
    constants = {"COLORS": BY_SYMBOL, "GOALS": goals, **constants}
    lines = [f"const {key} = {json.dumps(value)};" for key, value in constants.items()]
    texts = [(STATIC / f"{part}.mjs").read_text(encoding="utf-8") for part in (*SHARED, name)]
    return "\n".join([*lines, *texts])


class Number(traitlets.TraitType):
    """A finite number from `low` to `high`, synchronised with the page."""

    def __init__(self, low, high):
        super().__init__(default_value=0.0)
        self.low, self.high = low, high
        self.tag(sync=True, page=True)

    def validate(self, obj, value):
        fits = (
            isinstance(value, numbers.Real)
            and not isinstance(value, bool)
            and math.isfinite(value)
            and self.low <= value <= self.high
        )
        if not fits:
            raise ValueError(
                f"{self.name}: expected a number from {self.low} to {self.high}, got {value!r}"
            )
        return float(value)


class Whole(Number):
    """A whole number from `low` to `high`, synchronised with the page."""

    def validate(self, obj, value):
        message = (
            f"{self.name}: expected a whole number from {self.low} to {self.high}, got {value!r}"
        )
        try:
            number = super().validate(obj, value)
        except ValueError:
            raise ValueError(message) from None
        if not number.is_integer():
            raise ValueError(message)
        return int(number)


class Choice(traitlets.TraitType):
    """One of a few words, synchronised with the page."""

    def __init__(self, *options):
        super().__init__(default_value=options[0])
        self.options = options
        self.tag(sync=True, page=True)

    def validate(self, obj, value):
        if value not in self.options:
            expected = ", ".join(self.options)
            raise ValueError(f"{self.name}: expected one of {expected}, got {value!r}")
        return value


class Switch(traitlets.TraitType):
    """True or False, synchronised with the page."""

    def __init__(self):
        super().__init__(default_value=False)
        self.tag(sync=True, page=True)

    def validate(self, obj, value):
        if not isinstance(value, bool):
            raise ValueError(f"{self.name}: expected True or False, got {value!r}")
        return value


class Exercise(traitlets.TraitType):
    """The name of a goal for this kind of widget, or "" for none."""

    default_value = ""

    def validate(self, obj, value):
        known = [name for name, goal in GOALS.items() if goal.widget == type(obj).__name__]
        if value not in ("", *known):
            raise ValueError(f"{self.name}: expected one of {', '.join(known)}, got {value!r}")
        return value


class CourseWidget(anywidget.AnyWidget):
    """An anywidget that also brings its own HTML, for pages without a kernel.

    A subclass sets `module` and `_esm = module_text(module)` and defines `readings` and `still`.
    """

    module = ""
    goal = Exercise().tag(sync=True, page=True)

    def __init__(self, **settings):
        super().__init__(**settings)
        self._given = self.state()

    def untouched(self):
        """Whether everything still stands as the constructor was told."""
        return self.state() == self._given

    def state(self):
        """The traits that the page shares, as a dict in alphabetical order."""
        state = {name: getattr(self, name) for name in sorted(self.trait_names(page=True))}
        if not self.goal:
            del state["goal"]
        return state

    def settings(self):
        """The numbers among the traits, as floats; a switch counts as 0 or 1."""
        return {k: float(v) for k, v in self.state().items() if not isinstance(v, str)}

    def readings(self):
        """What a goal may ask for: numbers by name, the same as on the page."""
        raise NotImplementedError

    def still(self):
        """HTML shown where no script runs."""
        raise NotImplementedError

    def html(self):
        """The same text for the same state, so that a stored notebook output can be compared."""
        # "<" would let a value end the script element.
        state = json.dumps(self.state(), allow_nan=False).replace("<", "\\u003c")
        return (
            f'<div class="gru-widget" data-module="{self.module}">'
            f'<script type="application/json">{state}</script>'
            f"{self.still()}</div>"
        )

    def _repr_mimebundle_(self, **kwargs):
        bundle = super()._repr_mimebundle_(**kwargs)
        assert bundle is not None  # anywidget's answer for a widget without a view; ours have one
        data, metadata = bundle
        return {**data, "text/html": self.html()}, metadata

    def __repr__(self):
        """No address: the text is the same on every run."""
        state = ", ".join(f"{name}={value!r}" for name, value in self.state().items())
        return f"{type(self).__name__}({state})"
