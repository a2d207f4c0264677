"""The minGRU and the scan where torch records, transforms or watches what is computed."""

import io

import numpy as np
import onnxruntime
import pytest
import torch
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.fx.experimental.proxy_tensor import make_fx

from gru_course.nn import MinGRU, Readout
from gru_course.nn.scan import linear_scan
from gru_course.training import fit_side_by_side

MODES = ("sequential", "scan")
XS = torch.randn(2, 5, 3, generator=torch.Generator().manual_seed(0))
LONGER = torch.randn(3, 11, 3, generator=torch.Generator().manual_seed(1))
pytestmark = [
    pytest.mark.parametrize("mode", MODES),
    pytest.mark.filterwarnings("ignore:.*torch.jit.*:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:.*legacy TorchScript-based.*:DeprecationWarning"),
]


def make(mode):
    torch.manual_seed(0)
    return MinGRU(3, 4, "positive", mode)


def assert_close(got, wanted, atol=1e-6):
    for ours, theirs in zip(got, wanted, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=0, atol=atol)


@pytest.mark.filterwarnings("error::torch.jit.TracerWarning")
def test_a_trace_fixes_neither_the_batch_nor_the_number_of_steps(mode):
    layer = make(mode)
    assert_close(torch.jit.trace(layer, XS)(LONGER), layer(LONGER))
    lengths = torch.tensor([11, 1, 8])
    traced = torch.jit.trace(layer, (XS, torch.zeros(2, 4), torch.tensor([5, 2])))
    assert_close(
        traced(LONGER, torch.ones(3, 4), lengths), layer(LONGER, torch.ones(3, 4), lengths)
    )


def test_an_exported_file_gives_the_same_numbers_for_any_size(mode):
    model = Readout(make(mode), 1, last=False)
    file = io.BytesIO()
    axes = {"x": {0: "N", 1: "T"}}
    torch.onnx.export(model, (XS,), file, dynamo=False, input_names=["x"], dynamic_axes=axes)
    session = onnxruntime.InferenceSession(file.getvalue(), providers=["CPUExecutionProvider"])
    (got,) = session.run(None, {"x": LONGER.numpy()})
    np.testing.assert_allclose(got, model(LONGER).detach(), rtol=0, atol=1e-6)


def test_graphs_compute_the_same_on_new_inputs(mode):
    layer, new = make(mode), XS + 1
    assert_close(torch.export.export(layer, (XS,)).module()(new), layer(new))
    assert_close(make_fx(lambda xs: layer(xs))(XS)(new), layer(new))
    assert_close(torch.compile(layer, backend="eager")(new), layer(new))


def test_a_symbolic_trace_keeps_the_layer_as_a_leaf(mode):
    model = Readout(make(mode), 1, last=False)
    graph = torch.fx.symbolic_trace(model)
    assert isinstance(graph.get_submodule("recurrent"), MinGRU)
    assert_close([graph(LONGER)], [model(LONGER)])


def test_tensors_without_data(mode):
    layer = make(mode)
    with FakeTensorMode(allow_non_fake_inputs=True) as fake:
        hs, h_last = layer(fake.from_tensor(XS))
    assert (hs.shape, h_last.shape) == ((2, 5, 4), (2, 4))


def test_transformations_of_functions(mode):
    layer = make(mode)

    def states(xs):
        return layer(xs, lengths=[5, 3])[0]

    wanted = torch.autograd.functional.jacobian(states, XS)
    assert_close([torch.func.jacrev(states)(XS)], [wanted])
    assert_close([torch.func.jacfwd(states)(XS)], [wanted])
    assert_close([torch.autograd.functional.jacobian(states, XS, vectorize=True)], [wanted])
    many = torch.stack([XS, XS + 1])
    assert_close(torch.vmap(states)(many), [states(xs) for xs in many])
    _, tangent = torch.func.jvp(states, (XS,), (XS,))
    assert_close([tangent], [torch.einsum("abcnti,nti->abc", wanted, XS)])


def test_a_hessian_by_torch_func(mode):
    layer = make(mode).double()

    def loss(xs):
        return layer(xs)[0].square().sum()

    wanted = torch.autograd.functional.hessian(loss, XS.double())
    assert wanted.abs().max() > 0.1
    assert_close([torch.func.hessian(loss)(XS.double())], [wanted], 1e-12)


def test_autocast(mode):
    layer = make(mode)
    wanted, wanted_last = layer(XS)
    with torch.autocast("cpu", torch.bfloat16):
        hs, state = layer(XS)
        again, _ = layer(hs[..., :3], state)  # takes what it gave
    assert hs.dtype == state.dtype == again.dtype == torch.bfloat16
    assert_close([hs.float(), state.float()], [wanted, wanted_last], 0.03)
    (hs.sum() + again.sum()).backward()
    assert layer.weight.grad.dtype == torch.float32
    assert layer.weight.grad.isfinite().all()


def test_the_state_is_carried_in_float32_under_autocast(mode):
    # Factors near 1: a state that is rounded to bfloat16 at each step goes astray.
    a, b = torch.full((1, 200, 1), 1 - 2**-7), torch.full((1, 200, 1), 2**-7)
    wanted = linear_scan(a, b, torch.zeros(1, 1), mode)
    with torch.autocast("cpu", torch.bfloat16):
        got = linear_scan(a.bfloat16(), b.bfloat16(), torch.zeros(1, 1).bfloat16(), mode)
    torch.testing.assert_close(got.float(), wanted, rtol=2**-8, atol=0)


def test_an_empty_batch(mode):
    layer = make(mode)
    xs = XS[:0].requires_grad_()
    hs, h_last = layer(xs)
    assert (hs.shape, h_last.shape) == ((0, 5, 4), (0, 4))
    hs.sum().backward()
    assert xs.grad.shape == (0, 5, 3)
    assert (layer.weight.grad == 0).all()
    with torch.no_grad():
        assert layer(xs)[0].shape == (0, 5, 4)
    assert (
        linear_scan(torch.ones(0, 5, 3), torch.ones(0, 5, 3), torch.ones(0, 3), mode).numel() == 0
    )


def test_side_by_side(mode):
    models = [Readout(make(mode), 1, last=False) for _ in range(2)]
    single = models[0].recurrent(XS)[0] @ models[0].linear.weight.T + models[0].linear.bias
    losses = fit_side_by_side(
        models, torch.nn.functional.mse_loss, lambda: (XS, XS[..., :1]), steps=2, lr=0.1
    )
    wanted = torch.nn.functional.mse_loss(single, XS[..., :1]).item()
    np.testing.assert_allclose(losses[0, 0], wanted, rtol=1e-5)
    assert (losses[1] < losses[0]).all()
