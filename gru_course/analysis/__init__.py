"""Measurements of recurrent networks: arrays out, for the figures to draw."""

from gru_course.analysis.gradients import gradient_norms, half_life, state_jacobian
from gru_course.analysis.spectral import scaled_recurrent

__all__ = ["gradient_norms", "half_life", "scaled_recurrent", "state_jacobian"]
