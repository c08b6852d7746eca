"""DLPack capsules share memory both ways."""

from __future__ import annotations

from typing import Any

import rushlight
from rushlight.utils.dlpack import from_dlpack, to_dlpack


def test_a_capsule_shares_memory() -> None:
    x = rushlight.ones(2, 3)
    y = from_dlpack(to_dlpack(x.t()))
    y[0, 1] = 5
    assert x.tolist() == [[1, 1, 1], [5, 1, 1]]


def test_capsules_of_torch(torch: Any) -> None:
    theirs = torch.arange(4.0)
    ours = from_dlpack(torch.utils.dlpack.to_dlpack(theirs))
    ours.mul_(2)
    assert theirs.tolist() == [0, 2, 4, 6]
    assert torch.utils.dlpack.from_dlpack(to_dlpack(rushlight.ones(2))).tolist() == [1, 1]
