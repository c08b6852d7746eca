"""Cases of `ops/grid.py`."""

from __future__ import annotations

import itertools

import numpy as np

from . import Err, OpCase, S, lit


def _pixel(plane, at, padding):
    if padding == "border":
        at = [min(max(i, 0), n - 1) for i, n in zip(at, plane.shape[1:], strict=True)]
    if any(not 0 <= i < n for i, n in zip(at, plane.shape[1:], strict=True)):
        return np.zeros(plane.shape[0])
    return plane[(slice(None), *at)]


def _grid_sample(x, grid, mode="bilinear", padding_mode="zeros", align_corners=False):
    y = np.zeros((x.shape[0], x.shape[1], *grid.shape[1:-1]))
    for n, *out in np.ndindex(grid.shape[:-1]):
        at = []
        for g, size in zip(grid[(n, *out)][::-1], x.shape[2:], strict=True):
            p = (g + 1) / 2 * (size - 1) if align_corners else ((g + 1) * size - 1) / 2
            at.append(min(max(p, 0), size - 1) if padding_mode == "border" else p)
        value = np.zeros(x.shape[1])
        for corner in itertools.product((0, 1), repeat=len(at)):
            cells = [int(np.floor(p)) + c for p, c in zip(at, corner, strict=True)]
            weight = np.prod([1 - abs(p - i) for p, i in zip(at, cells, strict=True)])
            value += weight * _pixel(x[n], cells, padding_mode)
        y[(n, slice(None), *out)] = (
            _pixel(x[n], [round(p) for p in at], padding_mode) if mode == "nearest" else value
        )
    return y


def _affine_grid(theta, size, align_corners):
    axes = [np.linspace(-1, 1, n) * (1 if align_corners else (n - 1) / n) for n in size[2:]]
    points = np.stack([*np.meshgrid(*axes, indexing="ij")[::-1], np.ones(size[2:])], -1)
    return np.einsum("...j,nij->n...i", points, theta)


CASES = [
    OpCase(
        "nn.functional.grid_sample",
        [
            S((2, 3, 4, 5), (2, 3, 2, 2), align_corners=False),
            S((1, 2, 4, 5), (1, 3, 3, 2), align_corners=True),
            S((1, 2, 4, 5), (1, 3, 3, 2), "bilinear", "border", False),
            S((1, 2, 3, 3, 4), (1, 2, 2, 2, 3), align_corners=False),
        ],
        _grid_sample,
        low=-1.2,
        high=1.2,
        errors=[
            Err(S((2, 3, 4), (2, 3, 2), align_corners=False), RuntimeError, "4D or 5D input"),
            Err(
                S((2, 3, 4, 5), (1, 3, 2, 2), align_corners=False), RuntimeError, "same batch size"
            ),
            Err(
                S((2, 3, 4, 5), (2, 3, 2, 3), align_corners=False),
                RuntimeError,
                "size 2 in last dimension",
            ),
            Err(
                S((2, 3, 4, 5), (2, 3, 2, 2), "linear", align_corners=False),
                ValueError,
                "expected mode to be",
            ),
            Err(
                S((2, 3, 4, 5), (2, 3, 2, 2), "bilinear", "wrap", align_corners=False),
                ValueError,
                "expected padding_mode to be",
            ),
        ],
    ),
    OpCase(
        "nn.functional.grid_sample",
        [S((1, 2, 4, 5), (1, 3, 3, 2), "nearest", align_corners=False)],
        _grid_sample,
        differentiable=False,
        low=-0.9,
        high=0.9,
    ),
    OpCase(
        "nn.functional.grid_sample",
        [
            S((1, 2, 4, 5), (1, 3, 2, 2), "bicubic", align_corners=False),
            S((1, 2, 4, 5), (1, 3, 2, 2), "bilinear", "reflection", False),
            S((1, 2, 4, 5), (1, 3, 2, 2), "bicubic", "border", True),
        ],
        low=-1.3,
        high=1.3,
    ),
    OpCase(
        "nn.functional.affine_grid",
        [
            S((2, 2, 3), lit((2, 1, 3, 4)), align_corners=False),
            S((1, 3, 4), lit((1, 1, 2, 3, 2)), align_corners=True),
        ],
        _affine_grid,
        errors=[
            Err(
                S((2, 2, 2), lit((2, 1, 3, 4)), align_corners=False),
                ValueError,
                "2D affine matrices of shape Nx2x3",
            ),
            Err(
                S((2, 2, 3), lit((2, 1, 3)), align_corners=False),
                NotImplementedError,
                "4D and 5D sizes",
            ),
        ],
    ),
]
