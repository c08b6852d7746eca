"""Transforms of parts of a tensor, side by side."""

from __future__ import annotations

from collections.abc import Sequence

from .._tensor import Tensor
from ..ops.joining import cat, stack
from . import constraints
from ._transform import Transform
from .constraints import Constraint
from .parameters import _sum_rightmost, lazy_property


def _all_transforms(tseq: Sequence[Transform], cache_size: int) -> list[Transform]:
    if not all(isinstance(t, Transform) for t in tseq):
        raise AssertionError("All elements of tseq must be Transform instances")
    return [t.with_cache(cache_size) for t in tseq] if cache_size else list(tseq)


def _check_extent(value: Tensor, dim: int, name: str, extent: int, what: str) -> None:
    """Check that a value has the dimension and as many positions along it."""
    if not -value.ndim <= dim < value.ndim:
        raise AssertionError(f"dim {dim} out of range for tensor with {value.ndim} dimensions")
    found = value.shape[dim]
    if found != extent:
        raise AssertionError(f"{name}.size({dim}) = {found} must equal {what} {extent}")


class CatTransform(Transform):
    """One transform after the other along a dimension, each for `lengths[i]` positions.

    Args:
        tseq: the transforms.
        dim: the dimension.
        lengths: how many positions each of them gets, 1 unless given.
        cache_size: the cache size of the transforms, 0 to leave them as they are.

    Example:
        >>> from rushlight.distributions import CatTransform, ExpTransform, identity_transform
        >>> t = CatTransform([ExpTransform(), identity_transform], lengths=[2, 1])
        >>> t(rushlight.zeros(3))
        tensor([1., 1., 0.])

    Reference: `torch.distributions.transforms.CatTransform`.
    """

    def __init__(
        self,
        tseq: Sequence[Transform],
        dim: int = 0,
        lengths: Sequence[int] | None = None,
        cache_size: int = 0,
    ):
        transforms = _all_transforms(tseq, cache_size)
        super().__init__(cache_size=cache_size)
        self.transforms = transforms
        self.lengths = [1] * len(transforms) if lengths is None else list(lengths)
        if len(self.lengths) != len(transforms):
            raise AssertionError(
                f"lengths ({len(self.lengths)}) must match transforms ({len(transforms)})"
            )
        self.dim = dim

    @lazy_property
    def event_dim(self) -> int:
        """The number of dimensions of a value."""
        return max(t.event_dim for t in self.transforms)

    @lazy_property
    def length(self) -> int:
        """The extent of the dimension."""
        return sum(self.lengths)

    def with_cache(self, cache_size: int = 1) -> Transform:
        """Return this transform with another cache size."""
        arguments = self.transforms, self.dim, self.lengths
        return self._remade(CatTransform, cache_size, *arguments)

    def _split(self, value: Tensor, name: str) -> tuple[Tensor, ...]:
        _check_extent(value, self.dim, name, self.length, "length")
        return value.split(self.lengths, self.dim)

    def _call(self, x: Tensor) -> Tensor:
        slices = zip(self.transforms, self._split(x, "x"), strict=True)
        return cat([t(s) for t, s in slices], self.dim)

    def _inverse(self, y: Tensor) -> Tensor:
        slices = zip(self.transforms, self._split(y, "y"), strict=True)
        return cat([t.inv(s) for t, s in slices], self.dim)

    def log_abs_det_jacobian(self, x: Tensor, y: Tensor) -> Tensor:
        """Return the transforms' logarithms, side by side or, inside a value, added up."""
        logs = []
        slices = zip(self.transforms, self._split(x, "x"), self._split(y, "y"), strict=True)
        for t, a, b in slices:
            log = t.log_abs_det_jacobian(a, b)
            logs.append(_sum_rightmost(log, self.event_dim - t.event_dim))
        dim = self.dim - x.ndim if self.dim >= 0 else self.dim
        dim += self.event_dim
        return cat(logs, dim) if dim < 0 else sum(logs)  # type: ignore[return-value]

    @property
    def bijective(self) -> bool:
        """Whether all transforms are."""
        return all(t.bijective for t in self.transforms)

    @constraints.dependent_property
    def domain(self) -> Constraint:
        """The regions of x."""
        return constraints.cat([t.domain for t in self.transforms], self.dim, self.lengths)

    @constraints.dependent_property
    def codomain(self) -> Constraint:
        """The regions of y."""
        return constraints.cat([t.codomain for t in self.transforms], self.dim, self.lengths)


class StackTransform(Transform):
    """Another transform at each position of a dimension.

    Args:
        tseq: the transforms, as many as the dimension has positions.
        dim: the dimension.
        cache_size: the cache size of the transforms, 0 to leave them as they are.

    Example:
        >>> from rushlight.distributions import ExpTransform, StackTransform, identity_transform
        >>> StackTransform([ExpTransform(), identity_transform], dim=1)(rushlight.zeros(2, 2))
        tensor([[1., 0.],
                [1., 0.]])

    Reference: `torch.distributions.transforms.StackTransform`.
    """

    def __init__(self, tseq: Sequence[Transform], dim: int = 0, cache_size: int = 0):
        transforms = _all_transforms(tseq, cache_size)
        super().__init__(cache_size=cache_size)
        self.transforms = transforms
        self.dim = dim

    def with_cache(self, cache_size: int = 1) -> Transform:
        """Return this transform with another cache size."""
        return self._remade(StackTransform, cache_size, self.transforms, self.dim)

    def _unstack(self, value: Tensor, name: str) -> tuple[Tensor, ...]:
        count = len(self.transforms)
        _check_extent(value, self.dim, name, count, "len(transforms)")
        return value.unbind(self.dim)

    def _call(self, x: Tensor) -> Tensor:
        slices = zip(self.transforms, self._unstack(x, "x"), strict=True)
        return stack([t(s) for t, s in slices], self.dim)

    def _inverse(self, y: Tensor) -> Tensor:
        slices = zip(self.transforms, self._unstack(y, "y"), strict=True)
        return stack([t.inv(s) for t, s in slices], self.dim)

    def log_abs_det_jacobian(self, x: Tensor, y: Tensor) -> Tensor:
        """Return the transforms' logarithms, stacked."""
        slices = zip(self.transforms, self._unstack(x, "x"), self._unstack(y, "y"), strict=True)
        return stack([t.log_abs_det_jacobian(a, b) for t, a, b in slices], self.dim)

    @property
    def bijective(self) -> bool:
        """Whether all transforms are."""
        return all(t.bijective for t in self.transforms)

    @constraints.dependent_property
    def domain(self) -> Constraint:
        """The regions of x."""
        return constraints.stack([t.domain for t in self.transforms], self.dim)

    @constraints.dependent_property
    def codomain(self) -> Constraint:
        """The regions of y."""
        return constraints.stack([t.codomain for t in self.transforms], self.dim)
