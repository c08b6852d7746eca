"""Pruning: parameters under masks, chosen at random or by size."""

from __future__ import annotations

import numbers
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from typing import Any

from ..._tensor import Tensor
from ...ops.creation import ones_like, zeros_like
from ...ops.joining import cat
from ...ops.sampling import rand, rand_like
from ...ops.sorting import topk
from ...ops.vector_norm import norm
from ..modules.module import Module
from ..parameter import Parameter

__all__ = [
    "BasePruningMethod",
    "CustomFromMask",
    "Identity",
    "L1Unstructured",
    "LnStructured",
    "PruningContainer",
    "RandomStructured",
    "RandomUnstructured",
    "custom_from_mask",
    "global_unstructured",
    "identity",
    "is_pruned",
    "l1_unstructured",
    "ln_structured",
    "random_structured",
    "random_unstructured",
    "remove",
]


class BasePruningMethod(ABC):
    """A way to choose a mask, and the hook that applies it before each call of the module.

    A subclass sets `PRUNING_TYPE` ("unstructured", "structured" or "global") and defines
    `compute_mask`.
    """

    PRUNING_TYPE = "unstructured"
    _tensor_name: str

    def __call__(self, module: Module, inputs: Any) -> None:
        """Compute the weight for this call."""
        setattr(module, self._tensor_name, self.apply_mask(module))

    @abstractmethod
    def compute_mask(self, t: Tensor, default_mask: Tensor) -> Tensor:
        """Return the mask for importance scores t, given the mask so far."""

    def apply_mask(self, module: Module) -> Tensor:
        """Return the original parameter under its mask."""
        if not hasattr(self, "_tensor_name"):
            raise AssertionError(f"Module {module} has to be pruned")
        mask = getattr(module, self._tensor_name + "_mask")
        original = getattr(module, self._tensor_name + "_orig")
        return mask.to(dtype=original.dtype) * original

    @classmethod
    def apply(
        cls, module: Module, name: str, *args: Any, importance_scores: Any = None, **kwargs: Any
    ) -> BasePruningMethod:
        """Prune a parameter; further pruning of the same one combines with what was done.

        Args:
            module: the module, changed in place.
            name: name of the parameter.
            *args: arguments of the method's constructor.
            importance_scores: what to judge by in place of the parameter itself.
            **kwargs: keyword arguments of the constructor.
        """
        method = cls(*args, **kwargs)
        method._tensor_name = name
        hook = _combined(module, name, method)
        first = not isinstance(hook, PruningContainer)
        original = getattr(module, name)
        if importance_scores is None:
            importance_scores = original
        elif importance_scores.shape != original.shape:
            raise AssertionError(
                f"importance_scores should have the same shape as parameter {name} of {module}, "
                f"got {importance_scores.shape} vs {original.shape}"
            )
        if first:
            module.register_parameter(name + "_orig", _detached(module, name))
            mask = ones_like(original)
        else:
            mask = getattr(module, name + "_mask").detach().clone()
        try:
            mask = hook.compute_mask(importance_scores, default_mask=mask)
            module.register_buffer(name + "_mask", mask)
            setattr(module, name, hook.apply_mask(module))
            module.register_forward_pre_hook(hook)
        except Exception:
            if first:
                _restore(module, name)
            raise
        return hook

    def prune(
        self, t: Tensor, default_mask: Tensor | None = None, importance_scores: Tensor | None = None
    ) -> Tensor:
        """Return a tensor under the mask that this method chooses for it."""
        if importance_scores is not None and importance_scores.shape != t.shape:
            raise AssertionError(
                "importance_scores should have the same shape as tensor t, got "
                f"{importance_scores.shape} vs {t.shape}"
            )
        scores = t if importance_scores is None else importance_scores
        mask = ones_like(t) if default_mask is None else default_mask
        return t * self.compute_mask(scores, default_mask=mask)

    def remove(self, module: Module) -> None:
        """Make the pruned values the parameter's own."""
        if not hasattr(self, "_tensor_name"):
            raise AssertionError(f"Module {module} has to be pruned before pruning can be removed")
        name = self._tensor_name
        weight = self.apply_mask(module)
        if name in module.__dict__:
            delattr(module, name)
        original: Any = module._parameters[name + "_orig"]
        original.data = weight.data
        del module._parameters[name + "_orig"]
        del module._buffers[name + "_mask"]
        setattr(module, name, original)


def _detached(module: Module, name: str) -> Parameter:
    """Take a parameter out of a module."""
    parameter = getattr(module, name)
    del module._parameters[name]
    return parameter


def _restore(module: Module, name: str) -> None:
    original = module._parameters.pop(name + "_orig")
    module._buffers.pop(name + "_mask", None)
    module.__dict__.pop(name, None)
    module.register_parameter(name, original)


def _combined(module: Module, name: str, method: BasePruningMethod) -> BasePruningMethod:
    """Return the method, or a container of it and what pruned the same parameter before."""
    before = [
        (key, hook)
        for key, hook in module._forward_pre_hooks.items()
        if isinstance(hook, BasePruningMethod) and hook._tensor_name == name
    ]
    if not before:
        return method
    if len(before) > 1:
        raise AssertionError(
            f"Avoid adding multiple pruning hooks to the same tensor {name} of module {module}. "
            "Use a PruningContainer."
        )
    [(key, old)] = before
    del module._forward_pre_hooks[key]
    container = old if isinstance(old, PruningContainer) else PruningContainer(old)
    container.add_pruning_method(method)
    return container


class PruningContainer(BasePruningMethod):
    """Several pruning methods of one parameter, each working on what the former ones left."""

    def __init__(self, *args: Any):
        self._pruning_methods: tuple[BasePruningMethod, ...] = ()
        if not args:
            return
        methods = tuple(args[0]) if isinstance(args[0], Iterable) else args
        self._tensor_name = methods[0]._tensor_name
        for method in methods:
            self.add_pruning_method(method)

    def add_pruning_method(self, method: BasePruningMethod | None) -> None:
        """Append a method that acts on the same parameter."""
        if method is not None and not isinstance(method, BasePruningMethod):
            raise TypeError(f"{type(method)} is not a BasePruningMethod subclass")
        if method is None:
            return
        if self._tensor_name != method._tensor_name:
            raise ValueError(
                "Can only add pruning methods acting on the parameter named "
                f"'{self._tensor_name}' to PruningContainer {self}. Found '{method._tensor_name}'"
            )
        self._pruning_methods += (method,)

    def __len__(self) -> int:
        return len(self._pruning_methods)

    def __iter__(self) -> Iterator[BasePruningMethod]:
        return iter(self._pruning_methods)

    def __getitem__(self, index: Any) -> Any:
        return self._pruning_methods[index]

    def compute_mask(self, t: Tensor, default_mask: Tensor) -> Tensor:
        """Apply the newest method to what the mask so far leaves."""
        method = self._pruning_methods[-1]
        mask = default_mask.to(dtype=t.dtype)
        part = _prunable(method, mask)
        new = mask.clone()
        new[part] = method.compute_mask(t[part], default_mask=mask[part]).to(dtype=new.dtype)
        return new


def _prunable(method: Any, mask: Tensor) -> Any:
    """Return the index of what a mask leaves to a further method."""
    kind = method.PRUNING_TYPE
    if kind == "unstructured":
        return mask == 1
    if kind == "global":
        return (slice(None),) * mask.ndim
    if kind != "structured":
        raise ValueError(f"Unrecognized PRUNING_TYPE {kind}")
    if not hasattr(method, "dim"):
        raise AttributeError(
            'Pruning methods of PRUNING_TYPE "structured" need to have the attribute `dim` defined.'
        )
    n = mask.ndim
    if not -n <= method.dim < n:
        raise IndexError(f"Index is out of bounds for tensor with dimensions {n}")
    dim = method.dim % n
    kept = mask.sum(dim=[d for d in range(n) if d != dim]) != 0
    return tuple(kept if d == dim else slice(None) for d in range(n))


class Identity(BasePruningMethod):
    """Prunes nothing: a mask of ones."""

    def compute_mask(self, t: Tensor, default_mask: Tensor) -> Tensor:
        """Return the mask so far."""
        return default_mask


class _Amount(BasePruningMethod):
    """A method that prunes so many elements or such a part of them."""

    def __init__(self, amount: float):
        _check_amount(amount)
        self.amount = amount

    def _count(self, size: int) -> int:
        count = _to_prune(self.amount, size)
        if isinstance(self.amount, numbers.Integral) and self.amount > size:
            raise ValueError(
                f"amount={self.amount} should be smaller than the number of parameters to "
                f"prune={size}"
            )
        return count


def _check_amount(amount: Any) -> None:
    if not isinstance(amount, numbers.Real):
        raise TypeError(f"Invalid type for amount: {amount}. Must be int or float.")
    whole, value = isinstance(amount, numbers.Integral), float(amount)
    if value < 0 or (not whole and value > 1.0):
        raise ValueError(
            f"amount={amount} should either be a float in the range [0, 1] or a non-negative "
            "integer"
        )


def _to_prune(amount: Any, size: int) -> int:
    return int(amount) if isinstance(amount, numbers.Integral) else round(amount * size)


class RandomUnstructured(_Amount):
    """Prunes elements at random."""

    def compute_mask(self, t: Tensor, default_mask: Tensor) -> Tensor:
        """Return the mask with so many more zeros."""
        count = self._count(t.numel())
        mask = default_mask.clone()
        if count:
            chosen = topk(rand_like(t).view(-1), k=count).indices
            mask.view(-1)[chosen] = 0
        return mask


class L1Unstructured(_Amount):
    """Prunes the elements of smallest magnitude."""

    def compute_mask(self, t: Tensor, default_mask: Tensor) -> Tensor:
        """Return the mask with so many more zeros."""
        count = self._count(t.numel())
        mask = default_mask.clone()
        if count:
            chosen = topk(t.detach().abs().reshape(-1), k=count, largest=False).indices
            mask.view(-1)[chosen] = 0
        return mask


class _Structured(_Amount):
    """A method that prunes whole channels along one dimension."""

    PRUNING_TYPE = "structured"

    def __init__(self, amount: float, dim: int = -1):
        super().__init__(amount)
        self.dim = dim

    def _scores(self, t: Tensor, channels: int) -> Tensor:
        raise NotImplementedError

    def compute_mask(self, t: Tensor, default_mask: Tensor) -> Tensor:
        """Return the mask without so many channels."""
        if t.ndim <= 1:
            raise ValueError(
                "Structured pruning can only be applied to multidimensional tensors. Found tensor "
                f"of shape {t.shape} with {t.ndim} dims"
            )
        if self.dim >= t.ndim or self.dim < -t.ndim:
            raise IndexError(f"Invalid index {self.dim} for tensor of size {t.shape}")
        channels = t.shape[self.dim]
        pruned = self._count(channels)
        scores = self._scores(t, channels)
        mask = zeros_like(t)
        if pruned == 0:
            return default_mask
        kept = topk(scores, k=channels - pruned).indices
        where: list[Any] = [slice(None)] * t.ndim
        where[self.dim] = kept
        mask[tuple(where)] = 1
        return mask * default_mask.to(dtype=mask.dtype)


class RandomStructured(_Structured):
    """Prunes channels at random."""

    def _scores(self, t: Tensor, channels: int) -> Tensor:
        return rand(channels)


class LnStructured(_Structured):
    """Prunes the channels of smallest n-norm."""

    def __init__(self, amount: float, n: Any, dim: int = -1):
        super().__init__(amount, dim)
        self.n = n

    def _scores(self, t: Tensor, channels: int) -> Tensor:
        others = [d for d in range(t.ndim) if d != self.dim % t.ndim]
        return norm(t.detach(), p=self.n, dim=others)


class CustomFromMask(BasePruningMethod):
    """Prunes what a given mask says."""

    PRUNING_TYPE = "global"

    def __init__(self, mask: Tensor):
        self.mask = mask

    def compute_mask(self, t: Tensor, default_mask: Tensor) -> Tensor:
        """Return the product of the two masks."""
        if default_mask.shape != self.mask.shape:
            raise AssertionError(
                f"default_mask shape {default_mask.shape} must match self.mask shape "
                f"{self.mask.shape}"
            )
        return default_mask * self.mask.to(dtype=default_mask.dtype)


# --- the functions ------------------------------------------------------------------------------


def identity(module: Module, name: str) -> Module:
    """Put a parameter under a mask of ones; returns the module."""
    Identity.apply(module, name)
    return module


def random_unstructured(module: Module, name: str, amount: float) -> Module:
    """Prune elements of a parameter at random; returns the module.

    Args:
        module: the module, changed in place.
        name: name of the parameter.
        amount: how many, or, if it is a float, what part of them.

    Example:
        >>> layer = rushlight.nn.utils.prune.random_unstructured(
        ...     rushlight.nn.Linear(4, 2), "weight", amount=3
        ... )
        >>> int(layer.weight_mask.sum())
        5
    """
    RandomUnstructured.apply(module, name, amount)
    return module


def l1_unstructured(
    module: Module, name: str, amount: float, importance_scores: Tensor | None = None
) -> Module:
    """Prune the elements of smallest magnitude; returns the module.

    The module then has the parameter `weight_orig` and the buffer `weight_mask`; `weight` is their
    product, computed before each call.

    Args:
        module: the module, changed in place.
        name: name of the parameter.
        amount: how many, or, if it is a float, what part of them.
        importance_scores: what to judge by in place of the parameter.

    Example:
        >>> layer = rushlight.nn.utils.prune.l1_unstructured(
        ...     rushlight.nn.Linear(4, 2), "weight", amount=0.5
        ... )
        >>> sorted(layer.state_dict())
        ['bias', 'weight_mask', 'weight_orig']
    """
    L1Unstructured.apply(module, name, amount=amount, importance_scores=importance_scores)
    return module


def random_structured(module: Module, name: str, amount: float, dim: int) -> Module:
    """Prune channels along `dim` at random; returns the module."""
    RandomStructured.apply(module, name, amount, dim)
    return module


def ln_structured(
    module: Module,
    name: str,
    amount: float,
    n: Any,
    dim: int,
    importance_scores: Tensor | None = None,
) -> Module:
    """Prune the channels along `dim` of smallest n-norm; returns the module."""
    LnStructured.apply(module, name, amount, n, dim, importance_scores=importance_scores)
    return module


def custom_from_mask(module: Module, name: str, mask: Tensor) -> Module:
    """Prune what a mask says; returns the module."""
    CustomFromMask.apply(module, name, mask)
    return module


def global_unstructured(
    parameters: Iterable[tuple[Module, str]],
    pruning_method: type[BasePruningMethod],
    importance_scores: dict[tuple[Module, str], Tensor] | None = None,
    **kwargs: Any,
) -> None:
    """Prune several parameters as if they were one: the smallest elements of all of them.

    Args:
        parameters: pairs of a module and a parameter's name.
        pruning_method: an unstructured method, `L1Unstructured` for example.
        importance_scores: what to judge by, for pairs that are not judged by their values.
        **kwargs: arguments of the method: `amount`.

    Raises:
        TypeError: `parameters` is no iterable, or the method is not unstructured.

    Example:
        >>> net = rushlight.nn.Sequential(rushlight.nn.Linear(4, 4), rushlight.nn.Linear(4, 2))
        >>> prune = rushlight.nn.utils.prune
        >>> prune.global_unstructured(
        ...     [(net[0], "weight"), (net[1], "weight")], prune.L1Unstructured, amount=0.5
        ... )
        >>> int(net[0].weight_mask.sum() + net[1].weight_mask.sum())
        12
    """
    if not isinstance(parameters, Iterable):
        raise TypeError("global_unstructured(): parameters is not an Iterable")
    scores = {} if importance_scores is None else importance_scores
    if not isinstance(scores, dict):
        raise TypeError("global_unstructured(): importance_scores must be of type dict")
    pairs = list(parameters)
    importance = _vector(scores.get((m, name), getattr(m, name)) for m, name in pairs)
    masks = _vector(
        getattr(m, name + "_mask", None)
        if hasattr(m, name + "_mask")
        else ones_like(getattr(m, name))
        for m, name in pairs
    )
    container = PruningContainer()
    container._tensor_name = "temp"
    method = pruning_method(**kwargs)
    method._tensor_name = "temp"
    if method.PRUNING_TYPE != "unstructured":
        raise TypeError(
            'Only "unstructured" PRUNING_TYPE supported for the `pruning_method`. Found method '
            f"{pruning_method} of type {method.PRUNING_TYPE}"
        )
    container.add_pruning_method(method)
    final = container.compute_mask(importance, masks)
    start = 0
    for module, name in pairs:
        parameter = getattr(module, name)
        count = parameter.numel()
        custom_from_mask(module, name, mask=final[start : start + count].view_as(parameter))
        start += count


def _vector(tensors: Iterable[Any]) -> Tensor:
    return cat([t.detach().reshape(-1) for t in tensors])


def remove(module: Module, name: str) -> Module:
    """Make the pruned values the parameter's own, without mask; returns the module.

    Raises:
        ValueError: the parameter is not pruned.
    """
    for key, hook in module._forward_pre_hooks.items():
        if isinstance(hook, BasePruningMethod) and hook._tensor_name == name:
            hook.remove(module)
            del module._forward_pre_hooks[key]
            return module
    raise ValueError(
        f"Parameter '{name}' of module {module} has to be pruned before pruning can be removed"
    )


def is_pruned(module: Module) -> bool:
    """Tell whether some parameter of a module, or of one below it, is pruned."""
    return any(
        isinstance(hook, BasePruningMethod)
        for part in module.modules()
        for hook in part._forward_pre_hooks.values()
    )
