"""What the course says about speed: each sentence, what is measured for it, and how much it needs.

A chapter prints what it measured where it was executed, and asserts nothing about it. Here its
sentences are held, with room for a noisy machine: `python -m gru_course.bench claims`.
"""

import platform
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import torch
from threadpoolctl import threadpool_info, threadpool_limits

from gru_course.bench import claim_pairs as pairs
from gru_course.bench import contenders
from gru_course.bench.claim_pairs import NUMPY, OURS, TORCH, forward, training
from gru_course.bench.machine import processor
from gru_course.bench.timing import alternate


class Claim(NamedTuple):
    """`sentence` holds if one function takes `least` to `most` times as long as another.

    `pair` makes the two functions. Where they do different amounts of work, the ratio of the times
    is multiplied by `per`. It is said of the machines `where`, a key of MACHINES.
    """

    sentence: str
    pair: Callable
    least: float
    most: float = np.inf
    per: float = 1
    where: str = "everywhere"


def openblas():
    pools = {pool["internal_api"] for pool in threadpool_info() if pool["user_api"] == "blas"}
    return pools == {"openblas"} and platform.machine() in ("x86_64", "AMD64")


AVX2, AVX512 = "AVX2 and no AVX-512", "AVX-512 and PyTorch with oneDNN"
ONEDNN, OPENBLAS = "PyTorch with oneDNN", "OpenBLAS on x86-64"
MACHINES = {
    "everywhere": lambda: True,
    AVX2: lambda: torch.backends.cpu.get_cpu_capability() == "AVX2",
    AVX512: lambda: (
        torch.backends.cpu.get_cpu_capability() == "AVX512" and torch.backends.mkldnn.is_available()
    ),
    ONEDNN: torch.backends.mkldnn.is_available,
    OPENBLAS: openblas,
}

TINY, WIDE = (1, 64, 16, 32), (16, 256, 128, 128)
ALONE, SHARED = (1, 32, 64, 128), (64, 32, 64, 128)
SQUARE = 2 * 512**3  # operations of the square product
LOOP, LOGARITHMS = contenders.min_gru, contenders.min_gru_log_space


def shared(make, part):
    return lambda: (part(make, SHARED), part(make, ALONE))


def states(method, width):
    return lambda: (pairs.states(method, width), pairs.states(pairs.loop, width))


# fmt: off
CLAIMS = {  # by notebook
    "performance/how-fast-can-a-gru-go": [
        Claim("torch.nn.GRU trains on a short sequence in more than twice NumPy's time",
              lambda: (training(TORCH, TINY), training(NUMPY, TINY)), 2),
        Claim("torch.nn.GRU takes longer than NumPy for a short sequence's forward pass, too",
              lambda: (forward(TORCH, TINY), forward(NUMPY, TINY)), 1),
        Claim("torch.nn.GRU trains on a short sequence more slowly than torch.nn.LSTM",
              lambda: (training(TORCH, TINY), pairs.torch_lstm(TINY, True)), 1.5, where=ONEDNN),
        Claim("a call on one number takes the time of thousands of a product's operations",
              lambda: (pairs.elementwise(np.tanh, 1), pairs.square()), 6 * 32**2, per=SQUARE),
        Claim("a tanh of 32 numbers takes about as long as a tanh of one",
              lambda: (pairs.elementwise(np.tanh, 32), pairs.elementwise(np.tanh, 1)), 0, 2),
        Claim("a tanh takes the time of more than ten of a product's operations",
              lambda: (pairs.elementwise(np.tanh, 4096), pairs.square()), 10, per=SQUARE / 4096),
        Claim("a tanh takes longer than an exp",
              lambda: [pairs.elementwise(f, 4096) for f in (np.tanh, np.exp)], 1, where=AVX2),
        Claim("fused, a small layer's step takes half of the formula's time or less",
              lambda: [step(1, 16, 32) for step in (pairs.fused_gru, pairs.formula)], 0, 0.6),
        Claim("fused, a large layer's step takes more than half of the formula's time",
              lambda: [step(64, 256, 512) for step in (pairs.fused_gru, pairs.formula)], 0.5),
        Claim("for one sequence a gradient of W_hh step by step takes longer than at once",
              lambda: pairs.weight_gradients(1, 64, 32), 2),
        Claim("for one sequence 16 units take about as long as 8",
              lambda: [pairs.fused_gru(1, 1, H) for H in (16, 8)], 0, 1.5),
        Claim("for one sequence 512 units take much longer than 256",
              lambda: [pairs.fused_gru(1, 1, H) for H in (512, 256)], 1.5),
        *(Claim(f"each of 64 sequences costs less than half of one alone: {name}, {part.__name__}",
                shared(make, part), 0, 0.5, per=1 / 64)
          for name, make in {"torch.nn.GRU": TORCH, "nn.GRU": OURS, "NumPy": NUMPY}.items()
          for part in (forward, training)),
        Claim("without oneDNN torch.nn.LSTM takes about as long as torch.nn.GRU",
              lambda: (pairs.torch_lstm(TINY, True, onednn=False), training(TORCH, TINY)), 0.5, 2),
        Claim("one sequence trains more slowly with torch.nn.GRU than with nn.GRU",
              lambda: (training(TORCH, ALONE), training(OURS, ALONE)), 1.15),
        Claim("two rows multiply at less than half of NumPy's full rate",
              lambda: (pairs.rows(2), pairs.square()), 2, per=SQUARE / (6 * 2 * 256**2)),
        Claim("a row of two takes longer in a product than a row of 128",
              lambda: (pairs.rows(2), pairs.rows(128)), 1.3, per=64),
        Claim("a BLAS for a processor of 2004 takes longer than the one for this",
              lambda: pairs.blas_of_2004((16, 32, 64, 128)), 1.3, where=OPENBLAS),
        Claim("with packed weights 16 sequences and 1,024 units take less than NumPy's time",
              lambda: pairs.packed(16, 1024), 0, 0.8, where=AVX512),
        *(Claim(f"written alike, LSTM and GRU of {H} units stay within about a factor of two",
                lambda H=H: [step(1, 1, H) for step in (pairs.fused_lstm, pairs.fused_gru)],
                0.5, 2.2)
          for H in (16, 256)),
        Claim("PyTorch's LSTM of 16 units runs forward in less time than its GRU",
              lambda: (pairs.torch_lstm((1, 32, 16, 16), False), forward(TORCH, (1, 32, 16, 16))),
              0, 0.8, where=ONEDNN),
        Claim("in float64 the whole pass takes longer than in float32",
              lambda: [pairs.in_float(d, 16, 32, 64, 128) for d in (np.float64, np.float32)], 1.15),
        Claim("a Python number among small arrays costs time", lambda: pairs.halves()[::2], 1.1),
        Claim("a slice of columns costs time", lambda: pairs.halves()[1:], 1.1),
        Claim("a stack of products takes longer than one",
              lambda: pairs.stack(1, 128, 64, 128), 1.2),
    ],
    "performance/mingru-and-the-scan": [
        Claim("doubling takes longer than the loop at 2,048 numbers a step",
              states(pairs.doubling, 2048), 2),
        Claim("up and down takes longer than the loop at 2,048 numbers a step",
              states(pairs.up_and_down, 2048), 1.3),
        Claim("doubling takes less time than the loop at one number a step",
              states(pairs.doubling, 1), 0, 0.25),
        Claim("up and down takes less time than the loop at one number a step",
              states(pairs.up_and_down, 1), 0, 0.25),
        Claim("torch.nn.GRU trains more slowly than a minGRU of its width",
              lambda: (training(TORCH, WIDE), training(LOOP, WIDE)), 1.5),
        Claim("a minGRU's form in logarithms trains more slowly than its loop",
              lambda: (training(LOGARITHMS, WIDE), training(LOOP, WIDE)), 1.5),
        Claim("a minGRU's form in logarithms runs forward more slowly than its loop",
              lambda: (forward(LOGARITHMS, WIDE), forward(LOOP, WIDE)), 1.3),
        Claim("a minGRU's scan and loop train in about the same time",
              lambda: (LOOP(*WIDE, mode="scan")[1], training(LOOP, WIDE)), 0.4, 2.5),
    ],
    "recurrence/bptt": [
        Claim("the backward pass takes a time of the same order as the forward pass",
              lambda: pairs.plain_rnn(16, 400, 16, 64), 0.25, 4),
    ],
}
# fmt: on

# Notebooks that read a clock and say nothing about a processor, and why.
NO_CLAIM = {
    "solutions/how-fast-can-a-gru-go": "its sentences refer to what its cells print",
}


def bounds(claim):
    if np.isinf(claim.most):
        return f"at least {claim.least:,}"
    return f"at most {claim.most:,}" if not claim.least else f"{claim.least:,} to {claim.most:,}"


def measure(claims):
    """Print a line for each claim; return 1 if one falls, else 0, as an exit status."""
    print(f"# On one thread of {processor()}\nclaim | measured | holds or falls")
    torch.set_num_threads(1)
    falls = 0
    with threadpool_limits(1):
        for notebook, group in claims.items():
            print(f"\n## {notebook}")
            for claim in group:
                if not MACHINES[claim.where]():
                    print(f"{claim.sentence} | not said here, but with {claim.where} |")
                    continue
                one, other = claim.pair()
                times = alternate({"one": one, "other": other})
                ratio = claim.per * np.median(times["one"] / times["other"])
                holds = claim.least <= ratio <= claim.most
                falls += not holds
                measured = f"{ratio:,.3g}" if ratio < 1000 else f"{ratio:,.0f}"
                verdict = "holds" if holds else "FALLS"
                print(f"{claim.sentence} | {measured} ({bounds(claim)}) | {verdict}", flush=True)
    print(f"\n{falls} of {sum(map(len, claims.values()))} claims fall" if falls else "\nAll hold")
    return int(falls > 0)
