"""What the numbers were measured on."""

import os
import platform
from pathlib import Path


def processors() -> int:
    """How many this process may use; not every system tells."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def processor() -> str:
    """The processor's name, where the system tells, and the instructions that torch uses of it.

    Two processors of one name may differ in their vectors: AVX2 computes 8 numbers of float32 at
    a time, AVX-512 computes 16. Virtual machines often name the family only.
    """
    from torch.backends.cpu import get_cpu_capability

    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text("utf8").splitlines() if cpuinfo.exists() else []
    names = [line.partition(": ")[2] for line in lines if line.startswith("model name")]
    name = names[0] if names else platform.processor() or platform.machine()
    return f"{name}, {get_cpu_capability()}"
