"""Concept diagrams: SVG whose text follows the page's colour and whose hues are the palette's.

A diagram is inline SVG in the notebook's output, so `currentColor` is the reader's text colour in
light and in dark mode. In the files `$h`, `$r`, `$z` ... stand for the colours of the symbols.
"""

from importlib.resources import files
from string import Template
from xml.etree import ElementTree

from gru_course import palette

_FOLDER = files("gru_course.plots") / "diagrams"


class Diagram:
    """An SVG that displays itself in a notebook and is named by its title elsewhere."""

    def __init__(self, svg: str):
        self.svg = svg

    @property
    def title(self) -> str:
        return ElementTree.fromstring(self.svg).findtext("{http://www.w3.org/2000/svg}title", "")

    def __repr__(self) -> str:
        return f"Diagram: {self.title}"

    def _repr_html_(self) -> str:
        return f'<div class="gru-diagram">{self.svg}</div>'


def diagram(name: str) -> Diagram:
    """Return the concept diagram of this name.

    Parameters
    ----------
    name : the file's name in `plots/diagrams` without its ending, for example "gru-cell"

    Raises
    ------
    ValueError : if there is no such diagram
    """
    names = sorted(path.name.removesuffix(".svg") for path in _FOLDER.iterdir())
    if name not in names:
        raise ValueError(f"name: expected one of {', '.join(names)}, got {name!r}")
    source = (_FOLDER / f"{name}.svg").read_text(encoding="utf-8")
    return Diagram(Template(source).substitute(palette.BY_SYMBOL))
