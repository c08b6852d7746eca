"""`print(tensor)` shows which operator made it, under torch's name."""

from __future__ import annotations

from typing import Any

import pytest

import rushlight

VALUES = [[1.0, 2.0, 0.5], [3.0, 4.0, 2.0]]

MADE = {
    "sum": lambda M, F, x: x.sum(),
    "sum of rows": lambda M, F, x: x.sum(0),
    "mean": lambda M, F, x: x.mean(),
    "mean of rows": lambda M, F, x: x.mean(1),
    "prod of rows": lambda M, F, x: x.prod(0),
    "squeeze": lambda M, F, x: x[None].squeeze(),
    "squeeze one": lambda M, F, x: x[None].squeeze(0),
    "power": lambda M, F, x: x**2,
    "power by tensor": lambda M, F, x: x**x,
    "max": lambda M, F, x: x.max(),
    "min of rows": lambda M, F, x: x.min(1)[0],
    "norm": lambda M, F, x: x.norm(),
    "1-norm": lambda M, F, x: x.norm(p=1),
    "T": lambda M, F, x: x.T,
    "t": lambda M, F, x: x.t(),
    "dot": lambda M, F, x: x[0] @ x[1],
    "matrix by vector": lambda M, F, x: x @ x[0],
    "matrices": lambda M, F, x: x @ x.T,
    "batches": lambda M, F, x: x[None] @ x[None].mT,
    "bmm": lambda M, F, x: M.bmm(x[None], x[None].mT),
    "from a number": lambda M, F, x: 1 - x,
    "logsumexp": lambda M, F, x: x.logsumexp(1),
    "mse": lambda M, F, x: F.mse_loss(x, 2 * x),
    "cross-entropy": lambda M, F, x: F.cross_entropy(x, M.tensor([0, 1])),
    "logits": lambda M, F, x: F.binary_cross_entropy_with_logits(x, x.detach()),
    "smooth l1": lambda M, F, x: F.smooth_l1_loss(x, 2 * x),
    "huber": lambda M, F, x: F.huber_loss(x, 2 * x),
    "linear": lambda M, F, x: F.linear(x, M.ones(2, 3), M.ones(2)),
    "linear without bias": lambda M, F, x: F.linear(x, M.ones(2, 3)),
    "linear of batches": lambda M, F, x: F.linear(x[None], M.ones(2, 3), M.ones(2)),
    "max_pool2d": lambda M, F, x: F.max_pool2d(x[None, None], 2),
    "max_pool1d": lambda M, F, x: F.max_pool1d(x[None], 2),
    "avg_pool2d": lambda M, F, x: F.avg_pool2d(x[None, None], 2),
    "global mean": lambda M, F, x: F.adaptive_avg_pool2d(x[None, None], 1),
    "bilinear": lambda M, F, x: F.interpolate(x[None, None], scale_factor=2, mode="bilinear"),
    "nearest": lambda M, F, x: F.interpolate(x[None, None], scale_factor=2),
    "addmm": lambda M, F, x: M.addmm(M.ones(2), x, x.T),
    "addcmul": lambda M, F, x: M.addcmul(x, x, x),
    "trace": lambda M, F, x: x.trace(),
    "relu6": lambda M, F, x: F.relu6(x),
    "glu": lambda M, F, x: F.glu(M.cat([x, x], 1)),
    "prelu": lambda M, F, x: F.prelu(x, M.ones(1)),
}


@pytest.mark.parametrize("case", MADE)
def test_grad_fn_is_called_as_in_torch(torch: Any, case: str) -> None:
    shown = []
    for library in (rushlight, torch):
        x = library.tensor(VALUES, requires_grad=True)
        shown.append(MADE[case](library, library.nn.functional, x).grad_fn.name())
    assert shown[0] == shown[1]
