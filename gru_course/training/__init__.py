"""Training: where to compute, the random numbers, and one loop."""

from gru_course.training.loop import History, fit
from gru_course.training.runtime import device, seed_everything
from gru_course.training.side_by_side import fit_side_by_side

__all__ = ["History", "device", "fit", "fit_side_by_side", "seed_everything"]
