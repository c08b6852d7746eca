"""Parametrizations of weights: orthogonal, normalised by row, of spectral norm 1."""

from __future__ import annotations

from typing import Any

from ..._tensor import Tensor
from ...autograd.mode import no_grad
from ...backend.dtype import finfo
from ...ops.compare import allclose
from ...ops.creation import eye, zeros_like
from ...ops.joining import cat
from ...ops.linalg_products import matrix_exp
from ...ops.linalg_qr import geqrf, householder_product
from ...ops.linalg_solve import solve
from ...ops.matmul import vdot
from .. import functional as F
from ..modules.module import Module
from . import parametrize
from ._spectral import as_matrix, check_iterations, iterate, output_dim
from .weight_norm import length

__all__ = ["orthogonal", "spectral_norm", "weight_norm"]


def _parameter_of(module: Module, name: str) -> Tensor:
    weight = getattr(module, name, None)
    if not isinstance(weight, Tensor):
        raise ValueError(f"Module '{module}' has no parameter or buffer with name '{name}'")
    return weight


# --- orthogonal ---------------------------------------------------------------------------------

_MAPS = ("matrix_exp", "cayley", "householder")


def _is_orthogonal(q: Tensor) -> bool:
    k = q.shape[-1]
    identity = eye(k, dtype=q.dtype, device=q.device)
    return allclose(q.mH @ q, identity, atol=10 * q.shape[-2] * finfo(q.dtype).eps)


def _make_orthogonal(a: Tensor) -> Tensor:
    """Return the Q of QR with a positive diagonal of R."""
    reflectors, tau = geqrf(a)
    q = householder_product(reflectors, tau)
    return q * reflectors.diagonal(dim1=-2, dim2=-1).sgn().unsqueeze(-2)


class _Orthogonal(Module):
    base: Tensor | None

    def __init__(self, weight: Tensor, orthogonal_map: str, *, use_trivialization: bool = True):
        super().__init__()
        if weight.dtype.is_complex and orthogonal_map == "householder":
            raise ValueError("The householder parametrization does not support complex tensors.")
        self.shape = weight.shape
        self.orthogonal_map = orthogonal_map
        if use_trivialization:
            self.register_buffer("base", None)

    def forward(self, x: Tensor) -> Tensor:
        """Return the orthogonal matrix that x stands for (orthonormal rows if it is wide)."""
        wide = x.shape[-2] < x.shape[-1]
        if wide:
            x = x.mT
        q = self._householder(x) if self.orthogonal_map == "householder" else self._from_skew(x)
        if hasattr(self, "base") and self.base is not None:
            q = self.base @ q
        return q.mT if wide else q

    def _from_skew(self, x: Tensor) -> Tensor:
        n, k = x.shape[-2:]
        x = x.tril()
        if n != k:
            x = cat([x, x.new_zeros(n, n - k).expand(*x.shape[:-2], -1, -1)], dim=-1)
        skew = x - x.mH
        if self.orthogonal_map == "matrix_exp":
            q = matrix_exp(skew)
        else:
            identity = eye(n, dtype=x.dtype, device=x.device)
            q = solve(identity - 0.5 * skew, identity + 0.5 * skew)
        return q[..., :k] if n != k else q

    @staticmethod
    def _householder(x: Tensor) -> Tensor:
        reflectors = x.tril(-1)
        tau = 2.0 / (1.0 + (reflectors * reflectors).sum(-2))
        q = householder_product(reflectors, tau)
        return q * x.diagonal(dim1=-2, dim2=-1).int().unsqueeze(-2)

    def right_inverse(self, q: Tensor) -> Tensor:
        """Return what `forward` maps to q, made orthogonal if it is not."""
        if q.shape != self.shape:
            raise ValueError(
                f"Expected a matrix or batch of matrices of shape {self.shape}. "
                f"Got a tensor of shape {q.shape}."
            )
        start = q
        wide = q.shape[-2] < q.shape[-1]
        if wide:
            q = q.mT
        if not hasattr(self, "base"):
            return self._reflectors(q, wide)
        n, k = q.shape[-2:]
        if n == k:
            q = q.clone() if _is_orthogonal(q) else _make_orthogonal(q)
        else:
            more = q.new_empty((*q.shape[:-2], n, n - k)).normal_()
            q = _make_orthogonal(cat([q, more], dim=-1))
        self.base = q
        negative = zeros_like(start)
        negative.diagonal(dim1=-2, dim2=-1).fill_(-1.0)
        return negative

    def _reflectors(self, q: Tensor, wide: bool) -> Tensor:
        if self.orthogonal_map != "householder":
            raise NotImplementedError(
                "It is not possible to assign to the matrix exponential or the Cayley "
                "parametrizations when use_trivialization=False."
            )
        a, tau = geqrf(q)
        diagonal = a.diagonal(dim1=-2, dim2=-1)
        diagonal.sign_()
        diagonal[tau == 0.0] *= -1
        return a.mT if wide else a


def orthogonal(
    module: Module,
    name: str = "weight",
    orthogonal_map: str | None = None,
    *,
    use_trivialization: bool = True,
) -> Module:
    """Keep a matrix orthogonal: Q^H Q = I, or Q Q^H = I if it is wide.

    Args:
        module: the module, changed in place.
        name: name of a parameter of two or more dimensions (a batch of matrices).
        orthogonal_map: "matrix_exp", "cayley" or "householder"; None: matrix_exp for a square or
            complex matrix, else householder.
        use_trivialization: start from the present value, kept in the buffer `base`.

    Raises:
        ValueError: no such tensor, too few dimensions, or an unknown map.

    Example:
        >>> layer = rushlight.nn.utils.parametrizations.orthogonal(rushlight.nn.Linear(4, 2))
        >>> rushlight.dist(layer.weight @ layer.weight.T, rushlight.eye(2)).item() < 1e-5
        True

    Reference: Lezcano-Casado, "Trivializations for gradient-based optimization on manifolds", 2019.
    """
    weight = _parameter_of(module, name)
    if weight.ndim < 2:
        raise ValueError(
            f"Expected a matrix or batch of matrices. Got a tensor of {weight.ndim} dimensions."
        )
    if orthogonal_map is None:
        square = weight.shape[-2] == weight.shape[-1]
        orthogonal_map = "matrix_exp" if square or weight.dtype.is_complex else "householder"
    if orthogonal_map not in _MAPS:
        raise ValueError(
            'orthogonal_map has to be one of "matrix_exp", "cayley", "householder". '
            f"Got: {orthogonal_map}"
        )
    made = _Orthogonal(weight, orthogonal_map, use_trivialization=use_trivialization)
    return parametrize.register_parametrization(module, name, made, unsafe=True)


# --- weight_norm --------------------------------------------------------------------------------


class _WeightNorm(Module):
    def __init__(self, dim: int | None = 0):
        super().__init__()
        self.dim = -1 if dim is None else dim

    def forward(self, weight_g: Tensor, weight_v: Tensor) -> Tensor:
        """Return g v / |v|."""
        return weight_v * (weight_g / length(weight_v, self.dim))

    def right_inverse(self, weight: Tensor) -> tuple[Tensor, Tensor]:
        """Return (|w|, w)."""
        return length(weight, self.dim), weight


def weight_norm(module: Module, name: str = "weight", dim: int | None = 0) -> Module:
    """Separate a weight's length from its direction: w = g v / |v|.

    The originals are `original0`, which is g, and `original1`, v. State saved with the former
    `nn.utils.weight_norm` (`weight_g`, `weight_v`) can be loaded.

    Args:
        module: the module, changed in place.
        name: name of the parameter.
        dim: norms are taken over all other dimensions; None: over all.

    Example:
        >>> layer = rushlight.nn.utils.parametrizations.weight_norm(rushlight.nn.Linear(4, 2))
        >>> layer.parametrizations.weight.original0.shape
        torch.Size([2, 1])

    Reference: Salimans and Kingma, "Weight normalization", 2016.
    """
    parametrize.register_parametrization(module, name, _WeightNorm(dim), unsafe=True)

    def rename(state: dict[str, Any], prefix: str, *_: Any) -> None:
        former = f"{prefix}{name}_g", f"{prefix}{name}_v"
        if all(key in state for key in former):
            for i, key in enumerate(former):
                state[f"{prefix}parametrizations.{name}.original{i}"] = state.pop(key)

    module._register_load_state_dict_pre_hook(rename)
    return module


# --- spectral_norm ------------------------------------------------------------------------------


class _SpectralNorm(Module):
    _u: Tensor
    _v: Tensor

    def __init__(
        self, weight: Tensor, n_power_iterations: int = 1, dim: int = 0, eps: float = 1e-12
    ):
        super().__init__()
        ndim = weight.ndim
        if dim >= ndim or dim < -ndim:
            raise IndexError(
                f"Dimension out of range (expected to be in range of [-{ndim}, {ndim - 1}] "
                f"but got {dim})"
            )
        check_iterations(n_power_iterations)
        self.dim = dim % ndim
        self.eps = eps
        if ndim > 1:
            self.n_power_iterations = n_power_iterations
            with no_grad():
                matrix = as_matrix(weight, self.dim)
                u, v = (matrix.new_empty(n).normal_(0, 1) for n in matrix.shape)
                self.register_buffer("_u", F.normalize(u, dim=0, eps=eps))
                self.register_buffer("_v", F.normalize(v, dim=0, eps=eps))
                iterate(matrix, self._u, self._v, 15, eps)

    def forward(self, weight: Tensor) -> Tensor:
        """Return the weight over its largest singular value."""
        if weight.ndim == 1:
            return F.normalize(weight, dim=0, eps=self.eps)
        matrix = as_matrix(weight, self.dim)
        if self.training:
            iterate(matrix, self._u, self._v, self.n_power_iterations, self.eps)
        # The graph keeps copies: the next call moves the buffers before this one is differentiated.
        u, v = self._u.clone(), self._v.clone()
        return weight / vdot(u, matrix.mv(v))

    def right_inverse(self, value: Tensor) -> Tensor:
        """Return the value itself: its scale does not matter."""
        return value


def spectral_norm(
    module: Module,
    name: str = "weight",
    n_power_iterations: int = 1,
    eps: float = 1e-12,
    dim: int | None = None,
) -> Module:
    """Divide a weight by its largest singular value, followed by power iteration while training.

    Args:
        module: the module, changed in place.
        name: name of the parameter.
        n_power_iterations: iterations in each training call.
        eps: lower bound of the lengths that are divided by.
        dim: the dimension of the outputs; None: 1 for a transposed convolution, else 0.

    Example:
        >>> layer = rushlight.nn.utils.parametrizations.spectral_norm(rushlight.nn.Linear(4, 2))
        >>> [name for name, _ in layer.named_buffers()]
        ['parametrizations.weight.0._u', 'parametrizations.weight.0._v']

    Reference: Miyato et al., "Spectral normalization for generative adversarial networks", 2018.
    """
    weight = _parameter_of(module, name)
    if dim is None:
        dim = output_dim(module)
    made = _SpectralNorm(weight, n_power_iterations, dim, eps)
    return parametrize.register_parametrization(module, name, made)
