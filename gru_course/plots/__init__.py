"""Figures in one style: arrays in, matplotlib Axes out; concept diagrams as SVG."""

from gru_course.plots._diagrams import diagram
from gru_course.plots._steps import step_times
from gru_course.plots._style import band, label_line, use_style

__all__ = ["band", "diagram", "label_line", "step_times", "use_style"]
