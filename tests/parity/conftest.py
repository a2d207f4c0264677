import os
from unittest import mock

import pytest


@pytest.fixture(scope="module")
def keras(tmp_path_factory):
    """Keras, which reads its backend and writes its settings when it is imported."""
    home = str(tmp_path_factory.mktemp("keras"))
    with mock.patch.dict(os.environ, KERAS_BACKEND="torch", KERAS_HOME=home):
        import keras
        from keras.src.backend.common import dtypes
    assert keras.backend.backend() == "torch"
    # On torch Keras multiplies float64 matrices in float32 (keras-team/keras, issue 23223). Let
    # it promote as it does on TensorFlow, so that layers in float64 compute in float64.
    with mock.patch.dict(dtypes.BIT64_TO_BIT32_DTYPE, float64="float64"):
        yield keras
