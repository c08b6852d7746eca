"""Patterns of `rearrange`, beside torch's."""

from __future__ import annotations

from typing import Any

import pytest

import rushlight
from rushlight.func import rearrange

PATTERNS = [
    ("b h w c -> b h w c", {}),
    ("b h w c -> (b h) w c", {}),
    ("b h w c -> h (b w) c", {}),
    ("b h w c -> b c h w", {}),
    ("b h w c -> b (c h w)", {}),
    ("b (h1 h) (w1 w) c -> (b h1 w1) h w c", {"h1": 2, "w1": 3}),
    ("b (h h1) (w w1) c -> b h w (c h1 w1)", {"h1": 2, "w1": 3}),
    ("b ... c -> c ... b", {}),
    ("b ... -> b (...)", {}),
    ("b h w c -> b 1 h w c 1", {}),
]


@pytest.mark.parametrize(("pattern", "lengths"), PATTERNS)
def test_patterns(torch: Any, pattern: str, lengths: dict[str, int]) -> None:
    ours = rearrange(rushlight.arange(2 * 4 * 6 * 3).reshape(2, 4, 6, 3), pattern, **lengths)
    theirs = torch.func.rearrange(
        torch.arange(2 * 4 * 6 * 3).reshape(2, 4, 6, 3), pattern, **lengths
    )
    assert tuple(ours.shape) == tuple(theirs.shape)
    assert ours.tolist() == theirs.tolist()


def test_lists_become_the_first_dimension() -> None:
    rows = [rushlight.tensor([1, 2]), rushlight.tensor([3, 4])]
    assert rearrange(rows, "b c -> c b").tolist() == [[1, 3], [2, 4]]


@pytest.mark.parametrize(
    ("pattern", "lengths"),
    [
        ("a b", {}), ("a b c -> c b a", {}), ("a b -> a", {}), ("a a -> a a", {}),
        ("(a c) b -> a c b", {}), ("(a c) b -> a c b", {"a": 4}), ("a b -> b a", {"z": 1}),
        ("a (b -> b a", {}),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_refused(pattern: str, lengths: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="rearrange"):
        rearrange(rushlight.zeros(2, 3), pattern, **lengths)
