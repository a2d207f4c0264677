"""The GPU: what it is, a clock on it, and the rates that it reaches at best.

Events on the stream measure the time that the GPU takes, or waits: where a program cannot launch
its kernels as fast as they run, the waiting is what it costs.
"""

import platform
import subprocess
from contextlib import contextmanager
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode

import gru_course
from gru_course.bench import timing

DTYPES = {"bf16": torch.bfloat16, "tf32": torch.float32, "ieee": torch.float32}
COPIED = 2**30  # bytes
EDGE = 8192  # of the square matrices whose products are timed


def device():
    if not torch.cuda.is_available():
        raise SystemExit(
            "The table gpu needs a CUDA device, and torch finds none: run it where there is an "
            "NVIDIA GPU, its driver and a build of PyTorch for CUDA, which brings Triton along."
        )
    return torch.device("cuda")


def card(device):
    """What the device is; None for a driver whose version cannot be asked for."""
    query = ["nvidia-smi", "--query-gpu=driver_version", "--format=csv,noheader"]
    try:
        driver = subprocess.run(query, capture_output=True, text=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError):
        driver = ""
    properties = torch.cuda.get_device_properties(device)
    return {
        "device": properties.name,
        "capability": [properties.major, properties.minor],
        "driver": driver.partition("\n")[0] or None,
        "l2_bytes": properties.L2_cache_size,
    }


def versions():
    """Those that decide how fast the contenders are; None for what is not installed."""
    found = {"torch": torch.__version__, "gru_course": gru_course.__version__}
    for name in ("triton", "accelerated-scan"):
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = None
    cuda, cudnn = torch.version.cuda, torch.backends.cudnn.version()
    return found | {"cuda": cuda, "cudnn": cudnn, "python": platform.python_version()}


@contextmanager
def products(precision):
    """TF32 on or off for cuDNN and for torch's own products alike."""
    cudnn: Any = torch.backends.cudnn  # a module with properties, which types do not know
    matmul = torch.backends.cuda.matmul
    before = cudnn.allow_tf32, matmul.allow_tf32
    cudnn.allow_tf32 = matmul.allow_tf32 = precision == "tf32"
    try:
        yield
    finally:
        cudnn.allow_tf32, matmul.allow_tf32 = before


def clock(function, calls, device):
    """Seconds that `calls` calls take on the device."""
    if device.type != "cuda":
        return timing.clock(function, calls)
    start, end = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
    torch.cuda.synchronize(device)
    start.record()
    for _ in range(calls):
        function()
    end.record()
    end.synchronize()
    return start.elapsed_time(end) / 1000


def alternate(functions, device, rounds):
    """Seconds a call, {name: array (rounds,)}; each round begins with somebody else."""
    clocks = {name: lambda calls, f=f: clock(f, calls, device) for name, f in functions.items()}
    return timing.in_turn(clocks, rounds)


def copy_bandwidth(device, rounds):
    """Bytes a second, read or written, when memory is copied: (rounds,)."""
    source = torch.zeros(COPIED, dtype=torch.uint8, device=device)
    target = torch.empty_like(source)
    return 2 * COPIED / alternate({"": lambda: target.copy_(source)}, device, rounds)[""]


def matrix_rates(device, rounds):
    """Floating-point operations a second of large products, {precision: array (rounds,)}."""
    rates = {}
    for precision, dtype in DTYPES.items():
        a, b = torch.randn(2, EDGE, EDGE, device=device).to(dtype)
        with products(precision):
            times = alternate({"": partial(torch.mm, a, b)}, device, rounds)
        rates[precision] = 2 * EDGE**3 / times[""]
    return rates


class Operators(TorchDispatchMode):
    """Collects the names of the operators that are called, such as "aten::mm"."""

    def __init__(self):
        super().__init__()
        self.names = set()

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        self.names.add(func.name().partition(".")[0])
        return func(*args, **(kwargs or {}))


def ran_cudnn(function):
    """Whether a call reaches cuDNN's RNNs, which have bfloat16 since version 9.13."""
    with Operators() as operators:
        function()
    return "aten::_cudnn_rnn" in operators.names
