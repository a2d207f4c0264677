"""What a network does, as arrays: gradient norms, Jacobians, spectra and memory."""

from gru_course.analysis.gradients import gradient_norms, state_gradients, state_jacobian
from gru_course.analysis.memory import half_life
from gru_course.analysis.spectral import scaled_recurrent, spectral_radius

__all__ = [
    "gradient_norms",
    "half_life",
    "scaled_recurrent",
    "spectral_radius",
    "state_gradients",
    "state_jacobian",
]
