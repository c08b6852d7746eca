"""From uniform numbers to normal ones and to permutations, in the order PyTorch uses them.

The transformations alone: `mt19937` makes the words, `fill` and `draw` make numbers of them.
"""

from __future__ import annotations

import math

import numpy as np

from rushlight._typing import Array
from rushlight.kernels._kernel import kernel

BLOCK = 16


@kernel
def normal_blocks_(u: Array) -> None:
    """Turn uniforms in [0, 1) into standard normal numbers, in blocks of 16 (Box and Muller).

        r = sqrt(-2 log(1 - u1)),    t = 2 pi u2,    y = (r cos t, r sin t)

    u: contiguous float32 or float64 of a multiple of 16 elements; u1 and y's first half are the
    first 8 of a block, u2 and y's second half the last 8.
    """
    # One opaque item per half block: copying 8 floats at a time would run loops of length 8.
    half_block = np.dtype((np.void, BLOCK // 2 * u.itemsize))
    halves = u.view(half_block).reshape(-1, 2)
    radius = halves[:, 0].copy().view(u.dtype)
    angle = halves[:, 1].copy().view(u.dtype)
    np.subtract(1, radius, out=radius)
    np.log(radius, out=radius)
    radius *= -2
    np.sqrt(radius, out=radius)
    angle *= 2 * math.pi
    y = np.cos(angle)
    y *= radius
    halves[:, 0] = y.view(half_block)
    np.sin(angle, out=y)
    y *= radius
    halves[:, 1] = y.view(half_block)


@kernel
def normal_pairs(u: Array) -> Array:
    """Return standard normal numbers from pairs (u1, u2) of float64 uniforms.

    r = sqrt(-2 log(1 - u2)),    t = 2 pi u1,    y = (r cos t, r sin t)
    """
    radius = np.sqrt(-2 * np.log1p(-u[1::2]))
    angle = 2 * math.pi * u[0::2]
    y = np.empty_like(u)
    np.multiply(radius, np.cos(angle), out=y[0::2])
    np.multiply(radius, np.sin(angle), out=y[1::2])
    return y


@kernel
def permutation_of(steps: Array) -> Array:
    """Return 0 ... n-1 after swapping entry i with entry i + steps[i], for i from 0 to n-2.

    steps: n - 1 unsigned integers with steps[i] < n - i. Result: int64.

    The swaps are not replayed. Entry i is final after swap i: it gets what stood at its partner
    j = i + steps[i], put there by the last earlier swap with the same partner (which left there
    what stood in its own place), or j itself if there was none.
    """
    n = steps.size + 1
    order, partner, repeated = _by_partner(steps, n)
    # standing[x]: what stands in place x when its own turn comes. `later` wins over earlier swaps.
    standing = np.arange(n)
    moved_in = order != partner
    standing[partner[moved_in]] = order[moved_in]
    standing = _follow(standing)
    taken = partner.copy()
    taken[repeated] = standing[order[repeated - 1]]
    result = np.empty(n, np.int64)
    result[order] = taken
    return result


def _by_partner(steps: Array, n: int) -> tuple[Array, Array, Array]:
    """Return the swaps sorted by partner then time, their partners, and where a partner repeats."""
    bits = max(n - 1, 1).bit_length()
    wide = np.dtype(np.uint32 if 2 * bits <= 32 else np.uint64)
    time = np.arange(n, dtype=wide)
    key = time.copy()
    key[:-1] += steps
    key <<= wide.type(bits)
    key |= time
    key.sort()
    order = (key & wide.type((1 << bits) - 1)).astype(np.intp)
    partner = (key >> wide.type(bits)).astype(np.intp)
    repeated = np.flatnonzero(partner[1:] == partner[:-1]) + 1
    return order, partner, repeated


def _follow(pointers: Array) -> Array:
    """Return where each chain of pointers ends."""
    while True:
        further = pointers[pointers]
        if np.array_equal(further, pointers):
            return pointers
        pointers = further
