"""Layers that do the work of two or three in one operator, and `fuse_modules`, which puts them in.

A fused layer has the parameters of the layer it extends, under the same names; what it absorbs
leaves an `Identity` (or a normalisation that passes its input on) in its place. So the state of a
model has the same keys before and after.
"""

from __future__ import annotations

import copy
from collections import Counter
from collections.abc import Sequence
from typing import Any, ClassVar, TypeVar

from .._tensor import Tensor
from ..autograd.mode import no_grad
from ..ops._autocast import is_on
from ..ops.compare import allclose
from ..ops.fused import (
    AddReLU as AddReLUOp,
    ConvNormReLU,
    ConvReLU,
    LinearGELU as LinearGELUOp,
    LinearReLU as LinearReLUOp,
)
from . import functional as F
from .modules.activation import GELU, ReLU
from .modules.batchnorm import BatchNorm2d
from .modules.container import Sequential
from .modules.conv import Conv1d, Conv2d, Conv3d
from .modules.linear import Identity, Linear
from .modules.module import Module

__all__ = [
    "AddReLU",
    "ConvBNReLU2d",
    "ConvReLU1d",
    "ConvReLU2d",
    "ConvReLU3d",
    "LinearGELU",
    "LinearReLU",
    "fuse_modules",
]

M = TypeVar("M", bound=Module)


def _plain(conv: Any, x: Tensor) -> bool:
    """Tell whether the fused operators take this convolution of this input."""
    return (
        isinstance(x, Tensor)
        and x.ndim == conv.spatial + 2
        and x.shape[1] == conv.in_channels
        and x.array.size > 0
        and x.array.dtype == conv.weight.array.dtype
        and x.array.dtype.kind != "c"
        and conv.padding_mode == "zeros"
        and not isinstance(conv.padding, str)
        and _fits(conv, x)
    )


def _fits(conv: Any, x: Tensor) -> bool:
    """Tell whether the window fits into the input; if not, the plain layer says what is wrong."""
    return all(
        n + 2 * p > d * (k - 1)
        for n, p, d, k in zip(
            x.shape[2:], conv.padding, conv.dilation, conv.kernel_size, strict=True
        )
    )


def _options(conv: Any) -> dict[str, Any]:
    return {
        "stride": conv.stride,
        "padding": conv.padding,
        "dilation": conv.dilation,
        "groups": conv.groups,
    }


class _ConvReLU:
    def forward(self: Any, input: Tensor) -> Tensor:
        """Return max(conv(input), 0)."""
        if not _plain(self, input):
            return F.relu(super().forward(input))  # type: ignore[misc]
        return ConvReLU.apply(input, self.weight, self.bias, **_options(self))


class ConvReLU1d(_ConvReLU, Conv1d):
    """`Conv1d` and `ReLU` in one operator; arguments and state are those of `Conv1d`."""


class ConvReLU2d(_ConvReLU, Conv2d):
    """`Conv2d` and `ReLU` in one operator; arguments and state are those of `Conv2d`.

    Example:
        >>> conv = rushlight.nn.fused.ConvReLU2d(1, 2, 3)
        >>> x = rushlight.randn(1, 1, 5, 5)
        >>> plain = rushlight.conv2d(x, conv.weight, conv.bias).relu()
        >>> rushlight.allclose(conv(x), plain, atol=1e-6)
        True
    """


class ConvReLU3d(_ConvReLU, Conv3d):
    """`Conv3d` and `ReLU` in one operator; arguments and state are those of `Conv3d`."""


class ConvBNReLU2d(Conv2d):
    """`Conv2d`, `BatchNorm2d` and `ReLU` in one operator.

    In evaluation without gradients the normalisation is folded into the filters.

    Args:
        *args: those of `Conv2d`.
        eps: that of `BatchNorm2d`.
        momentum: that of `BatchNorm2d`.
        **kwargs: those of `Conv2d`.

    Note:
        The state is that of `Conv2d`, with the normalisation's under `bn.`; a layer that
        `fuse_modules` makes leaves the normalisation where it was.
    """

    def __init__(self, *args: Any, eps: float = 1e-5, momentum: float | None = 0.1, **kwargs: Any):
        super().__init__(*args, **kwargs)
        made: dict[str, Any] = {"device": kwargs.get("device"), "dtype": kwargs.get("dtype")}
        self.bn = BatchNorm2d(self.out_channels, eps, momentum, **made)
        self._absorb(self.bn)

    def _absorb(self, norm: BatchNorm2d) -> None:
        # In a tuple, so that the normalisation is not registered here a second time.
        self.__dict__["_norm"] = (norm,)

    def forward(self, input: Tensor) -> Tensor:
        """Return max(batch_norm(conv(input)), 0)."""
        (norm,) = self._norm
        if norm.weight is None or norm.bias is None or is_on(input) or not _plain(self, input):
            return F.relu(BatchNorm2d.forward(norm, super().forward(input)))
        if norm.training and norm.track_running_stats and norm.momentum is not None:
            return self._normalised_by_batch(input, norm)
        if norm.training or norm.running_mean is None or self._wants_grad(input, norm):
            return F.relu(BatchNorm2d.forward(norm, super().forward(input)))
        factor = norm.weight * (norm.running_var + norm.eps).rsqrt()
        weight = self.weight * factor.reshape(-1, 1, 1, 1)
        shift = norm.bias - norm.running_mean * factor
        bias = shift if self.bias is None else shift + self.bias * factor
        return ConvReLU.apply(input, weight, bias, **_options(self))

    def _wants_grad(self, input: Tensor, norm: BatchNorm2d) -> bool:
        from ..autograd.mode import is_grad_enabled

        parameters = (input, self.weight, self.bias, norm.weight, norm.bias)
        return is_grad_enabled() and any(p is not None and p.requires_grad for p in parameters)

    def _normalised_by_batch(self, input: Tensor, norm: Any) -> Tensor:
        y, mean, var = ConvNormReLU.apply(
            input, self.weight, self.bias, norm.weight, norm.bias, eps=norm.eps, **_options(self)
        )
        count = y.array.size // y.array.shape[1]
        if count <= 1:
            raise ValueError(
                f"Expected more than 1 value per channel when training, got input size {y.shape}"
            )
        with no_grad():
            norm.num_batches_tracked.add_(1)
            norm.running_mean.mul_(1 - norm.momentum).add_(mean, alpha=norm.momentum)
            unbiased = norm.momentum * count / (count - 1)
            norm.running_var.mul_(1 - norm.momentum).add_(var, alpha=unbiased)
        return y


class _Absorbed(BatchNorm2d):
    """A normalisation that the convolution before it applies: passes its input on."""

    def forward(self, input: Tensor) -> Tensor:
        """Return the input."""
        return input


class LinearReLU(Linear):
    """`Linear` and `ReLU` in one operator; arguments and state are those of `Linear`."""

    def forward(self, input: Tensor) -> Tensor:
        """Return max(linear(input), 0)."""
        if not _plain_linear(self, input):
            return F.relu(super().forward(input))
        return LinearReLUOp.apply(input, self.weight, self.bias)


class LinearGELU(Linear):
    """`Linear` and `GELU` in one operator; arguments and state are those of `Linear`.

    Args:
        *args: those of `Linear`.
        approximate: that of `GELU`.
        **kwargs: those of `Linear`.
    """

    def __init__(self, *args: Any, approximate: str = "none", **kwargs: Any):
        super().__init__(*args, **kwargs)
        self.approximate = approximate

    def forward(self, input: Tensor) -> Tensor:
        """Return gelu(linear(input))."""
        if not _plain_linear(self, input):
            return F.gelu(super().forward(input), approximate=self.approximate)
        return LinearGELUOp.apply(input, self.weight, self.bias, approximate=self.approximate)

    def extra_repr(self) -> str:
        """Describe the layer."""
        return f"{super().extra_repr()}, approximate={self.approximate!r}"


def _plain_linear(layer: Any, x: Tensor) -> bool:
    return (
        isinstance(x, Tensor)
        and x.ndim > 1
        and x.shape[-1] == layer.in_features
        and x.array.size > 0
        and x.array.dtype == layer.weight.array.dtype
        and x.array.dtype.kind != "c"
    )


class AddReLU(Module):
    """max(x + y, 0), the end of a residual block, in one operator.

    Example:
        >>> x, y = rushlight.tensor([1.0, -2.0]), rushlight.tensor([1.0, 1.0])
        >>> rushlight.nn.fused.AddReLU()(x, y)
        tensor([2., 0.])
    """

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        """Return max(x + y, 0)."""
        if x.dtype != y.dtype or x.dtype.is_complex:
            return F.relu(x + y)
        return AddReLUOp.apply(x, y)


# --- rewriting models ---------------------------------------------------------------------------


class _Patterns:
    """What is replaced by what, the longest first."""

    all: ClassVar[tuple[tuple[tuple[type, ...], type], ...]] = (
        ((Conv2d, BatchNorm2d, ReLU), ConvBNReLU2d),
        ((Conv1d, ReLU), ConvReLU1d),
        ((Conv2d, ReLU), ConvReLU2d),
        ((Conv3d, ReLU), ConvReLU3d),
        ((Linear, ReLU), LinearReLU),
        ((Linear, GELU), LinearGELU),
    )

    @classmethod
    def match(cls, modules: Sequence[Module]) -> tuple[int, type] | None:
        """Return how many of the first modules make a pattern, and the layer for it."""
        for kinds, fused in cls.all:
            if tuple(type(m) for m in modules[: len(kinds)]) == kinds:
                if not any(_has_hooks(m) for m in modules[: len(kinds)]):
                    return len(kinds), fused
        return None


def _has_hooks(module: Module) -> bool:
    stores = ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_backward_pre_hooks")
    return any(getattr(module, store) for store in stores)


def fuse_modules(
    model: M,
    modules_to_fuse: Sequence[Any] | None = None,
    inplace: bool = False,
    *,
    example: Any = None,
) -> M:
    """Replace layers that follow each other by fused ones; results and state keys stay.

    Args:
        model: the model.
        modules_to_fuse: names of layers that `forward` calls one after the other, or a list of
            such lists; None: all neighbours within `Sequential` that fit.
        inplace: change `model` itself in place of a copy.
        example: an input (or a tuple of them) on which the results are compared in evaluation
            mode.

    Returns:
        The model with fused layers.

    Raises:
        NotImplementedError: named layers that no fused layer stands for.
        RuntimeError: the results on `example` differ.

    Example:
        >>> nn = rushlight.nn
        >>> net = nn.Sequential(nn.Linear(4, 8), nn.GELU(), nn.Linear(8, 2))
        >>> nn.fused.fuse_modules(net, example=rushlight.ones(1, 4))
        Sequential(
          (0): LinearGELU(in_features=4, out_features=8, bias=True, approximate='none')
          (1): Identity()
          (2): Linear(in_features=8, out_features=2, bias=True)
        )
    """
    before = None if example is None else _evaluate(model, example)
    fused = model if inplace else copy.deepcopy(model)
    if modules_to_fuse is None:
        shared = _in_several_places(fused)
        for part in list(fused.modules()):
            if type(part) is Sequential:
                _fuse_neighbours(part, shared)
    else:
        groups = modules_to_fuse
        if groups and all(isinstance(name, str) for name in groups):
            groups = [groups]
        for names in groups:
            _fuse_named(fused, names)
    if before is not None and not _alike(_evaluate(fused, example), before):
        raise RuntimeError("fuse_modules: the fused model gives other results on the example")
    return fused


def _evaluate(model: Module, example: Any) -> Any:
    modes = {module: module.training for module in model.modules()}
    model.eval()
    try:
        with no_grad():
            return model(*(example if isinstance(example, tuple) else (example,)))
    finally:
        for module, training in modes.items():
            module.training = training


def _alike(a: Any, b: Any) -> bool:
    if isinstance(b, Tensor):
        return allclose(a, b, rtol=1e-4, atol=1e-5)
    if isinstance(b, (tuple, list)):
        return all(map(_alike, a, b))
    return True


def _in_several_places(model: Module) -> set[int]:
    """Return the ids of layers that a fused layer in one place would change in another."""
    places = [id(m) for owner in model.modules() for m in owner._modules.values()]
    return {key for key, times in Counter(places).items() if times > 1}


def _fuse_neighbours(part: Sequential, shared: set[int]) -> None:
    names = list(part._modules)
    start = 0
    while start < len(names):
        found = _Patterns.match([part._modules[n] for n in names[start:]])
        if found is None or any(
            id(part._modules[n]) in shared and type(part._modules[n]) not in (ReLU, GELU)
            for n in names[start : start + found[0]]
        ):
            start += 1
            continue
        count, kind = found
        _replace([(part, n) for n in names[start : start + count]], kind)
        start += count


def _fuse_named(model: Module, names: Sequence[str]) -> None:
    modules = [model.get_submodule(name) for name in names]
    found = _Patterns.match(modules)
    if found is None or found[0] != len(modules):
        kinds = [type(m) for m in modules]
        raise NotImplementedError(f"Cannot fuse modules: {kinds}")
    places = []
    for name in names:
        parent, _, last = name.rpartition(".")
        places.append((model.get_submodule(parent), last))
    _replace(places, found[1])


def _replace(places: list[tuple[Module, str]], kind: type) -> None:
    """Turn the first layer into a fused one and put what passes its input on for the others."""
    first, *others = (getattr(owner, name) for owner, name in places)
    object.__setattr__(first, "__class__", kind)
    if kind is LinearGELU:
        first.approximate = others[0].approximate
    if kind is ConvBNReLU2d:
        object.__setattr__(others[0], "__class__", _Absorbed)
        first._absorb(others[0])
    for (owner, name), module in zip(places[1:], others, strict=True):
        if not isinstance(module, BatchNorm2d):
            passing = Identity()
            passing.training = module.training
            setattr(owner, name, passing)
