"""Products on a CPU, by the library that takes the least time: MKL behind torch, OpenBLAS behind
NumPy, or oneDNN, which lays a matrix out for its kernels once, as torch's compiler has it do, where
the others do so at every product.

Sizes, threads and the instruction set choose, not a clock. The libraries round differently, and the
same program on the same machine is to print the same digits.
"""

from functools import cache

import numpy as np
import torch
from threadpoolctl import ThreadpoolController
from torch import Tensor

ONE_THREAD = 2**18  # multiplications up to which OpenBLAS takes one thread, however many it has
MANY_ROWS = 128  # for which it pays to lay a matrix out
MANY_TIMES = 8  # for which it pays to transpose one


class Matrix:
    """W (K, O), made ready for `times` products x @ W with at most `rows` rows each."""

    def __init__(self, W: Tensor, rows: int, times: int = 1):
        self.W, self.rows, self.library = W.detach(), rows, library(W, rows, times)
        self.room = None
        if self.library == "oneDNN":
            self.W = torch.ops.mkldnn._reorder_linear_weight(self.W.T, rows)
        elif times >= MANY_TIMES:
            self.W = self.W.contiguous()

    def into(self, out: Tensor, x: Tensor) -> None:
        """out = x @ W"""
        if self.library == "oneDNN":
            out.copy_(_linear(x, self.W))
        elif self.library == "NumPy":
            _dot(x, self.W, out)
        else:
            torch.mm(x, self.W, out=out)

    def add_to(self, out: Tensor, x: Tensor) -> None:
        """out += x @ W"""
        if self.library == "oneDNN":
            out.add_(_linear(x, self.W))
        elif self.library == "NumPy":
            if self.room is None:  # since the system clears each new array's memory
                self.room = out.new_empty(self.rows, out.shape[1])
            room = self.room[: len(x)]
            self.into(room, x)
            out.add_(room)
        else:
            out.addmm_(x, self.W)


def add_outer(out: Tensor, da: Tensor, x: Tensor) -> None:
    """out += da.T @ x, a sum over many rows. No matrix is used twice."""
    if library(x, da.shape[1]) == "NumPy":
        out.add_(_dot(da.T, x))
    else:
        out.addmm_(da.T, x)


def library(W: Tensor, rows: int, times: int = 1) -> str:
    """Whose product of `rows` rows with W (K, O) takes the least time: its name.

    Measured on two processors of AMD. With AVX-512 OpenBLAS takes half of MKL's time, and oneDNN a
    third of OpenBLAS's where the matrix leaves the cache between two products. With AVX2 OpenBLAS
    is ahead with large matrices only. Several threads are torch's alone, so that two pools of
    threads do not compete; the bounds there are estimates, from single products.
    """
    work = rows * W.numel()
    if not known_to_numpy(W):
        return "torch"
    if work <= ONE_THREAD:
        return "NumPy"
    wide, alone = _has_avx512(), _one_thread()
    pays = W.numel() >= 2**21 if alone else work >= (2**22 if wide else 2**24)
    packs = W.dtype == torch.float32 and rows * times >= MANY_ROWS
    if pays and packs and (wide or not alone) and _has_onednn():
        return "oneDNN"
    return "NumPy" if alone and (wide or W.numel() >= 2**18) else "torch"


def known_to_numpy(tensor: Tensor) -> bool:
    """Whether NumPy can work in the tensor's own memory."""
    return tensor.is_cpu and tensor.dtype in (torch.float32, torch.float64)


# Infinity and NaN pass in silence, as through torch's own products.
@np.errstate(all="ignore")
def _dot(x, W, out=None):
    return torch.from_numpy(np.dot(x.numpy(), W.numpy(), None if out is None else out.numpy()))


def _linear(x, packed):
    return torch.ops.mkldnn._linear_pointwise(x, packed, None, "none", [], "")


def _has_onednn():
    """Whether torch has its compiler's operations, and oneDNN is not switched off."""
    names = "_reorder_linear_weight", "_linear_pointwise"
    backend = torch.backends.mkldnn
    there = backend.is_available() and all(hasattr(torch.ops.mkldnn, name) for name in names)
    return there and torch._C._get_mkldnn_enabled()


@cache
def _has_avx512():
    return torch.backends.cpu.get_cpu_capability() == "AVX512"


@cache
def _blas():
    return ThreadpoolController().select(user_api="blas").lib_controllers


def _one_thread():
    """Whether torch and NumPy have one thread each: somebody may have told one of them only."""
    return torch.get_num_threads() == 1 and all(blas.num_threads == 1 for blas in _blas())
