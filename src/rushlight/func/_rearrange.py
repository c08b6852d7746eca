"""`rearrange`: transposing, splitting and joining dimensions by a pattern in words."""

from __future__ import annotations

import re
from collections.abc import Sequence
from math import prod

from .._tensor import Tensor
from ..ops.joining import stack

Group = tuple[str, ...]

_DOTS = "* "  # `...` that stands alone, not in brackets
_TOKEN = re.compile(r"\(([^()]*)\)|(\.\.\.|\w+)")


def _groups(side: str, pattern: str) -> list[Group]:
    """Split one side of a pattern into groups of axis names; `1` is a group of none."""
    if re.sub(_TOKEN, "", side).strip():
        raise ValueError(f"rearrange: cannot read '{side.strip()}' in pattern '{pattern}'")
    found = []
    for joined, single in _TOKEN.findall(side):
        names = (_DOTS if single == "..." else single,) if single else tuple(joined.split())
        found.append(tuple(n for n in names if n != "1"))
    return found


def _spelled_out(groups: list[Group], dots: Group) -> list[Group]:
    """Put axes in the place of `...`: beside the others, or inside a group."""
    result: list[Group] = []
    for group in groups:
        if group == (_DOTS,):
            result += [(name,) for name in dots]
        else:
            result.append(tuple(n for m in group for n in (dots if m == "..." else (m,))))
    return result


def _lengths(groups: list[Group], shape: Sequence[int], given: dict[str, int]) -> dict[str, int]:
    """Find the length of every axis; in a group one may be left for the rest to decide."""
    lengths = dict(given)
    for group, extent in zip(groups, shape, strict=True):
        unknown = [name for name in group if name not in lengths]
        known = prod(lengths[name] for name in group if name in lengths)
        if len(unknown) > 1:
            raise ValueError(f"rearrange: cannot infer the lengths of axes {unknown}")
        if extent % max(known, 1) or (not unknown and known != extent):
            raise ValueError(
                f"rearrange: a dimension of {extent} does not consist of {group} with {known} in "
                "the axes of known length"
            )
        if unknown:
            lengths[unknown[0]] = extent // max(known, 1)
    return lengths


def rearrange(tensor: Tensor | Sequence[Tensor], pattern: str, **axes_lengths: int) -> Tensor:
    """Transpose, split and join dimensions as a pattern says: `"b h w c -> b c (h w)"`.

    Args:
        tensor: a tensor, or a list of tensors that becomes the first dimension.
        pattern: names of the dimensions before and after the arrow. Those in brackets lie in one
            dimension, the last name running fastest; `...` stands for any number of dimensions.
        axes_lengths: lengths of axes that are not clear from the tensor.

    Raises:
        ValueError: the pattern does not fit the tensor.

    Example:
        >>> x = rushlight.arange(6).reshape(2, 3)
        >>> rushlight.func.rearrange(x, "a b -> (b a)")
        tensor([0, 3, 1, 4, 2, 5])
        >>> rushlight.func.rearrange(x, "a (b c) -> b a c", c=1).shape
        torch.Size([3, 2, 1])

    Reference:
        Rogozhnikov, "Einops", 2022.
    """
    x = tensor if isinstance(tensor, Tensor) else stack(list(tensor))
    if pattern.count("->") != 1:
        raise ValueError(f"rearrange: expected one '->' in pattern '{pattern}'")
    before, after = (_groups(side, pattern) for side in pattern.split("->"))
    dots = _dots(before, x.ndim)
    before, after = _spelled_out(before, dots), _spelled_out(after, dots)
    if len(before) != x.ndim:
        raise ValueError(
            f"rearrange: expected {len(before)} dimensions for pattern '{pattern}', got {x.ndim}"
        )
    old, new = ([name for group in side for name in group] for side in (before, after))
    if len(set(old)) < len(old) or sorted(old) != sorted(new) or axes_lengths.keys() - set(old):
        raise ValueError(
            f"rearrange: the axes on both sides of '{pattern}' must be the same, each once"
        )
    lengths = _lengths(before, x.shape, axes_lengths)
    split = x.reshape([lengths[name] for name in old])
    moved = split.permute([old.index(name) for name in new])
    return moved.reshape([prod(lengths[name] for name in group) for group in after])


def _dots(before: list[Group], ndim: int) -> Group:
    """Name the dimensions that `...` stands for."""
    count = ndim - sum(group != (_DOTS,) for group in before)
    return tuple(f"...{i}" for i in range(max(count, 0)))
