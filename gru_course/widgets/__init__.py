"""Sliders for the chapters: live in Jupyter with Python, and on the published page without.

Every widget is one Python class, whose traits Python reads and sets, and one ES module in
``static/`` that draws it and does its arithmetic in the browser. See `gru_course.widgets._base`.
"""

from gru_course.widgets.cobweb import Cobweb
from gru_course.widgets.gate_explorer import GateExplorer
from gru_course.widgets.gradient_flow import GradientFlow
from gru_course.widgets.launch_timeline import LaunchTimeline
from gru_course.widgets.lstm_explorer import LSTMExplorer
from gru_course.widgets.scan_tree import ScanTree
from gru_course.widgets.sequence_player import SequencePlayer
from gru_course.widgets.unroll_player import UnrollPlayer

__all__ = [
    "Cobweb",
    "GateExplorer",
    "GradientFlow",
    "LSTMExplorer",
    "LaunchTimeline",
    "ScanTree",
    "SequencePlayer",
    "UnrollPlayer",
]
