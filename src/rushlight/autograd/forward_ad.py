"""Forward derivatives: dual numbers, whose tangents go along with a computation.

Inside a `dual_level`, a dual tensor is an alias of its primal that operations are recorded from;
a tangent is found when it is asked for. With u -> J^T u from one reverse pass, which is linear in
u, the reverse pass of that is v -> J v.
"""

from __future__ import annotations

from types import TracebackType
from typing import NamedTuple

from .._tensor import Tensor, wrap
from ..backend.array import array_module
from ._api import grad as _grad
from .functional import leads_elsewhere
from .mode import enable_grad

__all__ = [
    "UnpackedDualTensor",
    "dual_level",
    "enter_dual_level",
    "exit_dual_level",
    "make_dual",
    "unpack_dual",
]


class UnpackedDualTensor(NamedTuple):
    """A primal and its tangent; the tangent is None for a tensor that has none."""

    primal: Tensor
    tangent: Tensor | None


class _Level:
    """The dual tensors made in one level, and the tangents they were given."""

    def __init__(self) -> None:
        self.pairs: list[tuple[Tensor, Tensor]] = []


_levels: list[_Level] = []


def enter_dual_level() -> int:
    """Begin a level of dual numbers; return its number.

    Raises:
        RuntimeError: there is a level already.
    """
    if _levels:
        raise RuntimeError(
            "Nested forward mode AD is not supported at the moment. If you want to use nested "
            "forward-mode AD, please use torch.func.jvp or torch.func.jacfwd."
        )
    _levels.append(_Level())
    return 0


def exit_dual_level(*, level: int | None = None) -> None:
    """End the level of dual numbers: its tangents are forgotten.

    Raises:
        RuntimeError: there is no such level.
    """
    if not _levels or level not in (None, len(_levels) - 1):
        raise RuntimeError(
            "Trying to exit a forward AD level that was not the last one that was created. This "
            "is not supported."
        )
    _levels.pop()


class dual_level:
    """The context in which dual tensors can be made and unpacked.

    Note:
        Operations on dual tensors are recorded as for a reverse pass, so that a function must not
        switch recording off, and `requires_grad` of a dual tensor is set.

    Example:
        >>> fwAD = rushlight.autograd.forward_ad
        >>> with fwAD.dual_level():
        ...     x = fwAD.make_dual(rushlight.tensor([0.0, 1.0]), rushlight.tensor([1.0, 2.0]))
        ...     fwAD.unpack_dual(x * x).tangent
        tensor([0., 4.])
    """

    def __enter__(self) -> int:
        return enter_dual_level()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:  # fmt: skip
        exit_dual_level()


def make_dual(tensor: Tensor, tangent: Tensor, *, level: int | None = None) -> Tensor:
    """Return a tensor with the value of `tensor` that carries a tangent.

    Args:
        tensor: the primal, of a floating point or complex dtype.
        tangent: its direction, of the same shape.
        level: accepted; there is one.

    Raises:
        RuntimeError: there is no level, or the shapes differ.
        ValueError: the dtype is neither floating point nor complex.
    """
    if not _levels:
        raise RuntimeError(
            "Trying to create a dual Tensor for forward AD but no level exists, make sure to "
            "enter_dual_level() first."
        )
    for what, x in (("primal", tensor), ("tangent", tangent)):
        if not (x.is_floating_point() or x.is_complex()):
            raise ValueError(f"Expected {what} to be floating point or complex, but got: {x.dtype}")
    if tensor.shape != tangent.shape:
        raise RuntimeError(
            "Expected tangent to have the same size as the primal: "
            f"{list(tensor.shape)}, got {list(tangent.shape)}"
        )
    with enable_grad():
        dual = tensor.view_as(tensor) if tensor.requires_grad else tensor.detach().requires_grad_()
    _levels[-1].pairs.append((dual, tangent))
    return dual


def unpack_dual(tensor: Tensor, *, level: int | None = None) -> UnpackedDualTensor:
    """Return the primal and the tangent of a tensor.

    Args:
        tensor: computed from dual tensors, or not: then its tangent is None.
        level: accepted; there is one.

    Returns:
        UnpackedDualTensor(primal, tangent).
    """
    if not _levels:
        return UnpackedDualTensor(tensor, None)
    pairs = _levels[-1].pairs
    recorded = leads_elsewhere([tensor], [dual for dual, _ in pairs])
    primal = tensor if recorded else tensor.detach()
    for dual, tangent in pairs:
        if dual is tensor:
            return UnpackedDualTensor(primal, tangent)
    return UnpackedDualTensor(primal, _tangent(tensor, pairs, recorded))


def _tangent(y: Tensor, pairs: list[tuple[Tensor, Tensor]], recorded: bool) -> Tensor | None:
    """Return the derivative in the direction of the pairs' tangents; None if it depends on none."""
    if not pairs or not y.requires_grad:
        return None
    with enable_grad():
        u = wrap(array_module(y.array).zeros(y.array.shape, y.array.dtype)).requires_grad_()
        pulled = _grad(y, [dual for dual, _ in pairs], u, create_graph=True, allow_unused=True)
        given = [(g, v) for g, (_, v) in zip(pulled, pairs, strict=True) if g is not None]
        if not given:
            return None
        linear = [(g, v) for g, v in given if g.requires_grad]
        if not linear:
            return u.detach()
        recorded = recorded or any(v.requires_grad for _, v in linear)
        (found,) = _grad(
            [g for g, _ in linear], [u], [v for _, v in linear],
            create_graph=recorded, materialize_grads=True, allow_unused=True,
        )  # fmt: skip
    return found
