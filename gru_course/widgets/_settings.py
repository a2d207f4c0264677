"""What can be set on a widget, each thing declared once, as a trait in the body of its class.

From the declarations come the constructor's signature and its docstring, what is refused, what the
page carries, and on the page the sliders with their ranges, steps and labels.
"""

import math
import numbers
from typing import Any

import traitlets

from gru_course.goals import GOALS


class Setting(traitlets.TraitType):
    """One setting, synchronised with the page.

    Parameters
    ----------
    default : the value where the constructor is told none
    help : what is set, in words: for the docstring, and for whoever hears the page read out
    label : what the page writes beside the control, as HTML; None for a setting without a control
    """

    kind: str = ""  # of the control, as static/parts.mjs knows them
    expected: str = ""  # what is not refused, in words

    def __init__(self, default: Any, *, help: str, label: str | None = None):
        super().__init__(default_value=default, help=help)
        self.label = label
        self.tag(sync=True, page=True)

    def fits(self, value: Any) -> bool:
        raise NotImplementedError

    def validate(self, obj: traitlets.HasTraits, value: Any) -> Any:
        if not self.fits(value):
            raise ValueError(f"{self.name}: expected {self.expected}, got {value!r}")
        return value

    def declaration(self) -> dict[str, Any]:
        """What the page has to know of a control, JSON-able."""
        return {"kind": self.kind, "label": self.label, "help": self.help}


class Number(Setting):
    """A finite number from `low` to `high`, on a slider with stops `step` apart.

    `color` is a symbol of the palette.
    """

    kind = "number"

    def __init__(
        self,
        low: float,
        high: float,
        default: float,
        *,
        step: float = 0.01,
        color: str = "neutral",
        **texts: str,
    ):
        super().__init__(default, **texts)
        self.low, self.high, self.step, self.color = low, high, step, color
        self.expected = f"a number from {low} to {high}"

    def fits(self, value: Any) -> bool:
        return (
            isinstance(value, numbers.Real)
            and not isinstance(value, bool)
            and math.isfinite(value)
            and self.low <= float(value) <= self.high
        )

    def validate(self, obj: traitlets.HasTraits, value: Any) -> float:
        return float(super().validate(obj, value))

    def declaration(self) -> dict[str, Any]:
        ends = {"low": self.low, "high": self.high, "step": self.step, "color": self.color}
        return super().declaration() | ends


class Whole(Number):
    """A whole number from `low` to `high`."""

    kind = "whole"

    def __init__(self, low: float, high: float, default: float, **texts: str):
        super().__init__(low, high, default, step=1, **texts)
        self.expected = f"a whole number from {low} to {high}"

    def fits(self, value: Any) -> bool:
        return super().fits(value) and float(value).is_integer()

    def validate(self, obj: traitlets.HasTraits, value: Any) -> int:
        return int(super().validate(obj, value))


class Choice(Setting):
    """One of a few words; `options` maps each to what the page calls it."""

    kind = "choice"

    def __init__(self, options: dict[str, str], default: str, **texts: str):
        super().__init__(default, **texts)
        self.options = options
        self.expected = f"one of {', '.join(options)}"

    def fits(self, value: Any) -> bool:
        return value in self.options

    def declaration(self) -> dict[str, Any]:
        return super().declaration() | {"options": self.options}


class Switch(Setting):
    """True or False."""

    kind = "switch"
    expected = "True or False"

    def fits(self, value: Any) -> bool:
        return isinstance(value, bool)


class Exercise(Setting):
    """The name of a goal for this kind of widget, or "" for none."""

    expected = '"" for none'

    def validate(self, obj: traitlets.HasTraits, value: Any) -> Any:
        known = [name for name, goal in GOALS.items() if goal.widget == type(obj).__name__]
        if value not in ("", *known):
            raise ValueError(f"{self.name}: expected one of {', '.join(known)}, got {value!r}")
        return value


# What the explorers of one step of a cell share.


def pre_activation(gate: str, name: str, default: float) -> Number:
    """The slider of a gate's pre-activation; `name` is as in "reset gate"."""
    return Number(
        -8, 8, default, step=0.1, color=gate,
        label=f"{name} <i>a<sub>{gate}</sub></i>", help=f"pre-activation of the {name} {gate}",
    )  # fmt: skip


def driven(gate: str, name: str, default: float) -> Number:
    """The slider of a gate that is set directly."""
    return Number(0, 1, default, color=gate, label=f"{name} <i>{gate}</i>", help=f"{name} {gate}")
