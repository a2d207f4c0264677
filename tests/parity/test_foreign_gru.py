"""The stored layers of Keras and ONNX are what those programs compute today."""

import runpy
from pathlib import Path

import numpy as np
import pytest

from gru_course.data import foreign_gru
from gru_course.data.foreign import LAYERS

MAKER = Path(__file__).with_name("make_foreign_gru.py")


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # Keras'
def test_keras_and_onnx_runtime_still_compute_the_stored_outputs(keras):
    made = runpy.run_path(str(MAKER))["arrays"]()
    stored = {
        f"{layer}/{name}": array for layer in LAYERS for name, array in foreign_gru(layer).items()
    }
    assert stored.keys() == made.keys()
    for name, array in made.items():
        if name.endswith(("/outputs", "/Y")):
            np.testing.assert_allclose(stored[name], array, rtol=0, atol=1e-6, err_msg=name)
        else:
            np.testing.assert_array_equal(stored[name], array, err_msg=name)
