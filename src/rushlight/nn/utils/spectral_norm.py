"""The former spectral normalisation: `weight_orig`, `weight_u` and `weight_v` in the state."""

from __future__ import annotations

from typing import Any, TypeVar

from ..._tensor import Tensor
from ...autograd.mode import no_grad
from .. import functional as F
from ..modules.module import Module
from ..parameter import Parameter, is_lazy
from ._spectral import as_matrix, check_iterations, iterate, output_dim

__all__ = ["SpectralNorm", "remove_spectral_norm", "spectral_norm"]

M = TypeVar("M", bound=Module)


class SpectralNorm:
    """The hook that computes the weight before each call of the module."""

    _version = 1

    def __init__(
        self, name: str = "weight", n_power_iterations: int = 1, dim: int = 0, eps: float = 1e-12
    ):
        self.name, self.dim, self.eps = name, dim, eps
        check_iterations(n_power_iterations)
        self.n_power_iterations = n_power_iterations

    def compute_weight(self, module: Module, do_power_iteration: bool) -> Tensor:
        """Return the weight over its largest singular value."""
        weight, u, v = (getattr(module, self.name + end) for end in ("_orig", "_u", "_v"))
        matrix = as_matrix(weight, self.dim)
        if do_power_iteration:
            iterate(matrix.mT, v, u, self.n_power_iterations, self.eps)
            # The graph keeps copies: the next call moves the buffers before this is differentiated.
            u, v = u.clone(), v.clone()
        return weight / u.dot(matrix.mv(v))

    @staticmethod
    def apply(
        module: Module, name: str, n_power_iterations: int, dim: int, eps: float
    ) -> SpectralNorm:
        """Replace a parameter by the original and the two vectors."""
        for other in module._forward_pre_hooks.values():
            if isinstance(other, SpectralNorm) and other.name == name:
                raise RuntimeError(
                    f"Cannot register two spectral_norm hooks on the same parameter {name}"
                )
        hook = SpectralNorm(name, n_power_iterations, dim, eps)
        weight = module._parameters[name]
        if weight is None:
            raise ValueError(f"`SpectralNorm` cannot be applied as parameter `{name}` is None")
        if is_lazy(weight):
            raise ValueError(
                "The module passed to `SpectralNorm` can't have uninitialized parameters. Make "
                "sure to run the dummy forward before applying spectral normalization"
            )
        with no_grad():
            matrix = as_matrix(weight, dim)
            u, v = (
                F.normalize(weight.new_empty(n).normal_(0, 1), dim=0, eps=eps) for n in matrix.shape
            )
        del module._parameters[name]
        module.register_parameter(name + "_orig", weight)
        # Programs that initialise `weight.data` afterwards still reach the values.
        setattr(module, name, weight.data)
        module.register_buffer(name + "_u", u)
        module.register_buffer(name + "_v", v)
        module.register_forward_pre_hook(hook)
        module.register_state_dict_post_hook(hook._note_version)
        return hook

    def _note_version(self, module: Module, state: Any, prefix: str, metadata: Any) -> None:
        versions = metadata.setdefault("spectral_norm", {})
        versions[self.name + ".version"] = self._version

    def remove(self, module: Module) -> None:
        """Make the weight a parameter again."""
        with no_grad():
            weight = self.compute_weight(module, do_power_iteration=False)
        delattr(module, self.name)
        delattr(module, self.name + "_u")
        delattr(module, self.name + "_v")
        delattr(module, self.name + "_orig")
        module.register_parameter(self.name, Parameter(weight.detach()))

    def __call__(self, module: Module, inputs: Any) -> None:
        """Compute the weight for this call."""
        setattr(module, self.name, self.compute_weight(module, module.training))


def spectral_norm(
    module: M,
    name: str = "weight",
    n_power_iterations: int = 1,
    eps: float = 1e-12,
    dim: int | None = None,
) -> M:
    """Divide a weight by its largest singular value; see `parametrizations.spectral_norm`.

    Args:
        module: the module, changed in place.
        name: name of the parameter.
        n_power_iterations: iterations in each training call.
        eps: lower bound of the lengths that are divided by.
        dim: the dimension of the outputs; None: 1 for a transposed convolution, else 0.

    Example:
        >>> layer = rushlight.nn.utils.spectral_norm(rushlight.nn.Linear(4, 2))
        >>> list(layer.state_dict())
        ['bias', 'weight_orig', 'weight_u', 'weight_v']
    """
    if dim is None:
        dim = output_dim(module)
    SpectralNorm.apply(module, name, n_power_iterations, dim, eps)
    return module


def remove_spectral_norm(module: M, name: str = "weight") -> M:
    """Undo `spectral_norm`; the weight keeps its present value.

    Raises:
        ValueError: there is no spectral normalisation of that name.
    """
    for key, hook in module._forward_pre_hooks.items():
        if isinstance(hook, SpectralNorm) and hook.name == name:
            hook.remove(module)
            del module._forward_pre_hooks[key]
            break
    else:
        raise ValueError(f"spectral_norm of '{name}' not found in {module}")
    for key, note in module._state_dict_hooks.items():
        if getattr(note, "__self__", None) is hook:
            del module._state_dict_hooks[key]
            break
    return module
