"""Native attention against the reference, for operands of every layout that heads come in."""

from __future__ import annotations

import numpy as np
import pytest

from rushlight.kernels import attention as K

# Leading axes, rows of q, rows of k, elements of q and k, elements of v.
CASES = [
    ((2, 3), 5, 7, 4, 4),
    ((1, 1), 1, 1, 1, 1),
    ((2, 2), 64, 64, 32, 32),
    ((1, 2), 130, 70, 17, 9),
    ((), 9, 600, 8, 3),
    ((3,), 70, 33, 16, 5),
    ((2, 2, 2), 3, 4, 5, 6),
    ((1, 1), 3, 5000, 4, 4),  # rows of scores that do not fit a block
]
MASKS = ["none", "causal", "full", "row", "column", "blind"]

pytestmark = pytest.mark.skipif(
    np.ndarray not in K.attention.paths, reason="the native extension is absent"
)


def heads_inside(x):
    """The same array, with the rows of all heads next to each other in memory."""
    return np.ascontiguousarray(x.swapaxes(-3, -2)).swapaxes(-3, -2) if x.ndim > 2 else x


def mask_of(kind, rng, leading, rows, keys):
    if kind in ("none", "causal"):
        return None
    if kind == "blind":  # the first row sees nothing
        mask = np.zeros((rows, keys), np.float32)
        mask[0] = -np.inf
        return mask
    shapes = {"full": (*leading, rows, keys), "row": (keys,), "column": (rows, 1)}
    return rng.standard_normal(shapes[kind]).astype(np.float32)


@pytest.mark.parametrize("mask", MASKS)
@pytest.mark.parametrize(("leading", "rows", "keys", "size", "depth"), CASES, ids=str)
def test_attention(leading, rows, keys, size, depth, mask):
    rng = np.random.default_rng(0)

    def array(*shape):
        return heads_inside(rng.standard_normal((*leading, *shape)).astype(np.float32))

    q, k, v, g = array(rows, size), array(keys, size), array(keys, depth), array(rows, depth)
    bias = mask_of(mask, rng, leading, rows, keys)
    options = {"scale": 0.7, "causal": mask == "causal"}
    wide = [x.astype(np.float64) for x in (q, k, v)]
    y, lse = K.attention.reference(*wide, bias, **options)
    own_y, own_lse = K.attention.paths[np.ndarray](q, k, v, bias, **options)
    np.testing.assert_allclose(own_y, y, rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(own_lse, lse, rtol=1e-5, atol=1e-5)
    expected = K.attention_grad.reference(g.astype(np.float64), *wide, bias, lse, **options)
    found = K.attention_grad.paths[np.ndarray](g, q, k, v, bias, own_lse, **options)
    for ours, right in zip(found, expected, strict=True):
        np.testing.assert_allclose(ours, right, rtol=1e-4, atol=2e-5 * np.abs(right).max())


def test_sharp_scores_keep_the_gradient_precise():
    rng = np.random.default_rng(0)
    q, k, v, g = (9 * rng.standard_normal((2, 2, 20, 8)) for _ in range(4))
    options = {"scale": 1.0, "causal": False}
    narrow = [x.astype(np.float32) for x in (g, q, k, v)]
    wide = [x.astype(np.float64) for x in narrow]
    _, lse = K.attention.reference(*wide[1:], None, **options)
    exact = K.attention_grad.reference(*wide, None, lse, **options)
    _, own_lse = K.attention.paths[np.ndarray](*narrow[1:], None, **options)
    found = K.attention_grad.paths[np.ndarray](*narrow, None, own_lse, **options)
    for ours, right in zip(found, exact, strict=True):
        np.testing.assert_allclose(ours, right, rtol=0, atol=3e-4 * np.abs(right).max())


def test_nan_stays_where_it_is():
    q = k = v = np.ones((1, 2, 3, 4), np.float32)
    q = q.copy()
    q[0, 1, 2] = np.nan
    y, _ = K.attention(q, k, v, None, scale=1.0, causal=False)
    assert np.isnan(y[0, 1, 2]).all()
    assert np.isnan(y).sum() == 4


def test_same_bits_again():
    rng = np.random.default_rng(0)
    q, k, v, g = (rng.standard_normal((3, 4, 50, 16)).astype(np.float32) for _ in range(4))
    runs = []
    for _ in range(3):
        y, lse = K.attention(q, k, v, None, scale=0.5, causal=True)
        grads = K.attention_grad(g, q, k, v, None, lse, scale=0.5, causal=True)
        runs.append([x.tobytes() for x in (y, lse, *grads)])
    assert runs[0] == runs[1] == runs[2]
