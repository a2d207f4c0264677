"""Kernels in Triton, an optional extra, and whether they can run here.

Triton is imported with the modules of this folder, never with this page of it.
"""

import os
from importlib.util import find_spec

import torch
from torch import Tensor

# GPUs, by torch.cuda.get_device_name, on which the kernels have been measured: those of the files
# in book/performance/results. Only there does "auto" take them.
MEASURED = ()


def interpreted() -> bool:
    """Whether Triton's interpreter runs the kernels, on the CPU: for tests and to look inside."""
    return os.environ.get("TRITON_INTERPRET", "0").lower() in ("1", "true", "yes", "on", "y")


def why_not_here(device: torch.device) -> str | None:
    """Why no kernel can run on a device, as a sentence; None if they can."""
    if find_spec("triton") is None:
        return 'Triton is not installed; `pip install "gru-course[triton]"` brings it'
    if device.type == "cuda":
        major, minor = torch.cuda.get_device_capability(device)
        if major < 8:
            return f"the kernels need compute capability 8.0 or more, {device} has {major}.{minor}"
    elif device.type != "cpu" or not interpreted():
        return f"the kernels run on CUDA devices, not on {device}"
    return None


def why_not_measured(device: torch.device) -> str | None:
    """Why "auto" leaves out kernels that can run on a CUDA device; None if it takes them."""
    name = torch.cuda.get_device_name(device)
    if name in MEASURED:
        return None
    return f'nobody has measured the kernels on a {name}, so only "triton" takes them'


def why_not_gru(weight_hh: Tensor) -> str | None:
    """Why the kernels of the GRU cannot run with these weights; None if they can."""
    reason = why_not_here(weight_hh.device)
    if reason:
        return reason
    from gru_course.nn.kernels import gru

    return gru.why_not(weight_hh)


def why_not_scan(a: Tensor) -> str | None:
    """Why the kernels of the scan cannot run with tensors like this one; None if they can."""
    reason = why_not_here(a.device)
    if reason:
        return reason
    from gru_course.nn.kernels import scan

    return scan.why_not(a)
