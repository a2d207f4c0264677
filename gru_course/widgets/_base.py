"""What every widget shares: its module's text, its HTML for the page, its constructor.

A widget is shown by one of two hosts. In Jupyter, Colab and Binder anywidget mounts it on a model
that Python shares. On the published page there is no Python: `CourseWidget` adds an HTML form of
itself to the notebook's output, which ``static/host.mjs`` finds and mounts with the same module.
"""

import inspect
import json
import math
import re
import textwrap
from pathlib import Path
from typing import Any, ClassVar

import anywidget

from gru_course.goals import GOALS
from gru_course.palette import BY_SYMBOL
from gru_course.widgets._settings import Exercise, Setting

STATIC = Path(__file__).parent / "static"

# Past this the sigmoid is 0 or 1 in float64, so it stands in for a gate driven to either end.
SATURATED = 40.0


def logit(gate: float) -> float:
    """The pre-activation of a gate, at which the reference's step computes this very gate."""
    if gate in (0.0, 1.0):
        return math.copysign(SATURATED, gate - 0.5)
    return math.log(gate / (1 - gate))


def definition(name: str, value: Any) -> str:
    """A line of JavaScript that defines a constant."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return f"const {name} = {text};\n"


def _joined(parts, constants):
    """The files of `parts` behind `constants`, as text of one scope.

    anywidget takes one text without relative imports, and so does a page opened from disk. The
    files import from one another, which tells editors and checkers what is whose; joined they need
    not, and only ``export default`` is left.
    """
    texts = [definition(name, value) for name, value in constants.items()]
    for part in parts:
        text = (STATIC / f"{part}.mjs").read_text(encoding="utf-8")
        text = re.sub(r'^import \{[^}]*\}\s+from "\./\w+\.mjs";\n', "", text, flags=re.M)
        texts.append(re.sub(r"^export (?=const|function)", "", text, flags=re.M))
    return "".join(texts)


# In front of every widget's own text. The palette is Python's, so that figures and widgets cannot
# disagree about a colour.
SHARED = _joined(
    ("parts", "controls", "chart", "cell"),
    {"COLORS": BY_SYMBOL, "STYLE": (STATIC / "widgets.css").read_text(encoding="utf-8")},
)


# What {arguments} stands for in a docstring.
ARGUMENTS = """\
    All arguments are traits: Python reads and sets them while the widget is shown, and the page
    follows.

    Parameters
    ----------
    {settings}

    Raises
    ------
    ValueError : if a setting is not what is listed for it"""


class CourseWidget(anywidget.AnyWidget):
    """An anywidget that also brings its own HTML, for pages without a kernel.

    A subclass names its `module`, ``static/MODULE.mjs``, which exports `render`; declares its
    settings, for which {arguments} stands in its docstring; and defines `readings` and `still`.
    """

    module: str = ""
    constants: ClassVar[dict[str, Any]] = {}  # what Python knows and the module needs, JSON-able
    goal = Exercise("", help="name of the slider exercise that the widget marks while it is moved")

    def __init_subclass__(cls, **kwargs):
        super().__init_subclass__(**kwargs)
        if "module" not in vars(cls):  # of traitlets, which makes a class for each instance
            return
        cls._esm = SHARED + cls.own_text()
        declared = cls.declared()
        lines = [f"{name} : {each.help}, {each.expected}" for name, each in declared.items()]
        wrapped = [
            textwrap.fill(line, 100, initial_indent=" " * 4, subsequent_indent=" " * 8)
            for line in lines
        ]
        doc = (cls.__doc__ or "").replace("    {arguments}", ARGUMENTS)
        cls.__doc__ = doc.replace("    {settings}", "\n".join(wrapped))
        _, *parameters = inspect.signature(cls.__init__).parameters.values()
        parameters = [each for each in parameters if each.kind is not each.VAR_KEYWORD]
        parameters += [
            inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=each.default_value)
            for name, each in declared.items()
        ]
        cls.__signature__ = inspect.Signature(parameters)

    def __init__(self, **settings: Any):
        known = self.declared()
        for name in settings:
            if name not in known:
                raise TypeError(f"expected settings among {', '.join(known)}, got {name!r}")
        super().__init__(**settings)
        self._given = self.state()

    @classmethod
    def declared(cls) -> dict[str, Setting]:
        """The settings by name, the class's own ones first, in the order of its body."""
        return {
            name: each
            for base in cls.__mro__
            for name, each in vars(base).items()
            if isinstance(each, Setting)
        }

    @classmethod
    def own_text(cls) -> str:
        """What the class's module has beside SHARED: settings, goals, constants and the code."""
        declared = {name: each for name, each in cls.declared().items() if name != "goal"}
        settings = {
            name: each.declaration() if each.label else {} for name, each in declared.items()
        }
        goals = {
            name: {"rules": goal.rules, "praise": goal.praise}
            for name, goal in GOALS.items()
            if goal.widget == cls.__name__
        }
        return _joined([cls.module], {"SETTINGS": settings, "GOALS": goals, **cls.constants})

    def untouched(self) -> bool:
        """Whether everything still stands as the constructor was told."""
        return self.state() == self._given

    def state(self) -> dict[str, Any]:
        """The traits that the page shares, as a dict in alphabetical order."""
        state = {name: getattr(self, name) for name in sorted(self.trait_names(page=True))}
        if not self.goal:
            del state["goal"]
        return state

    def settings(self) -> dict[str, float]:
        """The numbers among the traits, as floats; a switch counts as 0 or 1."""
        return {k: float(v) for k, v in self.state().items() if not isinstance(v, str)}

    def readings(self) -> dict[str, float]:
        """What a goal may ask for: numbers by name, the same as on the page."""
        raise NotImplementedError

    def still(self) -> str:
        """HTML shown where no script runs."""
        raise NotImplementedError

    def html(self) -> str:
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
