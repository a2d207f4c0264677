"""What the tests of the table of the GPU share: sizes, and the device that is here."""

import torch

from gru_course.bench import gpu_contenders as contending

SIZE = B, T, D, H = (3, 5, 4, 6)
CUDA = torch.cuda.is_available()
DEVICE = torch.device("cuda" if CUDA else "cpu")
SHORT = (3, 2, 4, 6)  # since the interpreter takes its time
A_CARD = {"device": "a small one", "capability": [0, 0], "driver": None, "l2_bytes": 1000}
GRUS = [name for name in contending.MAKERS if CUDA or name not in contending.NEED_CUDA]
PRECISIONS = ["bf16", "tf32", "ieee"]
