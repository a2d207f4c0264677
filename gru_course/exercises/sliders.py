"""The slider exercises of all chapters: one checker for each goal, read from the live widget."""

from gru_course.exercises._core import Wrong, exercise
from gru_course.goals import GOALS, judge


def _register(name, goal):
    @exercise(name, hints=goal.hints)
    def checker(answer):
        # By name: exercises and widgets do not import one another.
        if type(answer).__name__ != goal.widget:
            raise Wrong(
                f"Expected the widget itself, {goal.widget}(...), got {type(answer).__name__}."
            )
        passed, sentence = judge(goal, answer.readings())
        if passed:  # as on the page, wherever the settings come from
            return f"Right: {sentence}"
        if answer.untouched():
            raise Wrong(
                "Not attempted yet: move the sliders, then run this cell again.", hints=False
            )
        raise Wrong(sentence)


for _name, _goal in GOALS.items():
    _register(_name, _goal)
