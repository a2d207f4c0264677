"""Training: where to compute, the random numbers, and one loop."""

from gru_course.training.loop import History, fit
from gru_course.training.runtime import device, seed_everything

__all__ = ["History", "device", "fit", "seed_everything"]
