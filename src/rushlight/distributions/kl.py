"""Kullback-Leibler divergences: `kl_divergence(p, q)`, and `register_kl` for new classes."""

from __future__ import annotations

from . import _kl_mixed, _kl_normal, _kl_same  # noqa: F401  importing them registers
from ._kl_registry import kl_divergence, register_kl

__all__ = ["kl_divergence", "register_kl"]
