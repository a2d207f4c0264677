"""What a network does, as arrays: gradient norms, Jacobians, gates, spectra, memory; and calls."""

from gru_course.analysis.calls import calls_per_step
from gru_course.analysis.freeze import run_with_gates
from gru_course.analysis.gates import GateStatistics, gate_statistics, gates
from gru_course.analysis.gradients import direct_norms, gradient_norms, state_gradients
from gru_course.analysis.jacobians import singular_values, state_jacobian, state_jacobians
from gru_course.analysis.memory import half_life
from gru_course.analysis.spectral import scaled_recurrent, spectral_radius

__all__ = [
    "GateStatistics",
    "calls_per_step",
    "direct_norms",
    "gate_statistics",
    "gates",
    "gradient_norms",
    "half_life",
    "run_with_gates",
    "scaled_recurrent",
    "singular_values",
    "spectral_radius",
    "state_gradients",
    "state_jacobian",
    "state_jacobians",
]
