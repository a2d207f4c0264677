"""Each library's products against those of float64, and what chooses between them."""

import pytest
import torch
from torch.nn.utils.rnn import pack_padded_sequence

from gru_course.nn import GRU, gru_function, products

LIBRARIES = ["torch", "NumPy", "oneDNN"]


@pytest.fixture
def force(monkeypatch):
    def choose(library):
        if library == "oneDNN" and not products._has_onednn():
            pytest.skip("torch was built without oneDNN")
        monkeypatch.setattr(products, "library", lambda *sizes: library)

    return choose


def assert_within_rounding(found, x, W):
    """A sum of K products is off by less than K roundings of the sum of their sizes."""
    x, W = x.double(), W.detach().double()
    bound = len(W) * torch.finfo(torch.float32).eps * (x.abs() @ W.abs())
    assert bool(((found.double() - x @ W).abs() <= bound).all())


@pytest.mark.parametrize("library", LIBRARIES)
@pytest.mark.parametrize("times", [1, 100], ids=["once", "often"])
@pytest.mark.parametrize("transposed", [True, False])
@pytest.mark.parametrize(("K", "O"), [(5, 7), (64, 192), (96, 32)])
def test_products_of_any_number_of_rows(force, library, times, transposed, K, O):
    force(library)
    torch.manual_seed(0)
    W = torch.randn(O, K).T if transposed else torch.randn(K, O)
    W.requires_grad_()
    matrix = products.Matrix(W, rows=16, times=times)
    for rows in (16, 3, 1, 7):  # sequences end: later steps have fewer rows
        x, base = torch.randn(rows, K), torch.randn(rows, O)
        out = torch.full((rows, O), torch.nan)
        matrix.into(out, x)
        assert_within_rounding(out, x, W)
        wanted = base + out
        matrix.add_to(base, x)
        torch.testing.assert_close(base, wanted, rtol=0, atol=1e-6 * (1 + K))


@pytest.mark.parametrize("library", LIBRARIES)
def test_outer_products_are_added(force, library):
    force(library)
    torch.manual_seed(0)
    da, x, out = torch.randn(50, 12), torch.randn(50, 4), torch.ones(12, 4)
    products.add_outer(out, da, x)
    assert_within_rounding(
        out, torch.cat([da, torch.ones(1, 12)]).T, torch.cat([x, torch.ones(1, 4)])
    )


@pytest.mark.parametrize("library", LIBRARIES)
@pytest.mark.parametrize("lengths", [[9] * 5, [9, 9, 4, 2, 1]], ids=["whole", "packed"])
@pytest.mark.parametrize("bias", [True, False])
def test_layers_with_any_library_equal_torchs(force, monkeypatch, library, lengths, bias):
    monkeypatch.setattr(gru_function, "SMALL", 0)
    monkeypatch.setattr(gru_function, "ROWS", 11)
    torch.manual_seed(0)
    torchs = torch.nn.GRU(6, 40, num_layers=2, bidirectional=True, bias=bias)
    ours = GRU(6, 40, num_layers=2, bidirectional=True, bias=bias)
    ours.load_state_dict(torchs.state_dict())
    xs, above = torch.randn(9, 5, 6, requires_grad=True), torch.randn(sum(lengths), 80)
    force(library)
    found = []
    for layer in (ours, torchs):
        packed = pack_padded_sequence(xs, lengths)
        hs, h_last = layer(packed)
        loss = (hs.data * above).sum() + (h_last**2).sum()
        gradients = torch.autograd.grad(loss, [xs, *layer.parameters()])
        found.append([hs.data, h_last, *gradients])
    for a, b in zip(*found, strict=True):
        torch.testing.assert_close(a, b, rtol=0, atol=1e-5 * max(1, b.detach().abs().max().item()))


@pytest.mark.parametrize(
    ("alone", "avx512", "size", "rows", "times", "wanted"),
    [
        (True, True, (32, 96), 1, 64, "NumPy"),
        (True, True, (256, 768), 32, 128, "NumPy"),
        (True, True, (1024, 3072), 16, 256, "oneDNN"),
        (True, True, (1024, 3072), 16, 1, "NumPy"),  # laying out takes longer than one product
        (True, False, (256, 768), 32, 128, "torch"),
        (True, False, (512, 1536), 64, 100, "NumPy"),
        (True, False, (1024, 3072), 16, 256, "NumPy"),
        (False, True, (32, 96), 1, 64, "NumPy"),  # too small for a second thread
        (False, True, (128, 384), 16, 128, "torch"),
        (False, True, (256, 768), 32, 128, "oneDNN"),
        (False, False, (256, 768), 32, 128, "torch"),
        (False, False, (512, 1536), 64, 100, "oneDNN"),
    ],
)
def test_the_choice_depends_on_sizes_threads_and_instructions(
    monkeypatch, alone, avx512, size, rows, times, wanted
):
    monkeypatch.setattr(products, "_one_thread", lambda: alone)
    monkeypatch.setattr(products, "_has_avx512", lambda: avx512)
    monkeypatch.setattr(products, "_has_onednn", lambda: True)
    assert products.library(torch.empty(size), rows, times) == wanted
    for dtype in (torch.float64, torch.bfloat16):
        assert products.library(torch.empty(size, dtype=dtype), rows, times) != "oneDNN"
    assert products.library(torch.empty(size, dtype=torch.bfloat16), rows, times) == "torch"
    assert products.library(torch.empty(size, device="meta"), rows, times) == "torch"
    monkeypatch.setattr(products, "_has_onednn", lambda: False)
    assert products.library(torch.empty(size), rows, times) in ("NumPy", "torch")


def test_onednn_is_not_taken_where_it_is_missing_or_switched_off(monkeypatch):
    assert products._has_onednn() == torch.backends.mkldnn.is_available(), "a name has changed"
    torch._C._set_mkldnn_enabled(False)
    try:
        assert not products._has_onednn()
    finally:
        torch._C._set_mkldnn_enabled(True)
    monkeypatch.setattr(torch.ops, "mkldnn", object())
    assert not products._has_onednn()


def test_threads_of_both_libraries_count(monkeypatch):
    class Blas:
        num_threads = 2

    monkeypatch.setattr(torch, "get_num_threads", lambda: 1)
    monkeypatch.setattr(products, "_blas", lambda: [])
    assert products._one_thread()
    monkeypatch.setattr(products, "_blas", lambda: [Blas])
    assert not products._one_thread()
    monkeypatch.setattr(products, "_blas", lambda: [])
    monkeypatch.setattr(torch, "get_num_threads", lambda: 2)
    assert not products._one_thread()
