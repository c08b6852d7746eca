"""Which function computes the divergence of a pair of classes."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any, TypeVar

from .._tensor import Tensor
from .distribution import Distribution

F = TypeVar("F", bound=Callable[..., Any])

_registry: dict[tuple[type, type], Callable[[Any, Any], Tensor]] = {}
_found: dict[tuple[type, type], Callable[[Any, Any], Tensor] | None] = {}


def register_kl(type_p: type, type_q: type) -> Callable[[F], F]:
    """Return a decorator that registers a function for the divergence of two classes.

    The most specific pair wins: first by the class of p, then by that of q. If the order of these
    two matters, `kl_divergence` warns and takes the first one's.

    Args:
        type_p: the class of p, or one it inherits from.
        type_q: the class of q, or one it inherits from.

    Raises:
        TypeError: an argument is no class of distributions.

    Example:
        >>> from rushlight.distributions import Normal, kl_divergence, register_kl
        >>> class Standard(Normal):
        ...     def __init__(self):
        ...         super().__init__(0.0, 1.0)
        >>> @register_kl(Standard, Standard)
        ... def _(p, q):
        ...     return rushlight.tensor(0.0)
        >>> kl_divergence(Standard(), Standard())
        tensor(0.)

    Reference: `torch.distributions.kl.register_kl`.
    """
    for name, kind in (("type_p", type_p), ("type_q", type_q)):
        # Any class, as in PyTorch: libraries have distributions of their own descent.
        if not isinstance(kind, type):
            raise TypeError(f"Expected {name} to be a Distribution subclass but got {kind}")

    def decorate(function: F) -> F:
        _registry[type_p, type_q] = function
        _found.clear()
        return function

    return decorate


def kl_divergence(p: Distribution, q: Distribution) -> Tensor:
    """Return the Kullback-Leibler divergence of two distributions.

    KL(p || q) = E_p[log p(x) - log q(x)], computed exactly.

    Args:
        p: the distribution that values come from.
        q: the one they are measured with.

    Shape:
        The batch shapes of p and q, broadcast.

    Returns:
        The divergences in nats.

    Raises:
        NotImplementedError: no function is registered for the two classes.

    Example:
        >>> from rushlight.distributions import Normal, kl_divergence
        >>> kl_divergence(Normal(0.0, 1.0), Normal(1.0, 1.0))
        tensor(0.5000)

    Reference: `torch.distributions.kl_divergence`.
    """
    pair = type(p), type(q)
    if pair not in _found:
        _found[pair] = _most_specific(*pair)
    function = _found[pair]
    if function is None:
        raise NotImplementedError(
            f"No KL(p || q) is implemented for p type {type(p).__name__} "
            f"and q type {type(q).__name__}"
        )
    return function(p, q)


def _most_specific(type_p: type, type_q: type) -> Callable[[Any, Any], Tensor] | None:
    matches = [m for m in _registry if issubclass(type_p, m[0]) and issubclass(type_q, m[1])]
    if not matches:
        return None

    def steps(match: tuple[type, type]) -> tuple[int, int]:
        """Return how far the two classes are from those registered."""
        return _distance(type_p, match[0]), _distance(type_q, match[1])

    by_p = min(matches, key=steps)
    by_q = min(matches, key=lambda match: steps(match)[::-1])
    if _registry[by_p] is not _registry[by_q]:
        warnings.warn(
            f"Ambiguous kl_divergence({type_p.__name__}, {type_q.__name__}). "
            f"Please register_kl({by_p[0].__name__}, {by_q[1].__name__})",
            RuntimeWarning,
            stacklevel=3,
        )
    return _registry[by_p]


def _distance(kind: type, ancestor: type) -> int:
    return kind.__mro__.index(ancestor)
