"""The one style of the course's figures, and the helpers that more than one chapter needs."""

from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from cycler import cycler
from matplotlib.axes import Axes
from numpy.typing import ArrayLike

from gru_course import palette

WIDTH = 6.4  # inches; every figure has it, so that text has one size throughout the book


def use_style() -> None:
    """Set matplotlib's defaults for the course: transparent, mid-grey text, the shared colours.

    Mid-grey axes and labels on a transparent background can be read on a light and on a dark page,
    which one committed picture must serve. Call it once, at the top of a chapter.
    """
    grey = palette.NEUTRAL
    plt.rcParams.update(
        {
            "axes.edgecolor": grey,
            "axes.labelcolor": grey,
            "axes.prop_cycle": cycler(
                color=[palette.STATE, palette.CELL, palette.UPDATE, palette.RESET, palette.OUTPUT]
            ),
            "axes.spines.right": False,
            "axes.spines.top": False,
            "axes.titlecolor": grey,
            "axes.titlesize": 10,
            "axes.titleweight": "normal",
            "figure.constrained_layout.use": True,
            "axes.facecolor": "none",
            "figure.facecolor": "none",  # Jupyter's backend heeds this, not savefig.transparent
            "figure.dpi": 200,
            "figure.figsize": (WIDTH, 3.0),
            "font.size": 10,
            "grid.color": grey,
            "grid.alpha": 0.25,
            "legend.frameon": False,
            "legend.labelcolor": grey,
            "lines.linewidth": 1.8,
            "savefig.dpi": 200,
            "text.color": grey,
            "xtick.color": grey,
            "ytick.color": grey,
        }
    )
    _keep_figure_size()


def _keep_figure_size():
    """Stop Jupyter from cropping figures: each must keep the common width."""
    try:
        from IPython.core.getipython import get_ipython
    except ImportError:
        return
    shell = get_ipython()
    if shell is not None:
        shell.run_line_magic("config", "InlineBackend.print_figure_kwargs = {'bbox_inches': None}")


def label_line(ax: Axes, x: float, y: float, text: str, color: str, **options: Any) -> None:
    """Name a curve at its end instead of in a legend.

    Parameters
    ----------
    ax : matplotlib Axes
    x, y : the point to write beside, in data units
    text, color : what to write, in the curve's colour
    options : passed to `Axes.annotate`, for example ``xytext=(4, 6)`` to shift by points
    """
    options = {"xytext": (5, 0), "va": "center", "ha": "left"} | options
    ax.annotate(
        text,
        (x, y),
        textcoords="offset points",
        color=color,
        annotation_clip=False,
        **options,
    )


def band(
    ax: Axes, x: ArrayLike, samples: ArrayLike, color: str, label: str | None = None, **options: Any
) -> np.ndarray:
    """Draw the median of several runs as a line and their inter-quartile range as a band.

    Parameters
    ----------
    ax : matplotlib Axes
    x : (K,) abscissae
    samples : (S, K), one row a seed
    color : the colour of both
    label : written at the line's end where given
    options : passed to `Axes.plot`, for example ``ls="--"``

    Returns
    -------
    (K,) the median that was drawn

    Raises
    ------
    ValueError : if samples is not a matrix with a column for each of x
    """
    x, samples = np.asarray(x), np.asarray(samples)
    if samples.ndim != 2 or samples.shape[1] != len(x):
        raise ValueError(f"samples: expected shape (S, {len(x)}), got {samples.shape}")
    low, median, high = np.percentile(samples, [25, 50, 75], axis=0)
    ax.fill_between(x, low, high, color=color, alpha=0.2, lw=0)
    ax.plot(x, median, color=color, **options)
    if label:
        label_line(ax, x[-1], median[-1], label, color)
    return median
