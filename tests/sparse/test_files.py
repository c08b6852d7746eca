"""Sparse tensors in files, ours and PyTorch's, and copies of them."""

from __future__ import annotations

import copy
import io
import pickle
from typing import Any

import pytest

import rushlight as rl
from rushlight.sparse import rebuild, validate

pytestmark = pytest.mark.filterwarnings("ignore")


def examples(T: Any) -> dict[str, Any]:
    x = T.sparse_coo_tensor([[0, 1, 0], [2, 0, 2]], [3.0, 4.0, 1.0], (2, 3))
    return {
        "coordinates": x,
        "coalesced": x.coalesce(),
        "with a dense dimension": T.sparse_coo_tensor([[0, 1]], T.ones(2, 2), (3, 2)),
        "rows": x.to_sparse_csr(),
        "columns": x.to_sparse_csc(),
        "blocks": x.to_dense().to_sparse_bsr((1, 3)),
        "empty": T.sparse_coo_tensor((2, 2)),
        "shared": {"first": x, "again": x},
    }


def through_a_file(source: Any, target: Any, value: Any, **options: Any) -> Any:
    file = io.BytesIO()
    source.save(value, file)
    file.seek(0)
    return target.load(file, **options)


@pytest.mark.parametrize("trusting", [False, True])
@pytest.mark.parametrize("direction", ["ours", "to PyTorch", "from PyTorch"])
def test_files(request, direction, trusting):
    torch = rl if direction == "ours" else request.getfixturevalue("torch")
    source, target = (torch, rl) if direction == "from PyTorch" else (rl, torch)
    loaded = through_a_file(source, target, examples(source), weights_only=not trusting)
    for name, wanted in examples(target).items():
        assert repr(loaded[name]) == repr(wanted), name
    assert loaded["coalesced"].is_coalesced()
    assert not loaded["coordinates"].is_coalesced()
    assert loaded["shared"]["first"] is loaded["shared"]["again"]


def test_damaged_parts_are_refused():
    for broken in (
        rl.sparse_coo_tensor([[0, 7]], [1.0, 2.0], (3,)),
        rl.sparse_coo_tensor([[0, 0]], [1.0, 2.0], (3,), is_coalesced=True),
        rl.sparse_csr_tensor([0, 1, 9], [0, 1], [1.0, 2.0], (2, 2)),
    ):
        file = io.BytesIO()
        rl.save(broken, file)
        file.seek(0)
        with pytest.raises(pickle.UnpicklingError, match="sparse tensor"):
            rl.load(file)


def test_parts_of_other_types_are_refused():
    floats = rebuild(rl.sparse_coo, (rl.zeros(1, 2), rl.ones(2), (3,), False))
    with pytest.raises(RuntimeError, match="indices must be an int64 tensor"):
        validate(floats)
    with pytest.raises(RuntimeError, match="integer tensors"):
        validate(rebuild(rl.sparse_csr, (rl.zeros(3), rl.zeros(0), rl.zeros(0), (2, 2))))


@pytest.mark.parametrize("name", [n for n in examples(rl) if n != "shared"])
def test_pickle_and_copies(name):
    x = examples(rl)[name].requires_grad_()
    for twin in (pickle.loads(pickle.dumps(x)), copy.deepcopy(x), copy.copy(x)):
        assert repr(twin) == repr(x)
    twin = copy.deepcopy(x)
    with rl.no_grad():
        twin.zero_()
    assert repr(x) == repr(examples(rl)[name].requires_grad_())


def test_a_result_is_not_copied():
    x = rl.eye(2).to_sparse().requires_grad_() * 2
    with pytest.raises(RuntimeError, match="Only Tensors created explicitly by the user"):
        copy.deepcopy(x)


def test_optimizer_state_with_a_sparse_buffer(torch):
    made = []
    for T in (torch, rl):
        table = T.nn.Embedding(3, 2, sparse=True, _weight=T.ones(3, 2))
        optimizer = T.optim.SGD(table.parameters(), lr=0.1, momentum=0.9)
        table(T.tensor([1, 1])).sum().backward()
        optimizer.step()
        made.append(optimizer.state_dict())
    loaded = through_a_file(torch, rl, made[0])
    found = loaded["state"][0]["momentum_buffer"]
    assert repr(found.coalesce()) == repr(made[1]["state"][0]["momentum_buffer"].coalesce())
