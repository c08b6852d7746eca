"""Values, errors and printed forms of sparse tensors are PyTorch's."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import rushlight as rl

sys.path.insert(0, str(Path(__file__).parent))

from sparse_cases import ERRORS, VALUES, evaluate

pytestmark = pytest.mark.filterwarnings("ignore")


def same(ours: Any, theirs: Any) -> None:
    """Compare two results: parts of sparse tensors one by one, everything else by its text."""
    if isinstance(ours, (list, tuple)):
        assert len(ours) == len(theirs)
        for pair in zip(ours, theirs, strict=True):
            same(*pair)
        return
    if not isinstance(ours, rl.Tensor):
        assert str(ours) == str(theirs)
        return
    assert str(ours.layout) == str(theirs.layout)
    assert tuple(ours.shape) == tuple(theirs.shape)
    assert str(ours.dtype) == str(theirs.dtype)
    assert ours.requires_grad == theirs.requires_grad
    if str(ours.layout) == "torch.sparse_coo":
        # More may be known to be in order than PyTorch knows, never less.
        assert ours.is_coalesced() or not theirs.is_coalesced()
    for a, b in zip(parts(ours), parts(theirs), strict=True):
        assert a.shape == b.shape
        np.testing.assert_allclose(a, b, rtol=2e-6, atol=1e-7)


def parts(x: Any) -> list[Any]:
    x = x.detach()
    name = str(x.layout)
    if name == "torch.strided":
        return [x.numpy()]
    if name == "torch.sparse_coo":
        return [x._indices().numpy(), x._values().numpy()]
    columns = name in ("torch.sparse_csc", "torch.sparse_bsc")
    names = ("ccol_indices", "row_indices") if columns else ("crow_indices", "col_indices")
    return [getattr(x, n)().numpy() for n in names] + [x.values().numpy()]


@pytest.mark.parametrize("expression", VALUES)
def test_values(torch, expression):
    same(evaluate(rl, expression), evaluate(torch, expression))


@pytest.mark.parametrize("expression", ERRORS)
def test_errors(torch, expression):
    with pytest.raises(Exception) as theirs:  # noqa: PT011 what PyTorch raises says which
        evaluate(torch, expression)
    with pytest.raises(type(theirs.value)) as ours:
        evaluate(rl, expression)
    # Which form of an operator is missing, and advice to those who build PyTorch, may differ.
    said, wanted = (str(e.value).split(" This could")[0] for e in (ours, theirs))
    if said.startswith("Could not run"):
        assert wanted.startswith("Could not run")
        assert (
            said.partition("backend")[0].split()[-1] == wanted.partition("backend")[0].split()[-1]
        )
    else:
        assert said == wanted


PRINTED = """
S
C
U
H
R
R.t()
S.double()
S.to(T.int64)
S.to(T.int32)
S.bool()
S.clone().requires_grad_()
R.clone().requires_grad_()
T.sparse_coo_tensor(i, v.clone().requires_grad_(), (2, 3))
T.sparse_csr_tensor([0, 1, 3], [2, 0, 2], v.clone().requires_grad_(), (2, 3))
T.sparse_coo_tensor((2, 3))
T.sparse_coo_tensor(T.zeros(2, 0, dtype=T.int64), T.zeros(0, 3), (2, 2, 3))
T.sparse_coo_tensor(T.arange(4000).reshape(2, 2000), T.ones(2000), (4000, 4000))
T.arange(16.0).reshape(4, 4).to_sparse_bsr((2, 2))
T.arange(16.0).reshape(4, 4).to_sparse_bsc((2, 2))
T.sparse_coo_tensor(i, v * 1e6 + 0.5, (2, 3), dtype=T.complex64)
T.sparse_coo_tensor(i, T.arange(60.0).reshape(3, 20), (2, 3, 20))
S.clone().requires_grad_() * 2
T.sparse.mm(C.clone().requires_grad_(), C.t())
T.zeros(2, 3, layout=T.sparse_csr)
T.tensor(3.0).to_sparse()
""".strip().splitlines()


@pytest.mark.parametrize("expression", PRINTED)
def test_printed_form(torch, expression):
    assert repr(evaluate(rl, expression)) == repr(evaluate(torch, expression))


def test_parameters_print(torch):
    made = [T.nn.Parameter(evaluate(T, "D.clone()")) for T in (rl, torch)]
    for p, T in zip(made, (rl, torch), strict=True):
        p.grad = evaluate(T, "S.clone()")
    assert repr(made[0].grad) == repr(made[1].grad)
