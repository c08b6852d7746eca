"""The array API namespace gives what NumPy's, which is one too, gives."""

from __future__ import annotations

import numpy as np
import pytest

import rushlight

X = np.array([[3.0, 1.0, 2.0], [1.0, 1.0, 5.0]])

CALLS = {
    "sum": lambda xp, x: [xp.sum(x), xp.sum(x, axis=0), xp.sum(x, axis=(0, 1), keepdims=True)],
    "sum over nothing": lambda xp, x: [xp.sum(x, axis=()), xp.max(x[0, 0])],
    "spread": lambda xp, x: [xp.std(x), xp.var(x, axis=1, correction=1), xp.mean(x, axis=0)],
    "extrema": lambda xp, x: [
        xp.max(x), xp.min(x, axis=(0, 1)), xp.argmax(x), xp.argmin(x, axis=1)
    ],
    "prod": lambda xp, x: [xp.prod(x), xp.prod(x, axis=1), xp.prod(xp.astype(x, xp.int32))],
    "truth": lambda xp, x: [xp.all(x), xp.any(x > 4, axis=0), xp.count_nonzero(x > 1, axis=1)],
    "cumulative": lambda xp, x: [
        xp.cumulative_sum(x, axis=1, include_initial=True), xp.cumulative_prod(x, axis=0)
    ],
    "diff": lambda xp, x: [xp.diff(x), xp.diff(x, axis=0)],
    "join": lambda xp, x: [
        xp.concat([x, x], axis=1), xp.concat([x, x], axis=None), xp.stack([x, x], axis=2)
    ],
    "shapes": lambda xp, x: [
        xp.permute_dims(x, (1, 0)), xp.expand_dims(x, axis=1), xp.flip(x), xp.flip(x, axis=1),
        xp.squeeze(x[:1], 0), xp.matrix_transpose(x), xp.roll(x, 1, axis=1), xp.reshape(x, (3, 2)),
        *xp.unstack(x), *xp.broadcast_arrays(x, x[0]), xp.moveaxis(x, 0, 1), xp.tile(x, (1, 2)),
        xp.repeat(x, 2, axis=0),
    ],
    "products": lambda xp, x: [
        xp.tensordot(x, x, axes=([1], [1])), xp.vecdot(x, x), xp.matmul(x, xp.matrix_transpose(x))
    ],
    "search": lambda xp, x: [
        xp.take(x, xp.asarray([1, 0]), axis=1), *xp.nonzero(x > 1),
        xp.searchsorted(xp.asarray([1.0, 2.0, 3.0]), x[0]), xp.where(x > 1, x, -x),
        xp.take_along_axis(x, xp.argsort(x, axis=1), axis=1),
    ],
    "sort": lambda xp, x: [xp.sort(x), xp.sort(x, axis=0), xp.argsort(x)],
    "sets": lambda xp, x: [
        *xp.unique_all(x), *xp.unique_counts(x), *xp.unique_inverse(x), xp.unique_values(x)
    ],
    "elements": lambda xp, x: [
        xp.acos(x / 9), xp.atan2(x, x), xp.pow(x, 2.0), xp.equal(x, 1.0), xp.hypot(x, x),
        xp.bitwise_invert(xp.astype(x, xp.int64)), xp.clip(x, 1.5, 3.0), xp.clip(x, max=2.0),
        xp.logaddexp(x, x), xp.isfinite(x), xp.copysign(x, -x), xp.signbit(-x),
    ],
    "make": lambda xp, x: [
        xp.zeros((2, 1)), xp.ones_like(x), xp.full((2,), 3.0), xp.eye(2, 3, k=1), xp.arange(5),
        xp.linspace(0, 1, 5), xp.linspace(0, 1, 4, endpoint=False), xp.triu(x, k=1),
        *xp.meshgrid(x[0], x[1]), xp.tril(x), xp.asarray(3.0),
    ],
}  # fmt: skip


@pytest.mark.parametrize("name", CALLS)
def test_the_same_as_numpys(name):
    rushlight.set_default_dtype(rushlight.float64)
    try:
        x = rushlight.from_numpy(X.copy())
        ours = CALLS[name](x.__array_namespace__(), x)
    finally:
        rushlight.set_default_dtype(rushlight.float32)
    theirs = CALLS[name](np, X)
    assert len(ours) == len(theirs)
    for a, b in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(a.numpy(), b, rtol=1e-12)
        assert a.shape == np.shape(b)
        assert a.numpy().dtype == np.asarray(b).dtype


def test_the_namespace_tells_about_itself():
    xp = rushlight.ones(1).__array_namespace__(api_version="2024.12")
    info = xp.__array_namespace_info__()
    assert info.default_dtypes()["real floating"] is rushlight.float32
    assert set(info.dtypes(kind="complex floating")) == {"complex64", "complex128"}
    assert rushlight.device("cpu") in info.devices()
    assert xp.isdtype(xp.int8, "integral")
    assert xp.isdtype(xp.float32, ("bool", xp.float32))
    with pytest.raises(ValueError, match="1999"):
        rushlight.ones(1).__array_namespace__(api_version="1999.12")


def test_every_name_of_the_standard_is_there():
    xp = rushlight.array_api
    missing = [
        name
        for name in [*xp._SAME, *"asarray astype can_cast fft from_dlpack linalg newaxis".split()]
        if not hasattr(xp, name)
    ]
    assert not missing


def test_sorting_downwards_keeps_equal_elements_in_order():
    xp = rushlight.array_api
    x = xp.asarray([1.0, 3.0, 1.0, 2.0])
    assert xp.sort(x, descending=True).tolist() == [3.0, 2.0, 1.0, 1.0]
    assert xp.argsort(x, descending=True).tolist() == [1, 3, 0, 2]


def test_a_size_that_does_not_fit_is_refused():
    xp = rushlight.array_api
    with pytest.raises(ValueError, match="extent 3"):
        xp.squeeze(rushlight.ones(3), 0)
    with pytest.raises(ValueError, match="copy"):
        xp.asarray([1, 2], copy=False)
