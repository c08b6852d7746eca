"""Cross-entropy and NLL kernels against torch over every option, and their errors."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from rushlight.kernels import loss as K

SHAPES = [(10,), (4, 10), (64, 10), (1, 3), (33, 65), (2, 5, 3), (2, 5, 3, 4), (0, 4)]
OPTIONS = list(product(["mean", "sum", "none"], [False, True], [0.0, 0.1, 1.0]))
IGNORED = -100


def data(shape, dtype, weighted, ignored):
    rng = np.random.default_rng(0)
    x = (rng.standard_normal(shape) * 3).astype(dtype)
    classes = shape[0] if len(shape) == 1 else shape[1]
    outer = () if len(shape) == 1 else (shape[0], *shape[2:])
    target = np.asarray(rng.integers(0, classes, outer))
    if ignored:
        target = np.where(rng.random(outer) < 0.3, IGNORED, target)
    w = rng.random(classes).astype(dtype) if weighted else None
    return x, target, w


def close(got, want, dtype):
    tolerance = 3e-6 if dtype == np.float32 else 1e-12
    assert got.dtype == dtype
    assert got.shape == want.shape
    np.testing.assert_allclose(got, want, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("dtype", [np.float32, np.float64], ids=["float32", "float64"])
@pytest.mark.parametrize("ignored", [False, True], ids=["all", "ignored"])
@pytest.mark.parametrize(("reduction", "weighted", "smoothing"), OPTIONS)
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_cross_entropy_equals_torch(shape, reduction, weighted, smoothing, ignored, dtype):
    torch = pytest.importorskip("torch")
    x, target, w = data(shape, dtype, weighted, ignored)
    tx = torch.tensor(x, dtype=torch.float64, requires_grad=True)
    tl = torch.nn.functional.cross_entropy(
        tx,
        torch.tensor(target),
        None if w is None else torch.tensor(w, dtype=torch.float64),
        reduction=reduction,
        label_smoothing=smoothing,
    )
    opts = {"ignore_index": IGNORED, "reduction": reduction, "label_smoothing": smoothing}
    loss, stats, total = K.cross_entropy(x, target, w, **opts)
    close(loss, tl.detach().numpy(), dtype)
    g = np.asarray(np.random.default_rng(1).standard_normal(loss.shape), dtype=dtype)
    tl.backward(torch.tensor(g, dtype=torch.float64))
    gx = K.cross_entropy_grad(g, x, target, w, stats, total, **opts)
    close(gx, tx.grad.numpy(), dtype)


@pytest.mark.parametrize("dtype", [np.float32, np.float64], ids=["float32", "float64"])
@pytest.mark.parametrize("ignored", [False, True], ids=["all", "ignored"])
@pytest.mark.parametrize(("reduction", "weighted", "smoothing"), OPTIONS[::3])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_nll_equals_torch(shape, reduction, weighted, smoothing, ignored, dtype):
    torch = pytest.importorskip("torch")
    x, target, w = data(shape, dtype, weighted, ignored)
    tx = torch.tensor(x, dtype=torch.float64, requires_grad=True)
    tl = torch.nn.functional.nll_loss(
        tx,
        torch.tensor(target),
        None if w is None else torch.tensor(w, dtype=torch.float64),
        reduction=reduction,
    )
    opts = {"ignore_index": IGNORED, "reduction": reduction}
    loss, total = K.nll_loss(x, target, w, **opts)
    close(loss, tl.detach().numpy(), dtype)
    g = np.asarray(np.random.default_rng(1).standard_normal(loss.shape), dtype=dtype)
    tl.backward(torch.tensor(g, dtype=torch.float64))
    gx = K.nll_loss_grad(g, target, w, total, input_shape=x.shape, **opts)
    close(gx, tx.grad.numpy(), dtype)


def test_mean_over_ignored_targets_only_is_nan():
    x = np.zeros((3, 4), dtype=np.float32)
    target = np.full(3, IGNORED)
    opts = {"ignore_index": IGNORED, "reduction": "mean"}
    assert np.isnan(K.cross_entropy(x, target, None, **opts, label_smoothing=0.0)[0])
    assert np.isnan(K.nll_loss(x, target, None, **opts)[0])


@pytest.mark.parametrize("ignore_index", [2, 255, -1])
def test_ignore_index_may_be_a_class_or_none(ignore_index):
    torch = pytest.importorskip("torch")
    x, _, _ = data((6, 5), np.float64, False, False)
    target = np.array([0, 2, ignore_index, 4, 2, 1])
    loss, _, _ = K.cross_entropy(
        x, target, None, ignore_index=ignore_index, reduction="mean", label_smoothing=0.0
    )
    want = torch.nn.functional.cross_entropy(
        torch.tensor(x), torch.tensor(target), ignore_index=ignore_index
    )
    np.testing.assert_allclose(loss, want.numpy())


@pytest.mark.parametrize("dtype", [np.float32, np.float64], ids=["float32", "float64"])
@pytest.mark.parametrize("wrong", [-1, 10, 1 << 40])
def test_target_out_of_bounds(wrong, dtype):
    x = np.zeros((4, 10), dtype=dtype)
    target = np.array([1, 2, wrong, 3])
    opts = {"ignore_index": IGNORED, "reduction": "mean"}
    with pytest.raises(IndexError, match=rf"Target {wrong} is out of bounds"):
        K.cross_entropy(x, target, None, **opts, label_smoothing=0.0)
    with pytest.raises(IndexError, match=rf"Target {wrong} is out of bounds"):
        K.nll_loss(x, target, None, **opts)


def test_large_logits_stay_finite():
    x = np.array([[1e4, 0, -1e4], [88, 89, 90]], dtype=np.float32)
    opts = {"ignore_index": IGNORED, "reduction": "none", "label_smoothing": 0.0}
    loss, stats, total = K.cross_entropy(x, np.array([1, 2]), None, **opts)
    np.testing.assert_allclose(loss, [1e4, 0.4076059], rtol=1e-6)
    g = np.ones(2, dtype=np.float32)
    gx = K.cross_entropy_grad(g, x, np.array([1, 2]), None, stats, total, **opts)
    np.testing.assert_allclose(gx.sum(axis=1), 0, atol=1e-6)


def test_half_loss_is_rounded_once():
    x, target, _ = data((32, 10), np.float16, False, False)
    opts = {"ignore_index": IGNORED, "reduction": "mean", "label_smoothing": 0.0}
    loss, stats, _ = K.cross_entropy(x, target, None, **opts)
    assert (loss.dtype, stats.dtype) == (np.float16, np.float32)
    want, _, _ = K.cross_entropy(x.astype(np.float32), target, None, **opts)
    assert loss == want.astype(np.float16)
