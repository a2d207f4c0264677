"""What is timed. Each function takes sizes and returns the two passes, ready to be called.

Contenders of one table get the same float32 inputs and weights and compute the same numbers, which
a test holds; "products" computes only those matrix products that no GRU can do without.
Peers are imported where they are used, so that a process holds one contender's libraries only.
"""

from functools import partial
from typing import Any, NamedTuple

import numpy as np

from gru_course.reference import gru, gru_fast, mingru


def numbers(B, T, D, H, cell=gru):
    """Inputs (B, T, D), gradients from above (B, T, H) and a cell's weights."""
    rng = np.random.default_rng(0)
    xs = rng.standard_normal((B, T, D), dtype=np.float32)
    dhs = rng.standard_normal((B, T, H), dtype=np.float32)
    return xs, dhs, cell.init(rng, D, H, np.float32)


def passes(layer, params, xs, dhs):
    """The passes of a torch layer that maps (B, T, D) to (B, T, H) and its last state."""
    import torch

    with torch.no_grad():
        for weight, array in zip(layer.parameters(), params, strict=True):
            weight.copy_(torch.from_numpy(array))
    xs, dhs = torch.from_numpy(xs).requires_grad_(), torch.from_numpy(dhs)

    def forward():
        with torch.no_grad():
            return layer(xs)[0]

    def both():
        return torch.autograd.grad(layer(xs)[0], [xs, *layer.parameters()], dhs)

    return forward, both


def torch_gru(B, T, D, H):
    import torch

    xs, dhs, params = numbers(B, T, D, H)
    return passes(torch.nn.GRU(D, H, batch_first=True), params, xs, dhs)


def our_gru(B, T, D, H):
    from gru_course.nn import GRU

    xs, dhs, params = numbers(B, T, D, H)
    return passes(GRU(D, H, batch_first=True), params, xs, dhs)


def cell_loop(B, T, D, H):
    from gru_course.nn import GRUCell, Recurrent

    xs, dhs, params = numbers(B, T, D, H)
    return passes(Recurrent(GRUCell(D, H)), params, xs, dhs)


def reference_gru(B, T, D, H):
    xs, dhs, params = numbers(B, T, D, H)
    h0 = np.zeros((B, H), np.float32)

    def forward():
        return gru_fast.forward(xs, h0, params)[0]

    def both():
        _, cache = gru_fast.forward(xs, h0, params)
        dxs, _, grads = gru_fast.backward(dhs, cache)
        return [dxs, *grads]

    return forward, both


def onnx_runtime(B, T, D, H):
    """Forward only, since ONNX Runtime computes no gradients; its inputs are time first."""
    import os

    import onnx
    import onnxruntime

    from gru_course.convert import to_onnx

    xs, _, params = numbers(B, T, D, H)
    weights: dict[str, Any] = to_onnx((params,), reset_after=True)
    before = weights.pop("linear_before_reset")
    node = onnx.helper.make_node(
        "GRU", ["xs", *weights], ["hs"], hidden_size=H, linear_before_reset=before
    )
    float32 = onnx.TensorProto.FLOAT
    graph = onnx.helper.make_graph(
        [node],
        "gru",
        [onnx.helper.make_tensor_value_info("xs", float32, (T, B, D))],
        [onnx.helper.make_tensor_value_info("hs", float32, (T, 1, B, H))],
        [onnx.numpy_helper.from_array(array, name) for name, array in weights.items()],
    )
    model = onnx.helper.make_model(
        graph, opset_imports=[onnx.helper.make_opsetid("", 14)], ir_version=8
    )
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = int(os.environ["OMP_NUM_THREADS"])
    options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(model.SerializeToString(), options)
    feeds = {"xs": np.ascontiguousarray(xs.transpose(1, 0, 2))}

    def forward():
        return np.asarray(session.run(None, feeds)[0])[:, 0].transpose(1, 0, 2)

    return forward, None


def numpy_products(B, T, D, H):
    """The bound of NumPy: one product a step each way, and those of the inputs and weights."""
    xs, dhs, params = numbers(B, T, D, H)
    x, h, da = xs.reshape(B * T, D), dhs.reshape(B * T, H), np.ones((B * T, 3 * H), np.float32)
    h_step, da_step = h[:B].copy(), da[:B].copy()
    W_ih_T, W_hh_T = params.weight_ih.T, params.weight_hh.T

    def forward():
        np.matmul(x, W_ih_T)
        for _ in range(T):
            np.matmul(h_step, W_hh_T)

    def both():
        forward()
        for _ in range(T):
            np.matmul(da_step, params.weight_hh)
        np.matmul(da, params.weight_ih)
        np.matmul(da.T, x)
        np.matmul(da.T, h)

    return forward, both


def torch_products(B, T, D, H):
    """The same products by torch."""
    import torch

    xs, dhs, params = numbers(B, T, D, H)
    x, h = torch.from_numpy(xs).view(B * T, D), torch.from_numpy(dhs).view(B * T, H)
    weight_ih, weight_hh = torch.from_numpy(params.weight_ih), torch.from_numpy(params.weight_hh)
    da = torch.ones(B * T, 3 * H)
    h_step, da_step = h[:B].clone(), da[:B].clone()

    def forward():
        torch.mm(x, weight_ih.T)
        for _ in range(T):
            torch.mm(h_step, weight_hh.T)

    def both():
        forward()
        for _ in range(T):
            torch.mm(da_step, weight_hh)
        torch.mm(da, weight_ih)
        torch.mm(da.T, x)
        torch.mm(da.T, h)

    return forward, both


def min_gru(B, T, D, H, mode="sequential"):
    from gru_course.nn import MinGRU

    xs, dhs, params = numbers(B, T, D, H, mingru)
    return passes(MinGRU(D, H, candidate="positive", mode=mode), params, xs, dhs)


def min_gru_log_space(B, T, D, H):
    """The paper's own form, differentiated by autograd: Feng et al. (2024), appendix B."""
    import torch
    from torch.nn.functional import linear, softplus

    from gru_course.nn import MinGRU
    from gru_course.nn.scan import log_space_scan

    class LogSpace(MinGRU):
        def forward(self, xs):
            a_z, a_n = linear(xs, self.weight, self.bias).chunk(2, dim=2)
            log_n = torch.where(a_n >= 0, (a_n.relu() + 0.5).log(), -softplus(-a_n))
            log_h0 = xs.new_full((len(xs), self.hidden_size), -torch.inf)
            hs = log_space_scan(-softplus(-a_z), log_n - softplus(a_z), log_h0)
            return hs, hs[:, -1]

    xs, dhs, params = numbers(B, T, D, H, mingru)
    return passes(LogSpace(D, H), params, xs, dhs)


def min_gru_products(B, T, D, H):
    """The bound of a minGRU in torch: no product waits for a state."""
    import torch

    xs, _, params = numbers(B, T, D, H, mingru)
    x, weight = torch.from_numpy(xs).view(B * T, D), torch.from_numpy(params.weight)
    da = torch.ones(B * T, 2 * H)

    def forward():
        torch.mm(x, weight.T)

    def both():
        forward()
        torch.mm(da, weight)
        torch.mm(da.T, x)

    return forward, both


class Table(NamedTuple):
    """Contenders, the sizes (B, T, D, H), and whose time the ratios are of."""

    makers: dict
    sizes: list
    baseline: str
    measured_memory: list


TABLES = {
    "cpu": Table(
        {
            "torch.nn.GRU": torch_gru,
            "nn.GRU": our_gru,
            "reference.gru": reference_gru,
            "GRUCell in a loop": cell_loop,
            "ONNX Runtime": onnx_runtime,
            "products (torch)": torch_products,
            "products (NumPy)": numpy_products,
        },
        [
            (1, 64, 16, 32),
            (1, 128, 64, 128),
            (16, 128, 64, 128),
            (32, 128, 128, 256),
            (64, 100, 256, 512),
            (16, 256, 1024, 1024),
        ],
        baseline="torch.nn.GRU",
        measured_memory=["torch.nn.GRU", "nn.GRU", "reference.gru"],
    ),
    "scan": Table(
        {
            "torch.nn.GRU": torch_gru,
            "nn.GRU": our_gru,
            "nn.MinGRU": min_gru,
            "nn.MinGRU (scan)": partial(min_gru, mode="scan"),
            "minGRU in log space": min_gru_log_space,
            "products of a minGRU": min_gru_products,
        },
        [(16, 256, 256, 256), (16, 1024, 256, 256), (16, 4096, 256, 256), (1, 4096, 256, 256)],
        baseline="torch.nn.GRU",
        measured_memory=[
            "torch.nn.GRU",
            "nn.MinGRU",
            "nn.MinGRU (scan)",
            "minGRU in log space",
        ],
    ),
}
