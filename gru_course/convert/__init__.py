"""Weights between this course, PyTorch, Keras and ONNX, as NumPy arrays.

None of those libraries is imported: a state_dict, `layer.get_weights()` and the inputs of an ONNX
node are arrays. The cell is read off their shapes: a recurrent matrix of H by kH holds a plain RNN
for k = 1, a GRU for k = 3, an LSTM for k = 4.

A layer is a tuple of Params, one for each direction, as in `reference.recurrent`. `options` is what
the shapes cannot tell: {"reset_after": True or False} for a GRU, {"nonlinearity": "tanh" or "relu"}
for a plain RNN, {} for an LSTM. Every `from_...` returns it, every `to_...` asks for it, and
`recurrent.forward` takes it, so that converting from one framework to another is
`to_torch([layer], **options)`, and a convention cannot get lost on the way. Other settings that the
arrays do not tell, such as a gate's activation, `from_...` takes with the library's default, in
order to refuse others: what has no exact counterpart raises a ValueError that says why.

    library   kernel        GRU gates   LSTM gates   biases
    torch     (kH, I)       r | z | n   i | f | g | o   (kH,) and (kH,)
    Keras     (I, kH)       z | r | n   i | f | g | o   (2, 3H) for reset_after, else (kH,)
    ONNX      (D, kH, I)    z | r | n   i | o | f | g   (D, 2kH)

In all of them z = 1 keeps the old state. The chapter "Conventions" shows where they differ.
"""

from gru_course.convert._layers import flip_update_gate
from gru_course.convert.keras import from_keras, to_keras
from gru_course.convert.onnx import from_onnx, to_onnx
from gru_course.convert.torch import from_torch, to_torch

__all__ = [
    "flip_update_gate",
    "from_keras",
    "from_onnx",
    "from_torch",
    "to_keras",
    "to_onnx",
    "to_torch",
]
