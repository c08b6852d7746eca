"""`spread`: the view that numpy.broadcast_to makes."""

from __future__ import annotations

import numpy as np
import pytest

from rushlight.kernels.sums import spread


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.float16, np.int64, bool])
@pytest.mark.parametrize(
    ("have", "shape"),
    [
        ((), ()),
        ((), (4,)),
        ((1,), (5,)),
        ((1, 3), (4, 3)),
        ((2, 1, 1), (2, 5, 6)),
        ((3,), (2, 3)),
        ((1,), (0,)),
        ((2, 3), (2, 3)),
        ((1,) * 8, (2,) * 8),
        ((1,) * 9, (2,) * 9),
    ],
)
def test_spread_shows_the_same_memory(have, shape, dtype):
    x = np.arange(np.prod(have)).reshape(have).astype(dtype)
    y = spread(x, shape)
    expected = np.broadcast_to(x, shape)
    assert y.dtype == x.dtype
    assert not y.flags.writeable
    np.testing.assert_array_equal(y, expected)
    if y.size:
        assert np.shares_memory(y, x)
        assert y.flags.c_contiguous == expected.flags.c_contiguous


def test_spread_of_a_strided_array():
    x = np.arange(12, dtype=np.float32).reshape(3, 4).T[:, None, ::-1]
    np.testing.assert_array_equal(spread(x, (4, 5, 3)), np.broadcast_to(x, (4, 5, 3)))


@pytest.mark.parametrize(("have", "shape"), [((3,), (4,)), ((2, 1), (2,)), ((1,), (-1,))])
def test_spread_refuses_what_does_not_fit(have, shape):
    with pytest.raises(ValueError, match=r"broadcast|negative|dimensions"):
        spread(np.zeros(have, np.float32), shape)
